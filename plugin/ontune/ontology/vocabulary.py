"""Three ways to write an ontology in RDF: EduGraph (every release), SKOS, and plain OWL or RDFS classes."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from ontune.ontology.statements import BUILT_IN, OWL, RDF, RDFS, SKOS, Graph, Statement, local_name, node

__all__ = ["PARENT", "RELATIONS", "Concepts", "Hierarchy", "Meaning", "Vocabulary", "meanings", "recognise"]

Concepts: TypeAlias = Mapping[str, Statement]  # each concept's node, and the statement that makes it one
Hierarchy: TypeAlias = Mapping[str, Mapping[str, Statement]]  # its parents' nodes, with the statements that say so
Dimensions: TypeAlias = Mapping[str, Mapping[str, Statement]]  # the nodes its dimensions are named by; "" for none

TYPE, SUB_CLASS, SUB_PROPERTY, INVERSE = f"{RDF}type", f"{RDFS}subClassOf", f"{RDFS}subPropertyOf", f"{OWL}inverseOf"
EDUGRAPH = "http://edugraph.io/edu"  # its classes say what a concept is; a file with them alone has none
EDUGRAPH_DIMENSIONS = ("Area", "Scope", "Ability")  # in the order of the keys of an answer
MOST_ROOTS = 12  # more root classes than this are no dimensions that a person would list in a task


@dataclass(frozen=True)
class Meaning:
    """What a property between two concepts says: the type of relation, and whether they change places in it."""

    type: str
    flipped: bool = False


PARENT = "parent"  # the type of every property that puts its subject below its object
SILENT = Meaning("")  # what it says follows from other statements

EDUGRAPH_PROPERTIES = {
    **dict.fromkeys(("partOf", "specializes", "structures"), Meaning(PARENT)),
    **dict.fromkeys(("hasPart", "specializedBy", "structuredBy"), Meaning(PARENT, flipped=True)),
    **{name: Meaning(name) for name in ("constrains", "contradicts", "expands", "implies")},
    **{name: Meaning(name) for name in ("integrates", "inverts", "translates")},
    "constrainedBy": Meaning("constrains", flipped=True),
    "contradictedBy": Meaning("contradicts", flipped=True),
    "expandedBy": Meaning("expands", flipped=True),
    "impliedBy": Meaning("implies", flipped=True),
    "integratedBy": Meaning("integrates", flipped=True),
    "invertedBy": Meaning("inverts", flipped=True),
    "translatedBy": Meaning("translates", flipped=True),
}
SKOS_PROPERTIES = {
    f"{SKOS}broader": Meaning(PARENT),
    f"{SKOS}narrower": Meaning(PARENT, flipped=True),
    f"{SKOS}related": Meaning("related"),
    **{f"{SKOS}{name}": SILENT for name in ("broaderTransitive", "narrowerTransitive", "semanticRelation")},
}
RELATIONS = {"related", *(meaning.type for meaning in EDUGRAPH_PROPERTIES.values())} - {
    PARENT
}  # whose ends must be known


@dataclass(frozen=True)
class Vocabulary:
    """How one way of writing says what a concept is, what it is below, in which dimension, and what it is called."""

    name: str
    concepts: Callable[[Graph], Concepts]
    dimensions: Callable[[Graph, Concepts, Hierarchy], Dimensions]
    known: Callable[[str], Meaning | None]
    labelled: bool = False  # concepts are called by their labels, not by their local names
    order: tuple[str, ...] = ()  # of the dimensions; others follow, sorted


def recognise(graph: Graph) -> tuple[Vocabulary, Concepts]:
    """The first vocabulary in which the statements have concepts, and those; no concepts where there is none."""
    found = ((vocabulary, vocabulary.concepts(graph)) for vocabulary in VOCABULARIES)
    return next((pair for pair in found if pair[1]), (VOCABULARIES[-1], {}))


def meanings(graph: Graph, vocabulary: Vocabulary) -> dict[str, Meaning]:
    """What each predicate in use means.

    As known; else as the nearest known property of which it is a sub-property or an inverse; else its own name.
    """
    inverses: defaultdict[str, set[str]] = defaultdict(set)
    near: defaultdict[str, set[tuple[str, bool]]] = defaultdict(set)
    for child, parent in graph.pairs(SUB_PROPERTY):
        near[child].add((parent, False))
    for inverse, primary in graph.pairs(INVERSE):
        inverses[inverse].add(primary)
        near[inverse].add((primary, True))
        near[primary].add((inverse, True))
    return {name: _known(name, vocabulary.known, near) or _own(name, inverses) for name in graph.predicates}


def _known(
    predicate: str, known: Callable[[str], Meaning | None], near: Mapping[str, set[tuple[str, bool]]]
) -> Meaning | None:
    reached = [(predicate, False)]
    for name, flipped in reached:  # grows while it is walked: the nearest come first
        if meaning := known(name):
            return Meaning(meaning.type, meaning.flipped != flipped)
        steps = ((other, flipped != turn) for other, turn in sorted(near.get(name, ())))
        reached += [step for step in steps if step not in reached]
    return None


def _own(predicate: str, inverses: Mapping[str, set[str]]) -> Meaning:
    """Its own name; the one that is declared the other's inverse gives way: `requiredBy inverseOf requires`."""
    if predicate.startswith((RDF, RDFS)):
        return SILENT
    primary = min(inverses.get(predicate, ()), default=predicate)
    mutual = predicate in inverses.get(primary, ())
    chosen = min(primary, predicate) if mutual else primary
    return Meaning(local_name(chosen), flipped=chosen != predicate)


