"""Which labels may not stand together, and whether a list can still reach its minimum.

Labels are numbers: their places in their dimension. Nothing is prepared for each label: its conflicts are collected
when it is first chosen, so that 100,000 labels cost nothing beforehand.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache

from ontune.ontology.closure import children
from ontune.task.model import Labels, Rules, Task

__all__ = ["Exclusion", "Numbers"]

Numbers = frozenset[int]
SLACK = 8  # more witnesses than needed: a label that shuts out at most so many is known to be harmless


class Exclusion:
    """The rules of a task for one list of labels. In a canonical list each label stands above the one before."""

    def __init__(self, task: Task, field: Labels, canonical: bool) -> None:
        self._task, self._names = task, task.ontology.labels(field.dimension)
        self.size, self.canonical = len(self._names), canonical
        self.repeats = not task.rules.unique and not canonical
        self._plain = task.rules == Rules(unique=task.rules.unique)
        self.conflicts = lru_cache(maxsize=4096)(self._conflicts)
        self.hopeless = lru_cache(maxsize=4096)(self._hopeless)

    def can_hold(self, count: int, closed: Numbers = frozenset(), floor: int = -1) -> bool:
        """Whether so many labels outside `closed` and above the floor may stand together: an exact search.

        That is the question for an independent set, hard in general; the labels with fewest conflicts nearly always
        are an answer at once, and minimums are small.
        """
        if self.repeats:
            return count == 0 or len(closed) < self.size
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
        entangled = set(filter(self._is_entangled, last_first))
        return [label for label in last_first if label not in entangled], sorted(entangled, reverse=True)

    def _is_entangled(self, label: int) -> bool:
        name = self._names[label]
        below = self._task.rules.exclude_ancestors and self._children[name]
        return bool(below or name in self._incompatible)

    def _conflicts(self, label: int) -> Numbers:
        """What may not stand beside a label, itself included where lists hold each label once."""
        name = self._names[label]
        found = {name} - ({name} if self.repeats else set())
        if self._task.rules.exclude_ancestors:
            by_name = self._task.ontology.by_name
            found |= _reach(name, lambda n: by_name[n].parents) | _reach(name, self._children.__getitem__)
        found |= self._incompatible.get(name, set())
        first = self._task.ontology.position[self._names[0]]
        return frozenset(self._task.ontology.position[other] - first for other in found)

    @cached_property
    def _children(self) -> dict[str, tuple[str, ...]]:
        return children(self._task.ontology)

    @cached_property
    def _incompatible(self) -> dict[str, set[str]]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        known = set(self._names) if self._task.rules.exclude_contradictions else set[str]()
        for one, other in self._task.incompatible if known else ():
            if one in known and other in known:
                found[one].add(other)
                found[other].add(one)
        return dict(found)


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
