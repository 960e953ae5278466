"""What follows from the edges: ancestors, children, siblings, incompatible pairs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from ontune.ontology.model import Ontology

__all__ = ["ancestors", "children", "closure", "incompatible_pairs", "siblings"]


def ancestors(ontology: Ontology) -> dict[str, frozenset[str]]:
    """Every label's ancestors, itself excluded; in a DAG a label may have several parents."""
    edges = {concept.name: concept.parents for concept in ontology.concepts}
    return {name: reach - {name} for name, reach in closure(edges).items()}


def children(ontology: Ontology) -> dict[str, tuple[str, ...]]:
    """Every label's children, in ontology order."""
    found: dict[str, list[str]] = {concept.name: [] for concept in ontology.concepts}
    for concept in ontology.concepts:
        for parent in concept.parents:
            found[parent].append(concept.name)
    return {name: tuple(names) for name, names in found.items()}


def siblings(ontology: Ontology) -> dict[str, tuple[str, ...]]:
    """Every label's siblings (a parent in common; among roots, the other roots of the dimension), in ontology order."""
    below = children(ontology)
    roots: defaultdict[str, list[str]] = defaultdict(list)
    for concept in ontology.concepts:
        if not concept.parents:
            roots[concept.dimension].append(concept.name)
    found: dict[str, tuple[str, ...]] = {}
    for concept in ontology.concepts:
        near = {name for parent in concept.parents for name in below[parent]} or set(roots[concept.dimension])
        found[concept.name] = tuple(sorted(near - {concept.name}, key=ontology.position.__getitem__))
    return found


def incompatible_pairs(ontology: Ontology) -> frozenset[tuple[str, str]]:
    """Unordered pairs (a < b) such that something a implies contradicts something b implies.

    The closure is reflexive and transitive over `implies` alone; `contradicts` is symmetric; being part of something
    implies nothing. Bounds in EduGraph are inclusive, so a pair is a diagnostic, not proof of a wrong label.
    """
    edges: defaultdict[str, list[str]] = defaultdict(list)
    for relation in ontology.relations:
        if relation.type == "implies":
            edges[relation.source].append(relation.target)
    implied = closure({name: edges[name] for name in ontology.by_name})
    implying: defaultdict[str, set[str]] = defaultdict(set)
    for name, reach in implied.items():
        for target in reach:
            implying[target].add(name)
    return frozenset(
        (min(left, right), max(left, right))
        for relation in ontology.relations
        if relation.type == "contradicts"
        for left in implying[relation.source]
        for right in implying[relation.target]
        if left != right
    )


def closure(edges: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """The reflexive-transitive closure of a relation."""
    closed: dict[str, frozenset[str]] = {}
    for start in edges:
        reach: set[str] = set()
        stack = [start]
        while stack:
            name = stack.pop()
            if name in closed:
                reach |= closed[name]
            elif name not in reach:
                reach.add(name)
                stack.extend(edges[name])
        closed[start] = frozenset(reach)
    return closed
