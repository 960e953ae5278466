"""The answer contract as text: slots that are filled, and the fixed runs of canonical JSON that lead between them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ontune.ontology.model import Ontology
from ontune.task.model import Choice, Constant, ErrorAnswer, Field, Group, Labels, Task, Text

__all__ = ["SEPARATOR", "START", "Contract", "Run", "Slot", "build_contract"]

SEPARATOR = '","'
START = 0


@dataclass(frozen=True)
class Slot:
    """A place of the answer: a list of words (labels, or the one option of a choice), or free text.

    `words` stand as between their quotes; `conflicts` has for each word the bit set of those that may not follow it.
    The start and the end are slots without anything to fill.
    """

    words: tuple[str, ...] = ()
    conflicts: tuple[int, ...] = ()
    min: int = 0
    max: int | None = 0
    max_chars: int = 0

    @property
    def fills(self) -> bool:
        return self.max != 0

    @property
    def skips(self) -> bool:
        return self.min == 0


@dataclass(frozen=True)
class Run:
    """Fixed text from the content of one slot to that of the slot `target`: quotes, brackets, keys, empty lists."""

    text: str
    target: int


@dataclass(frozen=True)
class Contract:
    """All answers of a task: slot 0 is the start, the last one the end; `exits` holds the runs that leave each slot."""

    slots: tuple[Slot, ...]
    exits: tuple[tuple[Run, ...], ...]

    @property
    def end(self) -> int:
        """The slot that no run leaves."""
        return len(self.slots) - 1

    def words(self) -> Iterator[tuple[str, str, str]]:
        """Each word with a run before and a run after it, so that it meets each of its possible runs."""
        for at, slot in enumerate(self.slots):
            before = [run.text for runs in self.exits for run in runs if run.target == at]
            after = [run.text for run in self.exits[at]]
            for word in slot.words if before else ():  # a list that must stay empty is never entered
                yield from ((left, word, after[0]) for left in before)
                yield from ((before[0], word, right) for right in after[1:])


def build_contract(task: Task) -> Contract:
    """The slots and runs of a task's answers, in field order; the error answer is a way of its own from the start."""
    forms = [list(_parts(task, task.fields))]
    if task.error:
        forms.append(list(_error_parts(task, task.error)))
    slots = [Slot(), *(part for form in forms for part in form if isinstance(part, Slot)), Slot()]
    exits: list[list[Run]] = [[] for _ in slots]
    first = START + 1
    for form in forms:
        first = _connect(form, first, slots, exits)
    return Contract(tuple(slots), tuple(tuple(runs) for runs in exits))


def _connect(form: Iterable[str | Slot], first: int, slots: Sequence[Slot], exits: list[list[Run]]) -> int:
    """Adds the runs of one form of answer, whose slots have the numbers from `first`; the first number after them."""
    texts = [""]
    for part in form:
        if isinstance(part, Slot):
            texts.append("")
        else:
            texts[-1] += part
    numbers = [*range(first, first + len(texts) - 1), len(slots) - 1]
    exits[START] += _runs("", texts, numbers, slots)
    for place, number in enumerate(numbers[:-1], start=1):
        again = [Run(SEPARATOR, number)] if slots[number].words and slots[number].max != 1 else []
        exits[number] += [*again, *_runs('"', texts[place:], numbers[place:], slots)]
    return first + len(texts) - 1


def _runs(text: str, texts: Sequence[str], numbers: Sequence[int], slots: Sequence[Slot]) -> Iterator[Run]:
    """The runs to every slot that can come next: those between are lists that may stay empty."""
    *before, end = numbers
    for piece, number in zip(texts, before, strict=False):
        text += piece
        if slots[number].fills:
            yield Run(f'{text}"', number)
        if not slots[number].skips:
            return
    yield Run(text + texts[-1], end)


def _parts(task: Task, fields: Sequence[Field]) -> Iterator[str | Slot]:
    """An object in canonical JSON: fixed text and slots in turn."""
    opening = "{"
    for field in fields:
        yield f"{opening}{json.dumps(field.name, ensure_ascii=False)}:"
        opening = ","
        match field:
            case Labels():
                yield from ("[", _labels(task, field), "]")
            case Choice():
                yield _options(field.options)
            case Text():
                yield Slot(min=1, max=1, max_chars=field.max_chars)
            case Constant():
                yield json.dumps(field.value, ensure_ascii=False)
            case Group():
                yield from _parts(task, field.fields)
    yield "}"


def _error_parts(task: Task, error: ErrorAnswer) -> Iterator[str | Slot]:
    opening = "{"
    for key in task.error_answer(""):
        yield f"{opening}{json.dumps(key, ensure_ascii=False)}:"
        yield _options(error.values) if key == error.key else "null"
        opening = ","
    yield "}"


def _options(values: Sequence[str]) -> Slot:
    return Slot(tuple(map(_inside_quotes, values)), (0,) * len(values), 1, 1)


def _labels(task: Task, field: Labels) -> Slot:
    labels = task.ontology.labels(field.dimension)
    conflicts = tuple(_conflicts(task, labels))
    return Slot(tuple(map(_inside_quotes, labels)), conflicts, field.min, field.max)


def _conflicts(task: Task, labels: Sequence[str]) -> list[int]:
    """For each label the bit set of those that the task's rules refuse beside it."""
    bit = {label: 1 << place for place, label in enumerate(labels)}
    blocked = dict(bit) if task.rules.unique else dict.fromkeys(labels, 0)
    for one, other in _excluded(task, task.ontology):
        if one in bit and other in bit:
            blocked[one] |= bit[other]
            blocked[other] |= bit[one]
    return list(blocked.values())


def _excluded(task: Task, ontology: Ontology) -> Iterator[tuple[str, str]]:
    if task.rules.exclude_ancestors:
        yield from ((label, name) for label in ontology.by_name for name in task.ancestors[label])
    if task.rules.exclude_contradictions:
        yield from task.incompatible


def _inside_quotes(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
