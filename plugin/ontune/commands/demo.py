"""`ontune demo`: the whole way from an ontology and pictures to a labeller, on this computer."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ontune.console import NEW_PATH, emit, json_option

__all__ = ["command"]


@click.command()
@click.option("--host", type=click.Choice(["llamafactory", "swift"]), default="llamafactory", show_default=True)
@click.option("--dir", "folder", type=NEW_PATH, default="demo", show_default=True, help="Everything is made in it.")
@click.option("--fresh", is_flag=True, help="Do finished steps again.")
@json_option
@click.pass_context
def command(ctx: click.Context, host: Any, folder: Path, fresh: bool, as_json: bool) -> None:
    """The main job on this computer, with its own sheets and a tiny model.

    Draws worksheets, converts them, trains a tiny Qwen-VL from random weights in two stages, exports it, and scores its
    unconstrained answers on held-out sheets against baselines. Needs no GPU and no network; about 8 minutes on two
    cores. Finished steps are not run again. Exit status 1 where a bound is missed.
    """
    from ontune.demo.pipeline import model_folder, steps
    from ontune.demo.runner import run_steps

    started = time.monotonic()
    done = run_steps(steps(host, folder), folder, fresh)
    record = _results(host, folder)
    record |= {
        "host": host,
        "model": str(folder / model_folder(host)),
        "seconds": round(time.monotonic() - started, 1),
        "steps": [asdict(step) for step in done],
    }
    text = record.pop("text")
    emit(record, f"{text}\n\n{record['seconds']:.0f} s; model: {record['model']}", as_json)
    if not record["kept"]:
        ctx.exit(1)


def _results(host: Any, folder: Path) -> dict[str, Any]:
    """The table with its bounds, and the answers for single pictures."""
    from ontune.demo.ontology import NAME
    from ontune.demo.pipeline import ANSWERS, model_folder
    from ontune.demo.table import bounds, make_rows, to_text
    from ontune.evaluation import read_predictions
    from ontune.sharegpt import read_samples
    from ontune.task import load_task

    saves = (folder / model_folder(host)).parent
    train = [json.loads(sample.gold) for sample in read_samples(folder / "data/sheets/train.jsonl")]
    answers = {name: read_predictions(saves / f"{name}.jsonl") for name in ANSWERS}
    rows = make_rows(load_task(NAME, dataset_info=folder / "dataset_info"), train, **answers)
    found = bounds(rows, len(answers["after"]))
    single = json.loads((saves / "classify.json").read_text(encoding="utf-8"))["answers"]
    shown = "\n".join(f"  {item['image']}  {item['raw']}" for item in single)
    return {
        "rows": [asdict(row) for row in rows],
        "bounds": [asdict(bound) | {"kept": bound.kept} for bound in found],
        "kept": all(bound.kept for bound in found),
        "answers": single,
        "text": f"{shown}\n\n{to_text(rows, found)}",
    }
