"""Videos among files and below folders."""

from collections.abc import Iterable
from pathlib import Path

from ontune.errors import SourceError
from ontune.videos.reading import SUFFIXES

__all__ = ["find_videos"]


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
