"""Pictures: found inside their source, checked by decoding them, flattened on white and turned upright."""

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from PIL import Image, UnidentifiedImageError

from ontune.files import LFS_POINTER
from ontune.pictures import upright

__all__ = ["SUFFIXES", "BadPicture", "Picture", "Shelf", "find_picture", "read_picture"]

# What is opened, and how its copy's name ends; a closed list, since Pillow would start Ghostscript for an EPS file.
# MPO is what Pillow calls a JPEG of several pictures, as telephones write it.
FORMATS = {
    "BMP": ".bmp",
    "GIF": ".gif",
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "PNG": ".png",
    "TIFF": ".tif",
    "WEBP": ".webp",
}
SUFFIXES = frozenset({*FORMATS.values(), ".jpeg", ".tiff"})
LONGEST_NAME = 200  # bytes of a stem; file systems allow 255 with hash and suffix


class BadPicture(Exception):
    """Why a picture cannot be used: the reason for the account, and what was found."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Picture:
    """A checked picture: its file's hash, and the PNG bytes to write where it is not copied as it is."""

    path: Path
    suffix: str
    source_sha256: str
    content: bytes | None = None

    @property
    def sha256(self) -> str:
        """The hash of the file that is written."""
        return hashlib.sha256(self.content).hexdigest() if self.content is not None else self.source_sha256


def find_picture(root: Path, name: str, inside: Path) -> Path:
    """The file `name` below `root`, under another case of letters if need be. Raises BadPicture.

    No part of the name may climb, and no link may lead out of `inside`.
    """
    if not name or "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise BadPicture("path_escape", f"{name!r}: expected a path inside {root.name}")
    try:
        path = _any_case(root, name)
        found = path.is_file()
    except OSError as error:
        raise BadPicture("unreadable", f"{name!r}: {error.strerror}") from None
    if not found:
        raise BadPicture("missing", f"{name!r}: no such file in {root.name}")
    if not path.resolve().is_relative_to(inside.resolve()):
        raise BadPicture("path_escape", f"{name!r}: a link out of {root.name}")
    return path


def _any_case(root: Path, name: str) -> Path:
    """The path as named, or the only file beside it whose name differs in case alone."""
    path = root / name
    if path.is_file() or not path.parent.is_dir():
        return path
    same = [other for other in path.parent.iterdir() if other.name.casefold() == path.name.casefold()]
    return same[0] if len(same) == 1 else path


def read_picture(path: Path) -> Picture:
    """The picture in a file, decoded to the last pixel. Raises BadPicture.

    Nothing less shows damage: a truncated JPEG passes `verify()`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadPicture("unreadable", f"{path.name}: {error.strerror}") from None
    if content.startswith(LFS_POINTER):
        raise BadPicture("lfs_pointer", f"{path.name}: a Git LFS pointer instead of content: run git lfs pull")
    sha256 = hashlib.sha256(content).hexdigest()
    suffix, changed = _decode(content, path.name)
    return Picture(path, ".png" if changed else suffix, sha256, changed)


def _decode(content: bytes, name: str) -> tuple[str, bytes | None]:
    """How the copy's name ends, and the PNG bytes where the pixels have to change."""
    try:
        with Image.open(io.BytesIO(content), formats=sorted({*FORMATS} - {"MPO"})) as image:
            image.load()
            fixed = upright(image)
            return FORMATS[image.format or "PNG"], _png(fixed) if fixed else None
    except UnidentifiedImageError:
        raise BadPicture("unreadable", f"{name}: no picture ({len(content)} bytes, {content[:8]!r} …)") from None
    except Exception as error:  # decoders of damaged files raise anything
        reason = "truncated" if "truncated" in str(error) else "unreadable"
        raise BadPicture(reason, f"{name}: {type(error).__name__}: {error}") from None


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class Shelf:
    """Pictures on their way into a dataset, each under a name below `media/` that is its own and stays the same.

    Changed pictures wait in the folder `scratch`, so that memory does not grow with the dataset.
    """

    scratch: Path
    media: dict[str, Path | bytes] = field(default_factory=dict[str, Path | bytes])

    @staticmethod
    def name(name: str, picture: Picture) -> str:
        """The file below `media/`: the source's name with a piece of its hash, so that no two sources share one."""
        stem = PurePosixPath(name).stem.encode()[:LONGEST_NAME].decode(errors="ignore")
        return PurePosixPath(name).with_name(f"{stem}-{picture.source_sha256[:8]}{picture.suffix}").as_posix()

    def add(self, file: str, picture: Picture) -> None:
        """Keeps the picture for `media/<file>`."""
        self.media[file] = picture.path
        if picture.content is not None:
            waiting = self.scratch / f"{picture.source_sha256}.png"
            waiting.write_bytes(picture.content)
            self.media[file] = waiting
