"""Comparison: rows by id, won and lost, differences with their intervals, and what one run keeps of another."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.fixtures import TASKS, predictions
from ontune.errors import InputError
from ontune.evaluation.comparison import Run, compare, match, retention
from ontune.evaluation.estimates import Settings, measured
from ontune.evaluation.rows import default_rule
from ontune.evaluation.significance import mcnemar

FAST = Settings(resamples=200)


def run(name, rows):
    return Run(name, f"{name}.jsonl", rows)


def compared(family, a, b):
    task = TASKS[family]
    scores = measured(task, a, FAST), measured(task, b, FAST)
    rule = default_rule(scores[0].estimates)
    return compare(task, (run("A", a), run("B", b)), scores, rule, FAST), scores


@pytest.mark.parametrize("family", TASKS)
def test_won_and_lost(family) -> None:
    a, b = predictions(family, 60), predictions(family, 60, skill=0.95)
    found, _ = compared(family, a, b)
    counts = [len(found["won"]), len(found["lost"]), found["both_right"], found["both_wrong"]]
    assert sum(counts) == 60
    assert not set(found["won"]) & set(found["lost"])
    assert found["mcnemar_p"] == mcnemar(counts[1], counts[0])
    assert all(0 < p <= 1 for p in found["permutation_p"].values())
    for difference in found["differences"].values():
        if difference["low"] is not None:
            assert difference["low"] - 1e-9 <= difference["value"] <= difference["high"] + 1e-9


def test_the_two_directions_agree() -> None:
    a, b = predictions("label_sets", 40), predictions("label_sets", 40, skill=0.95)
    there, back = compared("label_sets", a, b)[0], compared("label_sets", b, a)[0]
    assert (there["won"], there["lost"]) == (back["lost"], back["won"])
    assert there["permutation_p"] == pytest.approx(back["permutation_p"])
    assert there["differences"]["f1"]["value"] == pytest.approx(-back["differences"]["f1"]["value"])


def test_a_run_against_itself() -> None:
    rows = predictions("label_sets", 40)
    found, scores = compared("label_sets", rows, rows)
    assert (found["won"], found["lost"], found["mcnemar_p"]) == ([], [], 1.0)
    assert set(found["permutation_p"].values()) == {1.0}
    assert found["differences"]["f1"] == {"value": 0, "low": 0, "high": 0}
    kept = retention(*scores, 0.95)["f1_retention"]
    assert kept.value == 1
    assert kept.low == pytest.approx(0.722, abs=1e-3)  # ten groups without a difference prove no more
    assert kept.high == 1


def test_a_clear_gain_is_significant_and_chance_is_not() -> None:
    a, b = (
        predictions("label_sets", 120, skill=0.5, per_group=1),
        predictions("label_sets", 120, skill=0.95, per_group=1),
    )
    found, scores = compared("label_sets", a, b)
    assert max(found["mcnemar_p"], found["permutation_p"]["exact_match"], found["permutation_p"]["f1"]) < 0.01
    assert found["differences"]["f1"]["low"] > 0
    assert retention(*scores, 0.95)["exact_match_retention"].low > 1
    mixed = [one if at % 2 else other for at, (one, other) in enumerate(zip(a, b, strict=True))]
    swapped = [other if at % 2 else one for at, (one, other) in enumerate(zip(a, b, strict=True))]
    assert compared("label_sets", mixed, swapped)[0]["permutation_p"]["exact_match"] > 0.05


def test_retention_of_nothing_is_none() -> None:
    rows = predictions("label_sets", 8)
    none = [replace(row, answer=None, raw="no") for row in rows]
    task = TASKS["label_sets"]
    assert "f1_retention" not in retention(measured(task, none, FAST), measured(task, rows, FAST), 0.95)
    assert retention(measured(task, rows, FAST), measured(task, none, FAST), 0.95)["f1_retention"].value == 0
    whole = retention(measured(task, rows, Settings(0)), measured(task, rows, Settings(0)), 0.95)["f1_retention"]
    assert (whole.value, whole.low) == (1, None)


def test_matching() -> None:
    rows = predictions("choice", 8)
    assert match([run("A", rows), run("B", rows)]).notes == ()
    with pytest.raises(InputError) as caught:
        match([run("A", rows[1:]), run("B", rows[:-1]), run("C", rows)])
    assert caught.value.faults == (
        "A (A.jsonl) lacks 1 samples: choice-000000",
        "B (B.jsonl) lacks 1 samples: choice-000007",
        "--common compares the samples that all runs have",
    )
    found = match([run("A", rows[1:]), run("B", rows[:-1])], common=True)
    assert [[row.id for row in one.predictions] for one in found.runs] == [[row.id for row in rows[1:-1]]] * 2
    assert "6 samples that all runs have" in found.notes[0]
    assert "choice-000007" in found.notes[0]


def test_what_cannot_be_compared() -> None:
    rows = predictions("choice", 8)
    with pytest.raises(InputError, match="no sample is in all"):
        match([run("A", rows[:4]), run("B", rows[4:])], common=True)
    other = [replace(rows[0], gold={"class": "else"}), *rows[1:]]
    with pytest.raises(InputError, match=r"B.jsonl: other gold than in A.jsonl for 1 samples: choice-000000"):
        match([run("A", rows), run("B", other)])


def test_rows_without_gold_are_neither_right_nor_wrong() -> None:
    a = [replace(row, gold=None) if at < 3 else row for at, row in enumerate(predictions("choice", 20))]
    b = [replace(row, gold=None) if at < 3 else row for at, row in enumerate(predictions("choice", 20, skill=0.5))]
    found, _ = compared("choice", a, b)
    assert len(found["won"]) + len(found["lost"]) + found["both_right"] + found["both_wrong"] == 17
    assert np.isfinite(found["mcnemar_p"])
