"""Samples: what is written is read again, what breaks the form is named line by line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune.errors import DatasetError
from ontune.sharegpt import Sample, Turn, read_samples, write_samples

TEXT = st.text().filter(lambda text: "<image>" not in text and "<video>" not in text)
NAME = st.from_regex(r"[\w-]{1,8}(/[\w-]{1,8}){0,2}\.png", fullmatch=True)
VALUE = st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False))


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    images, videos = draw(st.lists(NAME, max_size=3)), draw(st.lists(NAME, max_size=2))
    tags = draw(st.permutations(["<image>"] * len(images) + ["<video>"] * len(videos)))
    turns = [Turn("human", "".join(tags) + draw(TEXT)), Turn("gpt", draw(TEXT))]
    for _ in range(draw(st.integers(0, 2))):
        turns += [Turn("human", draw(TEXT)), Turn("gpt", draw(TEXT))]
    meta = draw(st.dictionaries(st.text(), VALUE)) | {"group": draw(st.text())}
    return Sample(draw(st.text(min_size=1)), tuple(turns), draw(st.text()), tuple(images), tuple(videos), meta)


@given(st.lists(samples(), unique_by=lambda sample: sample.id, max_size=4))
def test_samples_are_read_as_they_were_written(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("samples") / "train.jsonl"
    write_samples(path, written)
    first = path.read_bytes()
    again = read_samples(path)
    assert again == written
    write_samples(path, again)
    assert path.read_bytes() == first


def test_the_line_is_the_one_that_both_hosts_read():
    turns = (Turn("human", "<image>What?"), Turn("gpt", "{}"))
    sample = Sample("a", turns, "Be brief.", ("d/media/a.png",), (), {"split": "x", "group": "g", "page": 1})
    record = json.loads(sample.to_json())
    assert record == {
        "id": "a",
        "conversations": [{"from": "human", "value": "<image>What?"}, {"from": "gpt", "value": "{}"}],
        "system": "Be brief.",
        "images": ["d/media/a.png"],
        "videos": [],
        "meta": '{"group": "g", "page": 1, "split": "x"}',
    }
    assert list(record) == ["id", "conversations", "system", "images", "videos", "meta"]
    assert (sample.prompt, sample.gold) == ("<image>What?", "{}")


GOOD = {
    "id": "a",
    "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "{}"}],
    "system": "",
    "images": [],
    "videos": [],
    "meta": '{"group": "g"}',
}
ONE_IMAGE = [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "{}"}]


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({}, []),
        ({"conversations": ONE_IMAGE, "images": ["a/b.png"]}, []),
        ({"id": ""}, ["empty id"]),
        ({"id": 7}, ["id is 7: expected a string"]),
        ({"system": None}, ["system is None: expected a string"]),
        ({"label": 1}, ["['label'] missing or unknown"]),
        ({"videos": ...}, ["['videos'] missing or unknown"]),
        ({"conversations": []}, ["turns []: expected human and gpt in turn"]),
        ({"conversations": GOOD["conversations"][:1]}, ["turns ['human']: expected human and gpt in turn"]),
        ({"conversations": GOOD["conversations"][::-1]}, ["turns ['gpt', 'human']: expected"]),
        ({"conversations": [{"from": "human"}]}, ["not a sample with the keys"]),
        ({"conversations": [{"from": "human", "value": 1}, *GOOD["conversations"][1:]]}, ["turn 1 is 1: expected a"]),
        ({"images": ["a.png"]}, ["0 <image> tags in the human turns for 1 files"]),
        ({"conversations": ONE_IMAGE}, ["1 <image> tags in the human turns for 0 files"]),
        ({"images": "a.png"}, ["images is 'a.png': expected a list of strings"]),
        ({"conversations": ONE_IMAGE, "images": [1]}, ["images is [1]: expected a list of strings"]),
        ({"conversations": ONE_IMAGE, "images": ["/a.png"]}, ["path '/a.png': expected relative to data/"]),
        ({"conversations": ONE_IMAGE, "images": ["x/../../a.png"]}, ["path 'x/../../a.png': expected relative"]),
        (
            {"conversations": [GOOD["conversations"][0], {"from": "gpt", "value": "<video>"}]},
            ["an answer contains <video>"],
        ),
        ({"meta": "{}"}, ["meta has group None: expected a string"]),
        ({"meta": '{"group": "g", "x": [1]}'}, ["meta 'x' is not flat"]),
        ({"meta": "[]"}, ["not a sample with the keys"]),
        ({"meta": {"group": "g"}}, ["not a sample with the keys"]),
        ({"id": "", "images": ["/a"]}, ["empty id", "0 <image> tags", "path '/a'"]),
    ],
)
def test_lines(changes, faults):
    line = json.dumps({key: value for key, value in (GOOD | changes).items() if value is not ...})
    if not faults:
        assert json.loads(Sample.from_json(line, "t.jsonl:1").to_json()) == json.loads(line)
        return
    with pytest.raises(DatasetError) as caught:
        Sample.from_json(line, "t.jsonl:1")
    assert len(caught.value.faults) == len(faults)
    for found, expected in zip(caught.value.faults, faults, strict=True):
        assert found.startswith("t.jsonl:1: ")
        assert expected in found


def test_every_bad_line_and_every_repeated_id_is_named(tmp_path):
    path = tmp_path / "t.jsonl"
    lines = [json.dumps(GOOD), "{", "", "[]", json.dumps(GOOD | {"id": "b"}), json.dumps(GOOD)]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DatasetError) as caught:
        read_samples(path)
    assert [fault.split(": ")[0] for fault in caught.value.faults] == [f"{path}:{line}" for line in (2, 3, 4, 6)]
    assert caught.value.faults[-1].endswith("id 'a' stands on line 1 already")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.jsonl: no such file"):
        read_samples(tmp_path / "gone.jsonl")


def test_a_file_that_is_no_utf_8_is_named(tmp_path):
    (tmp_path / "t.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(DatasetError, match=r"t\.jsonl: not UTF-8"):
        read_samples(tmp_path / "t.jsonl")
