"""The mask never forbids a real gold answer, and is built fast enough for the whole ontology."""

import json
import time
from pathlib import Path

import pytest

from ontune.decoding.mask import TokenMask
from ontune.demo.tiny_model import make_tokenizer
from ontune.ontology.reader import read_ontology
from ontune.task import Task, load_task

SOURCES = ("0.4.0", "0.21.0")


@pytest.fixture(scope="module")
def tasks(shared_data: Path) -> dict[str, Task]:
    folder = shared_data / "ontology"
    files = {"0.4.0": [folder / "core-ontology-0.4.0.rdf"], "0.21.0": sorted(folder.glob("*.ttl"))}
    return {name: load_task("edugraph", read_ontology(files[name], "edugraph", name)) for name in SOURCES}


@pytest.fixture(scope="module")
def tokenizer(tasks: dict[str, Task]):
    """A tokenizer that has learned the labels, and so has many merges that could cross their ends."""
    answers = [task.to_json(task.answer_from_labels(list(task.ontology.by_name))) for task in tasks.values()]
    return make_tokenizer([*answers, *(concept.definition for concept in tasks["0.21.0"].ontology.concepts)], 3000)


def worksheets(task: Task, data: Path) -> list[str]:
    lines = (data / "edugraph-seed" / "train_dataset.jsonl").read_text(encoding="utf-8").splitlines()
    answers = [json.loads(json.loads(line)["conversations"][-1]["value"]) for line in lines]
    return [
        task.to_json({key: [iri.rpartition("#")[2] for iri in values] for key, values in answer.items()})
        for answer in answers
    ]


def exercises(task: Task, data: Path) -> list[str]:
    files = [data / "edugraph-exercises" / split / "metadata.jsonl" for split in ("train", "validation")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [task.to_json(task.answer_from_labels(json.loads(line)["tags"])) for line in lines]


@pytest.mark.parametrize(("version", "read", "count"), [("0.4.0", worksheets, 518), ("0.21.0", exercises, 484)])
def test_every_gold_answer_can_be_written(tasks, tokenizer, shared_data, version, read, count):
    mask = TokenMask(tasks[version], tokenizer)
    answers = read(tasks[version], shared_data)
    assert len(answers) == count
    for ids in tokenizer(answers, add_special_tokens=False)["input_ids"]:
        state = mask.start
        for token in [*ids, tokenizer.eos_token_id]:
            assert token in mask.next_tokens(state)
            state = mask.advance(state, token)


def test_the_whole_ontology_is_masked_within_a_second_and_a_step_within_a_millisecond(tasks, tokenizer):
    started = time.process_time()
    mask = TokenMask(tasks["0.21.0"], tokenizer)
    built = time.process_time() - started
    task = tasks["0.21.0"]
    labels = [label for dimension in task.ontology.dimensions for label in task.ontology.labels(dimension)[:4]]
    answer = task.to_json(task.answer_from_labels(labels))
    ids = tokenizer(answer, add_special_tokens=False)["input_ids"]
    started = time.process_time()
    for place in range(len(ids)):
        mask.next_tokens(mask.state(ids[:place]))
    step = (time.process_time() - started) / len(ids)
    print(f"built {built:.3f} s, step {step * 1e6:.0f} us")
    assert built < 1
    assert step < 1e-3
