"""What a concept is called and how it is explained: which property counts, and in which language."""

from collections import defaultdict

from ontune.ontology.statements import RDFS, SKOS, Graph, Text, local_name

__all__ = ["definition", "examples", "label"]

LABELS = (f"{SKOS}prefLabel", f"{RDFS}label", "http://purl.org/dc/terms/title", "http://purl.org/dc/elements/1.1/title")
DEFINITIONS = (
    f"{RDFS}isDefinedBy",  # EduGraph's definition, a literal; elsewhere an IRI, which is no text
    f"{SKOS}definition",
    "http://purl.obolibrary.org/obo/IAO_0000115",
    "http://purl.org/dc/terms/description",
    f"{SKOS}scopeNote",
    f"{RDFS}comment",
)
EXAMPLES = (f"{SKOS}example", f"{SKOS}scopeNote", f"{RDFS}comment")


def label(graph: Graph, subject: str) -> str:
    """The label of a node on one line; its local name where it has none."""
    found = next((texts[0] for name in LABELS if (texts := _texts(graph, subject, name))), local_name(subject))
    return " ".join(found.split())


def definition(graph: Graph, subject: str) -> str:
    """The text of the first property that defines the node; several texts of it follow one another."""
    source = _source(graph, subject)
    return "\n\n".join(_texts(graph, subject, source)) if source else ""


def examples(graph: Graph, subject: str) -> tuple[str, ...]:
    """The examples and notes that are not the definition already, sorted."""
    source = _source(graph, subject)
    found = {text for name in EXAMPLES if name != source for text in _texts(graph, subject, name)}
    return tuple(sorted(found - {definition(graph, subject)}))


def _source(graph: Graph, subject: str) -> str | None:
    return next((name for name in DEFINITIONS if _texts(graph, subject, name)), None)


def _texts(graph: Graph, subject: str, predicate: str) -> list[str]:
    """The texts in the best language that there is, sorted: English, no language, then the first by its tag."""
    by_language: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    for text in graph.texts(subject, predicate):
        if text.value:
            by_language[_rank(text)].add(text.value)
    return sorted(by_language[min(by_language)]) if by_language else []


def _rank(text: Text) -> tuple[int, str]:
    best = {"en": 0, "": 2}
    return best.get(text.language, 1 if text.language.startswith("en-") else 3), text.language
