"""Estimates: which interval a value gets, over how many rows, and what is no value at all."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.fixtures import TASKS, predictions
from ontune.evaluation.estimates import Settings, count_of, headline, measured
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.significance import wilson
from ontune.task import Choice, Task

TASK = TASKS["label_sets"]
FAST = Settings(resamples=200)


def rows(count: int, right: int, per_group: int = 1, family: str = "label_sets") -> list[Prediction]:
    good = predictions(family, count, skill=1.0, per_group=per_group)
    wrong = [replace(row, raw="no", answer=None, errors=("invalid_json",)) for row in good[right:]]
    return good[:right] + wrong


def test_rates_of_single_rows_are_wilson() -> None:
    found = measured(TASK, rows(25, 25), FAST).estimates
    assert found["exact_match"].to_record() == {
        "value": 1.0,
        "low": wilson(25, 25)[0],
        "high": 1.0,
        "n": 25,
        "method": "wilson",
    }
    assert (found["invalid_rate"].low, found["invalid_rate"].high) == wilson(0, 25)
    mixed = measured(TASK, rows(25, 20), FAST).estimates
    assert (mixed["exact_match"].method, mixed["f1"].method) == ("wilson", "bootstrap")
    assert mixed["f1"].low < mixed["f1"].value < mixed["f1"].high


def test_rows_in_groups_are_drawn_by_group() -> None:
    found = measured(TASK, rows(40, 30, per_group=10), FAST).estimates["exact_match"]
    assert (found.method, found.n, found.units) == ("bootstrap", 40, 4)
    assert found.low < wilson(30, 40)[0]


def test_what_never_varies_is_counted_by_groups() -> None:
    """Forty right rows on four pages are four observations, whatever the metric."""
    found = measured(TASK, rows(40, 40, per_group=10), FAST).estimates
    for name in ("exact_match", "f1", "macro_f1"):
        assert (found[name].low, found[name].high, found[name].method) == (*wilson(4, 4), "wilson")
    assert found["lca_distance"].method == "bootstrap"


def test_a_rate_is_never_narrower_than_of_single_rows() -> None:
    """One wrong row on each page: every resample has the same rate."""
    some = [row for start in range(4) for row in rows(40, 36, per_group=40)[start * 9 : start * 9 + 9]]
    wrong = rows(40, 36, per_group=40)[36:]
    mixed = sorted([*some, *wrong], key=lambda row: row.id)
    pages = [replace(row, meta={"group": str(at % 4)}) for at, row in enumerate(mixed[:36] + mixed[36:])]
    found = measured(TASK, pages, FAST).estimates["exact_match"]
    assert found.method == "bootstrap"
    assert found.low <= wilson(36, 40)[0]
    assert found.high >= wilson(36, 40)[1]


@pytest.mark.parametrize(
    ("given", "settings", "low"), [(rows(5, 4, per_group=5), FAST, None), (rows(8, 4, per_group=4), Settings(0), None)]
)
def test_no_interval(given, settings, low) -> None:
    found = measured(TASK, given, settings).estimates["exact_match"]
    assert (found.low, found.high, found.method) == (low, None, None)


def test_no_rows_and_no_gold() -> None:
    assert all(item.n == 0 and item.low is None for item in measured(TASK, [], FAST).estimates.values())
    bare = [replace(row, gold=None) for row in rows(6, 6)]
    found = measured(TASK, bare, FAST).estimates
    assert found["exact_match"].n == 0
    assert (found["invalid_rate"].n, found["invalid_rate"].low) == (6, 0)


@pytest.mark.parametrize(
    ("family", "name", "n"),
    [
        ("choice", "accuracy", 40),
        ("choice", "unread_rate", 40),
        ("probabilities", "ece", 40),
        ("manuals", "exact_match", 40),
        ("manuals", "numeric_exact_match", 40),
        ("feedback", "rouge_l", 40),
        ("feedback", "exercise_match", 40),
        ("relations", "spatial_accuracy", 40),
    ],
)
def test_each_value_is_over_the_rows_it_counts(family, name, n) -> None:
    found = measured(TASKS[family], predictions(family, 40), FAST).estimates
    assert found[name].n == n
    assert not [name for name in found if name.endswith("scored") or name == "with_scores"]
    for name, estimate in found.items():
        if estimate.low is not None:
            assert estimate.low - 1e-9 <= estimate.value <= estimate.high + 1e-9, name


def test_parts_are_over_their_rows() -> None:
    found = predictions("choice", 40)
    values = measured(TASKS["choice"], found, FAST).estimates
    blocked = sum(row.meta["condition"] == "blocked" for row in found)
    assert values["condition_blocked_accuracy"].n == blocked


@pytest.mark.parametrize(
    ("name", "count"),
    [("numeric_missing_rate", 3), ("condition_blocked_accuracy", 2), ("condition_accuracy", 9), ("other", None)],
)
def test_count_of(name, count) -> None:
    counts = {"numeric_scored": 3.0, "condition_blocked_scored": 2.0, "choice_scored": 9.0}
    assert count_of(name, counts) == (count or 9)
    assert count_of(name, {}) is None


def test_headline() -> None:
    assert headline(["z", "rouge_l", "exact_match"]) == ["exact_match", "rouge_l"]
    assert headline(["z", "y", "x", "w"]) == ["z", "y", "x"]


def test_undefined_values_are_null() -> None:
    found = measured(TASK, rows(4, 4), FAST).estimates["f1"]
    assert replace(found, value=np.nan).to_record()["value"] is None


def test_groups_are_those_of_the_rows_that_count() -> None:
    """Forty rows with numbers are all of one page: forty others without numbers make them no more pages."""

    def row(at: int, text: str, group: str) -> Prediction:
        return Prediction(f"s{at:02}", "free", text, text, {"answer": text}, meta={"group": group})

    given = [row(at, "40 Nm", "page") if at < 40 else row(at, "grease", f"p{at}") for at in range(80)]
    found = measured(TASKS["manuals"], given, FAST).estimates
    numeric = found["numeric_exact_match"]
    assert (numeric.n, numeric.units, numeric.low, numeric.method) == (40, 1, None, None)
    assert (found["exact_match"].n, found["exact_match"].units) == (80, 41)
    bare = [replace(row, gold=None) if at % 10 else row for at, row in enumerate(rows(40, 40, per_group=10))]
    found = measured(TASK, bare, FAST).estimates
    assert {(found[name].n, found[name].units) for name in ("f1", "hamming_loss", "lca_distance")} == {(4, 4)}


def test_several_choice_fields_are_over_their_rows() -> None:
    fields = tuple(Choice(name, ("a", "b")) for name in ("left", "right"))
    task = Task("two", TASK.ontology, fields, metrics=("choice",))
    answer = {"left": "a", "right": "b"}
    given = [Prediction(f"s{at}", "free", answer, "", answer) for at in range(6)]
    found = measured(task, given, FAST).estimates
    names = [name for name in found if name.endswith("accuracy")]
    assert {name.partition("_")[0] for name in names} >= {"left", "right"}
    assert [name for name in names if not found[name].n] == []
