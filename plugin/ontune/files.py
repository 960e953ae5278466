"""Writing that an interruption cannot leave half done, and hashing."""

import ctypes
import glob
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ontune.errors import InputError

__all__ = [
    "LFS_POINTER",
    "copy_atomic",
    "replace_directory",
    "sha256_file",
    "to_utf8",
    "to_utf8_json",
    "write_atomic",
    "write_lines",
]

STALE = 24 * 3600  # seconds; no run leaves its new folder untouched that long
AT_FDCWD, EXCHANGE = -100, 2  # of renameat2(2)
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"  # what a checkout without Git LFS has instead of content


def sha256_file(path: Path) -> str:
    """The hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_utf8(text: str) -> str:
    """The text with each half of a surrogate pair escaped: a model may write one, and UTF-8 cannot hold it."""
    return text.encode(errors="backslashreplace").decode()


def to_utf8_json(value: object, **options: Any) -> str:
    """JSON that UTF-8 can hold, other letters unescaped; read again it gives the same value."""
    return to_utf8(json.dumps(value, ensure_ascii=False, **options))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Writes the lines, each ended by a newline, in one step: a reader sees the old file or the new one."""
    with _replace_file(path) as fresh, fresh.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def copy_atomic(source: Path, path: Path) -> None:
    """Copies a file's bytes in one step."""
    with _replace_file(path) as fresh:
        shutil.copyfile(source, fresh)


@contextmanager
def _replace_file(path: Path) -> Generator[Path]:
    """An empty file beside `path` that takes its place when the block ends well. Raises InputError where none can.

    A link keeps its place, and what it leads to is replaced; devices, pipes and folders are left alone.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise InputError(f"{path}: {'a folder' if target.is_dir() else 'no regular file'}: expected a file to write")
    with _named(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(descriptor)
    fresh = Path(name)
    try:
        yield fresh
        fresh.chmod(0o666 & ~_umask())  # mkstemp's 0600 would hide the file from others
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def _named(path: Path) -> Generator[None]:
    """Turns the system's refusal to write there into an InputError that names the path."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def write_atomic(path: Path, text: str) -> None:
    """Writes a text in one step; it ends with exactly one newline."""
    write_lines(path, [text.rstrip("\n")])


@contextmanager
def replace_directory(target: Path) -> Generator[Path]:
    """A new folder beside `target` that takes its place when the block ends well, and vanishes when it does not."""
    prefix = f".{target.name}.new-"
    with _named(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
    try:
        yield fresh
        fresh.chmod(0o777 & ~_umask())
        _swap(fresh, target)
        _remove_stale(target.parent, prefix)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _remove_stale(folder: Path, prefix: str) -> None:
    """Removes what killed runs left; not before the new folder is in place, since an old one may be among it."""
    for path in folder.glob(f"{glob.escape(prefix)}*"):
        with suppress(OSError):  # another process removes it too
            if time.time() - path.stat().st_mtime > STALE:
                shutil.rmtree(path, ignore_errors=True)


def _swap(fresh: Path, target: Path) -> None:
    """Puts `fresh` where `target` is; what was there is under the other name afterwards, or gone."""
    if not target.exists():
        fresh.replace(target)
    elif not _exchange(fresh, target):
        old = fresh.with_name(f"{fresh.name}.old")
        target.replace(old)
        try:
            fresh.replace(target)
        except BaseException:
            old.replace(target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Whether Linux swapped the two names in one step, so that not even a kill leaves neither folder in place."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), EXCHANGE) == 0


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
