"""The targets of service manuals: each is one line, a command that is there with options that it has."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from ontune.cli import cli

ROOT = Path(__file__).resolve().parents[1]
ANSWERS = "saves/manual/answers/"
# What each target asks for first where it is not there yet.
ASKED_FIRST = {"eval": ["predict"], "eval-quick": ["predict"], "eval-compare": ["predict", "predict"]}
ONTUNE = {
    "prepare-dataset": "convert",
    "eval": "evaluate",
    "eval-quick": "evaluate",
    "eval-probes": "probe",
    "eval-compare": "compare",
}
LAUNCHES = {
    "train": "manual_7b",
    "train-dev": "manual_7b_dev",
    "merge": "manual_7b_export",
    "serve-local": "manual_7b_serve",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which everything lies that a line may name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("URL", "http://elsewhere")  # an environment's own, which is not meant
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    for name in ("training_data", "adapter", "saves/manual/answers", "saves/manual/7b/merged"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "probes.yaml").touch()
    return tmp_path


def lines(*arguments: str) -> list[list[str]]:
    """The words of each line that make would run."""
    ran = subprocess.run(
        ["make", "-s", "-n", "-o", "install", "-f", str(ROOT / "Makefile"), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return [shlex.split(line) for line in ran.stdout.splitlines()]


def parsed(words: list[str], folder: Path) -> str:
    """The name of the `ontune` command of a line, once the command itself has taken its words."""
    program, *rest = words
    assert program == ".venv/bin/ontune"
    for name in rest:
        if name.startswith(ANSWERS) and name.endswith((".jsonl", ".json")):
            (folder / name).touch()
    command: click.Command = cli
    with click.Context(cli) as context:
        while isinstance(command, click.Group):
            name, found, rest = command.resolve_command(context, rest)
            assert found is not None
            command = found
        command.make_context(name, rest)
    return words[1]


@pytest.mark.parametrize("options", [[], ["HOST=swift"], ["ADAPTER=adapter"], ["URL=http://127.0.0.1:1/v1"]])
@pytest.mark.parametrize("target", ONTUNE)
def test_the_command_takes_its_line(folder, target, options) -> None:
    extra = ["OPTIONS=--no-page"] if ONTUNE[target] in ("evaluate", "compare") else []
    found = [parsed(words, folder) for words in lines(target, *options, *extra)]
    assert found == [*ASKED_FIRST.get(target, []), ONTUNE[target]]


@pytest.mark.parametrize("host", ["llamafactory", "swift"])
@pytest.mark.parametrize("target", LAUNCHES)
def test_the_host_is_launched_as_the_recipe_says(folder, target, host) -> None:
    (words,) = lines(target, f"HOST={host}")
    line = " ".join(word for word in words if not re.match(r"[A-Z_]+=", word))
    path = f"recipes/{'swift/' * (host == 'swift')}{LAUNCHES[target]}.yaml"
    command = line[: line.index(path) + len(path)]
    header = (ROOT / path).read_text(encoding="utf-8").partition("\n\n")[0]
    assert command in header.partition("# Launch  ")[2]
    assert words[0].startswith(f"PATH={folder}/.venv/bin:"), "torchrun is started by its name"


def test_sizes(folder) -> None:
    (words,) = lines("train", "SIZE=qwen3vl_8b")
    assert (ROOT / words[-1]).is_file()
    baseline, predictions, compared = lines("eval-compare", "SIZE=qwen3vl_8b")
    assert baseline[baseline.index("--model") + 1] == "Qwen3-VL-8B-Instruct", "the base of the recipe"
    assert predictions[predictions.index("--model") + 1] == "saves/manual/qwen3vl_8b/merged"
    assert compared[2:4] == [baseline[-1], predictions[-1]], "the base is A"


def test_answers_are_asked_for_again_when_weights_or_data_are_newer(folder) -> None:
    answers = folder / ANSWERS / "saves_manual_7b_merged.jsonl"
    answers.touch()
    assert len(lines("eval")) == 1
    for newer in ("saves/manual/7b/merged/model.safetensors", "data/service_manual/val.jsonl"):
        path = folder / newer
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert len(lines("eval")) == 2
        path.unlink()


def test_probes_that_were_asked_and_a_judge_stand_in_the_report(folder) -> None:
    (probing,) = lines("eval-probes")
    results = probing[probing.index("-o") + 1]
    assert "--probes" not in lines("eval")[-1]
    (folder / results).touch()
    last = lines("eval", "JUDGE=anthropic")[-1]
    assert last[last.index("--probes") + 1] == results
    assert last[last.index("--judge") + 1] == "anthropic"
    assert last[last.index("--judge-data") + 1] == "service_manual_val", "where the questions stand"


def test_each_target_is_listed(folder) -> None:
    found = {words[0] for words in map(shlex.split, help_text().splitlines()) if words}
    assert {*ONTUNE, *LAUNCHES} <= found


def help_text() -> str:
    return subprocess.check_output(["make", "-s", "-f", str(ROOT / "Makefile"), "help"], text=True)
