"""Cohen's kappa against scikit-learn's, and people's verdicts from files."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import cohen_kappa_score

from ontune.errors import InputError
from ontune.evaluation.judge import agreement, read_labels
from ontune.evaluation.judge.kappa import cohen_kappa

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


@given(PAIRS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_kappa_is_scikit_learns(pairs) -> None:
    found = cohen_kappa(pairs)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        oracle = cohen_kappa_score(*zip(*pairs, strict=True))
    if found is None:
        assert math.isnan(oracle)
    else:
        assert found == pytest.approx(oracle, abs=1e-9)


@pytest.mark.parametrize(
    ("one", "other", "n", "agree", "kappa"),
    [
        ({}, {"a": True}, 0, None, None),
        ({"a": True, "b": False}, {"a": True, "b": False, "c": True}, 2, 1, 1),
        ({"a": True, "b": False}, {"a": False, "b": True}, 2, 0, -1),
        ({"a": True, "b": True}, {"a": True, "b": True}, 2, 1, None),
        ({"a": True, "b": True}, {"a": True, "b": False}, 2, 0.5, 0),
    ],
)
def test_agreement_is_over_the_rows_that_both_have(one, other, n, agree, kappa) -> None:
    found = agreement(one, other)
    assert (found.n, found.agree, found.kappa) == (n, agree, kappa)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("l.csv", "id,verdict\na,pass\nb,FAIL\n", {"a": True, "b": False}),
        ("l.csv", '﻿id,label\n"a,1",yes\n', {"a,1": True}),
        ("l.jsonl", '{"id": "a", "pass": true}\n\n{"id": 7, "verdict": "0"}\n', {"a": True, "7": False}),
        ("l.csv", "id,verdict\na,maybe\n,pass\nb,pass\nb,pass\n", ["l.csv:2", "l.csv:3", "l.csv:5: id 'b'"]),
        ("l.jsonl", '{"id": "a"}\n[1]\nnonsense\n', ["l.jsonl:1", "l.jsonl:2", "l.jsonl:3"]),
        ("l.csv", "id,verdict\n", ["no labels"]),
    ],
)
def test_labels_of_people(tmp_path, name, text, expected) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    if isinstance(expected, dict):
        assert read_labels(path) == expected
        return
    with pytest.raises(InputError) as caught:
        read_labels(path)
    assert len(caught.value.faults) == len(expected)
    for fault, part in zip(caught.value.faults, expected, strict=True):
        assert part in fault
