"""Errors of answers are read off the answer itself, whatever the task's rules are."""

import pytest

from ontune.evaluation import Prediction
from ontune.evaluation.answer_errors import RATES, answer_errors
from ontune.evaluation.label_sets import label_set_metrics
from ontune.task.parsing import parse
from small import small_task

TASK = small_task()


def predict(area: list[object], scope: list[object] | None = None, errors: tuple[str, ...] = ()) -> Prediction:
    return Prediction("s", "free", None, "", {"Area": area, "Scope": scope or [], "Ability": []}, errors)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (predict(["Addition", "Circle"], ["Clock"]), set()),
        (predict(["Addition", "Arithmetic"]), {"redundant_rate"}),
        (predict(["AdditionMakeTen", "Arithmetic"]), {"redundant_rate"}),  # two steps up
        (predict([], ["EvenNumbers", "OddNumbers"]), {"contradicting_rate"}),
        (predict(["Addition", "Addition"]), {"duplicate_rate"}),
        (predict(["Adition"]), {"unknown_label_rate"}),
        (predict(["Clock"]), {"wrong_dimension_rate"}),
        (predict(["Clock"], ["Measures"]), {"wrong_dimension_rate"}),  # a pair over two fields is none
        (
            predict(["Addition", "Addition", "Arithmetic", "Adition", "Clock"]),
            {"redundant_rate", "duplicate_rate", "unknown_label_rate", "wrong_dimension_rate"},
        ),
        (predict([1, {}]), set()),
        (predict([], errors=("invalid_json",)), {"invalid_rate"}),
        (predict([], errors=("ancestor", "contradiction")), {"redundant_rate", "contradicting_rate"}),
        (Prediction("s", "free", None, "{", None), {"invalid_rate"}),
        (Prediction("s", "free", None, "", None, ("not_encoded",)), {"not_encoded_rate"}),
        (Prediction("s", "free", None, "", {"Error": "UnsupportedMaterial"}), set()),
    ],
)
def test_what_is_wrong_with_an_answer(row, found):
    errors = answer_errors(TASK, [row])
    assert list(errors) == list(RATES)
    assert {name for name, rows in errors.items() if rows[0]} == found


def test_rates_are_shares_of_all_rows_though_the_rules_are_off():
    raw = '{"Area":["Addition","Arithmetic"],"Scope":["EvenNumbers","OddNumbers"],"Ability":[]}'
    answer, codes = parse(TASK, raw)
    assert codes == []
    rows = [Prediction("a", "free", None, raw, answer), Prediction("b", "free", None, "{", None)]
    found = label_set_metrics(TASK, rows)
    assert (found["redundant_rate"], found["contradicting_rate"], found["invalid_rate"]) == (0.5, 0.5, 0.5)
