"""RDF statements into an ontology: every fault with its file and place, all at once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from ontune.errors import OntologyError
from ontune.ontology.model import SYMMETRIC, Concept, Ontology, Relation, cycles
from ontune.ontology.statements import BUILT_IN, Graph, Statement, local_name
from ontune.ontology.texts import definition, examples, label
from ontune.ontology.vocabulary import PARENT, RELATIONS, Concepts, Vocabulary, meanings, recognise

__all__ = ["Names", "build_ontology"]

Names: TypeAlias = Literal["auto", "local", "label"]
EXPECTED = "individuals of Area, Scope or Ability (EduGraph), skos:Concept, or owl:Class with rdfs:subClassOf"


@dataclass(frozen=True)
class Link:
    """One edge between two nodes, and the statement that says so."""

    type: str
    source: str
    target: str
    statement: Statement


@dataclass(frozen=True)
class Draft:
    """What the statements say, by node, before it is known to be an ontology."""

    graph: Graph
    concepts: Concepts
    names: Mapping[str, str]
    parents: Mapping[str, Mapping[str, Statement]]
    dimensions: Mapping[str, Mapping[str, Statement]]  # by name; more or fewer than one is a fault


def build_ontology(statements: Sequence[Statement], name: str, version: str, names: Names = "auto") -> Ontology:
    """The ontology that the statements say. Raises OntologyError with all faults at once."""
    files = ", ".join(sorted({statement.file for statement in statements}))
    graph = Graph(statements)
    vocabulary, concepts = recognise(graph)
    if not concepts:
        raise OntologyError(f"{files}: no concept found: expected {EXPECTED}")
    links, faults = _links(graph, vocabulary, concepts)
    draft = _draft(graph, vocabulary, concepts, links, name, names)
    if not any(draft.parents.values()) and not faults:
        faults.append(f"{files}: no parents at all among {len(concepts)} concepts ({vocabulary.name})")
    OntologyError.check(sorted({*faults, *_name_faults(draft), *_parent_faults(draft)}))
    return _ontology(draft, links, vocabulary.order, name, version)


def _links(graph: Graph, vocabulary: Vocabulary, concepts: Concepts) -> tuple[list[Link], list[str]]:
    """The edges between concepts, and a fault for each that lacks an end."""
    links: list[Link] = []
    faults: list[str] = []
    for predicate, meaning in meanings(graph, vocabulary).items():
        for subject, target, statement in graph.links(predicate) if meaning.type else ():
            ends = (target, subject) if meaning.flipped else (subject, target)
            link = Link(meaning.type, *ends, statement)
            if fault := _end_fault(link, concepts):
                faults.append(f"{statement}: {fault}")
            elif link.source in concepts and link.target in concepts:
                links.append(link)
    return links, faults


def _end_fault(link: Link, concepts: Concepts) -> str:
    """What is wrong with the ends; a statement about other things than concepts is none of an ontology's."""
    is_parent = link.type == PARENT
    if link.source == link.target and link.source in concepts and not is_parent:
        return "a relation to itself"
    if str(link.statement.object).startswith(BUILT_IN) or not (is_parent or link.type in RELATIONS):
        return ""
    if link.target not in concepts and (is_parent or link.source in concepts):
        return (
            f"dangling {'parent' if is_parent else link.type}: {local_name(link.target)} is no concept of these files"
        )
    if link.source not in concepts and (is_parent or link.target in concepts):
        return f"{local_name(link.source)} is no concept of these files"
    return ""


def _draft(
    graph: Graph, vocabulary: Vocabulary, concepts: Concepts, links: Sequence[Link], name: str, names: Names
) -> Draft:
    parents: dict[str, dict[str, Statement]] = {concept: {} for concept in concepts}
    for link in links:
        if link.type == PARENT:
            parents[link.source].setdefault(link.target, link.statement)
    labelled = vocabulary.labelled if names == "auto" else names == "label"

    def call(node: str) -> str:
        return (label(graph, node) if labelled else local_name(node)) if node else name

    dimensions = vocabulary.dimensions(graph, concepts, parents)
    return Draft(
        graph,
        concepts,
        {concept: call(concept) for concept in concepts},
        parents,
        {concept: {call(node): why for node, why in dimensions[concept].items()} for concept in concepts},
    )


