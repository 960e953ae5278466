"""Which frames of videos stand for them, chosen ahead of training: what frames.json holds.

By a rule of `ontune.videos`, or by the attention that frames receive from one another. What was measured of a video is
kept under the hash of its bytes: a second run, or one after a stop, decodes and embeds it no more.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ontune.console import message, progress
from ontune.errors import InputError
from ontune.files import sha256_file
from ontune.inference.vision_folder import fingerprint
from ontune.videos import BadVideo, Selection, Video, decode, open_video, picture, select

if TYPE_CHECKING:
    from ontune.inference.vision_model import VisionModel

__all__ = ["Attention", "Choice", "Kept", "Measured", "Rule", "Way", "candidates", "choose_frames", "most_attended"]

FORMAT = 1  # of what is kept
DIGITS = 5  # of a score: what devices and batches make of the same picture differs behind them


@dataclass(frozen=True)
class Measured:
    """The frames of a video that come into question, and what each is worth; no scores: all of them are taken."""

    frames: tuple[int, ...]
    scores: tuple[float, ...] = ()


class Way(Protocol):
    """How frames are chosen: first measured, which is slow and kept, then picked."""

    @property
    def identity(self) -> Sequence[object]:
        """What a measurement depends on, beside the video."""
        ...

    def measure(self, video: Video) -> Measured:
        """The video's candidates. Raises BadVideo."""
        ...

    def pick(self, measured: Measured) -> list[int]:
        """The frames that are taken, in rising order; at least one."""
        ...


@dataclass(frozen=True)
class Rule:
    """A selection of `ontune.videos`: uniform, keyframes, peaks of motion."""

    selection: Selection

    @property
    def identity(self) -> Sequence[object]:
        return (self.selection.method, self.selection.value)

    def measure(self, video: Video) -> Measured:
        return Measured(tuple(select(video, self.selection)))

    def pick(self, measured: Measured) -> list[int]:
        return list(measured.frames)


