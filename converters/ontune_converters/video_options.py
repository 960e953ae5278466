"""The options that choose frames."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ontune.videos import Selection
from ontune.videos.selection import Method

__all__ = ["chosen", "selection_options"]

Command = TypeVar("Command", bound=Callable[..., Any])
AT_LEAST_ONE = click.IntRange(1)

OPTIONS = (
    click.option("--every", type=AT_LEAST_ONE, metavar="N", help="Every Nth frame."),
    click.option(
        "--seconds",
        type=click.FloatRange(0, min_open=True),
        metavar="S",
        help="The frame on the screen every S seconds.",
    ),
    click.option("--keyframes", is_flag=True, help="The keyframes alone; nothing else is decoded."),
    click.option(
        "--scenes",
        type=click.FloatRange(0, 255),
        metavar="LIMIT",
        help="The first frame of each scene: it differs from the one before by more than LIMIT of 255 (try 27).",
    ),
    click.option("--top", type=AT_LEAST_ONE, metavar="K", help="The K frames that differ most from the one before."),
    click.option(
        "--peaks",
        type=AT_LEAST_ONE,
        metavar="K",
        help="The frames of the K strongest peaks of motion: they change most of all around them, and lie apart.",
    ),
    click.option("--count", type=AT_LEAST_ONE, metavar="N", help="N frames, evenly spread."),
)
METHODS: tuple[Method, ...] = ("every", "seconds", "keyframes", "scenes", "top", "peaks", "count")


def selection_options(command: Command) -> Command:
    """The command with the options that choose frames."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def chosen(**options: float | bool | None) -> Selection | None:
    """The selection asked for, or None. Raises UsageError for more than one."""
    given = [Selection(method, float(value)) for method in METHODS if (value := options[method]) not in (None, False)]
    if len(given) > 1:
        names = ", ".join(f"--{selection.method}" for selection in given)
        raise click.UsageError(f"{names}: expected one way to choose frames")
    return given[0] if given else None
