"""Short videos: the frames, their times, an even number of them, the same bytes each time."""

import numpy as np
import pytest

from clips import make_clip, number_of, turn
from ontune.videos import BadVideo, decode, open_video, picture, write_short


@pytest.mark.parametrize(
    ("indices", "seconds"),
    [
        ([0, 6, 12, 18], [0, 0.5, 1.0, 1.5]),
        ([3, 23], [0.25, 23 / 12]),
        ([0, 4, 9], [0, 4 / 12, 9 / 12, 9.5 / 12]),
        ([23], [23 / 12, 23.5 / 12]),
        (list(range(24)), [at / 12 for at in range(24)]),
    ],
)
def test_frames_and_times_are_those_of_the_source(tmp_path, indices, seconds):
    source = open_video(make_clip(tmp_path / "clip.mp4", 24))
    for name in ("one.mp4", "two.mp4"):
        write_short(source, indices, tmp_path / name)
    short = open_video(tmp_path / "one.mp4")
    found = [number_of(picture(short, frame)) for _, frame in decode(short)]
    first = short.frames[0].pts * short.time_base
    assert found == indices + indices[-1:] * (len(indices) % 2)
    assert [short.seconds(index) + float(first) for index in range(len(found))] == pytest.approx(seconds, abs=1e-9)
    assert float(first) + short.duration == pytest.approx(source.duration, abs=1e-9)
    assert all(frame.key for frame in short.frames)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


@pytest.mark.parametrize("options", [{}, {"size": (127, 95), "codec": "mpeg4"}, {"size": (127, 95)}], ids=str)
def test_pixels_stay_what_they_are(tmp_path, options):
    source = open_video(make_clip(tmp_path / "clip.mkv", 12, **options))
    write_short(source, [0, 5, 9, 11], tmp_path / "short.mp4")
    short = open_video(tmp_path / "short.mp4")
    wanted = [picture(source, frame).astype(int) for _, frame in decode(source, [0, 5, 9, 11])]
    for before, (_, frame) in zip(wanted, decode(short), strict=True):
        assert np.abs(before - picture(short, frame)).mean() < 1.5


def test_turned_clips_are_written_upright(tmp_path):
    source = open_video(turn(make_clip(tmp_path / "clip.mp4", 8), "half"))
    write_short(source, [2, 7], tmp_path / "short.mp4")
    short = open_video(tmp_path / "short.mp4")
    assert not short.is_turned
    wanted = [picture(source, frame).astype(int) for _, frame in decode(source, [2, 7])]
    for before, (_, frame) in zip(wanted, decode(short), strict=True):
        assert np.abs(before - picture(short, frame)).mean() < 6  # through RGB: colours at half resolution once more


def test_a_variable_rate_stays_one(tmp_path):
    ticks = [0, 50, 100, 400, 410, 900]
    source = open_video(make_clip(tmp_path / "clip.mp4", 6, times=ticks))
    write_short(source, [0, 2, 3, 4], tmp_path / "short.mp4")
    short = open_video(tmp_path / "short.mp4")
    assert [short.seconds(index) for index in range(4)] == pytest.approx([0, 100 / 600, 400 / 600, 410 / 600])


def test_a_damaged_source_is_named(tmp_path):
    source = open_video(make_clip(tmp_path / "clip.mp4", 8))
    source.path.write_bytes(b"")
    with pytest.raises(BadVideo, match="truncated"):
        write_short(source, [0], tmp_path / "short.mp4")
