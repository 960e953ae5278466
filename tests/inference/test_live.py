"""A video that does not wait: the newest window is taken, the others are counted, the reader's fault comes through."""

import threading
import time
from fractions import Fraction

import pytest

from ontune.inference.live import Live
from ontune.inference.watch import Slides
from ontune.videos import BadVideo
from ontune.videos.streaming import Shot

SLIDES = Slides(Fraction(2, 10), Fraction(1, 10), 2)


def shots(seconds: float):
    for at in range(int(seconds * 100)):
        yield Shot(Fraction(at, 100), Fraction(at + 1, 100), at)


def test_no_window_comes_before_it_is_over() -> None:
    live = Live(shots(1), SLIDES, paced=True)
    started = time.monotonic()
    late = [time.monotonic() - started - float(window.end) for window in live]
    assert len(late) + live.dropped == 9
    assert min(late) >= 0, "no window before it is over"
    assert live.position == 1


def test_who_is_slow_gets_the_newest_and_the_others_are_counted() -> None:
    live = Live(shots(1.5), SLIDES, paced=True)
    ends = []
    for window in live:
        ends.append(window.end)
        time.sleep(0.33)
    assert live.dropped > 4
    assert len(ends) + live.dropped == 14
    assert ends[-1] == Fraction(3, 2), "what comes last is not lost"


def test_without_a_pace_the_reader_goes_as_fast_as_it_can() -> None:
    started = time.monotonic()
    ends = [window.end for window in Live(shots(60), SLIDES, paced=False)]
    assert time.monotonic() - started < 30
    assert ends[-1] == 60


def test_a_fault_comes_after_the_last_window() -> None:
    def broken():
        yield from shots(0.5)
        raise BadVideo("truncated", "a.mp4: 50 of 99 frames")

    ends = []
    with pytest.raises(BadVideo, match="50 of 99"):
        ends.extend(Live(broken(), SLIDES, paced=False))
    assert ends[-1].end == Fraction(1, 2)


def test_who_leaves_stops_the_reader() -> None:
    live = Live(shots(600), SLIDES, paced=True)
    found = iter(live)
    next(found)
    found.close()
    assert live.stopped.is_set()
    assert "video" not in [thread.name for thread in threading.enumerate()]
