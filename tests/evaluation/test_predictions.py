"""Predictions survive their file, faults are named all at once, and equality leaves out the clock and the path."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune.errors import DatasetError
from ontune.evaluation import Prediction, equal, read_predictions, write_predictions

SHA = "0" * 64
SOME = Prediction(
    id="a",
    decoding="free",
    gold={"Scope": [], "Area": ["Addition"]},
    raw='{"Area":["Adition"]}',
    answer={"Area": ["Adition"]},
    errors=("invalid_json", "unknown_label"),
    scores={"Area": {"Addition": -0.25}},
    images=("x/1.png",),
    meta={"page": 2, "group": "g"},
    tokens=7,
    seconds=0.5,
    model="out/run",
    task="edugraph",
    task_sha256=SHA,
)

texts = st.text(max_size=8)
answers = st.none() | st.dictionaries(texts, st.lists(texts, max_size=3), max_size=3)
records = st.builds(
    Prediction,
    id=st.text(min_size=1, max_size=6),
    decoding=st.sampled_from(["constrained", "free"]),
    gold=answers | texts,
    raw=texts,
    answer=answers,
    errors=st.lists(st.sampled_from(["invalid_json", "duplicate"]), unique=True).map(tuple),
    scores=st.none() | st.dictionaries(texts, st.dictionaries(texts, st.floats(-50, 0)), max_size=2),
    images=st.lists(texts, max_size=2).map(tuple),
    videos=st.lists(texts, max_size=2).map(tuple),
    meta=st.dictionaries(texts, st.integers() | texts | st.none(), max_size=2),
    tokens=st.integers(0, 999),
    seconds=st.floats(0, 100),
)


@given(st.lists(records, max_size=5, unique_by=lambda record: record.id))
def test_a_file_gives_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, predictions):
    path = tmp_path_factory.mktemp("predictions") / "predictions.jsonl"
    write_predictions(path, predictions)
    assert read_predictions(path) == sorted(predictions, key=lambda prediction: prediction.id)
    before = path.read_bytes()
    write_predictions(path, reversed(predictions))
    assert path.read_bytes() == before


def test_a_line_has_the_keys_in_order_and_a_half_surrogate_survives(tmp_path: Path):
    path = tmp_path / "predictions.jsonl"
    prediction = replace(SOME, raw=r'{"Area":["\ud83d","ü"]}', answer={"Area": ["\ud83d", "ü"]})
    write_predictions(path, [prediction])
    line = path.read_text(encoding="utf-8")
    assert '"ü"' in line
    order = "id decoding gold raw answer errors scores images videos meta tokens seconds model task task_sha256"
    assert " ".join(json.loads(line)) == order
    assert list(json.loads(line)["gold"]) == ["Scope", "Area"]
    assert read_predictions(path) == [prediction]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"seconds": 9.0, "model": "elsewhere"}, True),
        ({"meta": {"group": "g", "page": 2}}, True),
        ({"decoding": "constrained"}, False),
        ({"gold": {"Area": ["Addition"], "Scope": []}}, False),
        ({"raw": SOME.raw + " "}, False),
        ({"answer": None}, False),
        ({"errors": ("unknown_label",)}, False),
        ({"scores": None}, False),
        ({"tokens": 8}, False),
        ({"task_sha256": "1" * 64}, False),
        ({"id": "b"}, False),
    ],
)
def test_equality_leaves_out_seconds_and_model_alone(change, same):
    assert equal([SOME], [replace(SOME, **change)]) is same


def test_equality_counts_rows_and_not_their_order():
    other = replace(SOME, id="b")
    assert equal([SOME, other], [other, SOME])
    assert not equal([SOME, other], [SOME])
    nan = replace(SOME, answer=json.loads('{"Area":NaN}'))
    assert equal([nan], [replace(nan, answer=json.loads('{"Area":NaN}'))])


def line(**change) -> str:
    record = json.loads(SOME.to_json()) | change
    return json.dumps({key: value for key, value in record.items() if value != "absent"})


@pytest.mark.parametrize(
    ("lines", "faults"),
    [
        ([line(), line(id="b")], []),
        (["{"], ["p.jsonl:1: not a prediction: Expecting property name"]),
        (["[]"], ["p.jsonl:1: list: expected one JSON object"]),
        ([line(gold="absent", label=1)], ["p.jsonl:1: keys ['gold', 'label'] are missing or unknown"]),
        ([line(id="")], ["p.jsonl:1: prediction '': empty id"]),
        ([line(decoding="greedy")], ["decoding is 'greedy': expected constrained or free"]),
        ([line(answer="x")], ["answer is 'x': expected dict or NoneType"]),
        ([line(errors=["typo"])], ["errors has ['typo']: expected codes out of"]),
        ([line(errors="duplicate")], ["errors is 'duplicate': expected a list of strings"]),
        ([line(images=[1])], ["images is (1,): expected a list of strings"]),
        ([line(tokens=True)], ["tokens is True: expected int"]),
        ([line(scores={"Area": {"Addition": "x"}})], ["scores of 'Area' are {'Addition': 'x'}: expected a finite"]),
        ([line(seconds=float("inf"))], ["seconds is inf: expected a finite number from 0 on"]),
        ([line(seconds=-1)], ["seconds is -1: expected a finite number from 0 on"]),
        ([line(scores={"Area": 1})], ["scores of 'Area' are 1: expected a finite"]),
        ([line(scores={"Area": {"Addition": float("nan")}})], ["scores of 'Area' are {'Addition': nan}"]),
        ([line(), line(raw=1), line()], ["p.jsonl:2: prediction 'a': raw is 1", "p.jsonl:3: id 'a' stands on line 1"]),
    ],
)
def test_reading_names_every_fault(tmp_path: Path, lines, faults):
    path = tmp_path / "p.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if not faults:
        assert len(read_predictions(path)) == len(lines)
        return
    with pytest.raises(DatasetError) as caught:
        read_predictions(path)
    assert len(caught.value.faults) == len(faults)
    for found, expected in zip(caught.value.faults, faults, strict=True):
        assert expected in found


def test_a_missing_file_and_a_repeated_id_are_named(tmp_path: Path):
    with pytest.raises(DatasetError, match="no such file"):
        read_predictions(tmp_path / "none.jsonl")
    with pytest.raises(DatasetError, match="id 'a' stands twice"):
        write_predictions(tmp_path / "p.jsonl", [SOME, SOME])
    assert not list(tmp_path.iterdir())


def test_what_is_no_utf8_is_named(tmp_path: Path):
    (tmp_path / "p.jsonl").write_bytes(line().encode() + b"\n\xff\n")
    with pytest.raises(DatasetError, match=r"p\.jsonl: not UTF-8"):
        read_predictions(tmp_path / "p.jsonl")
