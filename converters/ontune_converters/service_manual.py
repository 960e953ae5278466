"""Questions about the pages of a manual: checked, joined to their pictures, judged, and split by page."""

import json
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from ontune.console import FOLDER, NEW_PATH, emit, json_option, message, progress
from ontune.errors import SourceError
from ontune.files import write_atomic
from ontune.sharegpt import Sample
from ontune_converters.account import Account
from ontune_converters.dataset import Target, publish
from ontune_converters.manual_pictures import Gallery
from ontune_converters.manual_quality import KINDS, counts, find_faults, quality_record
from ontune_converters.manual_rows import Row, read_rows
from ontune_converters.manual_samples import Builder, PageTexts, answer_field
from ontune_converters.manual_split import Plan, check_pages, choose, section_counts
from ontune_converters.options import dataset_info_option, out_option, strict_option
from ontune_converters.pictures import Shelf
from ontune_converters.split import Pool, report

__all__ = ["command"]


def tell_missing(gallery: Gallery, rows: int) -> None:
    """Says loudly which pictures are not there: a set without them trains on less than it seems."""
    if gallery.missing:
        shown = [f"  {detail}" for _, detail in sorted(gallery.missing.items())[:5]]
        more = [f"  … {len(gallery.missing) - 5} more"] * (len(gallery.missing) > 5)
        head = f"{len(gallery.missing)} PICTURES ARE MISSING or cannot be used; their questions of {rows} are dropped:"
        message("\n".join([head, *shown, *more]))


@click.command(name="service_manual")
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="SOURCE...")
@out_option
@click.option("--media-root", type=FOLDER, multiple=True, help="Where pictures lie that the source only links to.")
@click.option("--pages", type=FOLDER, multiple=True, help="A folder of `ontune convert pages`: pictures and texts.")
@click.option("--val", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Share of the samples.")
@click.option("--test", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of the samples.")
@click.option("--seed", default=42, show_default=True, help="Picks the pages.")
@click.option(
    "--stratify", default="section_id", show_default=True, metavar="KEY", help="Each value has its share; '' for none."
)
@click.option("--keep-splits", is_flag=True, help="Keep the source's own train and val, leaking pages and all.")
@click.option(
    "--near",
    type=click.IntRange(0, 64),
    default=4,
    show_default=True,
    help="Bits of 64 in which the looks of near-identical pictures may differ.",
)
@click.option(
    "--smallest",
    type=click.IntRange(0),
    default=600,
    show_default=True,
    metavar="PIXELS",
    help="A picture with a shorter longest side is reported as no page (a favicon).",
)
@click.option(
    "--drop",
    multiple=True,
    type=click.Choice(sorted(KINDS)),
    help="Drop questions with this finding (--quality says what each means); repeat.",
)
@click.option("--quality", type=NEW_PATH, metavar="FILE", help="Write the quality report there, every finding in it.")
@click.option("--task", default="service_manual", show_default=True, help="A task: its file, or its name.")
@dataset_info_option
@strict_option
@json_option
def command(
    sources: tuple[Path, ...],
    out: Path,
    media_root: tuple[Path, ...],
    pages: tuple[Path, ...],
    val: float,
    test: float,
    seed: int,
    stratify: str,
    keep_splits: bool,
    near: int,
    smallest: int,
    drop: tuple[str, ...],
    quality: Path | None,
    task: str,
    dataset_info: Path,
    strict: bool,
    as_json: bool,
) -> None:
    """Questions about the pages of a manual, split by page, with a quality report.

    SOURCE is a folder with vlm_*.jsonl or with Q&A files (one a page, as in work/qa_unique) anywhere below it, or such
    a file.
    """
    _check_keep(keep_splits)
    if quality and quality.resolve().is_relative_to(out.resolve()):
        raise click.UsageError(f"--quality {quality}: in --out {out}, which holds the dataset alone")
    target = Target.open(out, task, None, dataset_info, (*sources, *media_root, *pages))
    answer_field(target.task)  # refuses a task of another form before anything is read
    account = Account("service_manual", strict)
    rows = read_all(sources, account)
    with tempfile.TemporaryDirectory() as scratch:
        gallery = Gallery((*media_root, *pages))
        builder = Builder(target, account, Shelf(Path(scratch)), gallery, PageTexts.read(pages), smallest)
        for row in progress(rows, "questions", len(rows)):
            builder.add(row)
        tell_missing(gallery, len(rows))
        judge(builder, drop, quality)
        if not builder.samples:
            account.close()
        pool = builder.pool()
        plan = Plan(seed, stratify, keep_splits)
        splits = choose(builder.samples, pool, {"test": test, "val": val}, plan, account)
        account.facts["sections"] = section_counts(builder.samples, splits)
        write(builder, pool, splits, near)
    emit(account.record(), account.text(), as_json)


def _check_keep(keep_splits: bool) -> None:
    given = click.get_current_context().get_parameter_source
    shares = [f"--{name}" for name in ("val", "test") if given(name) is not ParameterSource.DEFAULT]
    if keep_splits and shares:
        raise click.UsageError(f"--keep-splits and {' and '.join(shares)}: give one of them")


def read_all(sources: Sequence[Path], account: Account) -> list[Row]:
    """The rows of all sources. Raises SourceError with all that is wrong with them."""
    rows: list[Row] = []
    faults: list[str] = []
    for source in sources:
        form, found = read_rows(source, faults)
        account.facts.setdefault("read_from", {})[source.resolve().name] = f"{form} ({len(found)})"
        rows += found
    SourceError.check(faults)
    account.read += len(rows)
    return rows


def judge(builder: Builder, drop: Collection[str], quality: Path | None) -> None:
    """The quality report: counts and places in the account, every finding in a file of its own where asked for."""
    questions = list(builder.questions.values())
    findings = find_faults(questions, drop)
    for finding in findings:
        if finding.kind not in {*drop, "tiny_picture"}:
            builder.account.warn(finding.kind, str(finding))
    builder.account.facts["quality"] = counts(findings, questions)
    builder.drop(findings, drop)
    if quality:
        write_atomic(quality, json.dumps(quality_record(findings, questions), indent=2, ensure_ascii=False))


def write(builder: Builder, pool: Pool, splits: Mapping[str, str], near: int) -> None:
    """Writes the dataset with what its splits give away."""
    account = builder.account
    report(pool.leakage(splits, near), account, account.strict)
    check_pages(account, account.strict)
    found: dict[str, list[Sample]] = {split: [] for split in sorted(set(splits.values()))}
    for sample in sorted(builder.samples.values(), key=lambda sample: sample.id):
        found[splits[sample.id]].append(sample)
    publish(builder.target, found, builder.shelf.media, account)
