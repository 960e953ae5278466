"""METEOR: counted by hand by the paper's formula, and the error that says how to install it."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.fixtures import TASKS
from ontune.errors import MissingExtra
from ontune.evaluation import Prediction
from ontune.evaluation.measure import point
from ontune.evaluation.meteor import _scorer, meteor, meteor_score


def by_formula(matches: int, chunks: int, gold: int, answer: int) -> float:
    """Banerjee and Lavie (2005), equations 1 and 2."""
    precision, recall = matches / answer, matches / gold
    return 10 * precision * recall / (recall + 9 * precision) * (1 - 0.5 * (chunks / matches) ** 3)


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        ("", "", 0),
        ("keep it level", "", 0),
        ("", "keep it level", 0),
        ("keep it level", "none of these", 0),
        ("keep your hips level", "keep your hips level", by_formula(4, 1, 4, 4)),
        ("Keep your hips level!", "keep your hips level", by_formula(4, 1, 4, 4)),
        ("keep your hips level", "level your hips keep", by_formula(4, 3, 4, 4)),
        ("keep your hips level", "keep hips", by_formula(2, 2, 4, 2)),
        ("bend the knees", "bending the knee", by_formula(3, 1, 3, 3)),  # by stem
        ("a fast pace", "a quick pace", by_formula(2, 2, 3, 3)),  # synonyms do not count
    ],
)
def test_meteor(gold: str, answer: str, expected: float):
    assert meteor_score(gold, answer) == pytest.approx(expected)


WORDS = ("keep", "your", "hips", "level", "and", "bend", "the", "knees")
phrases = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


@given(phrases, phrases)
def test_meteor_lies_between_0_and_1(gold: str, answer: str):
    assert 0 <= meteor_score(gold, answer) <= 1
    assert not gold or meteor_score(gold, gold) > 0.49


def test_family():
    rows = [
        Prediction("a", "free", "keep it level", "keep it level", None),
        Prediction("b", "free", "keep it level", "", None),
        Prediction("c", "free", None, "keep it level", None),
    ]
    assert point(meteor(TASKS["feedback"], rows), 3)["meteor"] == pytest.approx(by_formula(3, 1, 3, 3) / 2)


def test_the_missing_package_is_named_with_its_extra(monkeypatch):
    _scorer.cache_clear()
    monkeypatch.setitem(sys.modules, "nltk.translate.meteor_score", None)
    with pytest.raises(MissingExtra, match=r"pip install 'ontune\[feedback\]'"):
        meteor_score("a", "a")
