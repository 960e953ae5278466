"""Choice: free text read, a table of metrics counted by hand, and scikit-learn as the oracle on generated data."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score
from sklearn.metrics import confusion_matrix as sklearn_confusion

from evaluation.fixtures import CLASSES, TASKS, predictions
from ontune.evaluation import FAMILIES, Prediction, compute_metrics
from ontune.evaluation.choice import NO_CLASS, choice, choice_metrics, confusion_matrix, read_choice
from ontune.task import Choice, Group, Task, Text
from ontune.task.parsing import parse
from small import ONTOLOGY

TASK = TASKS["choice"]


def predict(task: Task, gold: object, raw: str, at: int = 0, **meta: object) -> Prediction:
    answer, errors = parse(task, raw)
    return Prediction(f"s{at:03}", "free", gold, raw, answer, tuple(errors), meta=meta)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("option", CLASSES)
@pytest.mark.parametrize(
    "form",
    [
        "{}",
        " {}\n",
        "{}.",
        "It is a {}!",
        "The class is: **{}**",
        '{{"class": "{}"',
        "It shows {} and nothing else.",
        "<{}>",
    ],
)
def test_a_perfect_model_is_right_however_it_writes(form: str, option: str):
    for written in (option, option.lower(), option.upper(), option.replace(" ", "_"), option.replace(" ", "-")):
        assert read_choice(CLASSES, form.format(written)) == option


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", None),
        ("   ", None),
        ("damaged", None),
        ("drain", None),
        ("I do not know.", None),
        ("slope drain blocked", "slope drain blocked"),
        ("slope  drain\nblocked", "slope drain blocked"),
        ("slope drain (blocked)", "slope drain blocked"),
        ("toe drain blocked", "Toe drain- Blocked"),
        ("Toe drain - Blocked", "Toe drain- Blocked"),
        ("slope drains", None),  # no guess at other word forms
        ("a slope drain or a rock toe", None),
        ("slope drain, not slope drain blocked", None),
        ("slope drain, slope drain", "slope drain"),
        ("damaged slope drain", None),  # all the words of a longer option, in another order
        ("the slope drain is blocked", None),
        ("the vegetation is damaged", "vegetation"),  # no option says so: nothing is ambiguous
        ("unblocked slope drain", "slope drain"),
    ],
)
def test_reading(raw: str, expected: str | None):
    assert read_choice(CLASSES, raw) == expected


@pytest.mark.parametrize(
    ("options", "raw", "expected"),
    [
        (("yes", "no"), "Yes, it does.", "yes"),
        (("yes", "no"), "No.", "no"),
        (("yes", "no"), "Yes and no.", None),
        (("yes", "no"), "nothing", None),
        (("+", "-"), "+", "+"),
        (("+", "-"), "it is +", None),
        (("A-B", "A B"), "A B", "A B"),
        (("A-B", "A B"), "a b", None),  # two options that only signs tell apart
        (("a.b", "axb"), "AXB", "axb"),  # options are no patterns
        (("a", "a b", "a b c"), "x a b c", "a b c"),
        ((), "a", None),
    ],
)
def test_reading_of_other_options(options: tuple[str, ...], raw: str, expected: str | None):
    assert read_choice(options, raw) == expected


@given(st.lists(st.text(max_size=12).map(str.strip), unique=True, max_size=8), st.data())
def test_an_option_as_it_stands_is_always_itself(options: list[str], data):
    for option in options:
        assert read_choice(options, data.draw(st.sampled_from([option, f" {option}\n"]))) == option


def rows(*answers: tuple[str | None, str]) -> list[Prediction]:
    """Rows of (gold's class, raw text)."""
    return [predict(TASK, None if gold is None else {"class": gold}, raw, at) for at, (gold, raw) in enumerate(answers)]


def answer(name: str) -> str:
    return json.dumps({"class": name})


@pytest.mark.parametrize(
    ("given_rows", "expected"),
    [
        pytest.param([], {"accuracy": 0, "balanced_accuracy": 0, "unread_rate": 0, "choice_scored": 0}, id="no rows"),
        pytest.param([(None, answer("rock toe"))], {"accuracy": 0, "choice_scored": 0}, id="no gold"),
        pytest.param([("rock toe", answer("rock toe"))], {"accuracy": 1, "balanced_accuracy": 1}, id="right"),
        pytest.param([("rock toe", "It is a rock toe.")], {"accuracy": 1, "unread_rate": 0}, id="free text is read"),
        pytest.param([("rock toe", "no idea")], {"accuracy": 0, "unread_rate": 1}, id="no class"),
        pytest.param([("rock toe", '{"kind":"rock toe"}')], {"accuracy": 0, "unread_rate": 1}, id="another field"),
        pytest.param([("rock toe", '{"class":["rock toe"]}')], {"accuracy": 0, "unread_rate": 1}, id="a list"),
        pytest.param([("rock toe", '{"class":"a Rock-Toe"}')], {"accuracy": 1}, id="the field's text is read"),
        pytest.param(
            [("rock toe", answer("rock toe"))] * 3 + [("slope drain", answer("rock toe"))],
            {
                "accuracy": 3 / 4,
                "balanced_accuracy": 1 / 2,
                "class_rock_toe_accuracy": 1,
                "class_rock_toe_scored": 3,
                "class_slope_drain_accuracy": 0,
            },
            id="balanced accuracy counts classes alike",
        ),
    ],
)
def test_metrics(given_rows, expected):
    found = choice_metrics(TASK, rows(*given_rows))
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_classes_without_rows_are_not_listed():
    assert "class_vegetation_accuracy" not in choice_metrics(TASK, rows(("rock toe", answer("vegetation"))))


def test_gold_may_be_plain_text():
    assert choice_metrics(TASK, [predict(TASK, "slope drain", "Slope drain.")])["accuracy"] == 1
    assert choice_metrics(TASK, [predict(TASK, "something", "slope drain")])["choice_scored"] == 0


def conditions() -> list[Prediction]:
    table = [
        ("slope drain", "slope drain", "slope drain", "normal"),
        ("slope drain blocked", "slope drain", "slope drain", "blocked"),
        ("Toe drain- Blocked", "slope drain blocked", "toe drain", "blocked"),
        ("Toe drain- Blocked", "Toe drain- Blocked", None, None),  # as the other row of its class
        ("vegetation", "vegetation", None, None),  # no row says
    ]
    return [
        predict(
            TASK, {"class": gold}, answer(given_class), at, **({"object": thing, "condition": state} if thing else {})
        )
        for at, (gold, given_class, thing, state) in enumerate(table)
    ]


def test_conditions_and_objects():
    found = choice_metrics(TASK, conditions())
    expected = {
        "accuracy": 3 / 5,
        "condition_normal_accuracy": 1,
        "condition_blocked_accuracy": 1 / 3,
        "condition_blocked_scored": 3,
        "object_slope_drain_accuracy": 1 / 2,
        "object_toe_drain_accuracy": 1 / 2,
        "worst_condition_accuracy": 1 / 3,
        "condition_accuracy": 3 / 4,  # the third row has the right condition of another object
        "object_accuracy": 3 / 4,  # the second has the right object in another condition
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_names_that_only_signs_tell_apart_are_numbered():
    task = Task("t", ONTOLOGY, (Choice("class", ("a b", "a-b")),))
    given_rows = [predict(task, {"class": "a b"}, '{"class":"a b"}', 0), predict(task, {"class": "a-b"}, "{}", 1)]
    found = choice_metrics(task, given_rows)
    assert (found["class_a_b_accuracy"], found["class_a_b_1_accuracy"]) == (1, 0)


SEVERAL = Task(
    "several",
    ONTOLOGY,
    (Choice("object", ("drain", "toe")), Group("state", (Choice("condition", ("normal", "blocked")),)), Text("why", 9)),
)


def test_several_fields():
    gold = {"object": "drain", "state": {"condition": "normal"}, "why": ""}
    raws = [gold, gold | {"object": "toe"}, gold | {"state": {"condition": "blocked"}}, gold | {"state": None}]
    given_rows = [predict(SEVERAL, gold, json.dumps(raw), at) for at, raw in enumerate(raws)]
    found = choice_metrics(SEVERAL, given_rows)
    assert found["accuracy"] == 1 / 4
    assert found["object_accuracy"] == 3 / 4
    assert found["state_condition_accuracy"] == 1 / 2
    matrices = confusion_matrix(SEVERAL, given_rows)
    assert matrices["object"].counts == [[3, 1], [0, 0]]
    assert matrices["state.condition"].classes == ("normal", "blocked", NO_CLASS)
    assert matrices["state.condition"].counts == [[2, 1, 1], [0, 0, 0], [0, 0, 0]]


def test_a_task_without_choice_has_stated_values():
    task = Task("t", ONTOLOGY, (Text("text", 9),))
    assert choice_metrics(task, [predict(task, {"text": "x"}, "x")]) == {}
    assert confusion_matrix(task, []) == {}


names = st.sampled_from(CLASSES)


@given(st.lists(st.tuples(names, st.one_of(names, st.just("no idea"))), min_size=1, max_size=40))
def test_scikit_learn_agrees(pairs: list[tuple[str, str]]):
    given_rows = rows(*((gold, answer(given_class)) for gold, given_class in pairs))
    gold, given_classes = (list(side) for side in zip(*pairs, strict=True))
    found = choice_metrics(TASK, given_rows)
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, given_classes), abs=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that are predicted alone
        assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(gold, given_classes), abs=1e-9)
    recall = recall_score(gold, given_classes, labels=sorted(set(gold)), average=None, zero_division=0)
    by_class = [
        found[f"class_{'_'.join(name.lower().replace('-', '').split())}_accuracy"] for name in sorted(set(gold))
    ]
    assert by_class == pytest.approx(list(recall), abs=1e-9)
    matrix = confusion_matrix(TASK, given_rows)["class"]
    labels = [name if name != NO_CLASS else "no idea" for name in matrix.classes]
    assert matrix.counts == sklearn_confusion(gold, given_classes, labels=labels).tolist()


