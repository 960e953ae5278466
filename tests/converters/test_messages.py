import json

import pytest
from click.testing import CliRunner

from annotated import convert, roboflow
from ontune.errors import CheckFailed, SourceError
from ontune.sharegpt import Sample, Turn, write_samples
from ontune_converters.app import command
from ontune_converters.messages import to_messages, to_roboflow


def export(folder, out, *arguments):
    given = ["messages", str(folder), "--out", str(out), "--dataset-info", str(out.parent / "i"), "--json", *arguments]
    result = CliRunner().invoke(command, given, standalone_mode=False)
    if result.exception:
        raise result.exception
    return json.loads(result.stdout)


@pytest.fixture
def made(tmp_path):
    lines = {"train/a": "5 0.5 0.3 0.2 0.4\n1 0.5 0.8 0.2 0.2", "valid/b": "8 0.5 0.5 0.1 0.1"}
    return convert("yolo_conditions", roboflow(tmp_path / "source", lines))


def test_swift(made, tmp_path):
    account = export(made.folder, tmp_path / "out")
    assert account["splits"] == {"train": 2, "val": 1}
    rows = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text().splitlines()]
    source = made.rows()
    assert [row["images"] for row in rows] == [row["images"] for row in source]
    for row, sample in zip(rows, source, strict=True):
        roles = [(turn["role"], turn["content"]) for turn in row["messages"]]
        human, gpt = (turn["value"] for turn in sample["conversations"])
        assert roles == [("system", sample["system"]), ("user", human), ("assistant", gpt)]
        assert set(row) == {"messages", "images"}


def test_roboflow(made, tmp_path):
    export(made.folder, tmp_path / "out", "--form", "roboflow")
    [row] = [json.loads(line) for line in (tmp_path / "out" / "valid" / "annotations.jsonl").read_text().splitlines()]
    [sample] = made.rows("val")
    assert (tmp_path / "out" / "valid" / row["image"]).read_bytes() == (
        made.folder.parent / sample["images"][0]
    ).read_bytes()
    assert row["suffix"] == '{"condition":"vegetation"}'
    assert row["prefix"].startswith(sample["system"])
    assert "<image>" not in row["prefix"]
    assert sample["conversations"][0]["value"].removeprefix("<image>") in row["prefix"]


@pytest.mark.parametrize(
    ("sample", "messages", "fault"),
    [
        (Sample("1", (Turn("human", "?"), Turn("gpt", "!")), meta={"group": ""}), {"messages"}, "0 pictures"),
        (
            Sample("1", (Turn("human", "<image>?"), Turn("gpt", "!")), "S", ("d/a.png",), (), {"group": ""}),
            {"messages", "images"},
            "",
        ),
        (
            Sample("1", (Turn("human", "<video>?"), Turn("gpt", "!")), "", (), ("d/a.mp4",), {"group": ""}),
            {"messages", "videos"},
            "1 videos",
        ),
        (
            Sample("1", (Turn("human", "<image>?"), Turn("gpt", "!")) * 2, "", ("a.png",) * 2, (), {"group": ""}),
            {"messages", "images"},
            "2 pictures, 0 videos, 2 questions",
        ),
    ],
)
def test_samples_of_every_kind(sample, messages, fault):
    assert set(to_messages(sample)) == messages
    if not fault:
        assert to_roboflow(sample) == {"image": "a.png", "prefix": "S\n?", "suffix": "!"}
        return
    with pytest.raises(ValueError, match=fault):
        to_roboflow(sample)


def test_what_the_form_cannot_hold_is_counted(made, tmp_path):
    folder = tmp_path / "data" / "mixed"
    turns = (Turn("human", "<image>?"), Turn("gpt", "!"))
    rows = [
        Sample("text", (Turn("human", "?"), Turn("gpt", "!")), meta={"group": ""}),
        Sample("gone", turns, "", ("mixed/gone.png",), (), {"group": ""}),
        Sample("here", turns, "", tuple(made.rows()[0]["images"]), (), {"group": ""}),
    ]
    write_samples(folder / "train.jsonl", rows)
    account = export(folder, tmp_path / "out", "--form", "roboflow")
    assert (account["read"], account["written"], account["dropped"]) == (3, 1, {"missing": 1, "other_kind": 1})
    with pytest.raises(CheckFailed):
        export(folder, tmp_path / "strict", "--form", "roboflow", "--strict")
    with pytest.raises(SourceError, match="there already"):
        export(folder, tmp_path / "out")
    with pytest.raises(SourceError, match="in or around"):
        export(folder, folder / "inner")
