"""Answers are kept as they come: whatever a stop has left, the same command ends with the same file."""

import time
from dataclasses import replace

import pytest

from ontune.errors import InputError
from ontune.evaluation import Prediction, equal
from ontune.inference.resume import answer_all, discard_part
from ontune.sharegpt import Sample, Turn

RAWS = ["", "{}", "two\nlines", "line\u2028end", "next\x85line", "half \ud83d", "Zähler €"]  # what models write


def sample(name: str) -> Sample:
    return Sample(name, (Turn("human", "?"), Turn("gpt", "{}")), meta={"group": name})


SAMPLES = [sample(f"{at:02}") for at in range(14)]
BATCHES = [SAMPLES[at : at + 3] for at in range(0, len(SAMPLES), 3)]


class Engine:
    """Counts what it is asked; stops at a batch, as an interrupted run does."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.asked: list[str] = []
        self.stop_at = stop_at

    def answer(self, batch: list[Sample]) -> list[Prediction]:
        if len(self.asked) == self.stop_at:
            raise KeyboardInterrupt
        self.asked += [item.id for item in batch]
        return [Prediction(item.id, "free", None, RAWS[int(item.id) % len(RAWS)], None) for item in batch]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.jsonl"


def parts(out) -> list[str]:
    return sorted(path.name for path in out.parent.glob(".*"))


def stopped(out, at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        answer_all(BATCHES, Engine(at).answer, out, "settings")


WHOLE = [Engine().answer([item])[0] for item in SAMPLES]


def test_all_answers_sorted(out) -> None:
    engine = Engine()
    found = answer_all(BATCHES[::-1], engine.answer, out, "settings")
    assert equal(found, WHOLE)
    assert [item.id for item in found] == [item.id for item in SAMPLES]
    assert len(parts(out)) == 1
    discard_part(out)
    assert parts(out) == []


# What a stop after two batches leaves behind, and how many of the six answers are kept.
LEFT = {
    "whole": (lambda text: text, 6),
    "no line end": (lambda text: text[:-1], 6),
    "a line cut": (lambda text: text[:-40], 5),
    "nothing": (lambda text: b"", 0),
    "damage in the middle": (lambda text: text.replace(b'"id": "02"', b'"id": 02'), 2),
    "zeros behind": (lambda text: text + b"\0" * 100, 6),  # as a file system leaves them after a power cut
}


@pytest.mark.parametrize("name", LEFT)
def test_a_stopped_run_goes_on(out, name) -> None:
    damage, kept = LEFT[name]
    stopped(out, 6)
    (part,) = out.parent.glob(".*.part")
    part.write_bytes(damage(part.read_bytes()))
    engine = Engine()
    assert equal(answer_all(BATCHES, engine.answer, out, "settings"), WHOLE)
    assert engine.asked == [item.id for item in SAMPLES[kept // 3 * 3 :]], "a batch is asked whole or not at all"
    again = Engine()
    assert equal(answer_all(BATCHES, again.answer, out, "settings"), WHOLE), "what was written is whole again"
    assert again.asked == []


def test_a_character_cut_in_two(out) -> None:
    with pytest.raises(KeyboardInterrupt):
        answer_all([[SAMPLES[6]], [SAMPLES[7]]], Engine(1).answer, out, "settings")
    (part,) = out.parent.glob(".*.part")
    text = part.read_bytes()
    part.write_bytes(text[: text.index("ä".encode()) + 1])
    engine = Engine()
    answer_all([[SAMPLES[6]], [SAMPLES[7]]], engine.answer, out, "settings")
    assert engine.asked == ["06", "07"]


class Slow(Engine):
    """Answers in an order of its own; a lost sample is one that could not be asked."""

    def __init__(self, lost: str = "", fault: str = "") -> None:
        super().__init__()
        self.lost, self.fault = lost, fault

    def answer(self, batch: list[Sample]) -> list[Prediction]:
        (item,) = batch
        time.sleep(0.01 * (int(item.id) % 3))
        if item.id == self.fault:
            raise InputError("the server is gone")
        found = super().answer(batch)
        return [replace(one, errors=("not_encoded",)) for one in found] if item.id == self.lost else found


ONE_BY_ONE = [[item] for item in SAMPLES]


@pytest.mark.parametrize("workers", [1, 2, 5, 50])
def test_several_at_once_give_the_same(out, workers) -> None:
    engine = Slow()
    assert equal(answer_all(ONE_BY_ONE, engine.answer, out, "settings", workers), WHOLE)
    assert sorted(engine.asked) == [item.id for item in SAMPLES]


def test_the_first_error_ends_it_after_what_is_under_way(out) -> None:
    engine = Slow(fault="06")
    with pytest.raises(InputError, match="the server is gone"):
        answer_all(ONE_BY_ONE, engine.answer, out, "settings", 3)
    (part,) = out.parent.glob(".*.part")
    assert part.read_text().count("\n") == len(engine.asked), "an answer that came was not kept"
    assert 6 <= len(engine.asked) < len(SAMPLES)
    again = Slow()
    assert equal(answer_all(ONE_BY_ONE, again.answer, out, "settings", 3), WHOLE)
    assert sorted(engine.asked + again.asked) == [item.id for item in SAMPLES]


@pytest.mark.parametrize(("again", "asked"), [(True, ["05"]), (False, [])])
def test_what_could_not_be_asked_is_asked_again_by_choice(out, again, asked) -> None:
    answer_all(ONE_BY_ONE, Slow(lost="05").answer, out, "settings", 2, again)
    engine = Slow()
    answer_all(ONE_BY_ONE, engine.answer, out, "settings", 2, again)
    assert engine.asked == asked


def test_answers_of_other_settings_are_not_taken(out) -> None:
    stopped(out, 6)
    engine = Engine()
    answer_all(BATCHES, engine.answer, out, "others")
    assert engine.asked == [item.id for item in SAMPLES]
    assert len(parts(out)) == 2


def test_only_the_parts_of_this_file_are_discarded(out) -> None:
    names = [".out.jsonl.abc.part", ".out.jsonl.d.part", ".out.jsonl", "out.jsonl.part", ".out.jsonl2.abc.part"]
    names.append(".out.jsonl.2.abc.part")  # of out.jsonl.2
    for name in names:
        (out.parent / name).touch()
    (out.parent / "[a].jsonl").touch()
    discard_part(out)
    assert sorted(path.name for path in out.parent.iterdir()) == [
        ".out.jsonl",
        ".out.jsonl.2.abc.part",
        ".out.jsonl2.abc.part",
        "[a].jsonl",
        "out.jsonl.part",
    ]
    (out.parent / ".[a].jsonl.x.part").touch()
    discard_part(out.with_name("[a].jsonl"))
    assert not (out.parent / ".[a].jsonl.x.part").exists()


def test_a_folder_that_is_not_there_is_made(tmp_path) -> None:
    out = tmp_path / "a/b/out.jsonl"
    assert len(answer_all(BATCHES, Engine().answer, out, "settings")) == len(SAMPLES)
