"""Work in child processes, with limits of processor time and memory: what comes back, or how it ended."""

import multiprocessing
import os
import resource
import signal
import tempfile
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]
Report: TypeAlias = Callable[[Record], None]

FORK = multiprocessing.get_context("fork")  # whatever the parent has imported and made, a child has for nothing
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Limit:
    """What a child may take beyond what it starts with: processor time of all its threads, and memory.

    Memory is what the kernel counts as data (RLIMIT_DATA): RLIMIT_AS would count the gigabytes of address space that
    torch maps and never touches. The gigabyte that the imported libraries hold is not counted.
    """

    seconds: int = 120
    megabytes: int = 2048


@dataclass(frozen=True, eq=False)
class Job:
    """A function that hands records to `report`, and what it is called with. Without a limit it must not fail."""

    name: str
    work: Callable[..., None]
    arguments: tuple[Any, ...] = ()
    limit: Limit | None = None


@dataclass
class Child:
    job: Job
    process: Any
    errors: Path
    found: Record = field(default_factory=dict)


def run_all(jobs: Sequence[Job], workers: int = 1) -> Iterator[tuple[Job, Record]]:
    """Each job with what it has reported and its `status`, as it ends: ok, timeout, memory, refused or crashed.

    Raises RuntimeError where a job without a limit does not end well.
    """
    waiting, running = deque(jobs), dict[Connection, Child]()
    with tempfile.TemporaryDirectory() as folder:
        while waiting or running:
            while waiting and len(running) < workers:
                connection, child = _start(waiting.popleft(), Path(folder))
                running[connection] = child
            for connection in wait(list(running)):
                if not _receive(connection, running[connection]):  # pyright: ignore[reportArgumentType]
                    child = running.pop(connection)  # pyright: ignore[reportArgumentType]
                    yield child.job, _end(child)


def _start(job: Job, folder: Path) -> tuple[Connection, Child]:
    ours, theirs = FORK.Pipe(duplex=False)
    errors = folder / f"{job.name}.log".replace("/", "-")
    process = FORK.Process(target=_work, args=(job, theirs, errors))
    process.start()
    theirs.close()
    return ours, Child(job, process, errors)


def _work(job: Job, connection: Connection, errors: Path) -> None:
    """In the child: its output goes to a file, since the parent's is one JSON object and a progress bar."""
    with errors.open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    if job.limit:
        _hold_to(job.limit)
    try:
        job.work(*job.arguments, connection.send)
    except MemoryError:
        connection.send({"status": "memory"})
    except Exception as error:
        if job.limit is None:
            connection.send({"failed": traceback.format_exc()})
        else:
            connection.send({"status": "refused", "why": _first_line(str(error) or type(error).__name__)})
    else:
        connection.send({"status": "ok"})


def _hold_to(limit: Limit) -> None:
    seconds = int(cpu() + limit.seconds + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    data = memory("VmData") + limit.megabytes
    resource.setrlimit(resource.RLIMIT_DATA, (int(data * MEBIBYTE), int(data * MEBIBYTE)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _receive(connection: Connection, child: Child) -> bool:
    """Takes one record; whether there may be more."""
    try:
        child.found |= connection.recv()
    except EOFError:
        return False
    return True


def _end(child: Child) -> Record:
    child.process.join()
    log = child.errors.read_text(errors="replace").strip()
    if "status" not in child.found:
        child.found |= _death(child.process.exitcode, log)
    if child.job.limit is None and child.found["status"] != "ok":
        raise RuntimeError(f"{child.job.name}: {child.found.get('failed') or child.found}\n{log[-2000:]}")
    return child.found


def _death(code: int, log: str) -> Record:
    """How a child ended that could not say so itself."""
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return {"status": "timeout"}
    if "alloc" in log:  # memory allocation of … bytes failed, std::bad_alloc
        return {"status": "memory"}
    return {"status": "crashed", "why": f"signal {-code}: {_first_line(log)}"}


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:200]


def cpu() -> float:
    """Seconds of processor time of all threads. Under a limit time.process_time() counts in ticks of milliseconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory(name: str) -> float:
    """A number of mebibytes that the kernel keeps of this process: VmRSS, VmHWM, VmData."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024
