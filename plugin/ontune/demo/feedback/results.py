"""What the demo of exercise videos found: its table with the bounds, and what was said of a workout."""

import json
from dataclasses import asdict
from pathlib import Path

from ontune.demo.bounds import AFTER, BEFORE, BLANK, Results, bounds, make_rows, to_text
from ontune.demo.feedback.pipeline import ANSWERS, REPORT, TASK, WATCHED
from ontune.demo.steps import Host, gold_of, saves
from ontune.evaluation import read_predictions
from ontune.task import load_task

__all__ = ["results"]

STILL = "after, single frame"
CEILING = 0.50  # of what one frame of a clip, shown all the time, may tell; trained on such clips alone it was 0.34
NAMES = {"before": BEFORE, "after": AFTER, "blank": BLANK, "still": STILL}


def results(host: Host, folder: Path) -> Results:
    """The table of the files of answers, read from the demo's folder."""
    made = folder / saves(host)
    answers = {NAMES[name]: read_predictions(made / f"{name}.jsonl") for name in ANSWERS}
    task = load_task(TASK, dataset_info=folder / "dataset_info")
    rows = make_rows(task, gold_of(folder / "data/clips/train.jsonl"), answers)
    found = bounds(rows, len(answers[AFTER]), {STILL: CEILING})
    report = made / REPORT / "report.html"
    watched = [json.loads(line) for line in (made / WATCHED).read_text(encoding="utf-8").splitlines()]
    shown = "\n".join(f"  {piece['start']:4.0f} to {piece['end']:2.0f} s  {piece['raw']}" for piece in watched)
    record = {"rows": [asdict(row) for row in rows], "watched": watched, "report": str(report)}
    return Results(f"sources/workout.mp4\n{shown}\n\n{to_text(rows, found)}\n\nreport: {report}", found, record)
