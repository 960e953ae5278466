"""What stands on each page of the demo's manuals, and what is asked about it."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["COLOURS", "NUMBERS", "SECTIONS", "Question", "Section", "Sheet", "held_out", "make_sheets", "questions"]

NUMBERS = range(10, 100)
COLOURS = {
    "black": (0.10, 0.10, 0.10),
    "blue": (0.12, 0.36, 0.86),
    "green": (0.10, 0.60, 0.25),
    "orange": (0.96, 0.52, 0.05),
    "violet": (0.55, 0.20, 0.70),
    "yellow": (0.98, 0.86, 0.12),
}
# Of as many words each: a tiny model finds things by how far back they are.
WORDINGS = ("What is the {} of the {}?", "Which {} is stated for the {}?", "What {} is right for the {}?")


@dataclass(frozen=True)
class Section:
    """A chapter: what its pages are, the colour of their heads, what they measure in which unit, and its parts."""

    id: str
    name: str
    content_type: str
    colour: tuple[float, float, float]
    measured: str
    unit: str
    parts: tuple[str, ...]


SECTIONS = (
    Section(
        "11", "Engine", "specification", (0.76, 0.22, 0.17), "torque", "Nm", ("piston", "valve", "flywheel", "clutch")
    ),
    Section(
        "17", "Lubrication", "procedure", (0.16, 0.50, 0.33), "filling", "cl", ("gearbox", "axle", "pump", "filter")
    ),
    Section("36", "Wheels", "diagram", (0.13, 0.35, 0.66), "pressure", "psi", ("tyre", "tube", "brake", "damper")),
    Section("61", "Electrics", "fuse_chart", (0.46, 0.24, 0.60), "fuse", "A", ("horn", "headlamp", "starter", "wiper")),
)


@dataclass(frozen=True)
class Sheet:
    """One page: a part of a section with its number and its colour; `seed`: how it looks, and how it is asked about."""

    section: Section
    part: str
    number: int
    colour: str
    seed: int
    clean: bool = False


@dataclass(frozen=True)
class Question:
    """A question about a page, its answer, and which kind of question it is."""

    text: str
    answer: str
    kind: str


def held_out(number: int) -> bool:
    """Whether a number stands on held-out pages alone: every fifth does, each of its digits on other pages too."""
    return (number // 10 + 2 * (number % 10)) % 5 == 0


def make_sheets(count: int, seed: int, test: bool = False, clean: bool = False) -> Iterator[Sheet]:
    """So many pages, sections in turn; numbers of `test` pages are on no others.

    Number and colour are drawn uniformly whatever the page: neither a question nor a section tells anything of them.
    `clean`: printed straight, in one typeface.
    """
    rng = random.Random(seed)
    numbers = [number for number in NUMBERS if held_out(number) == test]
    for section in itertools.islice(itertools.cycle(SECTIONS), count):
        drawn = (rng.choice(section.parts), rng.choice(numbers), rng.choice(list(COLOURS)))
        yield Sheet(section, *drawn, rng.getrandbits(32), clean)


def questions(sheet: Sheet) -> list[Question]:
    """A question about the number and one about the colour, each in one of the wordings."""
    rng = random.Random(sheet.seed + 1)
    section = sheet.section
    found = [(section.measured, f"{sheet.number} {section.unit}", "factual"), ("colour", sheet.colour, "visual")]
    return [Question(rng.choice(WORDINGS).format(name, sheet.part), answer, kind) for name, answer, kind in found]
