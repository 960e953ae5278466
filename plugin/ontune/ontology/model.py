"""Concepts, relations and the ontology they form, checked when made."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ontune.errors import OntologyError

__all__ = ["SYMMETRIC", "Concept", "Ontology", "Relation"]

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

    Raises OntologyError with all faults at once: no concept, a repeated name, a dangling parent or relation, a parent
    in another dimension, a cycle, another order.
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
        return difflib.get_close_matches(name, self.by_name, n=count)

    def _faults(self) -> Iterator[str]:
        if not self.concepts:
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
        if cycle := self._cycle():
            yield f"cycle of parents: {' → '.join(cycle)}"

    def _concept_faults(self, concept: Concept) -> Iterator[str]:
        if concept.dimension not in self.dimensions:
            yield f"{concept.name}: dimension {concept.dimension!r} is none of {list(self.dimensions)}"
        for name in concept.parents:
            parent = self.by_name.get(name)
            if parent is None:
                yield f"{concept.name}: dangling parent {name!r}"
            elif parent.dimension != concept.dimension:
                yield f"{concept.name} ({concept.dimension}): parent {name} is in {parent.dimension}"

    def _cycle(self) -> list[str]:
        """One cycle of parents, first name repeated at its end, or nothing. Iterative: hierarchies may be deep."""
        done: set[str] = set()
        for start in self.by_name:
            path: list[str] = []
            stack: list[tuple[str, bool]] = [(start, True)]
            while stack:
                name, entering = stack.pop()
                if not entering:
                    done.add(path.pop())
                elif name in path:
                    return [*path[path.index(name) :], name]
                elif name not in done and name in self.by_name:
                    path.append(name)
                    stack.append((name, False))
                    stack.extend((parent, True) for parent in self.by_name[name].parents)
        return []
