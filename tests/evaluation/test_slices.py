"""Slices hold every row once, and what there is none of is named."""

import json

import numpy as np
import pytest

from evaluation.fixtures import TASKS, predictions
from ontune.evaluation import Prediction
from ontune.evaluation.label_sets import label_set_metrics, label_sets
from ontune.evaluation.slices import slices
from ontune.sharegpt import Sample, Turn

TASK = TASKS["label_sets"]


def predict(gold: object, at: int = 0, **meta: object) -> Prediction:
    return Prediction(f"s{at}", "free", gold, "", None, meta=meta)  # pyright: ignore[reportArgumentType]


def areas(count: int) -> dict[str, list[str]]:
    return TASK.answer_from_labels(list(TASK.ontology.by_name)[:count])


def sample(gold: object, at: int) -> Sample:
    turns = (Turn("human", "?"), Turn("gpt", gold if isinstance(gold, str) else json.dumps(gold)))
    return Sample(f"t{at}", turns, meta={"group": "g"})


def values(rows, name, task=TASK, train=None):
    """By value the ids of the rows; or why the slice is absent."""
    found, absent = slices(task, rows, train)
    chosen = {
        part.value: [int(row.id[1:]) for row, one in zip(rows, part.rows, strict=True) if one]
        for part in found
        if part.by == name
    }
    why = [item.why for item in absent if item.what == name]
    assert bool(chosen) != bool(why)
    return chosen or why[0]


@pytest.mark.parametrize(
    ("metas", "expected"),
    [
        ([{"page": "b"}, {"page": "a"}, {"page": "b"}], {"a": [1], "b": [0, 2]}),
        ([{"page": 10}, {"page": 9}, {}], {"9": [1], "10": [0], "(none)": [2]}),
        ([{"page": None}, {"page": True}], {"true": [1], "(none)": [0]}),
        ([{"page": "a"}, {"page": "a"}], "all rows have 'a'"),
        ([{"page": f"{at}"} for at in range(51)], "51 values: more than 50"),
        ([{"page": " – "}, {"page": ""}], {"": [1], " – ": [0]}),
    ],
)
def test_fields_of_meta(metas, expected):
    assert values([predict(None, at, **meta) for at, meta in enumerate(metas)], "meta.page") == expected


@pytest.mark.parametrize(
    ("metas", "expected"),
    [
        ([{"solution": True}, {"solution": False}, {}], {"question": [1], "solution": [0], "(none)": [2]}),
        ([{"solution": True}], "all rows have 'solution'"),
        ([{"solution": "the text"}, {}], "no row says in its meta `solution` which it is"),
    ],
)
def test_question_and_solution(metas, expected):
    assert values([predict(None, at, **meta) for at, meta in enumerate(metas)], "question/solution") == expected


def test_cardinality():
    rows = [predict(areas(count), at) for at, count in enumerate((0, 1, 4, 5, 8, 9, 20))] + [predict("text", 7)]
    expected = {"0": [0], "1–4": [1, 2], "5–8": [3, 4], "9 or more": [5, 6], "(none)": [7]}
    assert values(rows, "cardinality") == expected
    assert list(values(rows, "cardinality")) == list(expected)
    assert values([predict({"class": "a"})], "cardinality", TASKS["choice"]) == "the task has no field of labels"
    assert values([], "cardinality") == "no rows"


def test_training_frequency_is_that_of_the_rarest_gold_label():
    train = [sample({"Area": ["Addition"], "Scope": [], "Ability": []}, at) for at in range(5)]
    train += [sample({"Area": ["Circle", "Circle"], "Scope": ["Addition"], "Ability": []}, 5), sample("words", 6)]
    golds = [["Addition"], ["Addition", "Circle"], ["Disc", "Addition"], []]
    rows = [predict({"Area": gold, "Scope": [], "Ability": []}, at) for at, gold in enumerate(golds)]
    expected = {"unseen": [2], "1–4": [1], "5 or more": [0], "(none)": [3]}
    found = values(rows, "training frequency", train=train)
    assert found == expected
    assert list(found) == list(expected)
    assert values(rows, "training frequency") == "no training samples were named (--train)"
    assert "none of the 1 training" in values(rows, "training frequency", train=train[-1:])
    assert "has no field" in values(rows, "training frequency", TASKS["manuals"], train)


def test_training_frequency_of_options():
    rows = [predict({"class": name}, at) for at, name in enumerate(("vegetation", "rock toe"))]
    train = [sample({"class": "vegetation"}, at) for at in range(2)]
    assert values(rows, "training frequency", TASKS["choice"], train) == {"unseen": [1], "1–4": [0]}


def test_a_slice_s_rows_are_weights_that_give_the_metrics_of_these_rows_alone():
    rows = predictions("label_sets", 60)
    measured = label_sets(TASK, rows)
    found, _ = slices(TASK, rows)
    assert {part.by for part in found} == {"question/solution", "cardinality", "meta.generator"}
    for part in found:
        own = [row for row, one in zip(rows, part.rows, strict=True) if one]
        assert part.size == len(own) > 0
        weighted = {name: values[0] for name, values in measured(part.rows[None].astype(float)).items()}
        assert weighted == pytest.approx(label_set_metrics(TASK, own), abs=1e-12)
    for name in {part.by for part in found}:
        assert (np.sum([part.rows for part in found if part.by == name], axis=0) == 1).all()
