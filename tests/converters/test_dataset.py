import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ontune.dataset_info import load_entries
from ontune.errors import SourceError
from ontune.ontology import Concept, Ontology, read_snapshot, write_snapshot
from ontune.sharegpt import Sample, Turn, read_samples
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
    with pytest.raises(SourceError, match=r"small-1\.json is another ontology of that name and version"):
        Target.open(tmp_path / "data" / "b", "edugraph", str(tmp_path / "other.json"), target.dataset_info)


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
