"""Texts compared: rouge-score as ROUGE-L's oracle, ANLS and exact match by hand, and which texts of a row count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from ontune.evaluation import Prediction
from ontune.evaluation.measure import point
from ontune.evaluation.text_overlap import anls, exact_match, rouge_l, row_means, texts, words
from ontune.task import Choice, Group, Task, Text
from ontune.task.parsing import parse
from small import ONTOLOGY


class OurWords:
    """Our words for rouge-score, whose own are those of a to z alone."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


WORDS = ("tighten", "the", "bolt", "to", "40", "Nm", "then", "it", "Degrees,", "_", "x-y", "Öl", "Ω", "½")
phrases = st.lists(st.sampled_from(WORDS), max_size=25)


@given(phrases.map(" ".join), phrases.map(" ".join))
def test_rouge_l_is_that_of_rouge_score(gold: str, answer: str):
    oracle = RougeScorer(["rougeL"], tokenizer=OurWords()).score(gold, answer)["rougeL"].fmeasure
    assert rouge_l(gold, answer) == pytest.approx(oracle, abs=1e-9)


@given(st.text(alphabet=st.characters(max_codepoint=126), max_size=60), st.text(alphabet="ab 1_.-", max_size=60))
def test_rouge_l_of_ascii_is_that_of_rouge_scores_own_words(gold: str, answer: str):
    oracle = RougeScorer(["rougeL"]).score(gold, answer)["rougeL"].fmeasure
    assert rouge_l(gold, answer) == pytest.approx(oracle, abs=1e-9)


@pytest.mark.parametrize(
    ("gold", "answer", "exact", "similarity", "rouge"),
    [
        ("40 Nm", "40 Nm", 1, 1, 1),
        ("40 Nm", " 40  nm. ", 1, 1, 1),
        ("40 Nm", "45 Nm", 0, 1 - 1 / 5, 1 / 2),
        ("40 Nm", "none", 0, 0, 0),
        ("abcd", "abxy", 0, 0, 0),  # half the length: no more than nothing
        ("abcde", "abcxy", 0, 1 - 2 / 5, 0),
        ("tighten the bolt", "tighten that bolt", 0, 1 - 2 / 17, 2 / 3),
        ("", "", 1, 1, 0),
        ("", "some", 0, 0, 0),
        ("some", "", 0, 0, 0),
        ("...", "", 1, 1, 0),
        ("½ in", "1⁄2 in", 1, 1, 2 / 5),
        ("Öl", "öl", 1, 1, 1),
    ],
)
def test_texts_compared(gold: str, answer: str, exact: float, similarity: float, rouge: float):
    found = [exact_match(gold, answer), anls(gold, answer), rouge_l(gold, answer)]
    assert found == [pytest.approx(value) for value in (exact, similarity, rouge)]


@given(st.text(max_size=40), st.text(max_size=40))
def test_scores_lie_between_0_and_1_and_a_text_is_like_itself(gold: str, answer: str):
    for score in (exact_match, anls, rouge_l):
        assert 0 <= score(gold, answer) <= 1
    assert exact_match(gold, gold) == anls(gold, gold) == 1
    assert rouge_l(gold, gold) == bool(words(gold))


ONE = Task("one", ONTOLOGY, (Text("answer", 99),))
TWO = Task("two", ONTOLOGY, (Choice("kind", ("a", "b")), Text("first", 99), Group("rest", (Text("second", 99),))))


@pytest.mark.parametrize(
    ("task", "gold", "raw", "expected"),
    [
        pytest.param(ONE, {"answer": "x"}, '{"answer":" y "}', ("x", "y"), id="the text field"),
        pytest.param(ONE, {"answer": "x"}, "y", ("x", ""), id="an object is due and the answer is none"),
        pytest.param(ONE, {"answer": "x"}, '{"other":"y"}', ("x", ""), id="an object without the field"),
        pytest.param(ONE, {"answer": "x"}, '{"answer":3}', ("x", ""), id="a number is no text"),
        pytest.param(ONE, "x", " y\n", ("x", "y"), id="plain text on both sides"),
        pytest.param(ONE, "x", '{"answer":"y"}', ("x", "y"), id="an object where text was due: its text"),
        pytest.param(ONE, "x", '{"other":"y"}', ("x", '{"other":"y"}'), id="another object where text was due: raw"),
        pytest.param(ONE, "", "", ("", ""), id="empty gold text takes part"),
        pytest.param(ONE, None, "y", None, id="no gold"),
        pytest.param(ONE, {"other": "x"}, "y", None, id="gold without text"),
        pytest.param(
            TWO, {"kind": "a", "first": "x", "rest": {"second": "z"}}, "{}", ("x\nz", ""), id="several fields"
        ),
    ],
)
def test_which_texts_of_a_row_count(task: Task, gold: object, raw: str, expected: tuple[str, str] | None):
    answer, errors = parse(task, raw)
    row = Prediction("s", "free", gold, raw, answer, tuple(errors))  # pyright: ignore[reportArgumentType]
    assert texts(task, row) == expected


def test_means_are_over_the_rows_that_take_part():
    nan = float("nan")
    measure = row_means({"a": [1, 0, nan, 1], "b": [nan, nan, nan, nan]}, {"a_scored": "a", "b_scored": "b"})
    assert point(measure, 4) == {"a": pytest.approx(2 / 3), "b": 0, "a_scored": 3, "b_scored": 0}
    drawn = measure(np.array([[2.0, 1, 5, 0], [0, 0, 3, 0]]))
    assert drawn["a"][0] == pytest.approx(2 / 3)
    assert np.isnan(drawn["a"][1])  # some rows take part, and none was drawn
    assert list(drawn["b"]) == [0, 0]
    assert list(drawn["a_scored"]) == [3, 0]
    assert point(row_means({"a": []}, {"n": "a"}), 0) == {"a": 0, "n": 0}
