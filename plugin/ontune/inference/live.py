"""Windows of a video that does not wait: who is slower than it gets the newest one, and the others are counted."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from threading import Condition, Event, Thread

from ontune.inference.watch import Slides, Window, windows
from ontune.videos.streaming import Shot

__all__ = ["Live"]


@dataclass
class Live:
    """The windows of shots that a thread reads; with `paced` each shot is there when its time is over, not before.

    One window at most waits to be taken. `position`: the moment up to which the video has been read.
    """

    shots: Iterable[Shot]
    slides: Slides
    paced: bool
    stopped: Event = field(default_factory=Event)
    position: Fraction = Fraction(0)
    dropped: int = 0
    _waiting: Window | None = None
    _over: bool = False
    _error: BaseException | None = None
    _changed: Condition = field(default_factory=Condition)

    def __iter__(self) -> Iterator[Window]:
        """Raises what reading the shots raises, after the last window that came of them."""
        reader = Thread(target=self._read, name="video", daemon=True)
        reader.start()
        try:
            while (window := self._newest()) is not None:
                yield window
        finally:
            self.stopped.set()
            reader.join()
        if self._error:
            raise self._error

    def _newest(self) -> Window | None:
        with self._changed:
            while self._waiting is None and not self._over:
                self._changed.wait()
            window, self._waiting = self._waiting, None
            return window

    def _read(self) -> None:
        try:
            for window in windows(self._arriving(), self.slides):
                self._offer(window)
        except BaseException as error:
            self._error = error
        with self._changed:
            self._over = True
            self._changed.notify()

    def _offer(self, window: Window) -> None:
        with self._changed:
            self.dropped += self._waiting is not None
            self._waiting = window
            self._changed.notify()

    def _arriving(self) -> Iterator[Shot]:
        started = time.monotonic()
        for shot in self.shots:
            early = float(shot.end) - (time.monotonic() - started) if self.paced else 0
            if self.stopped.wait(early) if early > 0 else self.stopped.is_set():
                return
            self.position = shot.end
            yield shot
