"""`ontune questions`: questions about pages, drafted by a model, for want of ready ones."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click

from ontune.commands.judge_address import FORMS, JudgeAddress
from ontune.commands.question_job import CHOICE, Choice, Job, new_records
from ontune.console import FILE, FOLDER, NEW_PATH, emit, json_option, libraries_apart, message
from ontune.errors import InputError
from ontune.inference.question_file import merged, write_records
from ontune.inference.question_filters import REASONS, Sieve
from ontune.inference.question_pages import KINDS
from ontune.inference.question_templates import load_templates
from ontune.inference.questions import Drafted, Drafter
from ontune.inference.resume import discard_part
from ontune.resources import DATASET_INFO

__all__ = ["command"]

Record = dict[str, Any]
MAX_TOKENS = 4096  # of one answer: a page's questions take a quarter
MAX_PIXELS = 1536 * 1024  # a page's small print can be read


@click.command()
@click.argument("pages", type=FOLDER)
@click.option("-o", "--out", type=NEW_PATH, required=True, help="JSONL file for the questions, one page a line.")
@click.option("--engine", required=True, metavar="WHO", help=f"Who drafts: {FORMS}.")
@click.option("--engine-model", metavar="NAME", help="Its name there.  [default: the only one there]")
@click.option(
    "--engine-key-env",
    metavar="VARIABLE",
    help="Environment variable with its key.  [default: ANTHROPIC_API_KEY or OPENAI_API_KEY for those two]",
)
@click.option("--engine-extra", default="{}", metavar="JSON", help="Merged into each request; null takes a key out.")
@click.option("--content-type", metavar="TYPE", help="Of all pages.  [default: as --classes says, else asked first]")
@click.option(
    "--classes",
    type=FILE,
    help="CSV: page_id with content_type, section_id, section_name or source_type.  [default: a section a document]",
)
@click.option("--source-type", default="service_manual", show_default=True)
@click.option(
    "--pages",
    "weak",
    type=FILE,
    metavar="CSV",
    help="Draft anew for the pages in a file of `ontune weak-spots`; the new questions take the old ones' place.",
)
@click.option(
    "--by", multiple=True, type=click.Choice(KINDS), help="Which weak spots count; several times.  [default: page]"
)
@click.option("--worst", type=click.IntRange(1), metavar="N", help="Only the first N of these weak spots.")
@click.option("--max-pages", type=click.IntRange(1), metavar="N", help="Ask about so many pages, the first ones left.")
@click.option("--image-max-pixels", type=click.IntRange(784), default=MAX_PIXELS, show_default=True)
@click.option("--price-in", type=click.FloatRange(0), help="Price of a million tokens that are sent.")
@click.option("--price-out", type=click.FloatRange(0), help="Price of a million tokens that come back.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and ask nothing.")
@click.option("-y", "--yes", is_flag=True, help="Start without asking whether to.")
@click.option("--timestamp", metavar="TEXT", help="Written beside the model's name.  [default: none]")
@click.option("--concurrency", type=click.IntRange(1), default=8, show_default=True, help="Requests at once.")
@click.option("--timeout", type=click.FloatRange(0.1), default=300.0, show_default=True, help="Seconds for one answer.")
@click.option("--retries", type=click.IntRange(0), default=5, show_default=True, help="After a failed request.")
@click.option("--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True)
@json_option
def command(
    pages: Path,
    out: Path,
    engine: str,
    engine_model: str | None,
    engine_key_env: str | None,
    yes: bool,
    dry_run: bool,
    price_in: float | None,
    price_out: float | None,
    timestamp: str | None,
    dataset_info: Path,
    as_json: bool,
    **values: Any,
) -> int:
    """Draft questions about the pages in a folder of `ontune convert pages`, by what is on each: its content type.

    What to ask about a content type stands in dataset_info/prompts/questions/TYPE.yaml, and the words of a request in
    draft.md.j2 and classify.md.j2 there: your own file first, then the package's (see `ontune path dataset-info`).
    Questions are dropped, and counted by reason, that are too short or have no question mark, speak of the picture,
    say nothing new in their answer, have a number in it that is not in the page's text layer, or repeat another. A stop
    at any moment is resumed by the same command. Pages that OUT has already are not asked again, but for those of
    --pages. `ontune convert service_manual OUT --pages PAGES` makes samples of the file. Exit status 1 where pages were
    not answered: the same command asks them again.
    """
    address = JudgeAddress(engine, engine_model, engine_key_env, "--engine")
    _check(address, out, (price_in, price_out))
    templates = load_templates(dataset_info)
    job = Job.plan(pages, out, Choice(**{key: values.pop(key) for key in CHOICE}), templates)
    workers = 1 if address.folder else values["concurrency"]
    with libraries_apart():
        judge = address.judge(values["timeout"], values["retries"], _extra(values["engine_extra"]))
        drafter = Drafter(judge, templates, pages, out, values["image_max_pixels"], workers, job.occasion)
        record = _estimate(job, drafter, price_in, price_out)
        record["started"] = not dry_run and _may_start(record, yes)
        if record["started"]:
            record |= {"file": str(out)} | _write(job, drafter, drafter.draft(job.subjects), timestamp)
    emit(record, _text(record) if record["started"] else _cost(record), as_json)
    return int(bool(record.get("failed")))


def _estimate(job: Job, drafter: Drafter, price_in: float | None, price_out: float | None) -> Record:
    found = drafter.estimate(job.subjects)
    cost = asdict(found)
    if price_in is not None and price_out is not None:
        cost["price"] = round(found.price(price_in, price_out), 4)
    return {"pages": len(job.subjects), "pages_left": dict(job.left), "estimate": cost}


def _check(address: JudgeAddress, out: Path, prices: Sequence[float | None]) -> None:
    faults = list(address.faults("--engine"))
    if out.suffix != ".jsonl":
        faults.append(f"-o {out}: expected a file .jsonl: `ontune convert` knows the form by that")
    if len({price is None for price in prices}) > 1:
        faults.append("--price-in and --price-out: give both")
    InputError.check(faults)


def _extra(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except ValueError as error:
        raise InputError(f"--engine-extra is {text!r}: not JSON: {error}") from None
    if not isinstance(record, dict):
        raise InputError(f"--engine-extra is {text!r}: expected a JSON object")
    return {"max_tokens": MAX_TOKENS} | cast("dict[str, Any]", record)


def _may_start(record: Record, yes: bool) -> bool:
    """Says what it costs, and asks whether to start where that is not said already."""
    if record["estimate"]["requests"]:
        message(_cost(record))
    if yes or not record["estimate"]["requests"]:
        return True
    try:
        return click.confirm("Start?", err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise InputError("nobody to ask whether to start: add --yes, or --dry-run for the cost alone") from None


def _cost(record: Record) -> str:
    found = record["estimate"]
    kept = f" ({found['kept']} answered already, before a stop)" if found["kept"] else ""
    tokens = f"about {found['tokens_in']:,} tokens sent ({found['tokens_of_pictures']:,} of them for pictures)"
    price = f", {found['price']:,.2f} at these prices" if "price" in found else ""
    back = f"at most {found['tokens_out']:,} back"
    head = f"{record['pages']} pages, {found['requests']} requests{kept}, {tokens}, {back}"
    return "\n".join([head + price, *_left(record)])


def _left(record: Record) -> list[str]:
    return [f"  {count:5} pages {why.replace('_', ' ')}" for why, count in record["pages_left"].items()]


def _write(job: Job, drafter: Drafter, drafted: Sequence[Drafted], timestamp: str | None) -> Record:
    """Writes the file with the questions that are kept, and says what became of all."""
    failed = [page for page in drafted if page.failed]
    for page in failed:
        message(f"{page.subject.page.page_id}: not answered: {page.failed}: {page.why}")
    if drafted and len(failed) == len(drafted):
        raise InputError(f"no page was answered, the first one: {failed[0].failed}: {failed[0].why}")
    sieve = Sieve()
    generation = {"model": drafter.judge.name} | ({"timestamp": timestamp} if timestamp else {})
    new = list(new_records(job, drafter.templates, [page for page in drafted if not page.failed], sieve, generation))
    if new or not job.out.is_file():
        write_records(job.out, merged(job.records, new))
    if not failed:
        discard_part(job.out)
    told = {"read": sieve.read, "written": sieve.kept, "dropped": dict(sorted(sieve.dropped.items()))}
    kinds = {"failed": Counter(page.failed for page in failed), "examples": sieve.examples}
    return told | kinds | {"pages_without_questions": sum(not one["qa_pairs"] for one in new)}


def _text(record: Record) -> str:
    head = f"{record['read']} questions drafted about {record['pages']} pages, {record['written']} written"
    lines = [f"{head} to {record['file']}"]
    for reason, count in record["dropped"].items():
        lines += [
            f"  {count:5} dropped: {reason}: {REASONS[reason]}",
            *(f"        {text}" for text in record["examples"][reason][:1]),
        ]
    lines += [f"  {count:5} pages not answered: {kind}" for kind, count in record["failed"].items()]
    if count := record["pages_without_questions"]:
        lines.append(f"  {count:5} pages without a question")
    return "\n".join([*lines, *_left(record)])
