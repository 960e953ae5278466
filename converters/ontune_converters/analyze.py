"""`ontune analyze`: what annotations of a detector hold, before they are converted."""

import json
from pathlib import Path

import click

from ontune.console import NEW_PATH, emit, json_option
from ontune.errors import CheckFailed
from ontune.files import write_atomic
from ontune.resources import DATASET_INFO
from ontune.task import load_task
from ontune_converters.account import Account
from ontune_converters.analysis import Names, analyse
from ontune_converters.analysis_page import chosen, to_html
from ontune_converters.analysis_text import recommendations, to_markdown
from ontune_converters.annotations import read_annotations
from ontune_converters.conditions import split_groups, without
from ontune_converters.yolo_conditions import annotation_options

__all__ = ["command"]


@click.command(name="analyze")
@annotation_options
@click.option("--out", type=NEW_PATH, default="analysis", show_default=True, help="Folder for the three files.")
@click.option("--task", default="conditions", show_default=True, help="The task that says what a class stands for.")
@click.option("--pictures", type=click.IntRange(0), default=24, show_default=True, help="Shown annotated in the page.")
@click.option("--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True, help="Where tasks are.")
@click.option("--strict", is_flag=True, help="Annotations that cannot be used are an error (exit status 1).")
@json_option
def command(
    source: Path,
    form: str | None,
    oriented: bool,
    leave_out: tuple[str, ...],
    out: Path,
    task: str,
    pictures: int,
    dataset_info: Path,
    strict: bool,
    as_json: bool,
) -> None:
    """What annotations of a detector hold: counts, boxes, relations, imbalance, and what to do about it.

    SOURCE is a folder with annotations (YOLO, COCO, Pascal VOC, CVAT, Label Studio, labelme, Roboflow JSONL), or such a
    file. Writes analysis.json, analysis.md and analysis.html, a page of its own with annotated pictures.
    """
    names = Names(load_task(task, None, dataset_info))
    account = Account("analyze")
    found = without(read_annotations(source, account, form, oriented), leave_out, account)
    split_groups(found, account)
    account.written.update(dict.fromkeys({one.split for one in found}, 0))
    for picture in found:
        account.written[picture.split] += len(picture.regions)
    analysis = {
        "title": f"Annotations of {source.resolve().name}",
        "annotations": account.record(),
        **analyse(found, names),
    }
    analysis["recommendations"] = recommendations(analysis)
    write_atomic(out / "analysis.json", json.dumps(analysis, indent=2, ensure_ascii=False))
    write_atomic(out / "analysis.md", to_markdown(analysis))
    write_atomic(out / "analysis.html", to_html(analysis, chosen(found, pictures)))
    lines = [
        account.text("analysis.json"),
        *recommendations(analysis),
        f"{out}/analysis.json, analysis.md, analysis.html",
    ]
    emit(
        {**analysis, "files": [str(out / f"analysis.{end}") for end in ("json", "md", "html")]},
        "\n".join(lines),
        as_json,
    )
    if strict and account.drops():
        raise CheckFailed(account.drops())
