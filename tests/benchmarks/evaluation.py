"""How long do label-set predictions take from their file to all metrics with intervals, and to report.json?

Processor time of one core. `cpu_seconds_command` is that of `ontune evaluate --no-page` in a process of its own, from
the start of Python to report.json and report.md, slices and baselines included. `--ontology` takes a snapshot, such as
EduGraph's, in the place of trees of the same size.

python tests/benchmarks/evaluation.py [--rows N] [--resamples N] [--ontology FILE] [--quick] [--json]
"""

import argparse
import datetime
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import yaml
from threadpoolctl import threadpool_limits

from ontune.evaluation import Prediction, read_predictions, write_predictions
from ontune.evaluation.bootstrap import groups_of, intervals
from ontune.evaluation.comparison import Run
from ontune.evaluation.estimates import Settings
from ontune.evaluation.families import measure
from ontune.evaluation.measure import point
from ontune.evaluation.report import Plan, build_report
from ontune.ontology import Concept, Ontology, read_snapshot, write_snapshot
from ontune.task import ErrorAnswer, Labels, Task

SIZES = {"Area": 278, "Scope": 343, "Ability": 108}  # 729 labels, of EduGraph's proportions
GIVEN = {"Area": 3, "Scope": 4, "Ability": 2}  # labels a row
ROWS_A_GROUP = 4


def make_task() -> Task:
    """A task over trees in which each node has three children."""
    names = {dimension: [f"{dimension}{at:03}" for at in range(size)] for dimension, size in SIZES.items()}
    concepts = [
        Concept(name, dimension, f"http://example.org/{name}", "", (), (labels[(at - 1) // 3],) if at else ())
        for dimension, labels in names.items()
        for at, name in enumerate(labels)
    ]
    fields = tuple(Labels(dimension, dimension) for dimension in SIZES)
    ontology = Ontology("benchmark", "1", tuple(SIZES), tuple(concepts))
    return Task("benchmark", ontology, fields, error=ErrorAnswer("Error", ("none",)), metrics=("label_sets",))


def make_predictions(task: Task, rows: int) -> Iterator[Prediction]:
    """Answers in which one label of nine is missing and one is wrong: no two rows need be alike."""
    rng = random.Random(0)
    for at in range(rows):
        gold = {name: rng.sample(task.ontology.labels(name), count) for name, count in GIVEN.items()}
        answer = {name: list(labels) for name, labels in gold.items()}
        wrong = rng.choice(list(SIZES))
        answer[wrong][0] = rng.choice(task.ontology.labels(wrong))
        meta = {"group": f"g{at // ROWS_A_GROUP:06}", "generator": rng.choice("abc"), "solution": at % 2 == 0}
        yield Prediction(
            f"s{at:06}",
            "constrained",
            task.canonical(gold),
            task.to_json(answer),
            task.canonical(answer),
            meta=meta,
            task=task.name,
        )


@contextmanager
def timed(record: dict[str, float], step: str) -> Iterator[None]:
    before = time.process_time()
    yield
    record[step] = round(time.process_time() - before, 2)


def command_seconds(folder: Path, task: Task, resamples: int) -> float:
    """The processor time of the command on the folder's predictions, all of its process."""
    write_snapshot(task.ontology, folder / "dataset_info/ontologies/benchmark.json")
    (folder / "dataset_info/tasks").mkdir()
    fields = [{"name": name, "kind": "labels", "dimension": name} for name in SIZES]
    record = {"name": task.name, "ontology": "benchmark", "system": "", "user": "Label this.", "fields": fields}
    (folder / "dataset_info/tasks/benchmark.yaml").write_text(yaml.safe_dump(record | {"metrics": ["label_sets"]}))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "ontune", "evaluate", "predictions.jsonl", "--no-page", "--json"]
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    subprocess.run(
        [*command, "--bootstrap", str(resamples)],
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)


def run(rows: int, resamples: int, ontology: Path | None = None) -> dict[str, object]:
    """The seconds of each step."""
    seconds: dict[str, float] = {}
    task = make_task()
    task = replace(task, ontology=read_snapshot(ontology)) if ontology else task
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.jsonl"
        write_predictions(path, make_predictions(task, rows))
        with timed(seconds, "read"):
            predictions = read_predictions(path)
        of_command = command_seconds(Path(folder), task, resamples)
    with timed(seconds, "prepare"):
        measured = measure(task, predictions)
    with timed(seconds, "point"):
        values = point(measured, rows)
    with timed(seconds, "bootstrap"):
        found = intervals(measured, groups_of(predictions), resamples)
    assert found.keys() == values.keys()
    whole: dict[str, float] = {}
    with timed(whole, "report"):  # measures all of this again, and baselines, labels and slices beside
        build_report(task, [Run("A", "predictions.jsonl", predictions)], plan=Plan(settings=Settings(resamples)))
    return {
        "benchmark": "evaluation",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "rows": rows,
        "resamples": resamples,
        "labels": len(task.ontology.concepts),
        "metrics": len(values),
        "cpu_seconds": seconds,
        "cpu_seconds_total": round(sum(seconds.values()), 2),
        "cpu_seconds_read_and_report": round(seconds["read"] + whole["report"], 2),
        "cpu_seconds_command": of_command,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--ontology", type=Path, help="a snapshot with Area, Scope and Ability")
    parser.add_argument("--quick", action="store_true", help="5,000 rows and 100 resamples")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    size = (5000, 100) if options.quick else (options.rows, options.resamples)
    with threadpool_limits(1):
        record = run(*size, options.ontology)
    print(json.dumps(record) if options.json else "\n".join(f"{key:<20}{value}" for key, value in record.items()))


if __name__ == "__main__":
    main()
