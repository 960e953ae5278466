"""Streams: the frames and times of a listed video, a file that grows, and what is wrong with one."""

import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from clips import make_clip, make_sound, number_of, turn
from ontune.videos import BadVideo, open_video
from ontune.videos.streaming import Stream

FILES = {
    "clip.mp4": {},
    "bframes.ts": {"options": {"bf": "3", "x264-params": "open-gop=1"}},
    "clip.mkv": {"options": {"bf": "3"}},
    "clip.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "hidden.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "8", "b": "400k"}},
    "variable.mp4": {"times": [at * 50 + at % 3 * 9 for at in range(30)]},
}
FRAGMENTED = {"movflags": "frag_every_frame+empty_moov"}


def numbers(shots) -> list[int]:
    return [number_of(shot.upright().to_ndarray(format="rgb24")) for shot in shots]


@pytest.mark.parametrize("name", FILES)
def test_shots_are_the_frames_of_the_listed_video(tmp_path, name) -> None:
    video = open_video(make_clip(tmp_path / name, 30, **FILES[name]))
    shots = list(Stream(video.path))
    assert numbers(shots) == list(range(30))
    assert [float(shot.start) for shot in shots] == [video.seconds(index) for index in range(30)]
    assert [shot.end for shot in shots[:-1]] == [shot.start for shot in shots[1:]]
    assert float(shots[-1].end) == pytest.approx(video.duration)


@pytest.mark.parametrize("how", ["left", "right", "half", "mirror"])
def test_turned_shots_stand_upright(tmp_path, how) -> None:
    path = turn(make_clip(tmp_path / "clip.mp4", 3), how)
    expected = open_video(path)
    (first, *_) = Stream(path)
    frame = first.upright()
    assert (frame.width, frame.height) == (expected.width, expected.height)
    pixels = frame.to_ndarray(format="rgb24")
    back = {"left": np.rot90(pixels, -1), "right": np.rot90(pixels, 1), "half": np.rot90(pixels, 2)}
    assert number_of(back.get(how, pixels[:, ::-1])) == 0


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def broken(path: Path) -> Path:
    path.write_bytes(b"no video at all" * 99)
    return path


BAD = {
    "missing": (lambda folder: folder / "none.mp4", "missing: none.mp4", 0),
    "empty": (lambda folder: cut(make_clip(folder / "a.mp4"), 0), "truncated: a.mp4: an empty file", 0),
    "sound": (lambda folder: make_sound(folder / "a.m4a"), "audio_only: a.m4a", 0),
    "words": (lambda folder: broken(folder / "a.mp4"), "unreadable: a.mp4", 0),
    "no index": (lambda folder: cut(make_clip(folder / "a.mp4"), 0.5), "truncated: a.mp4: MP4 without its index", 0),
    "cut": (
        lambda folder: cut(make_clip(folder / "a.mp4", 60, container={"movflags": "+faststart"}), 0.6),
        r"truncated: a.mp4: \d+ of 60 frames",
        20,
    ),
    "cut matroska": (
        lambda folder: cut(make_clip(folder / "a.mkv", 60), 0.6),
        r"truncated: a.mkv: ends after \d.\d\d of 5.00 seconds",
        20,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_faults_are_named_after_what_can_be_seen(tmp_path, name) -> None:
    make, expected, seen = BAD[name]
    shots = []
    with pytest.raises(BadVideo, match=expected):
        shots.extend(Stream(make(tmp_path)))
    assert len(shots) >= seen


def test_damage_on_the_way_is_counted_and_ends_nothing(tmp_path) -> None:
    content = bytearray(make_clip(tmp_path / "a.ts", 60, gop=12).read_bytes())
    del content[69 * 188 : 70 * 188]
    (tmp_path / "a.ts").write_bytes(content)
    stream = Stream(tmp_path / "a.ts")
    shots = list(stream)
    assert len(shots) >= 58
    assert stream.damaged
    assert shots[-1].end == 5


@pytest.mark.parametrize(("name", "container"), [("a.ts", {}), ("a.mkv", {}), ("a.mp4", FRAGMENTED)])
def test_a_file_that_grows_is_followed(tmp_path, name, container) -> None:
    content = make_clip(tmp_path / name, 60, gop=6, container=container).read_bytes()
    growing = tmp_path / f"growing{Path(name).suffix}"
    growing.touch()
    pieces = np.array_split(np.frombuffer(content, dtype=np.uint8), 12)

    def write() -> None:
        for piece in pieces:
            time.sleep(0.05)
            with growing.open("ab") as file:
                file.write(piece.tobytes())

    writer = threading.Thread(target=write)
    writer.start()
    shots = list(Stream(growing, patience=1.0))
    writer.join()
    assert numbers(shots) == list(range(60))
    assert shots[-1].start == pytest.approx(Fraction(59, 12), abs=0.001)


def test_a_file_that_never_grows_is_given_up(tmp_path) -> None:
    (tmp_path / "a.ts").touch()
    with pytest.raises(BadVideo, match="an empty file"):
        list(Stream(tmp_path / "a.ts", patience=0.1))
    with pytest.raises(BadVideo, match=r"missing: none\.ts"):
        list(Stream(tmp_path / "none.ts", patience=0.1))


def test_following_is_stopped_by_another_thread(tmp_path) -> None:
    stream = Stream(make_clip(tmp_path / "a.ts", 24), patience=600)
    threading.Timer(0.3, stream.stopped.set).start()
    assert len(list(stream)) == 24
