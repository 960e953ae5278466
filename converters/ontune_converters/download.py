"""The published release archives: fetched once, kept with their hash, unpacked so that nothing lands elsewhere."""

import hashlib
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import TypeVar

import httpx

from ontune.console import message, progress
from ontune.errors import SourceError
from ontune.files import LFS_POINTER, sha256_file, write_atomic
from ontune_converters.edugraph_rows import Source

__all__ = ["cache_root", "fetch_release", "open_release", "unpack"]

ASSETS = ("dataset.tar.gz", "worksheets.tar.gz", "dataset.zip")  # the exercises', the worksheets', and one for mirrors
MOST_BYTES = 16 << 30  # unpacked; a release of 2,000 pictures has 65 MB
MOST_FILES = 1_000_000
CHUNK = 1 << 20

Member = TypeVar("Member")


def cache_root() -> Path:
    """Where downloads are kept: `ontune` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ontune"


def open_release(version: str, base_url: str, scratch: Path, force: bool = False) -> Source:
    """The release's rows and pictures, unpacked below `scratch`. An archive that cannot be unpacked is not kept."""
    archive = fetch_release(version, base_url, force)
    folder = scratch / "release"
    try:
        unpack(archive, folder)
    except SourceError:
        archive.unlink()
        _hash_file(archive).unlink()
        raise
    return Source(folder, f"{archive.name.split('.')[0]}-{_tag(version)}", folder)


def fetch_release(version: str, base_url: str, force: bool = False) -> Path:
    """The release's archive in the cache. Raises SourceError where there is none, or where the cached one changed."""
    folder = cache_root() / "releases" / hashlib.sha256(base_url.encode()).hexdigest()[:12] / _tag(version)
    if not force and (kept := next((folder / name for name in ASSETS if (folder / name).is_file()), None)):
        _check_kept(kept)
        return kept
    tried: list[str] = []
    for name in ASSETS:
        url = f"{base_url.rstrip('/')}/{_tag(version)}/{name}"
        if _fetch(url, folder / name):
            return folder / name
        tried.append(f"{url}: no such file (404)")
    raise SourceError(tried)


def _tag(version: str) -> str:
    tag = f"v{version.removeprefix('v')}"
    if "/" in tag or ".." in tag:
        raise SourceError(f"--download {version}: expected a version such as 0.21.0-01")
    return tag


def _hash_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _check_kept(path: Path) -> None:
    stated = _hash_file(path).read_text().split()[0] if _hash_file(path).is_file() else "none"
    if (found := sha256_file(path)) != stated:
        raise SourceError(f"{path}: sha256 {found}, but {stated} was fetched: use --no-cache to fetch it anew")


def _fetch(url: str, path: Path) -> bool:
    """Whether the server has the file; then it is in the cache, whole. Raises SourceError for all but 200 and 404."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=60) as response:
            if response.status_code == HTTPStatus.NOT_FOUND:
                return False
            response.raise_for_status()
            message(f"fetching {url}")
            _save(response, partial)
        _check_archive(partial, url)
        write_atomic(_hash_file(path), f"{sha256_file(partial)}  {path.name}")
        partial.replace(path)
    except httpx.HTTPStatusError as error:
        raise SourceError(f"{url}: status {error.response.status_code}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:  # a body shorter than announced is one of these
        raise SourceError(f"{url}: {error or type(error).__name__}") from None
    finally:
        partial.unlink(missing_ok=True)
    return True


def _save(response: httpx.Response, path: Path) -> None:
    total = int(response.headers.get("content-length", 0)) // CHUNK + 1
    with path.open("wb") as file:
        for chunk in progress(response.iter_bytes(CHUNK), "MiB", total):
            file.write(chunk)


def _check_archive(path: Path, url: str) -> None:
    with path.open("rb") as file:
        start = file.read(len(LFS_POINTER))
    if start == LFS_POINTER:
        raise SourceError(f"{url}: a Git LFS pointer instead of an archive")
    if not (zipfile.is_zipfile(path) or tarfile.is_tarfile(path)):
        raise SourceError(f"{url}: neither a tar nor a zip archive (starts with {start[:16]!r})")


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks into a new folder. Raises SourceError with every member that is no plain file inside it."""
    folder.mkdir(parents=True)
    extract = _unpack_zip if zipfile.is_zipfile(archive) else _unpack_tar
    try:
        faults = list(extract(archive, folder))
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise SourceError(f"{archive}: damaged: {error}: the next run fetches it anew") from None
    SourceError.check([f"{archive}: {fault}" for fault in faults])


def _unpack_tar(archive: Path, folder: Path) -> Iterator[str]:
    with tarfile.open(archive) as tar:
        for member in _within_limits(tar, lambda member: member.size):
            if not (member.isfile() or member.isdir()):
                yield f"{member.name!r}: a link or device: expected files and folders alone"
                continue
            try:
                tar.extract(member, folder, filter="data")
            except tarfile.FilterError as error:
                yield f"{member.name!r}: {error}"


def _unpack_zip(archive: Path, folder: Path) -> Iterator[str]:
    with zipfile.ZipFile(archive) as file:
        for member in _within_limits(file.infolist(), lambda member: member.file_size):
            path = PurePosixPath(member.filename)
            if path.is_absolute() or ".." in path.parts:  # zipfile would put it elsewhere without a word
                yield f"{member.filename!r}: outside the folder"
            else:
                file.extract(member, folder)


def _within_limits(members: Iterable[Member], size: Callable[[Member], int]) -> Iterator[Member]:
    """The members, as long as they fit: a few kilobytes can be an archive of terabytes."""
    total = 0
    for count, member in enumerate(members, start=1):
        total += size(member)
        if count > MOST_FILES or total > MOST_BYTES:
            raise SourceError(f"more than {MOST_FILES} files or {MOST_BYTES >> 30} GiB unpacked: no dataset")
        yield member
