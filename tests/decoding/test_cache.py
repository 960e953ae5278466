"""Automata on disk: the same mask again, and never another task's."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ontune.decoding.cache import cached, default_folder
from ontune.decoding.mask import TokenMask
from ontune.demo.tiny_model import make_tokenizer
from ontune.task import ErrorAnswer, Rules
from small import ONTOLOGY, small_task

TASK = small_task()
TEXTS = [TASK.to_json(TASK.answer_from_labels(list(ONTOLOGY.by_name)))] * 3


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer(TEXTS, 500)


@pytest.fixture
def compiled(monkeypatch) -> list[object]:
    """One item for each automaton that was compiled and not read."""
    from ontune.decoding import mask

    calls: list[object] = []
    original = mask.compile_tables
    monkeypatch.setattr(mask, "compile_tables", lambda *given: (calls.append(given), original(*given))[1])
    return calls


def same(one: TokenMask, other: TokenMask, tokenizer) -> bool:
    ids = [*tokenizer(TASK.to_json(TASK.answer_from_labels(["Disc", "Clock"])))["input_ids"], tokenizer.eos_token_id]
    return all(one.allowed(ids[:at]) == other.allowed(ids[:at]) for at in range(len(ids) + 1))


def test_what_is_read_is_what_was_compiled(tmp_path, tokenizer, compiled):
    plain = TokenMask(TASK, tokenizer)
    assert same(cached(TASK, tokenizer, tmp_path), plain, tokenizer)
    assert same(cached(TASK, tokenizer, tmp_path), plain, tokenizer)
    assert (len(compiled), len(list(tmp_path.iterdir()))) == (2, 1)
    tokenizer(["a", "long text"], padding=True)  # leaves its padding in the tokenizer
    assert same(cached(TASK, make_tokenizer(TEXTS, 500), tmp_path), plain, tokenizer)
    assert len(compiled) == 2


@pytest.mark.parametrize(
    ("task", "spaced", "size", "others"),
    [
        (TASK, True, 500, 2),
        (TASK, False, 300, 2),
        (replace(TASK, error=ErrorAnswer("Error", ("None",))), False, 500, 2),
        (replace(TASK, fields=TASK.fields[:2]), False, 500, 2),
        (replace(TASK, fields=tuple(replace(field, max=3) for field in TASK.fields)), False, 500, 2),
        (replace(TASK, rules=Rules(exclude_ancestors=True), user="Another question"), False, 500, 1),
    ],
)
def test_another_task_or_tokenizer_is_another_file(tmp_path, tokenizer, task, spaced, size, others):
    cached(TASK, tokenizer, tmp_path)
    other = tokenizer if size == 500 else make_tokenizer(TEXTS, size)
    mask = cached(task, other, tmp_path, spaced=spaced)
    assert len(list(tmp_path.iterdir())) == others
    ids = other('{"Area":["Addition","')["input_ids"] if not spaced else []
    expected = TokenMask(task, other, spaced=spaced)
    assert mask.allowed(ids) == expected.allowed(ids)


ENTRY = {"locked": (8, b"\x01"), "unknown": (10, b"\x63"), "deflated": (10, b"\x08")}


def damage(path: Path, how: str, other: Path) -> None:
    content = path.read_bytes()
    if how == "foreign":
        shutil.copy(other, path)
    elif how in ENTRY:
        at = content.index(b"PK\x01\x02") + ENTRY[how][0]  # what is said of the first file within
        path.write_bytes(content[:at] + ENTRY[how][1] + content[at + 1 :])
    else:
        path.write_bytes({"empty": b"", "cut": content[:-200], "text": b"\x80pickle", "bit": flipped(content)}[how])


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("how", ["empty", "cut", "text", "bit", "foreign", *ENTRY])
def test_a_damaged_or_foreign_file_is_written_anew(tmp_path, tokenizer, compiled, how):
    plain = cached(TASK, tokenizer, tmp_path / "a")
    cached(replace(TASK, fields=TASK.fields[:1]), tokenizer, tmp_path / "b")
    (path,), (other,) = (tmp_path / "a").iterdir(), (tmp_path / "b").iterdir()
    whole = path.read_bytes()
    damage(path, how, other)
    compiled.clear()
    assert same(cached(TASK, tokenizer, tmp_path / "a"), plain, tokenizer)
    assert len(compiled) == 1
    assert path.read_bytes() == whole
    assert same(cached(TASK, tokenizer, tmp_path / "a"), plain, tokenizer)
    assert len(compiled) == 1


def test_without_a_place_to_write_the_mask_is_there_and_a_warning(tmp_path, tokenizer, caplog):
    (tmp_path / "file").write_text("no folder")
    mask = cached(TASK, tokenizer, tmp_path / "file")
    assert same(mask, TokenMask(TASK, tokenizer), tokenizer)
    assert "not kept for the next run" in caplog.text


def test_the_users_cache_folder_is_the_default(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached(TASK, tokenizer)
    assert [path.suffix for path in default_folder().iterdir()] == [".npz"]
    assert default_folder() == tmp_path / "ontune" / "automata"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_folder() == tmp_path / "home" / ".cache" / "ontune" / "automata"
