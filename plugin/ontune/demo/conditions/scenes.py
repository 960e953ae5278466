"""Scenes of the demo: which objects stand where on an embankment, in which condition; some layouts are held out."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

__all__ = ["CLASSES", "SLOTS", "Box", "Kind", "Scene", "Thing", "box_in", "held_out_layouts", "make_scenes"]

Box = tuple[float, float, float, float]  # left, upper, right, lower, as shares of the picture
Slot = tuple[str, int]  # a bank, and a column of it

COLUMNS = 3
COUNTS, OFTEN = (2, 3, 4), (1, 2, 2)  # objects of a scene, and how often so many


@dataclass(frozen=True)
class Kind:
    """What a class is: an object in a condition."""

    object: str
    condition: str


CLASSES = {
    "rock toe": Kind("rock toe", "normal"),
    "rock toe damaged": Kind("rock toe", "damaged"),
    "slope drain": Kind("slope drain", "normal"),
    "slope drain blocked": Kind("slope drain", "blocked"),
    "slope drain damaged": Kind("slope drain", "damaged"),
    "toe drain": Kind("toe drain", "normal"),
    "toe drain blocked": Kind("toe drain", "blocked"),
    "toe drain damaged": Kind("toe drain", "damaged"),
    "vegetation": Kind("vegetation", "normal"),
}
TOPS = {"upper": 0.19, "lower": 0.61}  # where a bank's objects begin: the upper one stands on a berm
ROOM = 0.37  # the height that a bank has for them
SLOTS: tuple[Slot, ...] = tuple(itertools.product(TOPS, range(COLUMNS)))


@dataclass(frozen=True)
class Thing:
    """One object: its class, where it is, and what its details are drawn by."""

    name: str
    box: Box
    seed: int


@dataclass(frozen=True)
class Scene:
    """One embankment. No two things are of one class: which of them is meant decides the answer. `easy`: clear air."""

    things: tuple[Thing, ...]
    easy: bool
    seed: int


@cache
def _layouts(count: int) -> list[tuple[Slot, ...]]:
    return list(itertools.combinations(SLOTS, count))


@cache
def held_out_layouts() -> frozenset[tuple[Slot, ...]]:
    """A fifth of the ways to fill the slots, which no scene for training has."""
    rng = random.Random(5)
    return frozenset(layout for count in COUNTS for layout in rng.sample(_layouts(count), len(_layouts(count)) // 5))


def make_scenes(count: int, seed: int, held_out: bool = False, easy: bool = False) -> Iterator[Scene]:
    """So many scenes of two to four things; layouts of held-out ones are in no other.

    Easy ones have a single one: that the frame tells which of several is meant, only the others teach.
    """
    rng = random.Random(seed)
    for _ in range(count):
        things = 1 if easy else rng.choices(COUNTS, OFTEN)[0]
        free = [layout for layout in _layouts(things) if (layout in held_out_layouts()) == held_out]
        yield Scene(tuple(_things(rng.choice(free), rng)), easy, rng.getrandbits(32))


def _things(layout: tuple[Slot, ...], rng: random.Random) -> Iterator[Thing]:
    names = rng.sample(list(CLASSES), len(layout))
    for name, (bank, column) in zip(names, layout, strict=True):
        yield Thing(name, box_in(bank, column, rng), rng.getrandbits(32))


def box_in(bank: str, column: int, rng: random.Random) -> Box:
    """A box somewhere in its slot, with room for a frame around it."""
    width, height = rng.uniform(0.22, 0.28), rng.uniform(0.27, 0.33)
    across = column / COLUMNS + rng.uniform(0.02, 1 / COLUMNS - width - 0.02)
    down = TOPS[bank] + rng.uniform(0, ROOM - height)
    return across, down, across + width, down + height
