import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ontune.dataset_info import Entry, load_entries, register
from ontune.errors import DatasetError, SourceError
from ontune.files import write_atomic
from ontune.ontology import Concept, Ontology, read_snapshot, write_snapshot
from ontune.sharegpt import Sample, Turn, read_samples
from ontune.task import load_task
from ontune_converters.account import Account
from ontune_converters.dataset import Target, publish
from small import ONTOLOGY


@pytest.fixture
def target(tmp_path):
    write_snapshot(ONTOLOGY, tmp_path / "small.json")
    return Target.open(tmp_path / "data" / "set", "edugraph", str(tmp_path / "small.json"), tmp_path / "dataset_info")


def sample(name, *images):
    turns = (Turn("human", "<image>" * len(images) + "?"), Turn("gpt", "{}"))
    return Sample(name, turns, images=images, meta={"group": name})


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_publish(target, tmp_path):
    (tmp_path / "b.png").write_bytes(b"B")
    splits = {"train": [sample("a", target.media_path("x/a.png"))], "val": [sample("b", target.media_path("b.png"))]}
    publish(target, splits, {"x/a.png": b"A", "b.png": tmp_path / "b.png"}, Account("made_up", read=2))
    assert read_samples(target.directory / "train.jsonl") == splits["train"]
    for record in [*splits["train"], *splits["val"]]:
        assert (tmp_path / "data" / record.images[0]).read_bytes() in {b"A", b"B"}
    assert json.loads((target.directory / "account.json").read_text())["splits"] == {"train": 1, "val": 1}
    entries = load_entries(tmp_path / "dataset_info")
    assert {name: (entry.task, entry.ontology) for name, entry in entries.items()} == {
        "set_train": ("edugraph", "small-1"),
        "set_val": ("edugraph", "small-1"),
    }
    assert read_snapshot(tmp_path / "dataset_info" / "ontologies" / "small-1.json") == ONTOLOGY


@pytest.mark.parametrize(
    ("out", "media", "said"),
    [("data/set", {"m.png": b""}, False), ("other/set", {"m.png": b""}, True), ("other/set", {}, False)],
)
def test_where_recipes_would_not_find_the_media_is_said(target, tmp_path, monkeypatch, capsys, out, media, said):
    monkeypatch.chdir(tmp_path)
    publish(replace(target, directory=Path(out)), {"train": [sample("a")]}, media, Account("x", read=1))
    text = capsys.readouterr().err
    assert text.endswith("set media_dir (LLaMA-Factory) or ROOT_IMAGE_DIR (ms-swift) to other\n") if said else not text


def test_publish_again_replaces_files_and_entries(target):
    for splits in ({"train": [sample("a")], "val": [sample("b")]}, {"test": [sample("c")]}):
        publish(target, splits, {"m.png": b""} if "val" in splits else {}, Account("made_up", read=len(splits)))
    assert {path.name for path in target.directory.iterdir()} == {"test.jsonl", "account.json"}
    assert list(load_entries(target.dataset_info)) == ["set_test"]


def test_answers_that_are_none_of_the_tasks_register_no_task(target):
    publish(target, {"train": [sample("a")]}, {}, Account("made_up", read=1), with_task=False)
    assert load_entries(target.dataset_info)["set_train"].task is None


@pytest.mark.parametrize("out", ["", ".", "data/.."])
def test_a_folder_without_a_name_is_no_dataset(out, tmp_path):
    with pytest.raises(SourceError, match="expected data/DATASET"):
        Target.open(Path(out), "edugraph", None, tmp_path)


def test_another_ontology_of_the_same_version_is_refused(target, tmp_path):
    other = Ontology("small", "1", ONTOLOGY.dimensions, (*ONTOLOGY.concepts, Concept("Zeal", "Ability")))
    write_snapshot(other, tmp_path / "other.json")
    target.adopt()
    with pytest.raises(SourceError, match=r"small-1\.json is another ontology of that name and version"):
        Target.open(tmp_path / "data" / "b", "edugraph", str(tmp_path / "other.json"), target.dataset_info)


MINE = """name: mine
ontology: %s
fields:\r
  - {name: Area, kind: labels, dimension: Area}
"""


def test_a_task_and_its_ontology_from_elsewhere_are_found_again(tmp_path):
    write_snapshot(ONTOLOGY, tmp_path / "small.json")
    path = tmp_path / "task.yaml"
    path.write_bytes((MINE % (tmp_path / "small.json")).encode())
    for out in ("a", "b"):
        target = Target.open(tmp_path / "data" / out, str(path), None, tmp_path / "dataset_info")
        publish(target, {"train": [sample("a")]}, {}, Account("x", read=1))
    assert (tmp_path / "dataset_info" / "tasks" / "mine.yaml").read_bytes() == path.read_bytes()
    entry = load_entries(tmp_path / "dataset_info")["a_train"]
    assert load_task(entry.task, entry.ontology, tmp_path / "dataset_info").ontology == ONTOLOGY
    path.write_bytes(path.read_bytes() + b"# another\n")
    with pytest.raises(SourceError, match=r"mine\.yaml is another task than .*task\.yaml"):
        Target.open(tmp_path / "data" / "c", str(path), None, tmp_path / "dataset_info")


def test_nothing_is_written_before_the_account_closes(tmp_path):
    write_snapshot(ONTOLOGY, tmp_path / "small.json")
    path = tmp_path / "task.yaml"
    path.write_bytes((MINE % (tmp_path / "small.json")).encode())
    before = contents(tmp_path)
    target = Target.open(tmp_path / "data" / "a", str(path), None, tmp_path / "dataset_info")
    with pytest.raises(SourceError, match="no row is left"):
        publish(target, {"train": []}, {}, Account("x"))
    assert contents(tmp_path) == before


