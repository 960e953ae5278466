"""The options that choose frames, and videos found below a folder."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from ontune.errors import SourceError
from ontune.videos import SUFFIXES, Selection
from ontune.videos.selection import Method

__all__ = ["chosen", "find_videos", "selection_options"]

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
    click.option("--count", type=AT_LEAST_ONE, metavar="N", help="N frames, evenly spread."),
)
METHODS: tuple[Method, ...] = ("every", "seconds", "keyframes", "scenes", "top", "count")


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


def find_videos(sources: Iterable[Path]) -> list[tuple[Path, str]]:
    """Each video with its name below its source: files as given, and all below a folder whose suffix is a video's.

    Raises SourceError for a folder without one.
    """
    found: list[tuple[Path, str]] = []
    faults: list[str] = []
    for source in sources:
        inside = [(source, source.name)] if source.is_file() else _below(source)
        if not inside:
            faults.append(f"{source}: no video in it: expected files with {', '.join(sorted(SUFFIXES))}")
        found += inside
    SourceError.check(faults)
    return found


def _below(folder: Path) -> list[tuple[Path, str]]:
    paths = (path for path in folder.rglob("*") if path.suffix.casefold() in SUFFIXES and path.is_file())
    return [(path, path.relative_to(folder).as_posix()) for path in sorted(paths)]
