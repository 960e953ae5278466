"""Hierarchical metrics: cases counted by hand on a DAG, and hiclass as the oracle on trees."""

import json

import numpy as np
import pytest
from hiclass.metrics import f1, precision, recall
from hypothesis import given, settings
from hypothesis import strategies as st

from ontune.evaluation import Prediction
from ontune.evaluation.hierarchical import closed
from ontune.evaluation.label_matrix import label_matrix
from ontune.evaluation.label_sets import label_set_metrics
from ontune.ontology import Concept, Ontology
from ontune.task import Labels, Task
from small import small_task

TASK = small_task()


def predict(task: Task, gold: dict, answer: dict, at: int = 0) -> Prediction:
    return Prediction(f"s{at:03}", "free", gold, json.dumps(answer), answer)


def labels(text: str) -> dict[str, list[str]]:
    """The answer with these labels, each in its own field; unknown ones stand under Area."""
    names = text.split()
    known = TASK.answer_from_labels([name for name in names if name in TASK.ontology.by_name])
    return known | {"Area": known["Area"] + [name for name in names if name not in TASK.ontology.by_name]}


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        # Closures: {AdditionMakeTen, Addition, Arithmetic} and {Multiplication, Arithmetic}.
        ("AdditionMakeTen", "Multiplication", {"precision": 1 / 2, "recall": 1 / 3, "f1": 2 / 5, "macro_f1": 1 / 4}),
        ("AdditionMakeTen", "Addition", {"precision": 1, "recall": 2 / 3, "f1": 4 / 5, "sample_f1": 4 / 5}),
        ("Addition Arithmetic", "Addition", {"f1": 1}),
        # Two parents: Explaining's closure is {Explaining, Applying, Knowing}, each counted once.
        ("Explaining", "Recall", {"precision": 1 / 2, "recall": 1 / 3}),
        ("Explaining", "Applying Knowing", {"precision": 1, "recall": 2 / 3}),
        ("Addition", "Adition", {"precision": 0, "recall": 0, "f1": 0}),
        ("Addition", "", {"precision": 0, "recall": 0, "f1": 0, "sample_f1": 0}),
        ("", "", {"precision": 0, "f1": 0, "sample_f1": 1, "sample_precision": 1}),
    ],
)
def test_scores_of_closed_sets(gold, answer, expected):
    found = label_set_metrics(TASK, [predict(TASK, labels(gold), labels(answer))])
    assert {name: found[f"hierarchical_{name}"] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("gold", "answer", "steps"),
    [
        ("Addition", "Addition", 0),
        ("Addition", "Arithmetic", 1),
        ("Addition", "AdditionMakeTen", 1),
        ("Addition", "Multiplication", 2),
        ("Addition Multiplication", "AdditionMakeTen", 1),  # the nearest
        ("Recall", "Explaining", 2),  # by way of Knowing, the nearer of two parents
        ("Addition", "Circle", 5),  # up to Arithmetic and Area, down to Geometry, Shapes, Circle
        ("Addition", "Clock", 6),  # up to the top by Area, down by Scope and Measures
        ("Addition", "Adition", 4),  # an unknown label is right below the top
        ("Addition", "Addition Circle", 5 / 2),  # the mean over labels given
        ("", "Arithmetic", 2),  # no gold: to the top
        ("Addition", "", 0),
    ],
)
def test_distance_to_the_nearest_gold_label(gold, answer, steps):
    assert label_set_metrics(TASK, [predict(TASK, labels(gold), labels(answer))])["lca_distance"] == steps


def test_rows_without_a_label_given_take_no_part_in_the_distance():
    rows = [predict(TASK, labels("Addition"), labels(text), at) for at, text in enumerate(["Multiplication", ""])]
    assert label_set_metrics(TASK, rows)["lca_distance"] == 2
    assert label_set_metrics(TASK, [])["lca_distance"] == 0


def test_the_closure_stays_within_the_field_s_dimension_and_changes_nothing_else():
    matrix = label_matrix(TASK, [predict(TASK, labels("Circle"), {"Area": ["Clock"], "Scope": [], "Ability": []})])
    below = closed(TASK, matrix)
    assert below.columns == tuple(("Area", name) for name in ("Circle", "Clock", "Geometry", "Measures", "Shapes"))
    assert below.gold.toarray().tolist() == [[1, 0, 1, 0, 1]]
    assert below.answer.toarray().tolist() == [[0, 1, 0, 1, 0]]
    assert closed(TASK, below).columns == below.columns
    assert matrix.columns == (("Area", "Circle"), ("Area", "Clock"))


# ----------------------------------------------------------------------------------------------------- hiclass's word
DEPTH, WIDTH = 3, 3
PATHS = [path for depth in range(1, DEPTH + 1) for path in np.ndindex(*[WIDTH] * depth)]
NAMES = {path: "n" + "".join(map(str, path)) for path in PATHS}


def tree() -> Task:
    concepts = [
        Concept(name, "Tree", f"http://example.org/{name}", "", (), (NAMES[path[:-1]],) if path[:-1] else ())
        for path, name in sorted(NAMES.items(), key=lambda item: item[1])
    ]
    return Task("tree", Ontology("tree", "1", ("Tree",), tuple(concepts)), (Labels("Tree", "Tree"),))


TREE = tree()
sets = st.lists(st.sampled_from(PATHS), min_size=1, max_size=4, unique=True)


def padded(rows: list[list[tuple[int, ...]]]) -> np.ndarray:
    """Hiclass's form: for each row the way from the root to each label, padded with empty names."""
    found = np.full((len(rows), 4, DEPTH), "", dtype="U8")
    for at, paths in enumerate(rows):
        for place, path in enumerate(paths):
            found[at, place, : len(path)] = [NAMES[path[: step + 1]] for step in range(len(path))]
    return found


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(sets, sets), min_size=1, max_size=6))
def test_scores_are_those_of_hiclass(rows):
    answers = [[{"Tree": [NAMES[path] for path in side]} for side in row] for row in rows]
    found = label_set_metrics(TREE, [predict(TREE, *row, at) for at, row in enumerate(answers)])
    gold, answer = (padded([row[side] for row in rows]) for side in (0, 1))
    for name, score in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert found[f"hierarchical_{name}"] == pytest.approx(score(gold, answer, average="micro"), abs=1e-9)
        assert found[f"hierarchical_sample_{name}"] == pytest.approx(score(gold, answer, average="macro"), abs=1e-9)
    assert found["tree_hierarchical_f1"] == found["hierarchical_f1"]