def test_a_tasks_name_stays_inside_its_folder(tmp_path):
    write_snapshot(ONTOLOGY, tmp_path / "small.json")
    path = tmp_path / "task.yaml"
    path.write_text((MINE % (tmp_path / "small.json")).replace("name: mine", "name: ../mine"))
    with pytest.raises(SourceError, match=r"name '\.\./mine': expected one that can be a file's"):
        Target.open(tmp_path / "data" / "c", str(path), None, tmp_path / "dataset_info")


@pytest.mark.parametrize(
    ("out", "text"),
    [
        ("data", "data: empty, registered, set: no part of a dataset of ours"),
        ("data/set", None),
        ("data/registered", None),
        ("data/empty", None),
        ("data/new/deep", None),
        ("notes", "notes: a.txt, b.txt, c.txt, d.txt, e.txt and 1 more: no part"),
        ("data/set/media", "media: o.png: no part"),
        ("notes/a.txt", "a.txt: a file"),
    ],
)
def test_only_a_dataset_is_replaced(target, tmp_path, out, text):
    old_dataset(target)
    for name in "abcdef":
        write_atomic(tmp_path / "notes" / f"{name}.txt", "mine")
    write_atomic(tmp_path / "registered" / "x.jsonl", "")
    (tmp_path / "registered").rename(tmp_path / "data" / "registered")
    register([Entry("registered_x", tmp_path / "data" / "registered" / "x.jsonl")], target.dataset_info)
    (tmp_path / "data" / "empty").mkdir()
    if text:
        with pytest.raises(SourceError, match=text):
            Target.open(tmp_path / out, "edugraph", str(tmp_path / "small.json"), target.dataset_info)
        before = contents(tmp_path)
        with pytest.raises(SourceError, match=text):
            publish(replace(target, directory=tmp_path / out), {"train": [sample("n")]}, {}, Account("x", read=1))
        assert contents(tmp_path) == before
    else:
        Target.open(tmp_path / out, "edugraph", str(tmp_path / "small.json"), target.dataset_info)


def test_a_name_that_is_taken_is_refused_before_anything_is_touched(target, tmp_path):
    old_dataset(target)
    before = contents(tmp_path)
    with pytest.raises(DatasetError, match="'set_train' is about"):
        publish(replace(target, directory=tmp_path / "two" / "set"), {"train": [sample("n")]}, {}, Account("x", read=1))
    assert contents(tmp_path) == before


def test_notes_beside_a_dataset_are_not_lost(target):
    old_dataset(target)
    (target.directory / "notes.txt").write_text("mine")
    with pytest.raises(SourceError, match=r"set: notes\.txt: no part of a dataset of ours, and would be lost"):
        publish(target, {"train": [sample("new")]}, {}, Account("x", read=1))
    assert (target.directory / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("out", ["source", "source/sub/set", "."])
def test_a_dataset_lies_apart_from_what_is_read(tmp_path, out):
    (tmp_path / "a" / "source").mkdir(parents=True)
    with pytest.raises(SourceError, match=r"in or around .*source, which is read"):
        Target.open((tmp_path / "a" / out), "edugraph", None, tmp_path, (None, tmp_path / "a" / "source"))


def old_dataset(target):
    publish(target, {"train": [sample("old", target.media_path("o.png"))]}, {"o.png": b"old"}, Account("x", read=1))
    return contents(target.directory.parent.parent)


def test_an_error_in_the_middle_leaves_the_old_dataset_whole(target, tmp_path):
    before = old_dataset(target)
    media = {"a.png": b"new", "b.png": tmp_path / "gone.png", "c.png": b"new"}
    with pytest.raises(FileNotFoundError):
        publish(target, {"train": [sample("new")]}, media, Account("x", read=1))
    assert contents(tmp_path) == before


def test_an_account_that_does_not_close_touches_nothing(target, tmp_path):
    before = old_dataset(target)
    with pytest.raises(SourceError, match="read 2, written 1"):
        publish(target, {"train": [sample("new")]}, {}, Account("x", read=2))
    assert contents(tmp_path) == before


CHILD = """
import sys
from pathlib import Path
from ontune.sharegpt import Sample, Turn
from ontune_converters.account import Account
from ontune_converters.dataset import Target, publish
folder = Path(sys.argv[1])
target = Target.open(folder / "data" / "set", "edugraph", str(folder / "small.json"), folder / "dataset_info")
turns = (Turn("human", "?"), Turn("gpt", "{}"))
samples = [Sample(f"new{number}", turns, meta={"group": "g"}) for number in range(200)]
media = {f"{number}.png": b"new" * 1000 for number in range(200)}
print("ready", flush=True)
while True:  # over and over, until it is killed somewhere
    publish(target, {"train": samples}, media, Account("x", read=200))
"""


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.1, 0.15])
def test_a_killed_run_leaves_a_whole_dataset(target, tmp_path, moment):
    old_dataset(target)
    child = subprocess.Popen([sys.executable, "-c", CHILD, tmp_path], stdout=subprocess.PIPE)
    child.stdout.readline()
    time.sleep(moment)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    found = read_samples(target.directory / "train.jsonl")
    media = {path.read_bytes() for path in (target.directory / "media").iterdir()}
    count = len(list((target.directory / "media").iterdir()))
    assert (len(found), count, media) in [(1, 1, {b"old"}), (200, 200, {b"new" * 1000})]
    assert load_entries(target.dataset_info)["set_train"].path == target.directory / "train.jsonl"
