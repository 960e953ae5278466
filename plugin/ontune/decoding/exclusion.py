"""Which labels may not stand together, and whether a list can still reach its minimum.

Labels are numbers: their places in their dimension. Nothing is prepared for each label: its conflicts are collected
when it is first chosen, so that 100,000 labels cost nothing beforehand.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache

from ontune.ontology.closure import children
from ontune.task.model import Labels, Rules, Task

__all__ = ["Exclusion", "Numbers", "Rulebook"]

Numbers = frozenset[int]
SLACK = 8  # more witnesses than needed: a label that shuts out at most so many is known to be harmless


class Rulebook:
    """What the task's rules make of the ontology, for all its lists: which labels exclude which."""

    def __init__(self, task: Task) -> None:
        self.rules, self.ontology = task.rules, task.ontology
        self._below = children(task.ontology) if task.rules.exclude_ancestors else {}
        self._implied, self._implying, self._against = (defaultdict[str, set[str]](set) for _ in range(3))
        for relation in task.ontology.relations if task.rules.exclude_contradictions else ():
            if relation.type == "implies":
                self._implied[relation.source].add(relation.target)
                self._implying[relation.target].add(relation.source)
            elif relation.type == "contradicts":
                self._against[relation.source].add(relation.target)
                self._against[relation.target].add(relation.source)

    def excluded(self, name: str) -> set[str]:
        """All labels that may not stand beside a label, itself left out."""
        by_name = self.ontology.by_name
        found = self.contradicting(name)
        if self.rules.exclude_ancestors:
            found |= _reach(name, lambda label: by_name[label].parents) | _reach(name, self._below.__getitem__)
        return found

    def contradicting(self, name: str) -> set[str]:
        """Whatever implies what contradicts anything that the label implies, as in `Task.incompatible`."""
        implied = {name} | _reach(name, lambda label: self._implied.get(label, ()))
        against = set[str]().union(*(self._against.get(label, ()) for label in implied))
        implying = (_reach(label, lambda label: self._implying.get(label, ())) for label in against)
        return against.union(*implying) - {name}

    def is_entangled(self, name: str) -> bool:
        """Whether a label excludes more than what lies above it."""
        return bool(self._below.get(name) or self.contradicting(name))


class Exclusion:
    """The rules for one list of labels. In a canonical list each label stands above the one before."""

    def __init__(self, book: Rulebook, field: Labels, canonical: bool) -> None:
        self._book, self._names = book, book.ontology.labels(field.dimension)
        self.size, self.canonical = len(self._names), canonical
        self.repeats = not book.rules.unique and not canonical
        self._plain = book.rules == Rules(unique=book.rules.unique)
        self.conflicts = lru_cache(maxsize=4096)(self._conflicts)
        self.hopeless = lru_cache(maxsize=4096)(self._hopeless)

    def can_hold(self, count: int, closed: Numbers = frozenset(), floor: int = -1) -> bool:
        """Whether so many labels outside `closed` and above the floor may stand together: an exact search.

        That is the question for an independent set, hard in general; the labels with fewest conflicts nearly always
        are an answer at once, and minimums are small.
        """
        if count <= 1 or self.repeats:
            return count == 0 or any(label not in closed for label in range(floor + 1, self.size))
        if len(self._witnesses(count, closed, floor)) >= count:
            return True
        return _independent({n for n in range(floor + 1, self.size) if n not in closed}, count, self.conflicts)

    def _hopeless(self, needed: int, closed: Numbers, floor: int) -> Numbers:
        """The labels outside `closed` and above the floor after which fewer than `needed` more may be chosen.

        Some labels that may stand together are witnesses: whatever leaves enough of them is harmless, and only what
        does not is searched for.
        """
        if needed <= 0 or self.repeats:
            return frozenset()
        if self._plain:
            return frozenset(range(self.size - needed, self.size)) if self.canonical else frozenset()
        witnesses = self._witnesses(needed + SLACK, closed, floor)
        return frozenset(
            label
            for label in self._suspects(witnesses, needed, floor)
            if label > floor and label not in closed and not self._leaves_room(label, needed, closed, floor)
        )

    def _leaves_room(self, label: int, needed: int, closed: Numbers, floor: int) -> bool:
        return self.can_hold(needed, closed | self.conflicts(label), label if self.canonical else floor)

    def _suspects(self, witnesses: Sequence[int], needed: int, floor: int) -> Iterable[int]:
        """The labels that do not leave `needed` of the witnesses, and in a canonical list those that may not."""
        if len(witnesses) < needed:
            return range(floor + 1, self.size)
        shut_out = Counter(other for label in witnesses for other in self.conflicts(label))
        few = {label for label, count in shut_out.items() if count > len(witnesses) - needed}
        return few | set(range(min(witnesses), self.size)) if self.canonical else few

    def _witnesses(self, count: int, closed: Numbers, floor: int) -> list[int]:
        """Up to `count` labels that may stand together, greedily."""
        found: list[int] = []
        shut_out: set[int] = set()
        for labels in self._easiest_first:
            for label in labels:
                if len(found) == count or label <= floor:
                    break
                if label not in closed and label not in shut_out:
                    found.append(label)
                    shut_out |= self.conflicts(label)
        return found

    @cached_property
    def _easiest_first(self) -> tuple[Sequence[int], Sequence[int]]:
        """The labels with nothing below them and no contradiction, then the others; the last first in both."""
        last_first = range(self.size - 1, -1, -1)
        if self._plain:
            return last_first, ()
        entangled = {label for label in last_first if self._book.is_entangled(self._names[label])}
        return [label for label in last_first if label not in entangled], sorted(entangled, reverse=True)

    def _conflicts(self, label: int) -> Numbers:
        """What may not stand beside a label, itself included where lists hold each label once."""
        position, first = self._book.ontology.position, self._book.ontology.position[self._names[0]]
        numbers = {position[name] - first for name in self._book.excluded(self._names[label])}
        own = set[int]() if self.repeats else {label}
        return frozenset(number for number in numbers | own if 0 <= number < self.size)


def _reach(start: str, edges: Callable[[str], Iterable[str]]) -> set[str]:
    """Everything that the edges lead to, over any number of steps, without the start."""
    found: set[str] = set()
    stack = [*edges(start)]
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack += edges(name)
    return found


def _independent(candidates: set[int], count: int, conflicts: Callable[[int], Numbers]) -> bool:
    """Whether `count` of the candidates are without conflict.

    Any such set can be made to hold a given candidate or one of its conflicts: those with fewest are tried in turn.
    """
    if count <= 0 or len(candidates) < count:
        return count <= 0
    easiest = min(candidates, key=lambda label: len(conflicts(label) & candidates))
    for label in sorted({easiest, *conflicts(easiest)} & candidates):
        if _independent(candidates - conflicts(label) - {label}, count - 1, conflicts):
            return True
        candidates = candidates - {label}
    return False
