"""Worksheets of the demo: what stands on each, which labels that means, and which values and layouts are held out."""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

__all__ = ["KINDS", "Kind", "Layout", "Sheet", "held_out_layouts", "labels", "make_sheets"]

Value = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """Where on the page the content stands (thirds of the free room), how large it is, and the lines around it."""

    column: int
    row: int
    scale: int
    frame: int


LAYOUTS = tuple(Layout(*place) for place in itertools.product(range(3), range(3), range(3), range(4)))


@dataclass(frozen=True)
class Sheet:
    """One worksheet. `values`: a pair for each task; `easy`: clean paper, no frame, one typeface; `seed`: the rest."""

    kind: str
    values: tuple[Value, ...]
    layout: Layout
    coloured: bool
    easy: bool
    seed: int


@dataclass(frozen=True)
class Kind:
    """A kind of worksheet: its labels, and the values that there are.

    `detail` tells a value's label of the dimension Scope: the first or the second of `scope`. No sheet for training
    has a value that is `held_out`. `rows`: how many tasks a sheet may have.
    """

    area: str
    ability: str
    values: tuple[Value, ...]
    held_out: Callable[[Value], bool]
    detail: Callable[[Value], int]
    scope: tuple[str, str]
    rows: tuple[int, ...] = (1,)


def _numbers(area: str, ability: str) -> Kind:
    """Tasks with two numbers: both below 10, or both of two digits."""
    pairs = [pair for numbers in (range(1, 10), range(11, 100)) for pair in itertools.product(numbers, repeat=2)]
    return Kind(
        area,
        ability,
        tuple((left, right) for left, right in pairs if left >= right or area != "Subtraction"),
        lambda pair: (pair[0] + 2 * pair[1]) % 5 == 0,
        lambda pair: int(pair[0] > 9),
        ("NumbersUpTo10", "NumbersUpTo100"),
        rows=(1, 2, 3),
    )


def _shape(area: str) -> Kind:
    """One to three shapes of a kind, all named by the same letter."""
    return Kind(
        area,
        "RecognisingShapes",
        tuple(itertools.product((1, 2, 3), range(24))),
        lambda value: value[1] // 4 % 3 == 1,
        lambda value: int(value[0] > 1),
        ("SingleShape", "SeveralShapes"),
    )


KINDS = {
    "addition": _numbers("Addition", "Calculating"),
    "subtraction": _numbers("Subtraction", "Calculating"),
    "comparison": Kind(
        "NumberComparison",
        "Comparing",
        tuple(pair for pair in itertools.permutations(range(1, 10), 2) if max(pair) != 5),
        lambda pair: (pair[0] + 2 * pair[1]) % 5 == 0,
        lambda pair: int(max(pair) > 5),
        ("FewObjects", "ManyObjects"),
    ),
    "counting": Kind(
        "Counting",
        "Enumerating",
        tuple(itertools.product((1, 2, 3, 4, 5, 7, 8, 9, 10, 11), range(3))),
        lambda value: value[0] in {3, 9},
        lambda value: int(value[0] > 5),
        ("FewObjects", "ManyObjects"),
    ),
    "clock": Kind(
        "ClockReading",
        "ReadingScales",
        tuple(itertools.product(range(2), range(144))),  # in digits or not, and the time in steps of five minutes
        lambda value: value[1] // 12 % 3 == 2,
        lambda value: value[0],
        ("AnalogClock", "DigitalClock"),
    ),
    "length": Kind(
        "LengthMeasurement",
        "ReadingScales",
        tuple((units, 0) for units in (3, 4, 5, 8, 9, 10)),
        lambda value: value[0] in {4, 9},
        lambda value: int(value[0] > 5),
        ("ShortLengths", "LongLengths"),
    ),
    "triangles": _shape("Triangles"),
    "quadrilaterals": _shape("Quadrilaterals"),
    "circles": _shape("Circles"),
}


def labels(sheet: Sheet) -> tuple[str, ...]:
    """The labels of a sheet: one Area, its Scopes, one Ability."""
    kind = KINDS[sheet.kind]
    scopes = [kind.scope[kind.detail(sheet.values[0])]]
    if len(kind.rows) > 1:
        scopes.append("SingleTask" if len(sheet.values) == 1 else "SeveralTasks")
    return (kind.area, *scopes, "Coloured" if sheet.coloured else "BlackAndWhite", kind.ability)


@cache
def held_out_layouts() -> frozenset[Layout]:
    """A fifth of the layouts, which no sheet for training has."""
    return frozenset(random.Random(5).sample(LAYOUTS, len(LAYOUTS) // 5))


def make_sheets(count: int, seed: int, held_out: bool = False, easy: bool = False) -> Iterator[Sheet]:
    """So many sheets, kinds in turn; values and layouts of held-out sheets are in no other."""
    rng = random.Random(seed)
    layouts = [layout for layout in LAYOUTS if (layout in held_out_layouts()) == held_out]
    if easy:
        layouts = [layout for layout in layouts if layout.frame == 0]
    for kind in itertools.islice(itertools.cycle(KINDS), count):
        values = _values(KINDS[kind], held_out, rng)
        yield Sheet(kind, values, rng.choice(layouts), rng.random() < 0.5, easy, rng.getrandbits(32))


def _values(kind: Kind, held_out: bool, rng: random.Random) -> tuple[Value, ...]:
    """The tasks of one sheet, all alike in what their label says."""
    detail = rng.randrange(2)
    rows = 1 if rng.random() < 0.5 else rng.choice(kind.rows)
    return tuple(rng.choices(_choices(kind, detail, held_out), k=rows))


@cache
def _choices(kind: Kind, detail: int, held_out: bool) -> list[Value]:
    return [value for value in kind.values if kind.detail(value) == detail and kind.held_out(value) == held_out]
