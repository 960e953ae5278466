"""How folders of annotated pictures are laid out: splits by name, and where a named picture lies."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, TypeVar

from ontune.errors import SourceError
from ontune_converters.account import Account
from ontune_converters.pictures import SUFFIXES
from ontune_converters.regions import AnnotatedPicture, Gathered, Region, picture_size

__all__ = ["Place", "files_below", "find_image", "found_in", "is_picture", "places", "split_of"]

Item = TypeVar("Item")

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def split_of(name: str) -> str:
    """The split that a path tells, by its folders from the last one on, else by words of the file's name; or train.

    >>> split_of("valid/_annotations.coco.json"), split_of("annotations/instances_val2017.json"), split_of("a.json")
    ('val', 'val', 'train')
    """
    *folders, file = PureWindowsPath(name).parts or ("",)
    words = file.replace("-", "_").replace(".", "_").split("_")
    for part in (*reversed(folders), *words):
        if split := SPLITS.get(part.casefold().rstrip("0123456789")):
            return split
    return "train"


def is_picture(path: Path) -> bool:
    return path.suffix.casefold() in SUFFIXES


def files_below(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Files with these suffixes below a folder, sorted; hidden ones are not looked at."""
    wanted = set(suffixes)
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.casefold() in wanted
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def find_image(name: str, annotations: Path, root: Path, split: str = "") -> Path | None:
    """The picture that annotations name, by its path or bare name; None where there is none inside `root`.

    It may lie beside their file, one folder up or in `root`, there also in `images/` or its split's folder.
    """
    folders = [annotations.parent, annotations.parent.parent, root]
    kinds = ["", "images", "JPEGImages", *([split, f"images/{split}"] if split else [])]
    bare = PureWindowsPath(name).name
    inside = root.resolve()
    for wanted in dict.fromkeys((name.replace("\\", "/"), bare)):
        for path in (folder / kind / wanted for folder in folders for kind in kinds):
            if wanted and path.is_file() and path.resolve().is_relative_to(inside):
                return path
    return None


@dataclass(frozen=True)
class Place:
    """Where annotations stand: their file, the folder that the source is, and the account."""

    file: Path
    root: Path
    account: Account

    @property
    def name(self) -> str:
        return self.file.relative_to(self.root).as_posix()

    def stated(self, name: str, width: Any, height: Any) -> tuple[int, int]:
        """The size of a picture that annotations state, 0 for a side they leave out. Raises SourceError."""
        try:
            return int(float(width or 0)), int(float(height or 0))
        except (TypeError, ValueError, OverflowError):
            raise SourceError(f"{self.name}: {name}: size {width!r} x {height!r}: expected pixels") from None

    def picture(
        self, name: str, stated: tuple[int, int], items: Iterable[tuple[str, Item]],
        parse: Callable[[Item, tuple[int, int], str, Account], Region], split: str = "",
    ) -> AnnotatedPicture:  # fmt: skip
        """A picture with the regions that `parse` makes of (place, item) pairs; each item is counted.

        Where the stated size is not the file's, coordinates are taken to be meant in the stated one, with a warning.
        """
        split = split or split_of(self.name)
        path = find_image(name, self.file, self.root, split)
        real = picture_size(path) if path else (0, 0)
        size = stated if all(stated) else real
        if path and size != real:
            self.account.warn("other_size", f"{self.name}: {name} is said to be {stated}, but is {real}")
        gathered = Gathered(self.account)
        for where, item in items:
            at = f"{self.name}{where}"
            gathered.take(at, lambda item=item, at=at: parse(item, size, at, self.account))
        found = path.resolve().relative_to(self.root.resolve()).as_posix() if path else name
        missing = "" if path else f"{name!r}: no such picture near {self.name}"
        return AnnotatedPicture(found, split, path, size, gathered.regions, missing)

    def json(self) -> Any:
        """The parsed file. Raises SourceError."""
        try:
            return json.loads(self.file.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise SourceError(f"{self.file}: not JSON: {error}") from None


def places(source: Path, suffixes: Iterable[str], account: Account) -> list[Place]:
    """The files of a source: one given file, or those with these suffixes in a folder."""
    if source.is_file():
        return [Place(source, source.parent, account)]
    return [Place(path, source, account) for path in files_below(source, suffixes)]


def found_in(source: Path, pictures: list[AnnotatedPicture], what: str) -> list[AnnotatedPicture]:
    """The pictures. Raises SourceError where there is none."""
    if not pictures:
        raise SourceError(f"{source}: no picture in {what}")
    return pictures
