"""What the demo of conditions found: its table with the bounds, the relations, and what both stages are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ontune.demo.bounds import (
    AFTER,
    BEFORE,
    BLANK,
    CEILING,
    Results,
    Row,
    bounds,
    make_rows,
    to_text,
)
from ontune.demo.conditions.pipeline import ANSWERS
from ontune.demo.conditions.tasks import RELATIONS, TASK
from ontune.demo.steps import Host, gold_of, read_json, saves
from ontune.evaluation import Prediction, read_predictions
from ontune.evaluation.families import compute_metrics
from ontune.task import load_task

__all__ = ["UNFRAMED", "results", "unframed"]

UNFRAMED = "best without the frame"


def results(host: Host, folder: Path) -> Results:
    """The table of the files of answers and the report of both stages, read from the demo's folder."""
    made, info = folder / saves(host), folder / "dataset_info"
    answers = {name: read_predictions(made / f"{name}.jsonl") for name in ANSWERS}
    named = {BEFORE: answers["before"], AFTER: answers["after"], BLANK: answers["blank"]}
    train = gold_of(folder / "data/scenes/train.jsonl")
    rows = [*make_rows(load_task(TASK, dataset_info=info), train, named), unframed(answers["after"])]
    spatial = compute_metrics(load_task(RELATIONS, dataset_info=info), answers["relations"])
    found = bounds(rows, len(answers["after"]), {UNFRAMED: CEILING})
    where = f"where framed objects lie: {spatial['spatial_accuracy']:.3f} of {len(answers['relations'])} questions"
    detected = read_json(made / "detected/report.json")
    pages = [folder / "analysis/analysis.html", made / "report/report.html", made / "detected/annotated"]
    text = f"{to_text(rows, found)}\n\n{where}\n\n{_both_stages(detected)}\n\n" + "\n".join(str(page) for page in pages)
    record = {"rows": [asdict(row) for row in rows], "relations": spatial, "detect_classify": detected}
    return Results(text, found, record)


def unframed(predictions: Sequence[Prediction]) -> Row:
    """What an answer a picture can reach: a model that knows all objects of a scene, but not which one is meant."""
    pictures = {prediction.meta["picture"] for prediction in predictions}
    return Row(UNFRAMED, len(pictures) / len(predictions), 0.0)


def _both_stages(report: Mapping[str, Any]) -> str:
    """What came of the objects behind the detector, for people."""
    truth = report["truth"]
    counts = ", ".join(f"{name} {count}" for name, count in truth["counts"].items())
    shown = (
        "detection_recall",
        "classification_accuracy",
        "end_to_end_precision",
        "end_to_end_recall",
        "end_to_end_f1",
    )
    lines = [f"  {name:26}{truth['metrics'][name]['value']:.3f}" for name in shown]
    return "\n".join([f"detect-classify, {truth['pictures']} held-out scenes: {counts}", *lines])
