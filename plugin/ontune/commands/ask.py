"""`ontune ask`: one question about pictures or pages, answered in words."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from ontune.commands.classify import unreadable
from ontune.commands.engine_options import engine_options, options_of
from ontune.commands.probe import answer_text, free_text
from ontune.console import NEW_PATH, emit, json_option, libraries_apart
from ontune.errors import InputError
from ontune.inference.engine import was_asked
from ontune.inference.notices import name_lost
from ontune.inference.pdf_page import draw_page
from ontune.resources import DATASET_INFO
from ontune.sharegpt import Sample, Turn
from ontune.task import load_task

__all__ = ["command"]

PAGE = re.compile(r"(?P<file>.+\.pdf)#(?P<number>\d+)", re.IGNORECASE)
TAGS = re.compile("<image>|<video>")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--question", required=True, metavar="TEXT", help="What is asked about the files.")
@engine_options
@click.option("--task", "task_name", help="Hold the answer to this task's contract, and use its system prompt.")
@click.option("--ontology", help="Snapshot in the place of the task's.")
@click.option(
    "--decoding",
    type=click.Choice(["constrained", "free"]),
    default="constrained",
    show_default=True,
    help="Under --task; without one an answer is free.",
)
@click.option("--system", metavar="TEXT", help="System prompt.  [default: the task's, else none]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of a server's request.")
@click.option("--dpi", type=click.FloatRange(1, 2400), default=150.0, show_default=True, help="Of pages of a PDF.")
@click.option("--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True)
@json_option
def command(
    files: tuple[str, ...],
    question: str,
    task_name: str | None,
    ontology: str | None,
    decoding: Any,
    system: str | None,
    seed: int,
    dpi: float,
    dataset_info: Path,
    as_json: bool,
    **engine: Any,
) -> int:
    """Answer one question about picture files, or about pages of a PDF: manual.pdf#12. Several are shown together.

    By a model here (--model FOLDER), by a server (--url) or by vLLM. A model that was trained on a task is asked best
    with it: --task service_manual. Exit status 1 where the question does not fit the model, or a server refuses it.
    """
    task = load_task(task_name, ontology, dataset_info) if task_name else None
    InputError.check(list(_faults(files, question, ontology if not task else None)))
    options, contract = options_of(seed, engine), task or free_text()
    with tempfile.TemporaryDirectory() as folder:
        pictures = _pictures(files, dpi, Path(folder))
        sample = _sample(pictures, question, contract.system if system is None else system)
        with libraries_apart():
            (row,) = options.engine(contract, Path("/")).answer([sample], decoding if task else "free")
    name_lost("ask", [row])
    answer = answer_text(task, row)
    record = {"files": list(files), "question": question, "answer": answer, "raw": row.raw}
    emit(record | {"errors": list(row.errors), "model": row.model}, answer or row.raw, as_json)
    return int(not was_asked(row))


def _faults(files: Sequence[str], question: str, ontology: str | None) -> Iterator[str]:
    if not question.strip() or TAGS.search(question):
        yield f"--question is {question!r}: expected a text, without media tags"
    if ontology:
        yield "--ontology is for --task, which is not given"
    for name in files:
        page = None if Path(name).is_file() else PAGE.fullmatch(name)
        file = Path(page["file"] if page else name)
        if not file.is_file():
            yield f"{file}: no such file"
        elif not page and file.suffix.lower() == ".pdf":
            yield f"{name}: which page: expected {name}#1 or another number"
        elif not page:
            yield from unreadable([file])


def _pictures(files: Sequence[str], dpi: float, folder: Path) -> list[Path]:
    """The files that are shown; pages are drawn into the folder. Raises InputError with all that cannot be."""
    found: list[Path] = []
    faults: list[str] = []
    for at, name in enumerate(files):
        page = None if Path(name).is_file() else PAGE.fullmatch(name)
        drawn = folder / f"{at}.png"  # documents in several folders may share a name
        try:
            found.append(draw_page(Path(page["file"]), int(page["number"]), drawn, dpi) if page else Path(name))
        except InputError as error:
            faults += error.faults
    InputError.check(faults)
    return found


def _sample(pictures: Sequence[Path], question: str, system: str) -> Sample:
    turns = (Turn("human", f"{'<image>' * len(pictures)}{question}"), Turn("gpt", "{}"))
    paths = tuple(str(path.resolve().relative_to("/")) for path in pictures)
    return Sample("question", turns, system, paths, meta={"group": "question"})
