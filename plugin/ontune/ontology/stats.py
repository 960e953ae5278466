"""What an ontology holds, in numbers, and what one concept and one dimension look like."""

from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from typing import Any

from ontune.errors import OntologyError
from ontune.ontology.closure import ancestors, children, incompatible_pairs, siblings
from ontune.ontology.model import Concept, Ontology
from ontune.ontology.snapshot import snapshot_sha256

__all__ = ["describe", "outline", "stats"]


def stats(ontology: Ontology) -> dict[str, Any]:
    """Counts: concepts, edges and relations, and the shape of each dimension; a root has depth 1."""
    below, depth = children(ontology), _depths(ontology)
    concepts = ontology.concepts
    return {
        "name": ontology.name,
        "version": ontology.version,
        "sha256": snapshot_sha256(ontology),
        "concepts": len(concepts),
        "dimensions": _by_dimension(ontology, concepts),
        "parent_edges": sum(len(concept.parents) for concept in concepts),
        "relations": len(ontology.relations),
        "relation_types": dict(sorted(Counter(relation.type for relation in ontology.relations).items())),
        "incompatible_pairs": len(incompatible_pairs(ontology)),
        "roots": _by_dimension(ontology, [concept for concept in concepts if not concept.parents]),
        "leaves": _by_dimension(ontology, [concept for concept in concepts if not below[concept.name]]),
        "depth": {name: max(map(depth.__getitem__, ontology.labels(name)), default=0) for name in ontology.dimensions},
        "several_parents": sum(len(concept.parents) > 1 for concept in concepts),
        "without_definition": sum(not concept.definition for concept in concepts),
    }


def _by_dimension(ontology: Ontology, concepts: Iterable[Concept]) -> dict[str, int]:
    counts = Counter(concept.dimension for concept in concepts)
    return {dimension: counts[dimension] for dimension in ontology.dimensions}


def _depths(ontology: Ontology) -> dict[str, int]:
    """The longest way from a root, in concepts."""
    depth: dict[str, int] = {}
    for name in TopologicalSorter({concept.name: concept.parents for concept in ontology.concepts}).static_order():
        depth[name] = 1 + max((depth[parent] for parent in ontology.by_name[name].parents), default=0)
    return depth


def describe(ontology: Ontology, name: str) -> dict[str, Any]:
    """All that the ontology says about one concept. Raises OntologyError with the nearest names."""
    concept = ontology.by_name.get(name)
    if concept is None:
        raise OntologyError(
            f"{name!r} is no concept of {ontology.name} {ontology.version}; nearest: {ontology.nearest(name)}"
        )
    pairs = incompatible_pairs(ontology)
    return {
        "name": name,
        "dimension": concept.dimension,
        "iri": concept.iri,
        "definition": concept.definition,
        "examples": list(concept.examples),
        "parents": list(concept.parents),
        "ancestors": sorted(ancestors(ontology)[name]),
        "children": list(children(ontology)[name]),
        "siblings": list(siblings(ontology)[name]),
        "relations": [
            {"type": relation.type, "source": relation.source, "target": relation.target}
            for relation in ontology.relations
            if name in (relation.source, relation.target)
        ],
        "incompatible": sorted({other for pair in pairs if name in pair for other in pair} - {name}),
    }


def outline(ontology: Ontology, dimension: str) -> Iterator[tuple[int, str]]:
    """Depth (root 0) and name of every concept of a dimension, below each of its parents.

    What a concept holds is given where it comes first. Raises OntologyError with the dimensions there are.
    """
    if dimension not in ontology.dimensions:
        raise OntologyError(f"{dimension!r} is no dimension: expected one of {list(ontology.dimensions)}")
    below = children(ontology)
    roots = [name for name in ontology.labels(dimension) if not ontology.by_name[name].parents]
    stack = [(0, name) for name in reversed(roots)]
    seen: set[str] = set()
    while stack:
        depth, name = stack.pop()
        yield depth, name
        if name not in seen:
            seen.add(name)
            stack += [(depth + 1, child) for child in reversed(below[name])]
