"""Weak spots: counted by hand, worst first, and read back from the file."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from evaluation.fixtures import TASKS, predictions
from ontune.evaluation.families import measure
from ontune.evaluation.rows import default_rule, right_rows
from ontune.evaluation.significance import wilson
from ontune.evaluation.weak_spots import COLUMNS, telling_nothing, to_csv, weak_spots
from ontune.task.parsing import parse

TASK = TASKS["label_sets"]


def row(name: str, gold: str, given: str, **meta):
    raw = TASK.to_json(TASK.answer_from_labels(given.split()))
    base = predictions("label_sets", 1)[0]
    return replace(
        base, id=name, gold=TASK.answer_from_labels(gold.split()), raw=raw, answer=parse(TASK, raw)[0], meta=meta
    )


ROWS = [
    row("a", "Addition Clock", "Addition Clock", page_id="1", section="x", same="s", solution=True),
    row("b", "Addition Clock", "Subtraction Clock", page_id="1", section="x", same="s", solution=False),
    row("c", "Addition", "Subtraction", page_id="2", section="y", same="s", solution=False),
    row("d", "Circle", "Circle Disc", page_id="3", section="y", same="s", solution=True),
    replace(row("e", "Circle", "Disc", page_id="4", section="y", same="s", solution=True), gold=None),
]
RIGHT = right_rows(measure(TASK, ROWS), ROWS, default_rule(["exact_match"]))


def found(**options):
    return {(spot.kind, spot.value): spot for spot in weak_spots(TASK, ROWS, RIGHT, **options)}


def test_counts() -> None:
    spots = found()
    counts = {key: (spot.n, spot.wrong, " ".join(spot.examples)) for key, spot in spots.items()}
    assert counts == {
        ("page", "1"): (2, 1, "b"),
        ("page", "2"): (1, 1, "c"),
        ("page", "3"): (1, 1, "d"),
        ("section", "x"): (2, 1, "b"),
        ("section", "y"): (2, 2, "c d"),
        ("solution", "True"): (2, 1, "d"),
        ("solution", "False"): (2, 2, "b c"),
        ("concept", "Addition"): (3, 2, "b c"),
        ("concept", "Subtraction"): (2, 2, "b c"),
        ("concept", "Disc"): (1, 1, "d"),
        ("confused", "Addition > Subtraction"): (3, 2, "b c"),
    }
    assert spots["section", "y"].lower_bound == wilson(2, 2)[0]
    both = [replace(item, meta=item.meta | {"page": item.meta["page_id"]}) for item in ROWS]
    assert weak_spots(TASK, both, RIGHT) == weak_spots(TASK, ROWS, RIGHT), "a page under both names is one page"


def test_worst_first_by_the_lower_bound() -> None:
    order = weak_spots(TASK, ROWS, RIGHT)
    assert [spot.lower_bound for spot in order] == sorted((spot.lower_bound for spot in order), reverse=True)
    assert (order[0].n, order[0].wrong) == (2, 2)  # before the single rows that are all wrong


def test_fields_by_choice() -> None:
    kinds = {kind for kind, _ in found(by=["section"])}
    assert kinds == {"section", "concept", "confused"}
    assert (
        {kind for kind, _ in found(by=["page"])}
        == {kind for kind, _ in found(by=["page_id"])}
        == {"page", "concept", "confused"}
    )
    assert ("same", "s") in found(by=["same"])
    assert telling_nothing(ROWS) == ["same"]
    names = [replace(item, meta={"key": str(at), "group": str(at // 2)}) for at, item in enumerate(ROWS)]
    assert telling_nothing(names) == ["key"]
    assert telling_nothing([]) == telling_nothing(ROWS[:1]) == []


def test_choices_are_read_as_the_metrics_read_them() -> None:
    task = TASKS["choice"]
    rows = predictions("choice", 40)
    free = [replace(item, raw=str(item.answer["class"]).upper(), answer=None) for item in rows if item.answer]
    spots = [
        weak_spots(task, some, right_rows(measure(task, some), some, default_rule(["accuracy"])))
        for some in (rows, free)
    ]
    assert spots[0] == spots[1]
    confused = [spot for spot in spots[0] if spot.kind == "confused"]
    assert sum(spot.wrong for spot in confused) == sum(item.answer != item.gold for item in rows)


def test_the_file() -> None:
    spots = weak_spots(TASK, ROWS, RIGHT)
    records = list(csv.DictReader(io.StringIO(to_csv(spots))))
    assert tuple(records[0]) == COLUMNS
    assert [(item["kind"], item["value"], int(item["n"]), int(item["wrong"])) for item in records] == [
        (spot.kind, spot.value, spot.n, spot.wrong) for spot in spots
    ]
    assert records[0]["error_rate"] == "1.0"
    odd = replace(spots[0], value='a,"b"\n=c')
    assert next(csv.DictReader(io.StringIO(to_csv([odd]))))["value"] == 'a,"b"\n=c'


@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS[4:]])
def test_nothing_wrong(rows) -> None:
    assert weak_spots(TASK, rows, np.ones(len(rows), dtype=bool)) == []
    assert to_csv([]) == ",".join(COLUMNS) + "\n"
