"""Where the pictures of manual pages are: in the source, or where their links point to on another computer."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from PIL import Image

from ontune_converters.manual_rows import Row
from ontune_converters.pictures import BadPicture, Picture, find_picture, read_picture

__all__ = ["Found", "Gallery", "tails"]

ANCHOR = "data_src"  # what upstream's links have before the part that is the same on every computer


@dataclass(frozen=True)
class Found:
    """A picture of a row: checked, under the name that its copy gets, with its size in pixels."""

    picture: Picture
    name: str
    size: tuple[int, int]


def tails(path: str) -> list[str]:
    """The ends of a path, longest first: what a folder elsewhere may have of it.

    A bare file name says too little of where it was, unless the path has not more than a folder to it.
    """
    parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts if part not in {"/", "..", "."}]
    bare = len(parts) <= 2 or parts[-2] == ANCHOR
    return ["/".join(parts[at:]) for at in range(len(parts) if bare else len(parts) - 1)]


@dataclass
class Gallery:
    """Looks pictures up and reads each once; `roots` are further folders to look in."""

    roots: Sequence[Path] = ()
    missing: dict[str, str] = field(default_factory=dict[str, str])  # name -> why, for the report
    _read: dict[tuple[Path, str], Found | BadPicture] = field(
        default_factory=dict[tuple[Path, str], Found | BadPicture]
    )

    def open(self, row: Row, name: str) -> Found:
        """The picture that a row names. Raises BadPicture."""
        key = (row.folder, name)
        if key not in self._read:
            self._read[key] = self._load(row, name)
        found = self._read[key]
        if isinstance(found, BadPicture):
            raise found
        return found

    def _load(self, row: Row, name: str) -> Found | BadPicture:
        try:
            path, copy = self._find(row, name)
            picture = read_picture(path)
        except (BadPicture, OSError) as error:  # the system's: a name too long, a folder that may not be read
            told = error if isinstance(error, BadPicture) else BadPicture("unreadable", f"{name!r}: {error.strerror}")
            self.missing[name] = told.detail
            return told
        with Image.open(path) as image:
            return Found(picture, copy, image.size)

    def _find(self, row: Row, name: str) -> tuple[Path, str]:
        """The file, and the name that its copy gets."""
        first: BadPicture | None = None
        for folder in _upwards(row.folder, row.root):
            try:
                return find_picture(folder, name, row.root), name
            except BadPicture as error:
                first = first or error
        target = _target(row, name)
        for root in self.roots:
            for tail in (*tails(target or ""), *tails(name)):
                if (root / tail).is_file():
                    return find_picture(root, tail, root), tail if _escapes(name) else name
        assert first is not None  # noqa: S101 - a row's folder was looked at
        raise _with_hint(first, name, target, bool(self.roots))


def _upwards(folder: Path, root: Path) -> Iterator[Path]:
    """The folder and those above it, up to the root: Q&A files name pictures from the pipeline's own folder."""
    yield folder
    while folder != root and root in folder.parents:
        folder = folder.parent
        yield folder


def _target(row: Row, name: str) -> str | None:
    """Where a link leads, be it to nothing."""
    links = (folder / name for folder in _upwards(row.folder, row.root) if (folder / name).is_symlink())
    return next((os.readlink(link) for link in links), None)  # noqa: PTH115 - as text: it may be no path of this system


def _with_hint(error: BadPicture, name: str, target: str | None, has_roots: bool) -> BadPicture:
    hint = "" if has_roots else ": name the folder that has them with --media-root"
    if target is None:
        return BadPicture(error.reason, f"{error.detail}{hint}")
    return BadPicture("missing", f"{name!r}: a link to {target}, which is not there{hint}")


def _escapes(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts
