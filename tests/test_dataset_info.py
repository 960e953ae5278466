"""dataset_info.json: entries come, change and go, everything else keeps its bytes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune.dataset_info import FILE, Entry, load_entries, register, resolve
from ontune.errors import DatasetError

OTHER = '"other": {"hf_hub_url": "a/b",   "columns": {"prompt":\t"}, q"}}'
TEXTS = {
    "none": None,
    "empty": "{}",
    "empty, spread": "{\n\n}\n",
    "one line": "{" + OTHER + "}",
    "indented by 4": "{\n    " + OTHER + ',\n    "x, }": {\n        "file_name": "x \\" }.json"\n    }\n}\n',
    "no newline at the end": "{\n  " + OTHER + "\n}",
    "tabs": "{\n\t" + OTHER + "\n}\n",
    "windows": "{\r\n  " + OTHER + "\r\n}\r\n",
    "comma first": "{ " + OTHER + '\n, "y" : { } }\n',
    "space around": "\n {\n " + OTHER + " }  \n",
}


def write(folder: Path, text: str | None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if text is not None:
        (folder / FILE).write_bytes(text.encode())
    return folder


def read(folder: Path) -> str:
    return (folder / FILE).read_bytes().decode()


def entry(folder: Path, name: str, task: str | None = None) -> Entry:
    return Entry(name, folder.parent / "data" / "sheets" / f"{name}.jsonl", task)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_other_entries_keep_their_bytes(tmp_path, text):
    folder = write(tmp_path / "dataset_info", text)
    others = json.loads(text or "{}")
    register([entry(folder, "sheets_val"), entry(folder, "sheets_train")], folder)
    added = read(folder)
    assert list(json.loads(added)) == [*others, "sheets_train", "sheets_val"]
    register([entry(folder, "sheets_train", "edugraph")], folder)
    changed = read(folder)
    assert json.loads(changed)["sheets_train"]["task"] == "edugraph"
    assert json.loads(changed) | {"sheets_train": None} == json.loads(added) | {"sheets_train": None}
    register([], folder, remove=["sheets_train", "sheets_val"])
    assert json.loads(read(folder)) == others
    if others:
        assert all(OTHER in version for version in (added, changed))
        assert read(folder) == (text or "").rstrip("\n") + "\n"


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=8), st.sampled_from(list(TEXTS.values())))
def test_any_sequence_of_changes_leaves_the_others_alone(tmp_path_factory, steps, text):
    folder = write(tmp_path_factory.mktemp("registry") / "dataset_info", text)
    expected: set[str] = set()
    for name, keep in steps:
        register([entry(folder, name)] * keep, folder, remove=[name] * (not keep and name in expected))
        expected = expected | {name} if keep else expected - {name}
    others = json.loads(text or "{}")
    assert load_entries(folder).keys() == expected | others.keys()
    assert not others or not steps or OTHER in read(folder)


def test_the_entry_is_the_one_that_llamafactory_reads(tmp_path):
    folder = tmp_path / "dataset_info"
    register([entry(folder, "sheets_train", "edugraph")], folder)
    assert json.loads(read(folder)) == {
        "sheets_train": {
            "file_name": "../data/sheets/sheets_train.jsonl",
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "system": "system", "images": "images", "videos": "videos"},
            "task": "edugraph",
        }
    }
    assert read(folder).startswith('{\n  "sheets_train": {\n    "file_name": ')


def test_an_entry_that_is_there_already_touches_nothing(tmp_path):
    folder = tmp_path / "dataset_info"
    register([entry(folder, "a")], folder)
    before = (folder / FILE).stat()
    register([entry(folder, "a")], folder)
    assert (folder / FILE).stat().st_ino == before.st_ino


def test_what_is_removed_and_registered_at_once_is_there(tmp_path):
    folder = tmp_path / "dataset_info"
    register([entry(folder, "a"), entry(folder, "b")], folder)
    register([entry(folder, "a")], folder, remove=["a", "b", "unknown"])
    assert list(load_entries(folder)) == ["a"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'{\n"a": }', r"dataset_info\.json:2: not JSON: Expecting value"),
        (b"[]", "expected a JSON object, one key a dataset"),
        (b'{"a": 1, "b": {}, "c": []}', r"a is 1, c is \[\]: expected a JSON object each"),
        (b'{"\xff": {}}', "not UTF-8"),
    ],
)
def test_what_is_no_registry_is_refused_and_kept(tmp_path, content, fault):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(DatasetError, match=fault):
        load_entries(tmp_path)
    with pytest.raises(DatasetError, match=fault):
        register([entry(tmp_path, "x")], tmp_path)
    assert (tmp_path / FILE).read_bytes() == content


def test_a_dataset_is_found_by_name_by_the_path_of_an_entry_and_by_any_path(tmp_path):
    folder = tmp_path / "dataset_info"
    known, loose = entry(folder, "sheets_val", "edugraph"), tmp_path / "loose.jsonl"
    known.path.parent.mkdir(parents=True)
    known.path.write_text("")
    loose.write_text("")
    register([known], folder)
    assert resolve("sheets_val", folder) == known
    assert resolve(str(known.path), folder) == known
    assert resolve(str(loose), folder) == Entry(str(loose), loose)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("sheets_test", r"dataset 'sheets_test': no file sheets_test, and .*dataset_info\.json names \['sheets_val'\]"),
        ("sheets_val", r"dataset 'sheets_val': no file .*sheets_val\.jsonl"),
    ],
)
def test_a_dataset_that_is_not_there_is_named(tmp_path, name, fault):
    register([entry(tmp_path / "dataset_info", "sheets_val")], tmp_path / "dataset_info")
    with pytest.raises(DatasetError, match=fault):
        resolve(name, tmp_path / "dataset_info")


def test_an_entry_of_the_same_name_about_another_file_stays(tmp_path):
    mine = {"q_train": {"file_name": "mine.json", "formatting": "alpaca"}}
    (tmp_path / FILE).write_text(json.dumps(mine))
    with pytest.raises(DatasetError, match=r"'q_train' is about .*mine\.json"):
        register([Entry("q_train", tmp_path / "q/train.jsonl")], tmp_path)
    assert json.loads((tmp_path / FILE).read_text()) == mine
