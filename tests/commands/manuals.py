"""A working directory with the task `manual` and its predictions, which carry a page's text and pictures."""

from dataclasses import replace
from pathlib import Path

import yaml
from PIL import Image

from evaluation.fixtures import predictions
from ontune.evaluation import Prediction, write_predictions
from ontune.ontology import write_snapshot
from small import ONTOLOGY

TASK = {
    "name": "manual",
    "ontology": "small-1",
    "system": "Answer with one JSON object.",
    "user": "What does the page say?",
    "fields": [{"name": "answer", "kind": "text", "max_chars": 500}],
    "metrics": ["manuals"],
}


def make_manuals(folder: Path, count: int = 12) -> list[Prediction]:
    """Writes `p.jsonl` and what it needs; gives the predictions."""
    write_snapshot(ONTOLOGY, folder / "dataset_info/ontologies/small-1.json")
    (folder / "dataset_info/tasks").mkdir()
    (folder / "dataset_info/tasks/manual.yaml").write_text(yaml.safe_dump(TASK))
    rows = [replace(row, meta={**row.meta, "page_text": "Torque and pins."}) for row in predictions("manuals", count)]
    for name in sorted({name for row in rows for name in row.images}):
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20), "red").save(path)
    write_predictions(folder / "p.jsonl", rows)
    return rows
