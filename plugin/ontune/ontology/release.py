"""EduGraph releases: downloaded once, kept with their hash, refused when they are not what they were."""

import re
from pathlib import Path

import httpx

from ontune.console import message
from ontune.errors import OntologyError
from ontune.files import replace_directory, sha256_file
from ontune.ontology.build import Names, build_ontology
from ontune.ontology.model import Ontology
from ontune.ontology.reader import parse, read_ontology

__all__ = ["ASSETS", "BASE_URL", "CACHE", "read_release"]

BASE_URL = "https://github.com/christian-bick/edugraph-ontology/releases/download"
CACHE = Path("~/.cache/ontune/ontology")
ASSETS = ("core-ontology-math.rdf", "core-ontology.rdf")  # the second one is the name before 0.6
TIMEOUT = 60.0  # seconds without a byte


def read_release(
    release: str,
    base_url: str = BASE_URL,
    cache: Path = CACHE,
    *,
    name: str = "edugraph",
    version: str = "",
    names: Names = "auto",
) -> Ontology:
    """The ontology of a release, from `<cache>/v<release>/` where it is there; `version` is the release by default.

    What comes from another server than EduGraph's own is kept in a folder of that server's.
    Nothing is kept that is not RDF with concepts. Raises OntologyError, also where the kept file has changed.
    """
    if not re.fullmatch(r"\d[\w.+-]*", release):
        raise OntologyError(f"release {release!r}: expected a version such as 0.21.0")
    server = "" if base_url == BASE_URL else re.sub(r"\W+", "-", base_url).strip("-")
    folder = cache.expanduser() / server / f"v{release}"
    if kept := next((folder / asset for asset in ASSETS if (folder / asset).exists()), None):
        _check(kept)
        message(f"{kept}: kept from an earlier download")
        return read_ontology([kept], name, version or release, names)
    url, content = _download(f"{base_url.rstrip('/')}/v{release}")
    ontology = build_ontology(parse(content, url), name, version or release, names)
    _keep(folder, url.rpartition("/")[2], content)
    return ontology


def _check(file: Path) -> None:
    beside = file.with_name(f"{file.name}.sha256")
    again = "delete the folder to download it again"
    if not beside.is_file():
        raise OntologyError(f"{file}: no {beside.name} beside it; {again}")
    expected, found = beside.read_text(encoding="utf-8").split(maxsplit=1)[0], sha256_file(file)
    if found != expected:
        raise OntologyError(f"{file}: sha256 {found}, but {beside.name} says {expected}: not what came; {again}")


def _keep(folder: Path, asset: str, content: bytes) -> None:
    """File and hash in one step, the hash as `sha256sum --check` reads it."""
    with replace_directory(folder) as fresh:
        (fresh / asset).write_bytes(content)
        (fresh / f"{asset}.sha256").write_text(f"{sha256_file(fresh / asset)}  {asset}\n", encoding="utf-8")


def _download(base: str) -> tuple[str, bytes]:
    """The URL and content of the first asset that is there."""
    faults: list[str] = []
    for asset in ASSETS:
        url = f"{base}/{asset}"
        message(f"downloading {url}")
        try:
            answer = httpx.get(url, follow_redirects=True, timeout=TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OntologyError(f"{url}: download failed: {error or type(error).__name__}") from None
        if answer.is_success:
            return url, answer.content
        faults.append(f"{url}: {answer.status_code} {answer.reason_phrase}")
        if answer.status_code != 404:
            break
    raise OntologyError(faults)