def _instances(graph: Graph) -> Iterator[tuple[str, str, Statement]]:
    """Every typed node with each of its classes, super-classes included."""
    above: defaultdict[str, list[str]] = defaultdict(list)
    for child, parent, _ in graph.links(SUB_CLASS):
        above[child].append(parent)
    known: dict[str, list[str]] = {}
    for instance, kind, statement in graph.links(TYPE):
        if kind not in known:
            known[kind] = _upwards(kind, above)
        for name in known[kind]:
            yield instance, name, statement


def _upwards(start: str, above: Mapping[str, list[str]]) -> list[str]:
    """The class and all above it."""
    reached = {start: None}  # a dictionary keeps the order
    queue = [start]
    while queue:
        fresh = dict.fromkeys(parent for name in queue for parent in above.get(name, ()) if parent not in reached)
        reached |= fresh
        queue = list(fresh)
    return list(reached)


def _edugraph_concepts(graph: Graph) -> Concepts:
    return {name: statement for name, kind, statement in _instances(graph) if local_name(kind) in EDUGRAPH_DIMENSIONS}


def _edugraph_dimensions(graph: Graph, concepts: Concepts, _: Hierarchy) -> Dimensions:
    found: dict[str, dict[str, Statement]] = {name: {} for name in concepts}
    for instance, kind, statement in _instances(graph):
        if local_name(kind) in EDUGRAPH_DIMENSIONS:
            found[instance][kind] = statement
    return found


def _edugraph_known(iri: str) -> Meaning | None:
    """By local name, with or without the dimension that releases before 0.6 append: `partOfArea`, `expandsScope`."""
    name = local_name(iri)
    stems = [name, *(name.removesuffix(dimension) for dimension in EDUGRAPH_DIMENSIONS)]
    return next((EDUGRAPH_PROPERTIES[stem] for stem in stems if stem in EDUGRAPH_PROPERTIES), None)


def _skos_concepts(graph: Graph) -> Concepts:
    return {name: statement for name, kind, statement in _instances(graph) if kind == node(f"{SKOS}Concept")}


def _skos_dimensions(graph: Graph, concepts: Concepts, parents: Hierarchy) -> Dimensions:
    """The concept schemes. A concept in none takes its nearest ancestors', or the only one there is."""
    schemes: defaultdict[str, dict[str, Statement]] = defaultdict(dict)
    for concept, scheme, statement in (*graph.links(f"{SKOS}inScheme"), *graph.links(f"{SKOS}topConceptOf")):
        schemes[concept][scheme] = statement
    for scheme, concept, statement in graph.links(f"{SKOS}hasTopConcept"):
        schemes[concept][scheme] = statement
    used = {scheme for given in schemes.values() for scheme in given}
    declared = {name for name, kind, _ in graph.links(TYPE) if kind == node(f"{SKOS}ConceptScheme")}
    every = used or declared or {""}
    found: dict[str, Mapping[str, Statement]] = {}
    for concept, statement in concepts.items():
        only = dict.fromkeys(every, statement) if len(every) == 1 else {}
        found[concept] = _inherited(concept, schemes, parents) or only
    return found


def _inherited(
    concept: str, schemes: Mapping[str, Mapping[str, Statement]], parents: Hierarchy
) -> dict[str, Statement]:
    level, seen = {concept}, set[str]()
    while level:
        if found := {scheme: why for name in sorted(level) for scheme, why in schemes.get(name, {}).items()}:
            return found
        seen |= level
        level = {parent for name in level for parent in parents[name]} - seen
    return {}


def _owl_concepts(graph: Graph) -> Concepts:
    """Named classes: declared, or below another one."""
    kinds = {node(f"{OWL}Class"), node(f"{RDFS}Class")}
    typed = ((name, why) for name, kind, why in _instances(graph) if kind in kinds)
    below = ((name, why) for name, _, why in graph.links(SUB_CLASS))
    return {name: why for name, why in (*typed, *below) if not why.subject.startswith((*BUILT_IN, EDUGRAPH))}


def _owl_dimensions(_: Graph, concepts: Concepts, parents: Hierarchy) -> Dimensions:
    """The root classes, where every class is below exactly one and they are few; else none."""
    roots: dict[str, set[str]] = {}
    with suppress(CycleError):  # a fault that is named later
        for name in TopologicalSorter(parents).static_order():
            roots[name] = set[str]().union(*(roots[parent] for parent in parents[name])) or {name}
    few = len(set[str]().union(*roots.values())) <= MOST_ROOTS
    plain = few and all(len(roots.get(name, ())) == 1 for name in concepts)
    return {name: {(min(roots[name]) if plain else ""): statement} for name, statement in concepts.items()}


def _owl_known(iri: str) -> Meaning | None:
    return Meaning(PARENT) if iri == SUB_CLASS else None


VOCABULARIES = (
    Vocabulary("EduGraph", _edugraph_concepts, _edugraph_dimensions, _edugraph_known, order=EDUGRAPH_DIMENSIONS),
    Vocabulary("SKOS", _skos_concepts, _skos_dimensions, SKOS_PROPERTIES.get, labelled=True),
    Vocabulary("OWL", _owl_concepts, _owl_dimensions, _owl_known),
)
