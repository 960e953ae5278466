"""Small pictures for the page: embedded as data, linked, or none."""

import base64
import importlib
import importlib.util
import io
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from PIL import Image

from ontune.pictures import upright

__all__ = ["VIDEO_SUFFIXES", "Thumbnails", "data_urls", "link"]

Mode: TypeAlias = Literal["embedded", "linked", "none"]

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})
QUALITY, EFFORT = 55, 2  # of WebP: a worksheet stays recognisable in about 3 kB


@dataclass(frozen=True)
class Thumbnails:
    """How pictures get into the page, and the folder that their paths are relative to.

    `embedded`: copies of at most `size` pixels in the file itself; `linked`: the page shows the original files where
    they lie; `none`: no small pictures. A sample that is opened shows its original file in every mode, if it is there.
    """

    mode: Mode = "embedded"
    media: Path = Path("data")
    size: int = 128


def link(page: Path, picture: Path) -> str | None:
    """The picture's address relative to the page, percent-encoded; None where there is no such file."""
    if not picture.is_file():
        return None
    return quote(os.path.relpath(picture.resolve(), page.resolve().parent))  # a colon too: never another scheme


def data_urls(paths: Sequence[Path], size: int) -> Iterator[str | None]:
    """A data URL a file, in order; None for a file that cannot be read. Pillow lets go of the GIL: threads do."""
    workers = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(paths), 64):  # what is made and not yet written stays small
            yield from pool.map(lambda path: _data_url(path, size), paths[start : start + 64])


def _data_url(path: Path, size: int) -> str | None:
    try:
        with warnings.catch_warnings(action="ignore"):  # a very large picture is worth a try, its warning nobody's
            image = _poster(path) if path.suffix.lower() in VIDEO_SUFFIXES else _small(path, size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    if image is None:
        return None
    image.thumbnail((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=EFFORT)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _small(path: Path, size: int) -> Image.Image:
    with Image.open(path) as image:
        image.draft("RGB", (size, size))  # a JPEG is decoded at a fraction of its size
        image.load()
        return upright(image) or image.convert("RGB")


def _poster(path: Path) -> Image.Image | None:
    """The first frame of a video, where PyAV is installed."""
    if importlib.util.find_spec("av") is None:
        return None
    av: Any = importlib.import_module("av")
    try:
        with av.open(str(path)) as container:
            return next(frame.to_image() for frame in container.decode(video=0))
    except (av.error.FFmpegError, StopIteration, IndexError):
        return None
