"""Baselines: no constant is better, the training data's choice is kept, and what is empty stays empty."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.fixtures import TASKS, predictions
from ontune.evaluation.baselines import always, baselines, best_constant, label_set, most_frequent
from small import small_task

NAMES = ("Everywhere", "Few", "Many", "One")
SETS = st.lists(st.frozensets(st.sampled_from(NAMES), min_size=1), min_size=1, max_size=12)
TASK = small_task()


@given(SETS)
def test_no_constant_answer_is_better(sets) -> None:
    def f1(constant):
        hits = sum(len(constant & labels) for labels in sets)
        return 2 * hits / (len(constant) * len(sets) + sum(map(len, sets)))

    constants = [frozenset(some) for size in range(1, 5) for some in combinations(NAMES, size)]
    assert f1(best_constant(sets)) == pytest.approx(max(map(f1, constants)))
    assert sets.count(most_frequent(sets)) == max(map(sets.count, constants))


def test_baselines_are_constant_answers() -> None:
    rows = predictions("label_sets", 40)
    gold = [row.gold for row in rows]
    found = baselines(TASK, rows, gold)
    assert found["majority"]["exact_match"] == max(map(gold.count, gold)) / 40
    assert found["most_common_set"]["f1"] > found["majority"]["f1"]
    assert found["most_common_set"]["invalid_rate"] == 0


def test_what_training_has_most_is_chosen() -> None:
    rows = predictions("label_sets", 10)
    clock = TASK.answer_from_labels(["Clock"])
    found = baselines(TASK, rows, [clock, clock, TASK.answer_from_labels(["Disc"])])
    expected = always(TASK, rows, TASK.to_json(clock))
    assert {row.raw for row in expected} == {'{"Area":[],"Scope":["Clock"],"Ability":[]}'}
    support = sum("Clock" in label_set(TASK, row.gold) for row in rows)
    assert found["majority"]["recall"] == support / sum(len(label_set(TASK, row.gold)) for row in rows)


@pytest.mark.parametrize("family", [name for name in TASKS if name not in ("label_sets", "probabilities")])
def test_tasks_without_labels_have_no_label_set(family) -> None:
    task = TASKS["label_sets"] if family not in TASKS else TASKS[family]
    rows = predictions(family, 12)
    found = baselines(task, rows, [row.gold for row in rows])
    assert found["majority"]
    assert found["most_common_set"] == {}


@pytest.mark.parametrize(("rows", "gold"), [(0, 5), (5, 0)])
def test_nothing_to_choose_from(rows, gold) -> None:
    answers = [row.gold for row in predictions("label_sets", gold)]
    assert baselines(TASK, predictions("label_sets", rows), [None, *answers]) == {"majority": {}, "most_common_set": {}}


def test_the_constant_set_is_a_valid_answer() -> None:
    """Where every row has more labels than a field may hold, the most frequent ones are given."""
    rows = predictions("label_sets", 6)
    areas = [label for label in TASK.ontology.by_name if TASK.ontology.by_name[label].dimension == "Area"]
    gold = [{"Area": areas, "Scope": [], "Ability": []}] * 3 + [{"Area": areas[1:], "Scope": [], "Ability": []}]
    assert len(areas) == 9
    assert baselines(TASK, rows, gold)["most_common_set"]["invalid_rate"] == 0


def test_unknown_and_text_gold() -> None:
    rows = predictions("label_sets", 6)
    found = baselines(TASK, rows, ["a text", "a text", {"Area": ["Nowhere"], "Scope": [], "Ability": []}])
    assert found["majority"]["invalid_rate"] == 1
    assert found["most_common_set"] == {}
