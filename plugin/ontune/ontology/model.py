"""Concepts, relations and the ontology they form, checked when made."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from ontune.errors import OntologyError

__all__ = ["SYMMETRIC", "Concept", "Ontology", "Relation", "cycles"]

SYMMETRIC = frozenset({"contradicts", "related"})  # stored once, with source < target


@dataclass(frozen=True)
class Concept:
    """One label: its name is its key in every file, its parents are labels of the same dimension."""

    name: str
    dimension: str
    iri: str = ""
    definition: str = ""
    examples: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, order=True)
class Relation:
    """A typed edge beside the hierarchy, such as `expands` or `contradicts`."""

    type: str
    source: str
    target: str


@dataclass(frozen=True)
class Ontology:
    """A closed vocabulary; `concepts` stand in ontology order: by dimension as listed, then by name (code point).

    One without dimensions and concepts is that of a task that has no labels. Raises OntologyError with all faults at
    once: no concept, a repeated name, a dangling parent or relation, a parent in another dimension, a cycle, another
    order.
    """

    name: str
    version: str
    dimensions: tuple[str, ...]
    concepts: tuple[Concept, ...]
    relations: tuple[Relation, ...] = ()

    def __post_init__(self) -> None:
        OntologyError.check([f"ontology {self.name} {self.version}: {fault}" for fault in self._faults()])

    @cached_property
    def by_name(self) -> dict[str, Concept]:
        """Concepts by name, in ontology order."""
        return {concept.name: concept for concept in self.concepts}

    @cached_property
    def position(self) -> dict[str, int]:
        """Each label's place in ontology order, from 0."""
        return {concept.name: place for place, concept in enumerate(self.concepts)}

    def labels(self, dimension: str) -> tuple[str, ...]:
        """The labels of a dimension, in ontology order."""
        return self._labels_by_dimension.get(dimension, ())

    @cached_property
    def _labels_by_dimension(self) -> dict[str, tuple[str, ...]]:
        return {
            dimension: tuple(concept.name for concept in self.concepts if concept.dimension == dimension)
            for dimension in self.dimensions
        }

    def nearest(self, name: str, count: int = 3) -> list[str]:
        """The labels spelt most like `name`, best first."""
        return difflib.get_close_matches(name, self.by_name, n=count, cutoff=0.0)

    def _faults(self) -> Iterator[str]:
        if self.dimensions and not self.concepts:
            yield "no concept"
        if len(self.by_name) != len(self.concepts):
            names = [concept.name for concept in self.concepts]
            yield from (f"the name {name!r} stands twice" for name in sorted({n for n in names if names.count(n) > 1}))
        for concept in self.concepts:
            yield from self._concept_faults(concept)
        for relation in self.relations:
            ends = (relation.source, relation.target)
            yield from (f"{relation}: {end!r} is no concept" for end in ends if end not in self.by_name)
        order = {dimension: place for place, dimension in enumerate(self.dimensions)}
        places = [(order.get(concept.dimension, -1), concept.name) for concept in self.concepts]
        if places != sorted(places):
            yield "concepts are not in ontology order: by dimension as listed, then by name"
        for ring in cycles({concept.name: concept.parents for concept in self.concepts}):
            yield f"cycle of parents: {' → '.join(ring)}"

    def _concept_faults(self, concept: Concept) -> Iterator[str]:
        if concept.dimension not in self.dimensions:
            yield f"{concept.name}: dimension {concept.dimension!r} is none of {list(self.dimensions)}"
        for name in concept.parents:
            parent = self.by_name.get(name)
            if parent is None:
                yield f"{concept.name}: dangling parent {name!r}"
            elif parent.dimension != concept.dimension:
                yield f"{concept.name} ({concept.dimension}): parent {name} is in {parent.dimension}"


def cycles(parents: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """Cycles that share no edge, each from child to parent with its smallest name first and last, sorted.

    None is left when all their edges are taken away.
    """
    left = {name: dict.fromkeys(sorted(above)) for name, above in sorted(parents.items())}
    found: list[tuple[str, ...]] = []
    while ring := _ring(left):
        for child, parent in pairwise(ring):
            left[child].pop(parent, None)
        start = ring.index(min(ring))
        found.append((*ring[start:-1], *ring[: start + 1]))
    return sorted(found)


def _ring(parents: Mapping[str, Iterable[str]]) -> list[str]:
    """One cycle from child to parent, its first name again at its end, or nothing."""
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]  # from predecessor to successor, which is from parent to child
        return ring[::-1]
    return []
