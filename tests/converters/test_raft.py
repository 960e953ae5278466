import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from ontune.dataset_info import Entry, load_entries, register
from ontune.errors import CheckFailed, InputError
from ontune.ontology import write_snapshot
from ontune.sharegpt import Sample, Turn, read_samples, write_samples
from ontune.task.openbook import HEADER, OpenBook, closed_book
from ontune_converters.app import command
from small import ONTOLOGY, small_task

DOCUMENT = re.compile(r"^- (\w+) \((\w+)\)(?:: .+)?$")
GOLDS = [
    ["Addition", "OddNumbers"],
    ["Disc"],
    ["Multiplication", "Clock", "NumbersSmaller10", "Recall"],
    [],
    ["Explaining"],
]


def gold(*labels):
    return small_task().to_json(small_task().answer_from_labels(list(labels)))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with the dataset `d`: 40 samples in train, 10 in val, each with a picture."""
    monkeypatch.chdir(tmp_path)
    write_snapshot(ONTOLOGY, Path("dataset_info/ontologies/small-1.json"))
    for split, count in (("train", 40), ("val", 10)):
        samples = [sample(f"{split}{at:02}", gold(*GOLDS[at % 5])) for at in range(count)]
        write(split, samples)
    return tmp_path


def sample(key, answer):
    picture = Path(f"data/d/media/{key}.png")
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(key.encode())
    turns = (Turn("human", "<image>Label it."), Turn("gpt", answer))
    return Sample(key, turns, "You label.", (f"d/media/{key}.png",), meta={"group": key, "page": 3})


def write(split, samples, task="edugraph"):
    path = Path(f"data/d/{split}.jsonl")
    write_samples(path, samples)
    register([Entry(f"d_{split}", path, task, "small-1")], Path("dataset_info"))


def raft(*arguments, out="data/open"):
    """Runs the converter; gives its samples by split and its account."""
    result = CliRunner().invoke(command, ["raft", *arguments, "--out", out, "--json"], standalone_mode=False)
    if result.exception:
        raise result.exception
    return {path.stem: read_samples(path) for path in sorted(Path(out).glob("*.jsonl"))}, json.loads(result.stdout)


def documents(item):
    """The names of the definitions that a sample is given, each with the dimension beside it checked."""
    question, _, listed = item.prompt.partition(HEADER)
    assert question == "<image>Label it."
    found = [DOCUMENT.match(line).groups() for line in listed.splitlines()]
    assert all(ONTOLOGY.by_name[name].dimension == dimension for name, dimension in found)
    return [name for name, _ in found]


def labels(item):
    return {label for group in json.loads(item.gold).values() for label in group}


def test_samples(place):
    splits, account = raft("data/d", "--distractors", "4", "--without-oracle", "0.25")
    before = {item.id: item for split in ("train", "val") for item in read_samples(Path(f"data/d/{split}.jsonl"))}
    assert {split: len(samples) for split, samples in splits.items()} == {"train": 40, "val": 10}
    for item in (item for samples in splits.values() for item in samples):
        old, names = before[item.id], documents(item)
        assert (item.gold, item.system) == (old.gold, old.system)
        assert dict(item.meta) == {**old.meta, "oracle": item.meta["oracle"]}
        assert labels(item) & set(names) == (labels(item) if item.meta["oracle"] else set())
        assert len(names) == len(labels(item)) + 4
    assert [item.id for item in splits["train"]] == sorted(item.id for item in splits["train"])
    bare = [item for samples in splits.values() for item in samples if not item.meta["oracle"]]
    assert len(bare) == 10  # a quarter of the 40 with labels: one in five has none
    assert all(labels(item) for item in bare)
    assert (account["with_oracle"], account["without_oracle"]) == (40, 10)
    assert account["read"] == account["written"] == 50


def test_the_form_is_the_one_of_inference(place):
    book = OpenBook(small_task())
    for item in raft("d_train")[0]["train"]:
        assert item.prompt == book.prompt(closed_book(item.prompt), documents(item))


def test_media_and_entries(place):
    raft("d_train", "d_val")
    for item in read_samples(Path("data/open/val.jsonl")):
        assert item.images == (f"open/media/{item.id}.png",)
        assert Path("data", item.images[0]).samefile(f"data/d/media/{item.id}.png")
    entries = load_entries(Path("dataset_info"))
    assert {(name, entry.task, entry.ontology) for name, entry in entries.items()} == {
        (name, "edugraph", "small-1") for name in ("d_train", "d_val", "open_train", "open_val")
    }


def test_chance_depends_on_the_seed_and_the_sample_alone(place):
    first, again, other = (raft("d_train", "--seed", seed)[0]["train"] for seed in ("1", "1", "2"))
    assert first == again != other
    write("train", read_samples(Path("data/d/train.jsonl"))[10:])
    fewer = {item.id: item.prompt for item in raft("d_train", "--without-oracle", "0")[0]["train"]}
    every = {item.id: item.prompt for item in first if item.meta["oracle"]}
    assert {key: prompt for key, prompt in fewer.items() if key in every} == {
        key: prompt for key, prompt in every.items() if key in fewer
    }


def test_open_book_samples_are_not_opened_twice(place):
    first = raft("data/d")[0]
    second = raft("data/open", out="data/again")[0]
    assert [item.prompt for item in second["train"]] == [item.prompt for item in first["train"]]


def test_the_error_answer_has_distractors_alone(place):
    write("train", [sample("a", '{"Error":"UnsupportedMaterial"}')])
    splits, account = raft("d_train", "--distractors", "5", "--without-oracle", "1")
    assert len(documents(splits["train"][0])) == 5
    assert splits["train"][0].meta["oracle"] is True
    assert account["without_oracle"] == 0


@pytest.mark.parametrize(
    ("answers", "arguments", "faults"),
    [
        (["{}"], ["d_none"], ["dataset 'd_none'"]),
        (["{}"], ["d_train", "--ontology", "other"], ["no ontologies file other.json"]),
        (
            ['{"Area":["Adition"],"Scope":[],"Ability":[]}', '{"Area":[],"Scope":["Zoo"],"Ability":[]}'],
            ["d_train"],
            [
                "train.jsonl: 0: unknown label in Area: 'Adition'; nearest: ['Addition'",
                "1: unknown label in Scope: 'Zoo'",
            ],
        ),
        (["{}"], ["data/d", "d_val"], ["10 ids are in data/d/val.jsonl already"]),
    ],
)
def test_faults(place, answers, arguments, faults):
    write("train", [sample(str(at), answer) for at, answer in enumerate(answers)])
    with pytest.raises(InputError) as caught:
        raft(*arguments)
    assert [part for part in faults if not any(part in fault for fault in caught.value.faults)] == []
    assert not Path("data/open").exists()


def test_a_source_is_not_overwritten(place):
    for out in ("data/d", "data/d/open"):
        with pytest.raises(InputError, match="which is read and would be changed"):
            raft("d_train", out=out)
    assert Path("data/d/val.jsonl").exists()


def test_a_dataset_without_a_task_needs_one(place):
    write("train", [sample("a", gold("Disc"))], task=None)
    with pytest.raises(InputError, match="name one with --task"):
        raft("d_train")
    assert documents(raft("d_train", "--task", "edugraph")[0]["train"][0])


def test_gold_that_is_refused_is_named(place):
    answers = [
        "a disc",
        gold("Disc"),
        '{"Scope":[],"Area":["Disc"],"Ability":[]}',
        '{"Area":[],"Scope":["Disc"],"Ability":[]}',
    ]
    write("train", [sample(str(at), answer) for at, answer in enumerate(answers)])
    account = raft("d_train")[1]
    assert account["dropped"] == {"no_answer": 1}
    assert account["warnings"] == {"refused_invalid_json": 1, "refused_wrong_dimension": 1}
    assert account["read"] == account["written"] + 1
    with pytest.raises(CheckFailed, match="'a disc' is no JSON object"):
        raft("d_train", "--strict")


def test_edugraph_exercises(place, shared_data, snapshots):
    arguments = [shared_data / "edugraph-exercises", "--ontology", snapshots["0.21.0"], "--out", "data/exercises"]
    result = CliRunner().invoke(command, ["edugraph_worksheets", *map(str, arguments)], standalone_mode=False)
    assert result.exception is None
    splits, account = raft("data/exercises")
    assert {split: len(samples) for split, samples in splits.items()} == {"train": 318, "val": 166}
    assert account["without_oracle"] == round(0.2 * 484)
    lengths = sorted(len(item.prompt) for samples in splits.values() for item in samples)
    assert lengths[-1] < 8000  # characters: well within the recipes' cutoff_len beside a picture
