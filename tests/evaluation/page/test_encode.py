"""Data in little space, and none of it markup."""

import json
import math
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune.evaluation.page import PageSample, RunAnswer
from ontune.evaluation.page.encode import Names, encode_scores, finite, to_script

ANY_TEXT = st.text(st.characters()) | st.sampled_from(["</script>", "<!--", "]]>", "\u2028", "\ud800", "&amp;"])
JSON = st.recursive(
    ANY_TEXT | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner)
)


@given(JSON)
def test_what_comes_out_of_a_script_element_is_what_went_in(value):
    text = to_script(value)
    assert json.loads(text) == value
    assert text.encode()
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append(tag)
    parser.handle_endtag = lambda tag: tags.append(f"/{tag}")
    parser.feed(f"<script>{text}</script>")
    assert tags == ["script", "/script"]
    assert not set(text) & set("<>&\u2028\u2029")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        ({"a": [math.inf, 1.5, -math.inf]}, {"a": [None, 1.5, None]}),
        (({"b": (1, True, None, "x")},), [{"b": [1, True, None, "x"]}]),
    ],
)
def test_numbers_that_json_cannot_hold(value, expected):
    assert finite(value) == expected


def sample(scores, gold=("x",), choices=(), has_gold=True) -> PageSample:
    answer = RunAnswer({}, {}, None, "", scores={"f": scores})
    return PageSample("one", {"A": answer}, has_gold=has_gold, by_field={"f": gold}, choices=choices)


@pytest.mark.parametrize(
    ("one", "rows"),
    [
        (sample({"x": math.log(0.5), "y": math.log(0.2)}), [[["x"], [["x", 0], ["y", -1386]]]]),
        (sample({"x": 0.0, "y": 1e-9}), [[["x"], [["x", 9210], ["y", 9210]]]]),  # certain, and rounded above it
        (sample({"x": -20.0, "y": -9.3}), [[["x"], []]]),  # less probable than any slider reaches
        (sample({"x": -2000.0}), [[["x"], []]]),
        (sample({"x": math.log(0.3), "y": math.log(0.1)}, choices=("f",)), [[["x"], [["x", 1099]]]]),  # 0.3 of 0.4
        (sample({"x": 0.0}, has_gold=False), None),
        (sample({}), None),
    ],
)
def test_scores(one, rows):
    names = Names()
    found = encode_scores([one], ["A", "B"], names)
    labels = list(names)
    if rows is None:
        assert found == {}
        return
    shown = [
        [
            [labels[at] for at in gold],
            [[labels[label], odds] for label, odds in zip(flat[::2], flat[1::2], strict=True)],
        ]
        for gold, flat in found["A"]["f"]["rows"]
    ]
    assert shown == rows
