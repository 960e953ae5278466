"""Label-set metrics: a table of cases counted by hand, and scikit-learn as the oracle on generated data."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, precision_score, recall_score

from evaluation.fixtures import predictions
from ontune.errors import TaskError
from ontune.evaluation import FAMILIES, Prediction, compute_metrics
from ontune.evaluation.label_sets import label_set_metrics, label_sets
from ontune.ontology import Concept, Ontology
from ontune.task import Group, Labels, Task
from ontune.task.parsing import parse
from small import ONTOLOGY, small_task

TASK = small_task()
SCORES = {"precision": precision_score, "recall": recall_score, "f1": f1_score, "jaccard": jaccard_score}
DIMENSIONS = ("Area", "Scope", "Ability")
ERROR = {"Error": "UnsupportedMaterial"}


def predict(task: Task, gold: object, raw: str, place: int = 0) -> Prediction:
    answer, errors = parse(task, raw)
    return Prediction(f"s{place:03}", "free", gold, raw, answer, tuple(errors))  # pyright: ignore[reportArgumentType]


def labels(area: str = "", scope: str = "", ability: str = "") -> dict[str, list[str]]:
    return dict(zip(DIMENSIONS, (area.split(), scope.split(), ability.split()), strict=True))


def metrics(*rows: tuple[object, object], task: Task = TASK) -> dict[str, float]:
    texts = [(gold, raw if isinstance(raw, str) else json.dumps(raw)) for gold, raw in rows]
    return label_set_metrics(task, [predict(task, gold, raw, at) for at, (gold, raw) in enumerate(texts)])


GOLD = labels("Addition", "Clock", "Recall")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([], {"scored": 0, "exact_match": 0, "f1": 0, "macro_f1": 0, "invalid_rate": 0}, id="no rows"),
        pytest.param(
            [(GOLD, GOLD)],
            {"exact_match": 1, "f1": 1, "macro_f1": 1, "sample_f1": 1, "area_f1": 1, "area_exact_match": 1},
            id="all right",
        ),
        pytest.param(
            [(GOLD, "no json")],
            {"exact_match": 0, "recall": 0, "precision": 0, "f1": 0, "invalid_rate": 1, "area_exact_match": 0},
            id="an answer that does not parse gives no labels",
        ),
        pytest.param(
            [(labels(), "no json")],
            {"exact_match": 0, "area_exact_match": 0, "invalid_rate": 1, "sample_f1": 1},
            id="an answer that does not parse never matches, not even an empty gold",
        ),
        pytest.param(
            [(GOLD, labels("Addition Adition", "Clock", "Recall"))],
            {
                "precision": 3 / 4,
                "recall": 1,
                "f1": 6 / 7,
                "macro_f1": 3 / 4,
                "unknown_label_rate": 1,
                "invalid_rate": 0,
            },
            id="an unknown label is a false positive",
        ),
        pytest.param(
            [(GOLD, labels("Addition Clock", "", "Recall"))],
            {"precision": 2 / 3, "recall": 2 / 3, "area_f1": 2 / 3, "scope_f1": 0, "wrong_dimension_rate": 1},
            id="a label in a wrong field is a false positive there and missing in its own",
        ),
        pytest.param(
            [(GOLD, labels("Addition Addition", "Clock", "Recall"))],
            {"exact_match": 1, "f1": 1, "duplicate_rate": 1},
            id="a repeated label counts once",
        ),
        pytest.param(
            [(labels("Addition Shapes"), labels("Shapes Addition"))],
            {"exact_match": 1, "f1": 1, "scope_f1": 0, "scope_macro_f1": 0, "scope_exact_match": 1},
            id="order does not count, and a dimension that nothing is in has F1 0",
        ),
        pytest.param([(ERROR, ERROR)], {"exact_match": 1, "f1": 0, "sample_f1": 1, "area_exact_match": 1}, id="error"),
        pytest.param([(ERROR, labels())], {"exact_match": 0, "area_exact_match": 1}, id="no error where one is due"),
        pytest.param([(labels(), ERROR)], {"exact_match": 0}, id="an error where none is due"),
        pytest.param([(ERROR, {"Error": "Other"})], {"exact_match": 0, "invalid_rate": 1}, id="another error value"),
        pytest.param(
            [(GOLD, GOLD), (None, "no json"), ("text", GOLD)],
            {"scored": 1, "exact_match": 1, "f1": 1, "invalid_rate": 1 / 3},
            id="rows without gold labels count for the rates alone",
        ),
        pytest.param(
            [(labels("Addition"), labels("Addition")), (labels("Addition"), labels("Shapes"))],
            {
                "jaccard": 1 / 3,
                "macro_recall": 1 / 4,
                "weighted_f1": 2 / 3,
                "hamming_loss": 2 / (2 * len(ONTOLOGY.concepts)),
            },
            id="one label of two rows is missed and another given",
        ),
        pytest.param(
            [(labels("Addition"), labels("Addition")), (labels("Addition"), labels("Shapes"))],
            {"exact_match": 0.5, "precision": 0.5, "recall": 0.5, "f1": 0.5, "macro_f1": 1 / 3, "sample_f1": 0.5},
            id="macro over labels with support or predicted: Addition 2/3, Shapes 0",
        ),
    ],
)
def test_cases_counted_by_hand(rows, expected):
    found = metrics(*rows)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_a_row_that_was_never_asked_misses_its_labels_and_is_counted_apart():
    prediction = Prediction("s", "constrained", GOLD, "", None, ("not_encoded",))
    found = label_set_metrics(TASK, [prediction])
    assert (found["not_encoded_rate"], found["invalid_rate"], found["recall"], found["exact_match"]) == (1, 0, 0, 0)


def test_exact_match_compares_field_by_field_where_two_share_a_dimension():
    fields = (Labels("Before", "Area"), Group("More", (Labels("After", "Area"),)))
    task = Task("steps", ONTOLOGY, fields)
    gold = {"Before": ["Addition"], "More": {"After": ["Shapes"]}}
    swapped = {"Before": ["Shapes"], "More": {"After": ["Addition"]}}
    assert metrics((gold, gold), task=task)["exact_match"] == 1
    found = metrics((gold, swapped), (gold, {"Before": ["Addition"], "More": 3}), task=task)
    assert (found["exact_match"], found["f1"]) == (0, 6 / 7)


def test_names_are_plain_and_two_that_clash_are_refused():
    found = metrics((GOLD, GOLD))
    assert all(name.isidentifier() and name.islower() for name in found)
    clash = Ontology("o", "1", ("Sample",), (Concept("A", "Sample"),))
    with pytest.raises(TaskError, match="two metrics are called sample_f1"):
        metrics(task=Task("t", clash, (Labels("Sample", "Sample"),)))


def test_families_are_called_by_the_task_s_metrics():
    rows = [predict(TASK, GOLD, json.dumps(GOLD))]
    assert set(FAMILIES) >= set(TASK.metrics) == {"label_sets"}
    assert compute_metrics(TASK, rows) == label_set_metrics(TASK, rows)
    with pytest.raises(TaskError, match="metrics has 'blue'"):
        compute_metrics(Task("t", ONTOLOGY, TASK.fields, metrics=("blue",)), rows)


# ------------------------------------------------------------------------------------------------ scikit-learn's word
POOL = {dimension: (*ONTOLOGY.labels(dimension)[:4], "Nonsense", "Clock") for dimension in DIMENSIONS}
answers = st.fixed_dictionaries({name: st.lists(st.sampled_from(pool), max_size=4) for name, pool in POOL.items()})
raws = st.one_of(answers.map(json.dumps), st.just("{"), st.just(json.dumps(ERROR)))
golds = st.one_of(answers.map(lambda answer: TASK.canonical(answer)), st.just(ERROR))


def matrix(rows: list[dict[str, list[str]]], dimensions: tuple[str, ...]) -> np.ndarray:
    columns = [(dimension, label) for dimension in dimensions for label in sorted(set(POOL[dimension]))]
    return np.array([[label in row.get(dimension, []) for dimension, label in columns] for row in rows], dtype=int)


def oracle(gold: np.ndarray, answer: np.ndarray, labels: int) -> dict[str, float]:
    used = gold.any(axis=0) | answer.any(axis=0)
    both_empty = ~(gold.any(axis=1) | answer.any(axis=1))
    found: dict[str, float] = {"hamming_loss": (gold != answer).sum() / (len(gold) * labels)}
    for name, score in SCORES.items():
        found[name] = score(gold, answer, average="micro", zero_division=0)
        found[f"weighted_{name}"] = score(gold, answer, average="weighted", zero_division=0) if gold.any() else 0.0
        # Its own macro average would count the columns that nobody used as 0.
        each = score(gold, answer, average=None, zero_division=0)[used]
        found[f"macro_{name}"] = each.mean() if each.size else 0.0
        # Zero division to 1 would count a row with labels on one side alone as right for precision or recall.
        some = score(gold[~both_empty], answer[~both_empty], average="samples", zero_division=0) if used.any() else 0.0
        found[f"sample_{name}"] = both_empty.mean() + (1 - both_empty.mean()) * some
    return found


def test_sample_f1_is_that_of_scikit_learn_with_zero_division_1():
    gold, answer = np.array([[1, 0], [0, 0], [0, 0]]), np.array([[1, 1], [0, 0], [1, 0]])
    expected = f1_score(gold, answer, average="samples", zero_division=1)
    assert oracle(gold, answer, 2)["sample_f1"] == pytest.approx(expected)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(golds, raws), min_size=1, max_size=8))
def test_scores_are_those_of_scikit_learn(rows):
    found = metrics(*rows)
    parsed = [parse(TASK, raw)[0] or {} for _, raw in rows]
    for prefix, dimensions in [("", DIMENSIONS), *((f"{name.lower()}_", (name,)) for name in DIMENSIONS)]:
        gold, answer = matrix([row[0] for row in rows], dimensions), matrix(parsed, dimensions)
        labels = sum(len(ONTOLOGY.labels(dimension)) for dimension in dimensions)
        expected = {f"{prefix}{name}": value for name, value in oracle(gold, answer, labels).items()}
        if all(parsed) and ERROR not in parsed and ERROR not in [row[0] for row in rows]:
            expected[f"{prefix}exact_match"] = accuracy_score(gold, answer)
        shared = expected.keys() & found.keys()
        assert len(shared) >= (len(expected) if not prefix else 8)
        assert {name: found[name] for name in shared} == pytest.approx(
            {name: expected[name] for name in shared}, abs=1e-9
        )


# ------------------------------------------------------------------------------------------------------------- weights
@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(golds, raws, st.integers(0, 3)), min_size=1, max_size=7))
def test_a_weight_says_how_often_a_row_counts(rows):
    weights = np.array([[count for *_, count in rows]], dtype=float)
    once = [predict(TASK, gold, raw, at) for at, (gold, raw, _) in enumerate(rows)]
    repeated = [row for row, (*_, count) in zip(once, rows, strict=True) for _ in range(count)]
    found = {name: np.nan_to_num(values[0]) for name, values in label_sets(TASK, once)(weights).items()}
    assert found == pytest.approx(label_set_metrics(TASK, repeated), abs=1e-12)


def test_many_resamples_are_measured_as_each_alone():
    rows = predictions("label_sets", 60, decoding="free")
    measured = label_sets(TASK, rows)
    weights = np.random.default_rng(0).integers(0, 3, (9, 60)).astype(float)
    together = measured(weights)
    for at, row in enumerate(weights):
        alone = measured(row[None])
        assert {name: values[at] for name, values in together.items()} == pytest.approx(
            {name: values[0] for name, values in alone.items()}, abs=1e-12
        )
    assert all(values.shape == (9,) for values in together.values())


def test_the_same_rows_give_the_same_bits_in_every_process():
    program = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from evaluation.fixtures import TASKS, predictions\n"
        "from ontune.evaluation.label_sets import label_set_metrics\n"
        "print(label_set_metrics(TASKS['label_sets'], predictions('label_sets', 50, decoding='free')))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1
    assert "exact_match" in seen.pop()


def test_weights_that_leave_out_all_gold_leave_the_scores_undefined() -> None:
    gold = labels("Circle")
    rows = [predict(TASK, gold, json.dumps(gold)), predict(TASK, None, "no", 1)]
    found = label_sets(TASK, rows)(np.array([[0.0, 2.0], [1.0, 1.0]]))
    for name in ("exact_match", "f1", "hamming_loss", "area_f1", "hierarchical_f1", "lca_distance"):
        assert np.isnan(found[name]).tolist() == [True, False], name
    assert (found["scored"].tolist(), found["invalid_rate"].tolist()) == ([0, 1], [1, 0.5])
