"""The answer contract as text: slots that are filled, and the fixed runs of canonical JSON that lead between them."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ontune.task.model import Choice, Constant, ErrorAnswer, Field, Group, Labels, Task, Text

__all__ = ["START", "Contract", "Run", "Slot", "build_contract"]

START = 0
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')  # what JSON writes as it is


@dataclass(frozen=True)
class Slot:
    """A place of the answer: a list of words (the labels of a field, or the one option of a choice), or free text.

    `words` stand as between their quotes. The start and the end are slots without anything to fill.
    """

    words: tuple[str, ...] = ()
    min: int = 0
    max: int | None = 0
    max_chars: int = 0
    field: Labels | None = None

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

    def before(self, slot: int) -> list[str]:
        """The runs that lead to a slot, each once; none where a list must stay empty."""
        return list(dict.fromkeys(run.text for runs in self.exits for run in runs if run.target == slot))

    def after(self, slot: int) -> list[str]:
        """The runs that leave a slot, each once."""
        return list(dict.fromkeys(run.text for run in self.exits[slot]))

    def separator(self, slot: int) -> str | None:
        """The run from one word of a list to the next, where there can be a next."""
        return next((run.text for run in self.exits[slot] if run.target == slot), None)


@dataclass(frozen=True)
class Style:
    """What stands between the items of an object or list, and behind a key."""

    comma: str = ","
    colon: str = ":"


COMPACT, SPACED = Style(), Style(", ", ": ")


def build_contract(task: Task, spaced: bool = False) -> Contract:
    """The slots and runs of a task's answers, in field order; the error answer is a way of its own from the start.

    Canonical JSON is compact; `spaced` has a space behind every comma and colon, as json.dumps writes by itself.
    """
    style = SPACED if spaced else COMPACT
    forms = [list(_parts(task, task.fields, style))]
    if task.error:
        forms.append(list(_error_parts(task, task.error, style)))
    slots = [Slot(), *(part for form in forms for part in form if isinstance(part, Slot)), Slot()]
    exits: list[list[Run]] = [[] for _ in slots]
    first = START + 1
    for form in forms:
        first = _connect(form, first, slots, exits, f'"{style.comma}"')
    return Contract(tuple(slots), tuple(tuple(runs) for runs in exits))


def _connect(
    form: Iterable[str | Slot], first: int, slots: Sequence[Slot], exits: list[list[Run]], separator: str
) -> int:
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
        again = [Run(separator, number)] if slots[number].words and slots[number].max != 1 else []
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


def _parts(task: Task, fields: Sequence[Field], style: Style) -> Iterator[str | Slot]:
    """An object in canonical JSON: fixed text and slots in turn."""
    opening = "{"
    for field in fields:
        yield f"{opening}{_quoted(field.name)}{style.colon}"
        opening = style.comma
        match field:
            case Labels():
                words = tuple(map(_inside_quotes, task.ontology.labels(field.dimension)))
                yield from ("[", Slot(words, field.min, field.max, field=field), "]")
            case Choice():
                yield _options(field.options)
            case Text():
                yield Slot(min=1, max=1, max_chars=field.max_chars)
            case Constant():
                yield _quoted(field.value)
            case Group():
                yield from _parts(task, field.fields, style)
    yield "}"


def _error_parts(task: Task, error: ErrorAnswer, style: Style) -> Iterator[str | Slot]:
    opening = "{"
    for key in task.error_answer(""):
        yield f"{opening}{_quoted(key)}{style.colon}"
        yield _options(error.values) if key == error.key else "null"
        opening = style.comma
    yield "}"


def _options(values: Sequence[str]) -> Slot:
    return Slot(tuple(map(_inside_quotes, dict.fromkeys(values))), 1, 1)


def _inside_quotes(text: str) -> str:
    return text if PLAIN.fullmatch(text) else _quoted(text)[1:-1]


def _quoted(value: str | None) -> str:
    return json.dumps(value, ensure_ascii=False)
