"""The runner: what is done again, what is skipped, and what a failing command shows. Real commands."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from ontune.demo.runner import Step, run_steps
from ontune.errors import CheckFailed, InputError


def shell(name, script, *outputs, **options):
    return Step(name, f"step {name}", outputs, ("sh", "-c", script), **options)


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "source.txt"
    path.write_text("one")
    return path


def chain(source, last="cat b > c"):
    """Three steps, each from what the one before made; `count` gets a line whenever one runs."""
    return [
        shell("a", f"echo a >> count; cat {source} > a", "a", inputs=(source,)),
        shell("b", "echo b >> count; cat a > b", "b"),
        shell("c", f"echo c >> count; {last}", "c"),
    ]


def test_a_finished_step_is_not_run_again_until_something_before_it_changes(tmp_path, source, capsys) -> None:
    folder = tmp_path / "demo"
    count = folder / "count"

    def ran(steps, **options):
        count.unlink(missing_ok=True)
        done = run_steps(steps, folder, **options)
        names = [item.name for item in done if item.seconds is not None]
        assert names == (count.read_text().split() if count.is_file() else [])
        return names

    assert ran(chain(source)) == ["a", "b", "c"]
    assert "$ sh -c" in capsys.readouterr().err
    assert ran(chain(source)) == []
    assert capsys.readouterr().err.count("done before") == 3
    assert ran(chain(source, last="cat b b > c")) == ["c"]
    assert (folder / "c").read_text() == "oneone"
    (folder / "b").unlink()
    assert ran(chain(source, last="cat b b > c")) == ["b"]
    source.write_text("two")
    assert ran(chain(source)) == ["a", "b", "c"]
    assert (folder / "c").read_text() == "two"
    assert ran(chain(source), fresh=True) == ["a", "b", "c"]


def test_a_failing_command_shows_the_end_of_its_log_and_is_run_again(tmp_path, source) -> None:
    folder = tmp_path / "demo"
    with pytest.raises(CheckFailed, match="ended with 3") as error:
        run_steps(chain(source, last="seq 100; echo the reason >&2; exit 3"), folder)
    assert error.value.faults[-2:] == ("100", "the reason")
    assert len(error.value.faults) < 40
    assert [item.seconds is None for item in run_steps(chain(source), folder)] == [True, True, False]


@pytest.mark.parametrize(
    ("script", "fault"), [("echo low > c; exit 1", None), ("exit 1", "not there"), ("exit 2", "ended")]
)
def test_a_verdict_is_no_failure_where_its_outputs_tell_it(tmp_path, script, fault) -> None:
    found = [shell("judge", script, "c", judges=True), shell("next", "cat c > d", "d")]
    with pytest.raises(CheckFailed, match=fault) if fault else nullcontext():
        run_steps(found, tmp_path / "demo")
    assert (tmp_path / "demo/d").is_file() == (fault is None)


def test_old_outputs_are_gone_before_a_step_and_new_ones_there_after_it(tmp_path) -> None:
    folder = tmp_path / "demo"
    run_steps([shell("a", "mkdir out; echo old > out/old", "out")], folder)
    run_steps([shell("a", "mkdir out; echo new > out/new", "out")], folder)
    assert [path.name for path in (folder / "out").iterdir()] == ["new"]
    with pytest.raises(CheckFailed, match=r"step a: \['out'\] not there"):
        run_steps([shell("a", "true", "out")], folder)


def test_a_function_and_a_command_with_its_own_output(tmp_path) -> None:
    folder = tmp_path / "demo"
    steps = [
        Step("write", "writes", ("in",), action=lambda: (folder / "in").write_text("x") and None),
        shell("read", "cat in; echo message >&2", "out", stdout="out"),
    ]
    run_steps(steps, folder)
    assert (folder / "out").read_text() == "x"
    assert (folder / "logs/read.log").read_text() == "message\n"


def test_a_folder_with_something_else_is_refused(tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(InputError, match="not empty"):
        run_steps([shell("a", "touch a", "a")], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_interrupted_run_leaves_no_command_behind(tmp_path) -> None:
    code = (
        "from pathlib import Path; from ontune.demo.runner import Step, run_steps;"
        "run_steps([Step('a', 'a', (), ('sh', '-c', 'sleep 60 & echo $! > child; wait'))], Path('demo'))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.DEVNULL)
    child = tmp_path / "demo/child"
    deadline = time.monotonic() + 20
    while not (child.is_file() and child.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) != 0
    time.sleep(0.2)
    state = Path(f"/proc/{int(child.read_text())}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"
    assert json.loads((tmp_path / "demo/state.json").read_text()) == {}
    assert os.environ.get("OMP_NUM_THREADS")
