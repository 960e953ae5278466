"""PDF documents as a folder of page pictures, each with its text layer as JSON beside it, and an index.

Pages wait in `.NAME.part` beside the folder until all are there, so that a stopped run goes on where it was and the old
folder stays whole until then.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path, PurePosixPath

import click

from ontune.console import NEW_PATH, emit, json_option, message, progress
from ontune.errors import SourceError
from ontune.files import replace_directory, to_utf8, write_atomic
from ontune.pages import INDEX, Page, read_pages, write_index
from ontune_converters.account import Account
from ontune_converters.dataset import check_apart
from ontune_converters.pdf import Document, Job, Look, inspect, render

__all__ = ["command", "find_documents"]

BATCH = 8  # pages that a process draws before it opens its document anew
ACCOUNT = "account.json"


def find_documents(sources: Iterable[Path]) -> dict[str, Path]:
    """The PDF files by the name that their pages get: relative to the folder given, without suffix.

    Raises SourceError for folders without any, and for files whose pages would share names.
    """
    named: defaultdict[str, list[Path]] = defaultdict(list)
    faults: list[str] = []
    for source in sources:
        root = source if source.is_dir() else source.parent
        files = sorted(_pdf_files(source)) if source.is_dir() else [source]
        faults += [f"{source}: no PDF file in it"] * (not files)
        for path in files:
            name = PurePosixPath(path.relative_to(root).as_posix()).with_suffix("").as_posix()
            if to_utf8(name) != name:  # it goes into ids, and no JSON file can hold it
                faults.append(f"{to_utf8(str(path))}: its name is no UTF-8: rename it")
            named[name].append(path)
    folded: defaultdict[str, list[Path]] = defaultdict(list)
    for name, paths in named.items():
        folded[name.casefold()] += paths
    for paths in folded.values():
        if len(paths) > 1:
            faults.append(f"{' and '.join(map(str, sorted(paths)))}: their pages would have the same names")
    SourceError.check(faults)
    return {name: paths[0] for name, paths in sorted(named.items())}


def _pdf_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix.casefold() == ".pdf" and path.is_file())


def inspect_all(documents: dict[str, Path], ranges: str, look: Look, password: str | None) -> list[Document]:
    """Every document, looked at. Raises SourceError with the faults of all of them at once."""
    found: list[Document] = []
    faults: list[str] = []
    for name, path in documents.items():
        try:
            found.append(inspect(path, name, ranges, look, password))
        except SourceError as error:
            faults += error.faults
    SourceError.check(faults)
    return found


def draw(documents: Sequence[Document], look: Look, folder: Path, processes: int) -> list[Page]:
    """All chosen pages, written into the folder. Raises SourceError with every page that could not be drawn."""
    jobs = [
        Job(document, document.chosen[at : at + BATCH], look, folder)
        for document in documents
        for at in range(0, len(document.chosen), BATCH)
    ]
    total = sum(len(document.chosen) for document in documents)
    results = list(progress(_results(jobs, processes), "pages", total))
    SourceError.check([result for result in results if isinstance(result, str)])
    return [result for result in results if isinstance(result, Page)]


def _results(jobs: Sequence[Job], processes: int) -> Iterator[Page | str]:
    """What each job gives, in their order. The library is not safe in threads, and processes are forked from none."""
    if processes == 1:
        yield from (result for job in jobs for result in render(job))
        return
    try:
        with ProcessPoolExecutor(min(processes, len(jobs)), get_context("spawn")) as pool:
            yield from (result for batch in pool.map(render, jobs) for result in batch)
    except BrokenProcessPool:
        raise SourceError("a process that draws pages was killed (memory?): try fewer --processes") from None


def check_replaceable(out: Path) -> None:
    """Raises SourceError where files that are no pages of ours lie in the folder and would be lost."""
    if not out.exists():
        return
    if not out.is_dir():
        raise SourceError(f"--out {out}: a file: expected a new folder, or one of pages to replace")
    known = {INDEX, ACCOUNT} if (out / INDEX).is_file() else set[str]()
    known |= {name for page in (read_pages(out) if known else []) for name in (page.image, page.text_file)}
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    if lost := sorted(there - known):
        raise SourceError(f"--out {out}: {len(lost)} files are no pages of ours and would be lost, such as {lost[0]}")


def publish(out: Path, waiting: Path, pages: list[Page], account: Account) -> None:
    """Puts the waiting pages, and nothing else that lies there, in place with their index."""
    kept = {name for page in pages for name in (page.image, page.text_file)}
    for path in sorted(waiting.rglob("*")):
        if path.is_file() and path.relative_to(waiting).as_posix() not in kept:
            path.unlink()
    write_index(waiting, pages)
    write_atomic(waiting / ACCOUNT, json.dumps(account.record(), indent=2, ensure_ascii=False))
    with replace_directory(out) as fresh:
        fresh.rmdir()
        waiting.rename(fresh)
        _remove_empty(fresh)


def _remove_empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def take_account(documents: Sequence[Document], pages: Sequence[Page], look: Look) -> Account:
    """What was read and written; pages without a text layer are named."""
    account = Account("pages", read=len(pages), written=Counter(pages=len(pages)))
    for page in pages:
        if not page.text_chars:
            account.warn("no_text", f"{page.page_id}: no text layer: a scan, or an empty page")
    account.facts |= {
        "settings": str(look),
        "documents": {item.file: {"pages": item.pages, "taken": len(item.chosen)} for item in documents},
    }
    account.close()
    return account


def _password(variable: str | None) -> str | None:
    if variable is None:
        return None
    if not os.environ.get(variable):
        raise SourceError(f"--password-env {variable}: no such environment variable, or an empty one")
    return os.environ[variable]


@click.command(name="pages")
@click.argument(
    "sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PDF_OR_FOLDER..."
)
@click.option("--out", type=NEW_PATH, required=True, help="A folder for the pages, their texts and their index.")
@click.option("--dpi", type=click.FloatRange(1, 2400), help="Dots per inch.  [default: 150]")
@click.option(
    "--longest-side", type=click.IntRange(1), metavar="PIXELS", help="The same for every page, instead of --dpi."
)
@click.option("--format", "kind", type=click.Choice(["jpeg", "png"]), default="jpeg", show_default=True)
@click.option("--quality", type=click.IntRange(1, 100), default=90, show_default=True, help="Of JPEG.")
@click.option("--pages", "ranges", default="", metavar="RANGES", help="Such as 1-3,7,10-.  [default: all]")
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True, help="That draw pages at once.")
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=Look.max_pixels,
    show_default=True,
    help="A page that would have more is an error, not a picture that fills the memory.",
)
@click.option("--password-env", metavar="VARIABLE", help="The environment variable with the documents' password.")
@json_option
def command(
    sources: tuple[Path, ...],
    out: Path,
    dpi: float | None,
    longest_side: int | None,
    kind: str,
    quality: int,
    ranges: str,
    processes: int,
    max_pixels: int,
    password_env: str | None,
    as_json: bool,
) -> None:
    """The pages of PDF documents as pictures, with the text layer of each as JSON beside it.

    The folder's pages.jsonl names them: `ontune convert service_manual --pages` reads it. A run that was stopped goes
    on where it was.
    """
    if dpi and longest_side:
        raise click.UsageError("--dpi and --longest-side: give one of them")
    check_apart(out, sources)
    check_replaceable(out)
    look = Look(dpi or Look.dpi, longest_side, kind, quality, max_pixels)
    documents = inspect_all(find_documents(sources), ranges, look, _password(password_env))
    waiting = out.with_name(f".{out.name}.part")
    waiting.mkdir(parents=True, exist_ok=True)
    total = sum(len(document.chosen) for document in documents)
    message(f"{total} pages, {look}")
    pages = draw(documents, look, waiting, processes)
    account = take_account(documents, pages, look)
    publish(out, waiting, pages, account)
    emit(account.record() | {"out": str(out)}, f"{account.text()}\n{out / INDEX}", as_json)
