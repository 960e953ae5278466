"""Drawing a page: a head, a number beside what it is of, a pot of paint, a foot; in several prints, a little askew."""

import math
import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import TypeAlias

from ontune.demo.manual.pdf import words
from ontune.demo.manual.sheets import COLOURS, Sheet

__all__ = ["SIZE", "draw"]

Point: TypeAlias = tuple[float, float]

SIZE = (224, 280)  # points: a pocket manual; 112 x 140 pixels are 20 tokens of a model with patches of 14
PAPERS = ((1.0, 1.0, 1.0), (1.0, 0.98, 0.93), (0.97, 0.97, 0.95))
WIDTHS = (0.556, 0.5, 0.6)  # of a digit, as a share of its size: the three typefaces of numbers
DIGIT = 54  # points that a digit is wide in all of them: two tokens side by side see one each
JITTER, ASKEW = 3.0, 0.01  # points, radians
STROKE = ((-44, -20), (-40, 10), (-10, 24), (30, 18), (46, 24), (42, -8), (14, -24), (-20, -16))
CIRCLE = 0.5523  # how far the handles of four Bézier curves reach


def draw(sheet: Sheet, number: int, title: str) -> str:
    """The content stream of a page, `number` in the document with that title; the same sheet gives the same page."""
    rng = random.Random(sheet.seed)
    width, height = SIZE
    turn = 0.0 if sheet.clean else rng.uniform(-ASKEW, ASKEW)
    return "\n".join(
        [
            f"{_colour(rng.choice(PAPERS))} rg 0 0 {width} {height} re f",
            f"{math.cos(turn):.5f} {math.sin(turn):.5f} {-math.sin(turn):.5f} {math.cos(turn):.5f} 0 0 cm",
            f"{_colour(sheet.section.colour)} rg 10 {height - 46} {width - 20} 36 re f 1 1 1 rg",
            words(18, height - 23, f"{sheet.section.id}  {sheet.section.name}", 3, 9),
            words(18, height - 40, sheet.part.capitalize(), 0, 15),
            f"0.45 0.45 0.45 rg {words(14, 8, f'{title}  -  {number}', 3, 7)}",
            *_reading(sheet, rng),
            *_paint(sheet, rng),
        ]
    )


def _reading(sheet: Sheet, rng: random.Random) -> list[str]:
    """What is measured on the left, its number on the right, the unit below."""
    section, jitter = sheet.section, _jitter(rng)
    font, size = (0, 74) if sheet.clean else (rng.randrange(3), rng.uniform(70, 78))
    stretch = 100 * DIGIT / (WIDTHS[font] * size)
    return [
        f"0.1 0.1 0.15 rg 0.1 0.1 0.15 RG q 1 0 0 1 {56 + jitter():.2f} {196 + jitter():.2f} cm 2 w",
        *ICONS[section.measured](sheet.number),
        "Q",
        words(113 + jitter(), 196 - 0.35 * size + jitter(), str(sheet.number), font, size, stretch),
        words(117, 148, section.unit, 0, 16),
        words(36, 148, section.measured.capitalize(), 3, 11),
    ]


def _paint(sheet: Sheet, rng: random.Random) -> list[str]:
    """A pot of paint with a stroke of it, and the colour's name."""
    jitter = _jitter(rng)
    pot = [(-24, -28), (-28, 20), (28, 20), (24, -28)]
    return [
        f"q 1 0 0 1 {56 + jitter():.2f} {84 + jitter():.2f} cm 2 w",
        f"{_colour(COLOURS[sheet.colour])} rg {_path(pot)} b",
        f"q 1 0 0 1 {112 + jitter():.2f} {jitter():.2f} cm {_path(STROKE)} f Q Q",
        words(36, 40, f"Colour: {sheet.colour}", 3, 11),
    ]


def _jitter(rng: random.Random) -> Callable[[], float]:
    return partial(rng.uniform, -JITTER, JITTER)


def _colour(parts: tuple[float, float, float]) -> str:
    return " ".join(map(str, parts))


def _path(points: Sequence[Point]) -> str:
    first, *others = [f"{x:.2f} {y:.2f}" for x, y in points]
    return f"{first} m {' '.join(f'{point} l' for point in others)}"


def _line(*points: Point, close: bool = False) -> str:
    return f"{_path(points)} {'s' if close else 'S'}"


def _circle(radius: float) -> str:
    corners = [(radius, 0), (0, radius), (-radius, 0), (0, -radius), (radius, 0)]
    curves = [
        f"{a - b * CIRCLE:.2f} {b + a * CIRCLE:.2f} {c + d * CIRCLE:.2f} {d - c * CIRCLE:.2f} {c:.2f} {d:.2f} c"
        for (a, b), (c, d) in pairwise(corners)
    ]
    return f"{radius:.2f} 0 m {' '.join(curves)} S"


def _around(radius: float, angle: float) -> Point:
    return radius * math.cos(angle), radius * math.sin(angle)


def _bolt(number: int) -> list[str]:
    hexagon = [_around(18, corner * math.pi / 3) for corner in range(6)]
    return [_line(*hexagon, close=True), _circle(10), _circle(28)]


def _can(number: int) -> list[str]:
    body = [(-20, -28), (-20, 12), (-6, 12), (-6, 26), (6, 26), (6, 12), (20, 12), (20, -28)]
    return [_line(*body, close=True), _line((-20, -4), (20, -4)), _line((6, 20), (28, 28))]


def _gauge(number: int) -> list[str]:
    """The needle shows what the digits say: from 0 at the lower left, clockwise, to 100 at the lower right."""
    ticks = [_line(_around(24, angle), _around(29, angle)) for angle in map(_on_dial, range(0, 101, 20))]
    return [_circle(30), *ticks, _line((0, 0), _around(20, _on_dial(number)))]


def _on_dial(number: int) -> float:
    return math.pi * (1.25 - 1.5 * number / 100)


def _fuse(number: int) -> list[str]:
    body = [(-22, -4), (-22, 22), (22, 22), (22, -4)]
    legs = [_line((side * 13, -4), (side * 13, -26)) for side in (-1, 1)]
    return [_line(*body, close=True), *legs, _line((-13, 4), (-4, 14), (4, 6), (13, 14))]


ICONS: dict[str, Callable[[int], list[str]]] = {
    "torque": _bolt,
    "filling": _can,
    "pressure": _gauge,
    "fuse": _fuse,
}
