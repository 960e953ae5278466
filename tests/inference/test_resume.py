"""Answers are kept as they come: whatever a stop has left, the same command ends with the same file."""

import pytest

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


def test_answers_of_other_settings_are_not_taken(out) -> None:
    stopped(out, 6)
    engine = Engine()
    answer_all(BATCHES, engine.answer, out, "others")
    assert engine.asked == [item.id for item in SAMPLES]
    assert len(parts(out)) == 2


def test_only_the_parts_of_this_file_are_discarded(out) -> None:
    names = [".out.jsonl.abc.part", ".out.jsonl.d.part", ".out.jsonl", "out.jsonl.part", ".out.jsonl2.abc.part"]
    for name in names:
        (out.parent / name).touch()
    (out.parent / "[a].jsonl").touch()
    discard_part(out)
    assert sorted(path.name for path in out.parent.iterdir()) == [
        ".out.jsonl",
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
