"""How long do label-set predictions take from their file to all metrics with intervals, and to report.json?

Processor time of one core.

python tests/benchmarks/evaluation.py [--rows N] [--resamples N] [--quick] [--json]
"""

import argparse
import datetime
import json
import platform
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from threadpoolctl import threadpool_limits

from ontune.evaluation import Prediction, read_predictions, write_predictions
from ontune.evaluation.bootstrap import groups_of, intervals
from ontune.evaluation.comparison import Run
from ontune.evaluation.estimates import Settings
from ontune.evaluation.families import measure
from ontune.evaluation.measure import point
from ontune.evaluation.report import Plan, build_report
from ontune.ontology import Concept, Ontology
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
        meta = {"group": f"g{at // ROWS_A_GROUP:06}"}
        yield Prediction(
            f"s{at:06}", "constrained", task.canonical(gold), task.to_json(answer), task.canonical(answer), meta=meta
        )


@contextmanager
def timed(record: dict[str, float], step: str) -> Iterator[None]:
    before = time.process_time()
    yield
    record[step] = round(time.process_time() - before, 2)


def run(rows: int, resamples: int) -> dict[str, object]:
    """The seconds of each step."""
    seconds: dict[str, float] = {}
    task = make_task()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.jsonl"
        write_predictions(path, make_predictions(task, rows))
        with timed(seconds, "read"):
            predictions = read_predictions(path)
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
        "labels": sum(SIZES.values()),
        "metrics": len(values),
        "cpu_seconds": seconds,
        "cpu_seconds_total": round(sum(seconds.values()), 2),
        "cpu_seconds_read_and_report": round(seconds["read"] + whole["report"], 2),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="5,000 rows and 100 resamples")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    size = (5000, 100) if options.quick else (options.rows, options.resamples)
    with threadpool_limits(1):
        record = run(*size)
    print(json.dumps(record) if options.json else "\n".join(f"{key:<20}{value}" for key, value in record.items()))


if __name__ == "__main__":
    main()