@given(st.lists(st.tuples(names, names), min_size=2, max_size=30), st.data())
def test_weights_say_how_often_a_row_counts(pairs: list[tuple[str, str]], data):
    given_rows = rows(*((gold, answer(given_class)) for gold, given_class in pairs))
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(pairs), max_size=len(pairs)).filter(any))
    repeated = [row for row, times in zip(given_rows, weights, strict=True) for _ in range(times)]
    weighted = {name: values[0] for name, values in choice(TASK, given_rows)(np.array([weights], float)).items()}
    alone = choice_metrics(TASK, repeated)
    assert {name: weighted[name] for name in alone} == pytest.approx(alone)
    assert all(value == 0 or np.isnan(value) for name, value in weighted.items() if name not in alone)


@pytest.mark.parametrize("family", sorted({"choice", "manuals", "feedback", "relations"} & FAMILIES.keys()))
@pytest.mark.parametrize("decoding", ["constrained", "free"])
def test_a_perfect_model_scores_1(family: str, decoding: str):
    perfect = predictions(family, 60, skill=1.0)
    found = compute_metrics(TASKS[family], perfect)
    assert all(found[name] == 1 for name in found if not name.endswith(("_scored", "_rate")))
    assert all(found[name] == 0 for name in found if name.endswith("_rate"))
    worse = compute_metrics(TASKS[family], predictions(family, 60, skill=0.3, decoding=decoding))  # pyright: ignore[reportArgumentType]
    assert all(worse[name] < 1 for name in ("accuracy", "exact_match", "rouge_l", "spatial_accuracy") if name in worse)


@pytest.mark.parametrize("family", ["choice", "manuals", "feedback", "relations", "meteor", "bertscore"])
def test_no_data_has_stated_values(family: str):
    for task in TASKS.values():
        if found := FAMILIES[family](task, [])(np.ones((2, 0))):
            assert all(values.tolist() == [0, 0] for values in found.values())
