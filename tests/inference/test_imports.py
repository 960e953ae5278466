"""Rows of other programs, matched to their samples: what is taken, and every fault that is named."""

import json
from pathlib import Path

import pytest

from ontune.errors import DatasetError
from ontune.inference.imports import match, read_rows
from ontune.sharegpt import Sample, Turn
from small import small_task

TASK = small_task()
LABELS = ["Circle", "Disc", "Clock", "Recall"]
GOLD = [TASK.to_json(TASK.answer_from_labels([label])) for label in LABELS]
SAMPLES = [
    Sample(str(at), (Turn("human", f"<image>What is {at}?"), Turn("gpt", gold)), "", ("a.png",), (), {"group": "x"})
    for at, gold in enumerate(GOLD)
]


def llamafactory(at: int, **changes: object) -> dict[str, object]:
    prompt = f"<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>What is {at}?<|im_end|>\n"
    return {"prompt": prompt, "predict": f"raw {at}", "label": GOLD[at] + "\n"} | changes


def swift(at: int, **changes: object) -> dict[str, object]:
    roles = [("system", "S"), ("user", f"<image>What is {at}?"), ("assistant", f"raw {at}")]
    messages = [{"role": role, "content": content} for role, content in roles]
    return {"response": f"raw {at}", "labels": GOLD[at], "logprobs": None, "messages": messages} | changes


def plain(at: int, **changes: object) -> dict[str, object]:
    return {"id": str(at), "raw": f"raw {at}"} | changes


def lines(path: Path, rows: list[object]) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows))
    return path


def read(path: Path, rows: list[object], source: str | None = None) -> tuple[str, dict[str, str]]:
    """The format that was told, and the raw text by sample."""
    told, found = read_rows(lines(path, rows), source)
    return told, {sample.id: row.raw for sample, row in match(SAMPLES, found, path)}


ALL = {str(at): f"raw {at}" for at in range(4)}
ORDER = [0, 1, 2, 3]
GOOD = {
    "llamafactory": ([llamafactory(at) for at in ORDER], "llamafactory", ALL),
    "its first ones": ([llamafactory(at) for at in (0, 1)], "llamafactory", {"0": "raw 0", "1": "raw 1"}),
    "an empty answer": ([llamafactory(0, predict="")], "llamafactory", {"0": ""}),
    "swift": ([swift(at) for at in ORDER], "swift", ALL),
    "swift without gold": ([swift(0, labels=None)], "swift", {"0": "raw 0"}),
    "by id, in any order": ([plain(at) for at in (2, 0, 3, 1)], "jsonl", ALL),
    "some ids": ([plain(3)], "jsonl", {"3": "raw 3"}),
    "empty lines": ([plain(0), "", plain(1), "  "], "jsonl", {"0": "raw 0", "1": "raw 1"}),
    "a mark of order": (["\ufeff" + json.dumps(plain(0))], "jsonl", {"0": "raw 0"}),
    "line ends inside": ([plain(0, raw="a\u2028b\x85c\nd")], "jsonl", {"0": "a\u2028b\x85c\nd"}),
    "an object": ([{"id": "0", "answer": {"Area": ["ä"]}}], "jsonl", {"0": '{"Area":["ä"]}'}),
    "a number as id": ([plain(0, id=0)], "jsonl", {"0": "raw 0"}),
    "raw before answer": ([plain(0, answer={"Area": []})], "jsonl", {"0": "raw 0"}),
    "in order with gold": ([{"prediction": f"raw {at}", "gold": json.loads(GOLD[at])} for at in ORDER], "jsonl", ALL),
    "gold with spaces": ([plain(0, label=json.dumps(json.loads(GOLD[0]), indent=1))], "jsonl", {"0": "raw 0"}),
    "no rows": ([], "jsonl", {}),
}


@pytest.mark.parametrize("name", GOOD)
def test_rows(tmp_path, name) -> None:
    rows, source, expected = GOOD[name]
    assert read(tmp_path / "rows.jsonl", rows) == (source, expected)


def test_numbers_are_kept(tmp_path) -> None:
    _, rows = read_rows(lines(tmp_path / "rows.jsonl", [plain(0, tokens=7, seconds=1.5, gold=None)]))
    assert [(row.tokens, row.seconds, row.gold) for row in rows] == [(7, 1.5, None)]


# Rows, the format that is asked for, and a part of every fault.
BAD = {
    "no JSON": (
        ["{", plain(0), "[]"],
        None,
        ["rows.jsonl:1: not JSON", "rows.jsonl:3: list: expected one JSON object"],
    ),
    "another order": (
        [llamafactory(at) for at in (0, 2, 1, 3)],
        None,
        [
            "rows.jsonl:2: gold is",
            "but sample '1' has",
            "rows.jsonl:2: its prompt lacks the question of sample '1'",
            ":3: ",
        ],
    ),
    "equal gold, another question": ([swift(1, labels=GOLD[0])], None, ["rows.jsonl:1: its prompt lacks the question"]),
    "too many rows": ([llamafactory(at) for at in (*ORDER, 0)], None, ["rows.jsonl: 5 rows for 4 samples"]),
    "no prediction": ([llamafactory(0, predict=None)], None, ["rows.jsonl:1: predict is None: expected a text"]),
    "no response": ([swift(0, response=None)], None, ["rows.jsonl:1: response is None: expected a text"]),
    "no messages": ([swift(0, messages="x")], None, ["rows.jsonl:1: messages is 'x': expected roles and contents"]),
    "two of an id": ([plain(0), plain(0)], None, ["rows.jsonl:2: id '0' stands at", "rows.jsonl:1 already"]),
    "an unknown id": ([plain(0, id="9"), plain(0, id="8")], None, [":1: id '9' is not in the dataset", ":2: id '8'"]),
    "some ids only": ([plain(0), {"raw": "x"}], None, ["1 of 2 rows have no id: expected all or none"]),
    "nothing to tell the order by": ([{"raw": "x"}, {"raw": "y"}], None, [":1: 2 rows have neither id nor gold"]),
    "no answer": ([{"id": "0"}], None, [":1: keys ['id']: expected the answer, a text or an object, as one of ['raw'"]),
    "a list as answer": ([plain(0, raw=[])], None, ["expected the answer, a text or an object"]),
    "a list as id": ([plain(0, id=[])], None, ["id is []: expected a text"]),
    "no numbers": ([plain(0, tokens="7")], None, ["tokens and seconds are ['7', 0]: expected two numbers"]),
    "endless seconds": ([plain(0, seconds=10**400)], None, ["expected two numbers"]),
    "another gold": ([plain(0, gold=GOLD[1])], None, [":1: gold is", "but sample '0' has"]),
    "another format": ([plain(0)], "swift", [":1: response is None: expected a text"]),
}


@pytest.mark.parametrize("name", BAD)
def test_faults(tmp_path, name) -> None:
    rows, source, expected = BAD[name]
    with pytest.raises(DatasetError) as caught:
        read(tmp_path / "rows.jsonl", rows, source)
    assert all(part in str(caught.value) for part in expected)


def test_no_utf8(tmp_path) -> None:
    (tmp_path / "rows.jsonl").write_bytes("ä".encode("latin-1"))
    with pytest.raises(DatasetError, match="not UTF-8"):
        read_rows(tmp_path / "rows.jsonl")
