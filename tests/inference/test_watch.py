"""Windows and their scheduler: every instant is seen, the gap is kept, each window is counted once."""

import gc
import weakref
from fractions import Fraction
from itertools import accumulate, pairwise

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import make_clip, number_of, turn
from ontune.errors import InputError
from ontune.evaluation import Prediction
from ontune.inference.videos import Videos
from ontune.inference.watch import Pace, Slides, Window, feedback, windows, write_window
from ontune.videos import decode, open_video, picture
from ontune.videos.streaming import Shot, Stream

TICK = Fraction(1, 30)
fractions = st.integers(1, 200).map(lambda tenths: Fraction(tenths, 10))


@st.composite
def slides(draw) -> Slides:
    length = draw(fractions)
    return Slides(length, min(draw(fractions), length), draw(st.integers(1, 20)))


@st.composite
def videos(draw) -> list[Shot]:
    """Shots of any length: of one rate, of a variable one, frozen."""
    steps = draw(st.lists(st.one_of(st.just(1), st.integers(1, 400)), min_size=1, max_size=60))
    ends = [count * TICK for count in accumulate(steps)]
    return [Shot(start, end, at) for at, (start, end) in enumerate(pairwise([Fraction(0), *ends]))]


def rate(seconds: Fraction | float, fps: int = 30) -> list[Shot]:
    step = Fraction(1, fps)
    return [Shot(at * step, (at + 1) * step, at) for at in range(int(seconds * fps))]


@given(shots=videos(), plan=slides())
def test_every_instant_lies_in_a_window_that_sees_what_is_on_the_screen(shots, plan) -> None:
    found, end = list(windows(shots, plan)), shots[-1].end
    assert [window.start for window in found] == [number * plan.stride for number in range(len(found))]
    assert [window.end for window in found] == [min(window.start + plan.length, end) for window in found]
    assert found[-1].end == end
    assert all(later.start <= earlier.end for earlier, later in pairwise(found))
    assert all(window.end < end for window in found[:-1]), "one that reaches the end is the last"
    step = plan.length / plan.looks
    for window in found:
        times = [window.start + at * step for at in range(plan.looks) if window.start + at * step < end]
        on_screen = [shot for shot in shots if any(shot.start <= time < shot.end for time in times)]
        assert list(window.shots) == on_screen
        assert 1 <= len(on_screen) <= plan.looks


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (2.8, [(0, 2.8)]),
        (4, [(0, 4)]),
        (7.9, [(0, 4), (2, 6), (4, 7.9)]),
        (8, [(0, 4), (2, 6), (4, 8)]),
        (8.1, [(0, 4), (2, 6), (4, 8), (6, 8.1)]),
    ],
)
def test_windows_of_the_defaults(seconds, expected) -> None:
    found = list(windows(rate(seconds), Slides(Fraction(4), Fraction(2), 16)))
    assert [(float(window.start), float(window.end)) for window in found] == expected
    assert len(found[0].shots) == min(16, int(seconds * 4) + 1)


class Picture:
    """A frame that tells when it is let go."""


def test_memory_is_that_of_a_window() -> None:
    alive: weakref.WeakSet[Picture] = weakref.WeakSet()
    most = 0

    def shots():
        nonlocal most
        for shot in rate(400):
            picture = Picture()
            alive.add(picture)
            yield Shot(shot.start, shot.end, picture)
            most = max(most, len(alive))

    assert sum(1 for _ in windows(shots(), Slides(Fraction(4), Fraction(2), 16))) == 199
    gc.collect()
    assert most <= 40, "16 of a window, 8 of the next one, and those of a window that was handed out"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((4, 5, 16), ["stride is 5.0: expected at most the window, 4.0 seconds"]),
        ((0, -1, 0), ["length is 0", "stride is -1", "looks is 0"]),
    ],
)
def test_slides_that_leave_something_out(values, expected) -> None:
    with pytest.raises(InputError) as caught:
        Slides(*(Fraction(value) for value in values[:2]), values[2])
    assert len(caught.value.faults) == len(expected)
    assert all(words in fault for words, fault in zip(expected, caught.value.faults, strict=True))


def row(answer: str | None) -> Prediction:
    errors = ("not_encoded",) if answer is None else ("invalid_json",) * (answer == "raw")
    parsed = {"feedback": answer} if answer not in (None, "raw") else None
    meta = {"group": "w", **({"not_encoded": "too long"} if answer is None else {})}
    return Prediction("w", "constrained", "", answer or "", parsed, errors, meta=meta)