def _name_faults(draft: Draft) -> Iterator[str]:
    """A name that does not stand for one concept of one dimension."""
    same: defaultdict[str, list[str]] = defaultdict(list)
    for concept, name in draft.names.items():
        same[name].append(concept)
        if not draft.dimensions[concept]:
            yield f"{draft.concepts[concept]}: in no concept scheme, and there are several"
        yield from _merge_faults(draft, concept)
    for name, concepts in same.items():
        dimensions = {name: why for concept in concepts for name, why in draft.dimensions[concept].items()}
        if len(dimensions) > 1:
            places = "; ".join(f"{dimension} ({why})" for dimension, why in sorted(dimensions.items()))
            yield f"one name in {len(dimensions)} dimensions: {name!r}: {places}"
        elif len(concepts) > 1:
            places = ", ".join(
                sorted(f"<{why.subject}> ({why.file})" for why in map(draft.concepts.__getitem__, concepts))
            )
            yield f"one name for {len(concepts)} concepts: {name!r}: {places}"


def _merge_faults(draft: Draft, concept: str) -> Iterator[str]:
    """Hash and slash names of one concept that do not define it alike."""
    by_iri: defaultdict[str, list[Statement]] = defaultdict(list)
    for statement in draft.graph.of(concept):
        by_iri[statement.subject].append(statement)
    if len(by_iri) == 1:
        return
    texts = {iri: definition(Graph(statements), concept) for iri, statements in sorted(by_iri.items())}
    if len({text for text in texts.values() if text}) > 1:
        places = "; ".join(f"<{iri}> ({by_iri[iri][0].file}): {text!r}" for iri, text in texts.items())
        yield f"two definitions of {draft.names[concept]}: {places}"


def _parent_faults(draft: Draft) -> Iterator[str]:
    """Parents in another dimension, and cycles."""
    for child, parents in draft.parents.items():
        for parent, statement in parents.items():
            mine, theirs = list(draft.dimensions[child]), list(draft.dimensions[parent])
            if len(mine) == len(theirs) == 1 and mine != theirs:
                yield f"{statement}: {draft.names[child]} is in {mine[0]}, its parent in {theirs[0]}"
    for ring in cycles(draft.parents):
        places = "; ".join(str(draft.parents[child][parent]) for child, parent in pairwise(ring))
        yield f"cycle of parents: {' → '.join(draft.names[concept] for concept in ring)} ({places})"


def _ontology(draft: Draft, links: Sequence[Link], order: Sequence[str], name: str, version: str) -> Ontology:
    used = {dimension for dimensions in draft.dimensions.values() for dimension in dimensions}
    ranks = {dimension: place for place, dimension in enumerate([*order, *sorted(used.difference(order))])}
    concepts = [_concept(draft, concept) for concept in draft.concepts]
    return Ontology(
        name,
        version,
        tuple(sorted(used, key=ranks.__getitem__)),
        tuple(sorted(concepts, key=lambda concept: (ranks[concept.dimension], concept.name))),
        tuple(sorted({_relation(link, draft.names) for link in links if link.type != PARENT})),
    )


def _concept(draft: Draft, concept: str) -> Concept:
    (dimension,) = draft.dimensions[concept]
    return Concept(
        name=draft.names[concept],
        dimension=dimension,
        iri=min(statement.subject for statement in draft.graph.of(concept)),
        definition=definition(draft.graph, concept),
        examples=examples(draft.graph, concept),
        parents=tuple(sorted(draft.names[parent] for parent in draft.parents[concept])),
    )


def _relation(link: Link, names: Mapping[str, str]) -> Relation:
    source, target = names[link.source], names[link.target]
    if link.type in SYMMETRIC and target < source:
        source, target = target, source
    return Relation(link.type, source, target)
