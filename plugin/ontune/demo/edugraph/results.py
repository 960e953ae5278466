"""What the demo of EduGraph found: its table with the bounds, and the answers for single pictures."""

from dataclasses import asdict
from pathlib import Path

from ontune.demo.bounds import Results
from ontune.demo.edugraph.ontology import NAME
from ontune.demo.edugraph.pipeline import ANSWERS
from ontune.demo.edugraph.table import bounds, make_rows, to_text
from ontune.demo.steps import Host, gold_of, read_json, saves
from ontune.evaluation import read_predictions
from ontune.task import load_task

__all__ = ["results"]


def results(host: Host, folder: Path) -> Results:
    """The table of the three files of answers, read from the demo's folder."""
    made = folder / saves(host)
    answers = {name: read_predictions(made / f"{name}.jsonl") for name in ANSWERS}
    task = load_task(NAME, dataset_info=folder / "dataset_info")
    rows = make_rows(task, gold_of(folder / "data/sheets/train.jsonl"), **answers)
    found = bounds(rows, len(answers["after"]))
    single = read_json(made / "classify.json")["answers"]
    shown = "\n".join(f"  {item['image']}  {item['raw']}" for item in single)
    record = {"rows": [asdict(row) for row in rows], "answers": single}
    return Results(f"{shown}\n\n{to_text(rows, found)}", found, record)
