"""The command line: light to import, one JSON object, three exit statuses."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ontune import __version__, console
from ontune.cli import LAZY
from ontune.errors import CheckFailed, HostVersionError, InputError

HEAVY = ("torch", "transformers", "datasets", "rdflib", "deepeval", "matplotlib", "sklearn", "llamafactory", "swift")


def run(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`ontune …` in a process of its own."""
    command = [sys.executable, "-c", "from ontune.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


@pytest.mark.parametrize(
    "code",
    [
        "import ontune",
        "import ontune.cli; ontune.cli.cli.main(['--help'], standalone_mode=False)",
        *(f"import {module}; {module}.command" for module, _ in LAZY.values()),
    ],
)
def test_nothing_heavy_is_imported(code):
    program = f"{code}\nimport json, sys\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_every_command_is_listed():
    shown = run("--help").stdout
    assert all(f"  {name} " in shown for name in (*LAZY, "version", "path"))


@pytest.mark.parametrize(
    ("arguments", "status", "fault"),
    [
        (["version"], 0, ""),
        (["--help"], 0, ""),
        (["ontology", "--help"], 0, ""),
        ([], 2, "Usage: ontune [OPTIONS] COMMAND [ARGS]...\n\n  Ontology"),
        (["nosuch"], 2, "error: No such command 'nosuch'."),
        (["path", "nowhere"], 2, "error: Invalid value for"),
        (["path", "recipes", "--nosuch"], 2, "error: No such option"),
        (["ontology", "stats", "gone-1"], 2, "error: no ontologies file gone-1.json"),
    ],
)
def test_exit_statuses(tmp_path, arguments, status, fault):
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == status
    assert fault in done.stderr
    assert (done.stdout == "") == (status != 0)
    assert "error: Usage" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "status", "faults"),
    [
        (CheckFailed(["a", "b"]), 1, ["a", "b"]),
        (HostVersionError("old"), 2, ["old"]),
        (InputError("bad"), 2, ["bad"]),
        (OSError(28, "No space left on device", "x.json"), 2, ["x.json: No space left on device"]),
        (KeyboardInterrupt(), 130, ["interrupted"]),
    ],
)
def test_what_a_command_raises_decides_the_status(capsys, monkeypatch, error, status, faults):
    @click.command()
    @console.json_option
    def command(as_json: bool) -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["x", "--json"])
    with pytest.raises(SystemExit) as caught:
        console.run(command, "x")
    assert caught.value.code == status
    assert json.loads(capsys.readouterr().out) == {"error": faults}


@pytest.mark.parametrize("arguments", [["nosuch"], ["path", "nowhere"], ["ontology", "stats", "gone-1"]])
def test_with_json_an_error_is_one_object_on_standard_output(arguments):
    done = run(*arguments, "--json")
    assert done.returncode == 2
    record = json.loads(done.stdout)
    assert list(record) == ["error"]
    assert all(f"error: {fault}" in done.stderr for fault in record["error"])


def test_version(cli):
    assert cli("version").out == f"{__version__}\n"
    assert cli("version", "--json").json() == {"version": __version__}


@pytest.mark.parametrize(
    ("what", "inside"),
    [("swift-plugin", ""), ("recipes", ""), ("dataset-info", "tasks/edugraph.yaml")],
)
def test_path_prints_a_place_that_is_there(cli, tmp_path, monkeypatch, what, inside):
    monkeypatch.chdir(tmp_path)
    place = Path(cli("path", what).out.rstrip("\n"))
    assert place.is_absolute()
    assert (place / inside).exists()
    assert cli("path", what, "--json").json() == {"path": str(place)}


def test_the_swift_plugin_is_a_module_that_imports():
    place = run("path", "swift-plugin").stdout.strip()
    assert importlib.util.spec_from_file_location("ontune_swift", place) is not None