@dataclass(frozen=True)
class Attention:
    """The frames of each chunk of candidates that receive most attention; the numbers are the original's.

    `model`: a folder, or a name on the hub.
    """

    model: str
    fps: float = 1.0
    least: int = 8
    most: int = 16
    chunk: int = 8
    keep: int = 4

    def __post_init__(self) -> None:
        faults = [f"{self.least} to {self.most} candidates: expected a rising pair"] * (self.least > self.most)
        faults += [f"{self.keep} of a chunk of {self.chunk} frames: expected no more"] * (self.keep > self.chunk)
        InputError.check(faults)

    @property
    def identity(self) -> Sequence[object]:
        return ("attention", self.fingerprint, self.fps, self.least, self.most, self.chunk)

    @cached_property
    def fingerprint(self) -> str:
        """What names the model's content."""
        return fingerprint(self.model)

    @cached_property
    def vision(self) -> "VisionModel":
        """The model, loaded when the first video needs it."""
        from ontune.inference.vision_model import load_vision_model  # imports torch

        message(f"loading {self.model}")
        return load_vision_model(self.model)

    def measure(self, video: Video) -> Measured:
        indices = candidates(video, self.fps, self.least, self.most)
        scores: list[float] = []
        # One chunk at a time: tokens of a long video fill gigabytes.
        for _, chunk in groupby(enumerate(decode(video, indices)), lambda item: item[0] // self.chunk):
            pictures = [picture(video, frame) for _, (_, frame) in chunk]
            scores += [round(score, DIGITS) for score in self.vision.net_attention(pictures)]
        return Measured(tuple(indices), tuple(scores))

    def pick(self, measured: Measured) -> list[int]:
        return [measured.frames[at] for at in most_attended(measured.scores, self.chunk, self.keep)]


def candidates(video: Video, fps: float, least: int, most: int) -> list[int]:
    """So many frames a second by their times; above `most` so many of them evenly, below `least` so many of all frames.

    As the original samples: `_get_rawvideo_dec` of Mobile-VideoGPT's eval/video_encoding.py, which counts frames where
    this goes by time. There as here the step below `least` is a whole number: 145 frames give 0, 20, … 140.
    """
    found = select(video, Selection("seconds", 1 / fps))
    if len(found) > most:
        return [found[at] for at in np.linspace(0, len(found) - 1, most).astype(int)]
    if len(found) >= least:
        return found
    count = min(least, len(video.frames))
    step = (len(video.frames) - 1) // max(1, count - 1)
    return [at * step for at in range(count)]


def most_attended(scores: Sequence[float], chunk: int, keep: int) -> list[int]:
    """The places of the `keep` highest scores in each chunk, in rising order; of equal ones the first.

    A last chunk that is not full keeps its share, rounded up; a single one keeps as many as a full one.
    """
    kept: list[int] = []
    for start in range(0, len(scores), chunk):
        places = range(start, min(start + chunk, len(scores)))
        wanted = keep if len(scores) <= chunk else -(-keep * len(places) // chunk)
        kept += sorted(sorted(places, key=lambda at: (-scores[at], at))[:wanted])
    return kept


@dataclass
class Kept:
    """What was measured before, in a file of JSON lines; a line is added as soon as a video is done."""

    path: Path

    def find(self, key: str) -> Measured | None:
        """What the file holds under the key."""
        return self._lines.get(key)

    def keep(self, key: str, measured: Measured) -> None:
        """Adds a line. Raises InputError where the file cannot be written."""
        self._lines[key] = measured
        line = json.dumps({"key": key, "frames": measured.frames, "scores": measured.scores})
        self._append(f"{line}\n".encode())

    def check(self) -> None:
        """Raises InputError where nothing could be kept, before hours are spent."""
        self._append(b"")

    def _append(self, content: bytes) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(content)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror}") from None

    @cached_property
    def _lines(self) -> dict[str, Measured]:
        """The whole lines; one that a stop has cut gets an end, so that the next one is whole."""
        text = self.path.read_bytes() if self.path.is_file() else b""
        if text and not text.endswith(b"\n"):
            self._append(b"\n")
        return dict(filter(None, map(_parse_line, text.split(b"\n"))))


def _parse_line(line: bytes) -> tuple[str, Measured] | None:
    try:
        record: Any = json.loads(line)
        frames, scores = (tuple(record[name]) for name in ("frames", "scores"))
        whole = all(type(frame) is int for frame in frames) and all(type(score) is float for score in scores)
        is_ours = whole and frames and len(scores) in {0, len(frames)} and isinstance(record["key"], str)
        return (record["key"], Measured(frames, scores)) if is_ours else None
    except (ValueError, LookupError, TypeError):
        return None


@dataclass
class Choice:
    """The frames of each video by the hash of its file; what was dropped, and how many results were at hand."""

    lists: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    dropped: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict[str, list[str]](list))
    written: int = 0
    measured: int = 0

    def drops(self) -> list[str]:
        """Each dropped video with its reason."""
        return [f"{reason}: {where}" for reason, places in sorted(self.dropped.items()) for where in places]


def choose_frames(videos: Sequence[tuple[Path, str]], way: Way, kept: Kept) -> Choice:
    """The frames of each video, given with its name; a bad one is dropped with its reason.

    Raises InputError for a model that cannot embed pictures, and where results cannot be kept.
    """
    kept.check()
    choice = Choice()
    for path, name in progress(videos, "videos", len(videos)):
        sha256 = sha256_file(path)
        key = hashlib.sha256(json.dumps([FORMAT, sha256, *way.identity]).encode()).hexdigest()
        measured = kept.find(key)
        if measured is None:
            try:
                measured = way.measure(open_video(path))
            except BadVideo as error:
                choice.dropped[error.reason].append(name.removesuffix(path.name) + error.detail)
                continue
            kept.keep(key, measured)
            choice.measured += 1
        choice.lists[sha256] = way.pick(measured)
        choice.written += 1
    return choice