@given(
    shots=videos(),
    plan=slides(),
    gap=st.integers(0, 90).map(lambda tenths: Fraction(tenths, 10)),
    repeat=st.none() | fractions,
    late=st.lists(fractions, max_size=9),
    answers=st.lists(st.sampled_from(["up", "down", "raw", None]), min_size=1, max_size=9),
)
def test_the_gap_is_kept_and_every_window_counted(shots, plan, gap, repeat, late, answers) -> None:
    asked: list[Window] = []
    delays = late or [Fraction(0)]

    def ask(window: Window) -> Prediction:
        asked.append(window)
        return row(answers[len(asked) % len(answers)])

    def now(window: Window) -> Fraction:
        return window.end + delays[len(asked) % len(delays)] * bool(late)

    pace = Pace(gap, repeat)
    found = list(windows(shots, plan))
    said = list(feedback(found, ask, pace, now))
    assert sum(pace.fates.values()) == len(found)
    assert len(asked) == len(found) - pace.fates["gap"]
    assert len(said) == pace.fates["said"]
    assert pace.seen == shots[-1].end
    for earlier, later in pairwise(said):
        assert later.window.end - earlier.at >= gap
        assert later.at - earlier.at >= gap
        if later.row.raw == earlier.row.raw:
            assert repeat is not None
            assert later.at - earlier.at >= repeat
    for window in found:
        before = [piece.at for piece in said if piece.window.end < window.end]
        assert (window in asked) == (not before or window.end - before[-1] >= gap), "asked wherever it may be said"


def test_feedback_is_said_again_when_it_changes_or_enough_time_has_passed() -> None:
    for repeat, expected in ((None, [1, 4, 5]), (Fraction(2), [1, 3, 4, 5, 7, 9])):
        words = iter(["up", "up", "up", "down", "up", "up", "up", "up", "up"])
        found = windows(rate(9), Slides(Fraction(1), Fraction(1), 4))
        said = feedback(found, lambda _: row(next(words)), Pace(Fraction(1), repeat))  # noqa: B023
        assert [piece.at for piece in said] == expected


@pytest.mark.parametrize(("looks", "expected"), [(4, [12, 15, 18, 21]), (3, [12, 16, 20, 20])])
def test_a_window_is_written_with_its_frames_at_their_times(tmp_path, looks, expected) -> None:
    path = make_clip(tmp_path / "clip.mp4", 36)
    found = list(windows(Stream(path), Slides(Fraction(1), Fraction(1), looks)))
    for name in ("one.mp4", "two.mp4"):
        write_window(found[1], tmp_path / name)
    short = open_video(tmp_path / "one.mp4")
    assert [number_of(picture(short, frame)) for _, frame in decode(short)] == expected
    times = [(number - 12) / 12 for number in dict.fromkeys(expected)]
    assert [short.seconds(at) for at in range(len(times))] == pytest.approx(times, abs=1e-5)
    assert short.duration == pytest.approx(1)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_a_frame_from_before_the_window_stands_at_its_beginning(tmp_path) -> None:
    path = turn(make_clip(tmp_path / "clip.mp4", 4, times=[0, 300, 1500, 1700]), "half")  # at 0, 0.5, 2.5 and 2.83 s
    found = list(windows(Stream(path), Slides(Fraction(1), Fraction(1), 4)))
    write_window(found[2], tmp_path / "short.mp4")
    short = open_video(tmp_path / "short.mp4")
    assert [number_of(picture(short, frame)[::-1, ::-1]) for _, frame in decode(short)] == [1, 2]
    assert [short.seconds(at) for at in range(2)] == pytest.approx([0, 0.5])
    assert not short.is_turned


@pytest.mark.parametrize("rule", ["llamafactory", "qwen_vl_utils"])
@pytest.mark.parametrize("looks", [1, 3, 16])
def test_a_model_gets_every_frame_of_a_window_by_either_rule(tmp_path, rule, looks) -> None:
    path = make_clip(tmp_path / "clip.mp4", 48)
    (window,) = windows(Stream(path), Slides(Fraction(4), Fraction(2), looks))
    write_window(window, tmp_path / "short.mp4")
    frames, metadata = Videos(rule, fps=1000.0, max_frames=looks + looks % 2).open(tmp_path / "short.mp4", 14)
    pictures = [np.asarray(frame if rule == "llamafactory" else frame.permute(1, 2, 0)) for frame in frames]
    expected = [48 // looks * at for at in range(looks)]
    assert [number_of(pixels) for pixels in pictures] == expected + expected[-1:] * (looks % 2)
    rate = len(metadata["frames_indices"]) / metadata["total_num_frames"] * metadata["fps"]
    assert rate == pytest.approx((looks + looks % 2) / 4, rel=0.01)


def test_frames_are_let_go_at_once(tmp_path) -> None:
    path = turn(make_clip(tmp_path / "clip.mp4", 180), "right")
    counts = []
    gc.disable()  # what only Python's own cleaning frees would pile up between two of its rounds
    try:
        for window in windows(Stream(path), Slides(Fraction(2), Fraction(1), 8)):
            write_window(window, tmp_path / "short.mp4")
            counts.append(sum(type(item) is av.VideoFrame for item in gc.get_objects()))
    finally:
        gc.enable()
    assert len(counts) == 14
    assert max(counts[5:]) <= counts[4] + 2
