"""What the README shows is what the commands print."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from ontune.demo.feedback.clips import make_clips, make_people
from ontune.demo.feedback.drawing import draw
from ontune.demo.feedback.sources import write_source
from ontune.demo.manual.sources import write_sources
from ontune.sharegpt import read_samples

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- run -->\n```console\n(.*?)```", re.DOTALL)


def shown() -> list[tuple[str, str]]:
    """Each command of the README's blocks that are marked to be run, and the output shown for it."""
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def write_answers(folder: Path, data: str) -> None:
    """Answers to a validation set: gold, but every fourth sheet lacks a Scope, and every twelfth page has another."""
    lines: list[str] = []
    for at, sample in enumerate(read_samples(folder / f"data/{data}/val.jsonl")):
        answer = json.loads(sample.gold)
        if data == "manual":
            answer = {"answer": "25 psi"} if at % 12 == 0 else answer
        elif at % 4 == 0:
            answer["Scope"] = answer["Scope"][1:]
        lines.append(json.dumps({"id": sample.id, "answer": answer}))
    (folder / "answers.jsonl").write_text("\n".join(lines) + "\n")


def write_exercises(folder: Path) -> None:
    """Clips of eight people who exercise, as QVED's files tell of them."""
    clips = list(make_clips(make_people(8, seed=1), 48, seed=2))
    write_source(folder / "exercises", clips, ["train"] * len(clips), draw)


def test_every_shown_output_is_real(tmp_path, monkeypatch, shared_data, ontune, llamafactory) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(shared_data / "yolo/synth9_mixed", "inspections")
    write_sources(tmp_path / "demo/manual/sources")
    write_exercises(tmp_path)
    for folder in ("ontology", "edugraph-exercises"):
        (tmp_path / folder).symlink_to(shared_data / folder)
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    commands = shown()
    assert len(commands) == 17
    for command, output in commands:
        program, *arguments = shlex.split(command)
        if "answers.jsonl" in arguments:
            write_answers(tmp_path, arguments[arguments.index("--data") + 1].removesuffix("_val"))
        if program == "llamafactory-cli":
            ran = llamafactory(*arguments)
            assert output in ran.err
        else:
            ran = ontune(*arguments)
            assert ran.out == output, command


def test_the_first_screen_is_two_commands_of_the_makefile() -> None:
    block = re.search(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    targets = [line.split()[1] for line in block[1].splitlines()]
    assert targets == ["demo", "test"]
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}: install" in makefile for target in targets)
