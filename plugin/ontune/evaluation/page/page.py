"""Writes the report page: template, style, script and data in one file, with a policy that allows nothing more."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from ontune.evaluation.page.encode import Names, encode_samples, encode_scores, finite, to_script
from ontune.evaluation.page.samples import PageSample
from ontune.evaluation.page.thumbnails import Thumbnails, data_urls, link
from ontune.files import write_lines

__all__ = ["write_page"]

# In this order in one function: what stands earlier may be used by what stands later when the page starts.
SCRIPTS = (
    *("dom", "data", "state", "charts", "summary", "labels", "errors", "calibration", "thresholds", "slices"),
    *("filters", "samples", "detail", "keys", "main"),
)
BLOCK = 256  # thumbnails in one element: the browser reads an element's JSON when it first shows one of them


def write_page(path: Path, report: Mapping[str, Any], samples: Sequence[PageSample], thumbnails: Thumbnails) -> None:
    """Writes the page of a report and its samples in one step; the same input gives the same bytes.

    Pictures that are not there or cannot be read are counted in its notes. Raises InputError where nothing can be
    written there.
    """
    labels, names = Names(), Names()
    runs = [run["name"] for run in report["runs"]]
    data = encode_samples(samples, runs, labels, names)
    scores = encode_scores(samples, runs, labels)
    files = [thumbnails.media / name for name in names]
    links = [link(path, file) for file in files]
    data |= {"report": finite(report), "labels": list(labels), "pictures": list(names), "links": links}
    data |= {"thumbnails": thumbnails.mode, "block": BLOCK}
    blocks = _Blocks(files if thumbnails.mode == "embedded" else [], thumbnails.size)
    pieces = _template().generate(
        title=report["title"],
        policy=_policy(),
        style=Markup(_asset("page.css")),  # noqa: S704 - ours, and hashed in the policy
        script=Markup(_script()),  # noqa: S704 - the same
        data=Markup(to_script(data)),  # noqa: S704 - escaped by to_script, as all that follows
        scores=Markup(to_script(scores)),  # noqa: S704
        thumbnails=blocks,
        notes=lambda: Markup(to_script({"missing": links.count(None), "withoutThumbnail": blocks.failed})),  # noqa: S704
    )
    write_lines(path, _lines(pieces))


class _Blocks:
    """Thumbnails, a block of JSON at a time, made while they are written; `failed` counts those that were not."""

    def __init__(self, files: Sequence[Path], size: int) -> None:
        self.files, self.size, self.failed = files, size, 0

    def __iter__(self) -> Iterator[Markup]:
        made = data_urls(self.files, self.size)
        while block := list(islice(made, BLOCK)):
            self.failed += block.count(None)
            yield Markup(to_script(block))  # noqa: S704


@cache
def _template() -> Template:
    """The page's frame; what users named is escaped in it, and the script shows all else as text."""
    loader = PackageLoader("ontune.evaluation.page", "assets")
    return Environment(autoescape=True, loader=loader, undefined=StrictUndefined).get_template("page.html")


@cache
def _asset(name: str) -> str:
    return (Path(__file__).parent / "assets" / name).read_text(encoding="utf-8")


@cache
def _script() -> str:
    """All parts of the script as one strict function: nothing of it is global."""
    parts = "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}}})();'


def _policy() -> str:
    """The page's Content-Security-Policy: this style, this script and pictures; no request, no other script."""
    sources = {
        "default-src": "'none'",
        "script-src": _hash(_script()),
        "style-src": _hash(_asset("page.css")),
        "img-src": "'self' data: file:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in sources.items())


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """The same text by lines; plain, for Markup would escape what it is added to and undo the policy's hashes."""
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + str(piece)).split("\n")
        yield from whole
    yield rest
