"""Sliding windows over a video, and which of them are asked about and said: pure, the video's time is the only clock.

Every instant of the video lies in a window. After a piece of feedback nothing is said for `min_gap` seconds, so that a
window that ends within them is not asked about; an answer equal to the last one said is kept back until it changes, or
`repeat` seconds have passed. Each window is counted once, by what became of it.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ontune.errors import InputError
from ontune.evaluation import Prediction
from ontune.inference.engine import was_asked
from ontune.videos.streaming import Shot
from ontune.videos.writing import write_frames

__all__ = ["Fate", "Feedback", "Pace", "Slides", "Window", "feedback", "windows", "write_window"]

CLOCK = 1_000_000  # ticks a second of a window's video
Fate: TypeAlias = Literal["said", "gap", "same", "refused"]


@dataclass(frozen=True)
class Window:
    """A stretch of the video, `end` excluded, and the frames that it is looked at in."""

    start: Fraction
    end: Fraction
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class Slides:
    """Where windows stand, in seconds: window number k begins at k * stride, and is looked at `looks` times, evenly."""

    length: Fraction
    stride: Fraction
    looks: int

    def __post_init__(self) -> None:
        faults = [f"{name} is {value}: expected more than 0" for name, value in vars(self).items() if value <= 0]
        if self.stride > self.length:
            faults.append(f"stride is {float(self.stride)}: expected at most the window, {float(self.length)} seconds")
        InputError.check(faults)

    def start(self, number: int) -> Fraction:
        """When a window begins."""
        return number * self.stride

    def end(self, number: int) -> Fraction:
        """When a window ends, unless the video ends before."""
        return number * self.stride + self.length

    def sees(self, number: int, shot: Shot) -> bool:
        """Whether the shot is on the screen at a moment that the window is looked at."""
        step = self.length / self.looks
        look = max(0, ceil((shot.start - self.start(number)) / step))
        return look < self.looks and self.start(number) + look * step < shot.end

    def wanted(self, number: int, shot: Shot) -> bool:
        """Whether the window, or one after it, sees the shot."""
        first = max(number, ceil((shot.start - self.length) / self.stride))
        return any(self.sees(later, shot) for later in range(first, ceil(shot.end / self.stride)))


def windows(shots: Iterable[Shot], slides: Slides) -> Iterator[Window]:
    """The windows of a video, each as soon as it is over; the last one ends with the video.

    Only shots that a window to come will need are held.
    """
    held: deque[Shot] = deque()
    number, end = 0, Fraction(0)
    for shot in shots:
        end = shot.end
        if slides.wanted(number, shot):
            held.append(shot)
        while slides.end(number) <= end:
            yield _window(number, slides.end(number), held, slides)
            number += 1
        while held and not slides.wanted(number, held[0]):
            held.popleft()
    if end > (slides.end(number - 1) if number else 0):
        yield _window(number, end, held, slides)


def _window(number: int, end: Fraction, held: Iterable[Shot], slides: Slides) -> Window:
    return Window(slides.start(number), end, tuple(shot for shot in held if slides.sees(number, shot)))


def write_window(window: Window, path: Path) -> None:
    """Writes the window as a short video, frames at their times in it; of an odd number the last stands twice."""
    times = [max(0, ceil((shot.start - window.start) * CLOCK)) for shot in window.shots]
    end = ceil((window.end - window.start) * CLOCK)
    twice = [(times[-1] + end) // 2] * (len(times) % 2)
    frames = (shot.upright() for shot in window.shots)
    write_frames(frames, [*times, *twice, end], CLOCK, path, "ultrafast")  # a tenth of the time, and nobody keeps it


@dataclass
class Pace:
    """When feedback is due, and whether it is worth saying; what became of each window is counted."""

    min_gap: Fraction = Fraction(3)
    repeat: Fraction | None = None  # None: never again until it changes
    fates: Counter[Fate] = field(default_factory=Counter[Fate])
    said_at: Fraction | None = None
    said: Any = None
    seen: Fraction = Fraction(0)  # the end of the last window

    def is_due(self, end: Fraction) -> bool:
        """Whether something may be said of a window that ends then."""
        return self.said_at is None or end - self.said_at >= self.min_gap

    def is_news(self, content: Any, at: Fraction) -> bool:
        """Whether this is said now, for the first time or again."""
        if self.said_at is None or content != self.said:
            return True
        return self.repeat is not None and at - self.said_at >= self.repeat

    def say(self, content: Any, at: Fraction) -> None:
        """Notes what was said."""
        self.said, self.said_at = content, at


@dataclass(frozen=True)
class Feedback:
    """An answer that is said, the window that it is about, and the moment of the video at which it is said."""

    window: Window
    at: Fraction
    row: Prediction


def feedback(
    found: Iterable[Window],
    ask: Callable[[Window], Prediction],
    pace: Pace,
    now: Callable[[Window], Fraction] = lambda window: window.end,
) -> Iterator[Feedback]:
    """What is said of the windows. `now`: the moment of the video at which the answer about a window is there."""
    for window in found:
        pace.seen = window.end
        if not pace.is_due(window.end):
            pace.fates["gap"] += 1
            continue
        row = ask(window)
        content, at = row.raw if row.answer is None else row.answer, now(window)
        if not was_asked(row):
            pace.fates["refused"] += 1
        elif not pace.is_news(content, at):
            pace.fates["same"] += 1
        else:
            pace.fates["said"] += 1
            pace.say(content, at)
            yield Feedback(window, at, row)
