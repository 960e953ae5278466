"""A stick figure seen from the front: where its joints are when it is so far into an exercise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import cos, radians, sin
from typing import TypeAlias

__all__ = ["EXERCISES", "Figure", "Point", "pose"]

Point: TypeAlias = tuple[float, float]  # right and up from between the feet; the figure is about 1 tall

LEG, TORSO, ARM, HEAD = 0.44, 0.34, 0.36, 0.11  # lengths; the head's radius
HIPS, SHOULDERS = 0.05, 0.09  # half the widths


@dataclass(frozen=True)
class Figure:
    """Its lines, each from joint to joint, and its head."""

    legs: tuple[tuple[Point, ...], ...]
    torso: tuple[Point, ...]
    arms: tuple[tuple[Point, ...], ...]
    head: Point


def pose(exercise: str, far: float) -> Figure:
    """The figure that is `far` (0 to 1) into one repetition of an exercise."""
    return EXERCISES[exercise](far)


def _squat(far: float) -> Figure:
    """Hips go down between the knees, the arms come up in front."""
    return _figure(drop=0.24 * far, knees=0.20 * far, stance=0.10, arms=10 + 30 * far)


def _arm_raise(far: float) -> Figure:
    return _figure(arms=10 + 85 * far)


def _jumping_jack(far: float) -> Figure:
    """Arms go up and feet apart at once."""
    return _figure(drop=0.04 * far, stance=0.06 + 0.20 * far, arms=10 + 155 * far)


def _side_bend(far: float) -> Figure:
    """To the right; the other side is the picture's mirror image."""
    return _figure(lean=50 * far, stance=0.08)


EXERCISES: Mapping[str, Callable[[float], Figure]] = {
    "squats": _squat,
    "arm raises": _arm_raise,
    "jumping jacks": _jumping_jack,
    "side bends": _side_bend,
}


def _figure(
    drop: float = 0.0, knees: float = 0.0, stance: float = 0.06, arms: float = 10.0, lean: float = 0.0
) -> Figure:
    """`drop`: of the hips; `knees`: outwards; `stance`: half of it; `arms`: degrees from hanging; `lean`: degrees."""
    hip = LEG - drop
    neck = (TORSO * sin(radians(lean)), hip + TORSO * cos(radians(lean)))
    sides = (-1, 1)
    return Figure(
        legs=tuple(
            ((side * HIPS, hip), (side * ((HIPS + stance) / 2 + knees), hip / 2), (side * stance, 0.0))
            for side in sides
        ),
        torso=((0.0, hip), neck),
        arms=tuple(_arm(neck, side, arms, lean) for side in sides),
        head=(neck[0] + HEAD * 1.1 * sin(radians(lean)), neck[1] + HEAD * 1.1 * cos(radians(lean))),
    )


def _arm(neck: Point, side: int, angle: float, lean: float) -> tuple[Point, ...]:
    """From the shoulder; the whole upper body leans."""
    turn = radians(lean)
    shoulder = (neck[0] + side * SHOULDERS * cos(turn), neck[1] - side * SHOULDERS * sin(turn))
    swing = radians(side * angle - lean)
    return shoulder, (shoulder[0] + ARM * sin(swing), shoulder[1] - ARM * cos(swing))
