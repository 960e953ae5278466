"""Steps in turn: commands shown and logged, finished ones skipped as long as nothing before them has changed."""

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from ontune.console import message
from ontune.errors import CheckFailed, InputError
from ontune.files import write_atomic

__all__ = ["Done", "Step", "run_steps"]

STATE, LOGS = "state.json", "logs"
SHOWN = 25  # lines of the log of a command that failed
EVERY = 15.0  # seconds between two lines of progress where no person looks at a screen
# One thread a process: the loader's worker has the second core, and threads that wait for each other are slow.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Step:
    """A command run in the demo's folder, or a function called.

    `inputs` decide, with all steps before, whether it has to run again; `outputs`, relative to the folder, are removed
    before it runs and are there after it; `stdout` takes the command's standard output instead of the log.
    `judges`: status 1 is the command's verdict, which its outputs tell, and no failure.
    """

    name: str
    what: str
    outputs: tuple[str, ...]
    command: tuple[str, ...] = ()
    action: Callable[[], None] | None = None
    inputs: tuple[Path, ...] = ()
    stdout: str | None = None
    judges: bool = False


@dataclass(frozen=True)
class Done:
    """How long a step took, in seconds; None for one that had been done before."""

    name: str
    seconds: float | None


def run_steps(steps: Sequence[Step], folder: Path, fresh: bool = False) -> list[Done]:
    """What was done. Raises CheckFailed with the end of the log where a command fails, InputError on a strange folder.

    Each step's fingerprint covers those before it: whatever changes, all that follows from it is done again.
    """
    state = _read_state(folder)
    done: list[Done] = []
    fingerprint = ""
    for at, step in enumerate(steps, start=1):
        fingerprint = _fingerprint(step, fingerprint)
        heading = f"[{at:2}/{len(steps)}] {step.what}"
        if not fresh and state.get(step.name) == fingerprint and all((folder / path).exists() for path in step.outputs):
            message(f"{heading}: done before")
            done.append(Done(step.name, None))
            continue
        message(heading)
        state.pop(step.name, None)
        seconds = _run(step, folder)
        state[step.name] = fingerprint
        write_atomic(folder / STATE, json.dumps(state, indent=2))
        done.append(Done(step.name, seconds))
    return done


def _read_state(folder: Path) -> dict[str, str]:
    """The fingerprints of the steps that were done. Raises InputError for a folder that holds something else."""
    if (folder / STATE).is_file():
        return json.loads((folder / STATE).read_text(encoding="utf-8"))
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: not empty, and no folder of the demo: choose another one with --dir")
    write_atomic(folder / STATE, "{}")
    return {}


def _fingerprint(step: Step, before: str) -> str:
    contents = [path.read_bytes() for path in step.inputs]
    parts = [before.encode(), step.name.encode(), *(word.encode() for word in step.command), *contents]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _run(step: Step, folder: Path) -> float:
    started = time.monotonic()
    for path in step.outputs:
        _remove(folder / path)
    if step.action:
        step.action()
    else:
        message(f"        $ {shlex.join(step.command)}")
        _call(step, folder, started)
    if missing := [path for path in step.outputs if not (folder / path).exists()]:
        raise CheckFailed(f"step {step.name}: {missing} not there after it")
    seconds = time.monotonic() - started
    _show(f"        {seconds:.0f} s", last=True)
    return seconds


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _call(step: Step, folder: Path, started: float) -> None:
    """Runs the command to its end. Raises CheckFailed where it fails."""
    log = folder / LOGS / f"{step.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(sys.executable).parent  # the environment's own commands, also where it is not activated
    path = os.pathsep.join([str(beside), os.environ.get("PATH", "")])
    with log.open("wb") as output, (folder / step.stdout).open("wb") if step.stdout else nullcontext(output) as stdout:
        process = subprocess.Popen(  # noqa: S603 - the demo's own commands
            [shutil.which(step.command[0], path=path) or step.command[0], *step.command[1:]],
            cwd=folder,
            env={**os.environ, **ENVIRONMENT, "PATH": path},
            stdout=stdout,
            stderr=output,
            start_new_session=True,
        )
        try:
            _watch(process, log, started)
        finally:
            _end(process)
    if process.returncode and not (step.judges and process.returncode == 1):
        lines = [line for line in re.split(r"[\r\n]+", log.read_text("utf-8", errors="replace")) if line.strip()]
        raise CheckFailed([f"{shlex.join(step.command)} ended with {process.returncode}; {log}:", *lines[-SHOWN:]])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command, if it still runs, with all that it started: ms-swift works in a child of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _watch(process: subprocess.Popen[bytes], log: Path, started: float) -> None:
    """Shows how far the command is, until it ends."""
    shown = started
    while process.poll() is None:
        time.sleep(0.2)
        if time.monotonic() - shown >= (1.0 if sys.stderr.isatty() else EVERY):
            shown = time.monotonic()
            _show(f"        {shown - started:.0f} s{_progress(log)}")


def _progress(log: Path) -> str:
    """What the last progress bar in the log shows."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2000))
        found = re.findall(rb"(\d+)/(\d+) \[", file.read())
    return f"  {found[-1][0].decode()} of {found[-1][1].decode()}" if found else ""


def _show(text: str, last: bool = False) -> None:
    """A line that the next one takes the place of on a screen."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}" + "\n" * last)
        sys.stderr.flush()
    else:
        message(text)
