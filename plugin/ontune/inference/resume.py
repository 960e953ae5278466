"""Answers batch by batch, kept as they come: a stop at any moment loses nothing and repeats nothing."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TypeAlias

from ontune.console import progress
from ontune.errors import DatasetError
from ontune.evaluation import Prediction
from ontune.files import write_lines
from ontune.inference.engine import was_asked
from ontune.sharegpt import Sample

__all__ = ["answer_all", "answered", "discard_part"]

Answer: TypeAlias = Callable[[list[Sample]], list[Prediction]]
GRACE = 5.0  # seconds for what is under way when one worker fails


def answer_all(
    batches: Sequence[list[Sample]],
    answer: Answer,
    out: Path,
    settings: object,
    workers: int = 1,
    again: bool = False,
) -> list[Prediction]:
    """The predictions of all batches, sorted by id; `settings` is what a resumed part must share to count.

    With several workers as many batches are asked at once. `again`: what could not be asked before the stop is asked
    once more, since the fault may have been the server's.
    """
    part = _part(out, settings)
    found = {item.id: item for item in _read_part(part) if was_asked(item) or not again}
    # Anew: a line that the stop has cut would spoil the one that follows it.
    write_lines(part, (prediction.to_json() for prediction in found.values()))
    todo = [batch for batch in batches if not all(sample.id in found for sample in batch)]
    answers = _Workers(answer).answers(todo, workers) if workers > 1 else map(answer, todo)
    with part.open("a", encoding="utf-8") as file:
        for predictions in progress(answers, out.name, len(todo)):
            file.write("".join(f"{prediction.to_json()}\n" for prediction in predictions))
            file.flush()
            found |= {prediction.id: prediction for prediction in predictions}
    wanted = {sample.id for batch in batches for sample in batch}
    return sorted((found[id_] for id_ in wanted), key=lambda prediction: prediction.id)


def answered(out: Path, settings: object) -> dict[str, Prediction]:
    """What a run with these settings that was stopped has been answered, by id."""
    return {item.id: item for item in _read_part(_part(out, settings)) if was_asked(item)}


def _part(out: Path, settings: object) -> Path:
    key = hashlib.sha256(repr(settings).encode()).hexdigest()[:12]
    return out.with_name(f".{out.name}.{key}.part")


def discard_part(out: Path) -> None:
    """Removes what unfinished runs of this file have left."""
    own = re.compile(rf"{re.escape(f'.{out.name}')}\.[^.]+\.part")  # with a dot more it is of another file
    for path in out.parent.iterdir():
        if own.fullmatch(path.name):
            path.unlink()


@dataclass
class _Workers:
    """Threads that ask batch after batch. Daemons: an interrupted program does not wait for a slow server."""

    answer: Answer
    todo: "SimpleQueue[list[Sample]]" = field(default_factory=SimpleQueue)
    done: "SimpleQueue[list[Prediction] | BaseException]" = field(default_factory=SimpleQueue)
    stopped: Event = field(default_factory=Event)
    threads: list[Thread] = field(default_factory=list[Thread])

    def answers(self, batches: Sequence[list[Sample]], count: int) -> Iterator[list[Prediction]]:
        """The predictions as they come; the first error ends it, after what is under way has come."""
        for batch in batches:
            self.todo.put(batch)
        self.threads = [Thread(target=self._work, daemon=True) for _ in range(min(count, len(batches)))]
        for thread in self.threads:
            thread.start()
        try:
            for _ in batches:
                found = self.done.get()
                if isinstance(found, BaseException):
                    yield from self._last()
                    raise found
                yield found
        finally:
            self.stopped.set()

    def _work(self) -> None:
        while not self.stopped.is_set():
            try:
                self.done.put(self.answer(self.todo.get_nowait()))
            except Empty:
                return
            except BaseException as error:  # the thread that writes raises it
                self.stopped.set()
                self.done.put(error)

    def _last(self) -> Iterator[list[Prediction]]:
        """What the other workers still bring in a while."""
        deadline = time.monotonic() + GRACE
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        while not self.done.empty():
            if isinstance(found := self.done.get(), list):
                yield found


def _read_part(part: Path) -> list[Prediction]:
    """The predictions up to the first line that is not whole."""
    found: list[Prediction] = []
    # As bytes: a cut may go through a character, and an answer may hold what `splitlines` takes for a line's end.
    for line in part.read_bytes().split(b"\n") if part.is_file() else []:
        try:
            found.append(Prediction.from_json(line.decode(), str(part)))
        except (DatasetError, UnicodeDecodeError):
            break
    return found
