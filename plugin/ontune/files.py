"""Writing that an interruption cannot leave half done, and hashing."""

import ctypes
import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

__all__ = ["LFS_POINTER", "replace_directory", "sha256_file", "write_atomic", "write_lines"]

AT_FDCWD, EXCHANGE = -100, 2  # of renameat2(2)
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"  # what a checkout without Git LFS has instead of content


def sha256_file(path: Path) -> str:
    """The hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Writes the lines, each ended by a newline, in one step: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
        Path(temporary).chmod(0o666 & ~_umask())  # mkstemp's 0600 would hide the file from others
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_atomic(path: Path, text: str) -> None:
    """Writes a text in one step; it ends with exactly one newline."""
    write_lines(path, [text.rstrip("\n")])


@contextmanager
def replace_directory(target: Path) -> Generator[Path]:
    """A new folder beside `target` that takes its place when the block ends well, and vanishes when it does not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.new-"))
    try:
        yield fresh
        fresh.chmod(0o777 & ~_umask())
        _swap(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


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
