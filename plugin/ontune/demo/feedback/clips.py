"""Clips of the demo: who does which exercise, what is wrong with it, and how far into it each moment is."""

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import cos, pi

from ontune.demo.feedback.figure import EXERCISES

__all__ = [
    "FAST",
    "FRAMES",
    "RATE",
    "SHORT",
    "TURN",
    "Clip",
    "Person",
    "advice",
    "make_clips",
    "make_people",
    "make_workout",
    "studio",
]

# Of a clip, and of those a second: every third frame is one of eight. Two of these last longer than a second, since
# Qwen2.5-VL in transformers 5.6 rounds that time down and has no order of frames where it is 0.
FRAMES, RATE = 22, 4
TURN = 6  # seconds that each exercise of a workout takes
FAST, SHORT = "too fast", "half range"  # mistakes; a clip has none, one of them, or both
MIXES = ((), (FAST,), (SHORT,), (FAST, SHORT))
REPETITIONS = {False: (0.8, 1.1), True: (2.5, 3.0)}  # in a clip, by whether it is too fast
RANGE = {False: (0.9, 1.0), True: (0.42, 0.52)}  # of the whole movement, by whether it is half of it
SHIRTS = ((204, 51, 51), (38, 95, 189), (36, 138, 72), (140, 60, 160), (214, 120, 20), (20, 130, 140))
SHIRTS_HELD_OUT = ((170, 30, 110), (90, 110, 30), (60, 60, 70))
TROUSERS = ((30, 30, 40), (60, 50, 40), (40, 60, 110), (90, 40, 50))
SKINS = ((244, 204, 170), (222, 170, 126), (160, 108, 70), (104, 68, 44))
ROOMS = ((252, 250, 245), (236, 243, 250), (240, 248, 236), (250, 240, 228), (238, 236, 244))
DEEPER = {
    "squats": "Bend your knees more.",
    "arm raises": "Lift your arms higher.",
    "jumping jacks": "Jump wider.",
    "side bends": "Lean further.",
}
SLOWER, GOOD = "Slow down.", "Well done."


@dataclass(frozen=True)
class Person:
    """What one looks like in all clips: clothes, skin, the room behind; how tall and how heavy."""

    name: str
    shirt: tuple[int, int, int]
    trousers: tuple[int, int, int]
    skin: tuple[int, int, int]
    room: tuple[int, int, int]
    height: float
    width: float


@dataclass(frozen=True)
class Clip:
    """One clip. `start`: how far into a repetition it begins; `x`: where the person stands, from the middle."""

    person: Person
    exercise: str
    mistakes: tuple[str, ...]
    repetitions: float
    range: float
    start: float
    x: float
    mirrored: bool

    def far(self, at: float) -> float:
        """How far into the movement the person is at `at`, 0 to 1, of the clip."""
        return self.range * (0.5 - 0.5 * cos(2 * pi * (self.start + self.repetitions * at)))


def make_people(count: int, seed: int, held_out: bool = False) -> list[Person]:
    """So many people; those held out wear shirts that nobody else has."""
    rng = random.Random(seed)
    shirts = SHIRTS_HELD_OUT if held_out else SHIRTS
    return [_person(f"{'h' if held_out else 'p'}{at:03}", shirts[at % len(shirts)], rng) for at in range(count)]


def _person(name: str, shirt: tuple[int, int, int], rng: random.Random) -> Person:
    colours = (rng.choice(TROUSERS), rng.choice(SKINS), rng.choice(ROOMS))
    return Person(name, shirt, *colours, rng.uniform(0.92, 1.06), rng.uniform(0.85, 1.3))


def studio(clip: Clip) -> Clip:
    """The clip with everyone in black before a white wall."""
    black, grey, white = (20, 20, 20), (90, 90, 90), (255, 255, 255)
    return replace(clip, person=replace(clip.person, shirt=black, trousers=black, skin=grey, room=white))


def make_clips(people: list[Person], count: int, seed: int) -> Iterator[Clip]:
    """So many clips: every exercise with every mix of mistakes equally often, people by chance."""
    rng = random.Random(seed)
    kinds = itertools.cycle(itertools.product(EXERCISES, MIXES))
    for exercise, mistakes in itertools.islice(kinds, count):
        yield _clip(rng.choice(people), exercise, mistakes, rng)


def _clip(person: Person, exercise: str, mistakes: tuple[str, ...], rng: random.Random) -> Clip:
    return Clip(
        person,
        exercise,
        mistakes,
        rng.uniform(*REPETITIONS[FAST in mistakes]),
        rng.uniform(*RANGE[SHORT in mistakes]),
        rng.random(),
        rng.uniform(-0.06, 0.06),
        rng.random() < 0.5,
    )


def make_workout(person: Person, seed: int) -> list[Clip]:
    """What one person does in a row: each exercise once, each mix of mistakes too."""
    rng = random.Random(seed)
    mixes = rng.sample(MIXES, len(MIXES))
    return [_clip(person, exercise, mistakes, rng) for exercise, mistakes in zip(EXERCISES, mixes, strict=True)]


def advice(clip: Clip) -> str:
    """What a coach says of the clip: it follows from the exercise and the mistakes."""
    said: Mapping[str, str] = {FAST: SLOWER, SHORT: DEEPER[clip.exercise]}
    return " ".join(said[mistake] for mistake in clip.mistakes) or GOOD
