"""Reading: exact frames and times of every container, turned pictures upright, and what is wrong with a file."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clips import drawing, make_clip, make_sound, number_of, turn
from ontune.errors import MissingExtra
from ontune.files import LFS_POINTER
from ontune.videos import BadVideo, Video, decode, open_video, picture

FORMS = {
    "h264": {},
    "b_frames": {"options": {"bf": "3", "x264-params": "b-pyramid=normal"}},
    "open_gop": {"options": {"bf": "3", "x264-params": "open-gop=1"}},
    "one_gop": {"gop": 100},
    "hevc": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
    "mpeg4": {"codec": "mpeg4", "options": {"bf": "2"}},
    "vp8": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "8", "b": "400k"}},
    "vp9": {"codec": "libvpx-vp9", "options": {"b": "400k", "cpu-used": "8", "deadline": "realtime"}},
}
FILES = [
    ("h264", ".mp4"), ("b_frames", ".mp4"), ("b_frames", ".mkv"), ("b_frames", ".ts"), ("open_gop", ".mp4"),
    ("open_gop", ".ts"), ("one_gop", ".mp4"), ("hevc", ".mp4"), ("mpeg4", ".avi"), ("vp8", ".webm"), ("vp9", ".webm"),
]  # fmt: skip


@pytest.fixture(scope="module", params=FILES, ids="".join)
def clip(request, tmp_path_factory) -> Video:
    form, suffix = request.param
    return open_video(make_clip(tmp_path_factory.mktemp("clip") / f"clip{suffix}", 30, **FORMS[form]))


def test_every_frame_is_listed_with_its_time(clip):
    assert (len(clip.frames), clip.width, clip.height) == (30, 128, 96)
    assert np.allclose([clip.seconds(index) for index in range(30)], np.arange(30) / 12, atol=0.0011)
    assert clip.duration == pytest.approx(2.5, abs=0.0011)
    assert not clip.varies
    assert not clip.is_turned


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.sets(st.integers(0, 29), min_size=1))
def test_frames_asked_for_are_those_of_a_full_decoding(clip, wanted):
    whole = dict(decode(clip))
    found = list(decode(clip, wanted))
    assert [index for index, _ in found] == sorted(wanted)
    for index, frame in found:
        pixels = picture(clip, frame)
        assert number_of(pixels) == index
        assert np.array_equal(pixels, picture(clip, whole[index]))


def test_variable_frame_rate_keeps_its_times(tmp_path):
    ticks = [0, 50, 100, 400, 410, 900]
    video = open_video(make_clip(tmp_path / "clip.mp4", 6, times=ticks))
    assert video.varies
    assert [video.seconds(index) for index in range(6)] == [tick / 600 for tick in ticks]


@pytest.mark.parametrize(
    ("how", "upright"),
    [
        ("left", lambda pixels: np.rot90(pixels, 1)),
        ("half", lambda pixels: np.rot90(pixels, 2)),
        ("right", lambda pixels: np.rot90(pixels, 3)),
        ("mirror", lambda pixels: pixels[:, ::-1]),
    ],
)
def test_turned_pictures_stand_upright(tmp_path, how, upright):
    video = open_video(turn(make_clip(tmp_path / "clip.mp4", 3), how))
    expected = upright(drawing(0)).astype(int)
    pixels = picture(video, next(iter(decode(video, [0])))[1])
    assert video.is_turned
    assert (video.height, video.width) == expected.shape[:2] == pixels.shape[:2]
    assert np.abs(pixels - expected).mean() < 8


def cut(path: Path, share: float, **options) -> Path:
    make_clip(path, 60, **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def still(path: Path) -> Path:
    from PIL import Image

    Image.fromarray(drawing(1)).save(path, "PNG")
    return path


def other_size(path: Path) -> Path:
    return written(path, b"RIFF" + b"\0" * 100)


FAST = {"movflags": "+faststart"}
BAD: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "index.mp4": (lambda path: cut(path, 0.7), "truncated", "moov"),
    "fast.mp4": (lambda path: cut(path, 0.7, container=FAST), "truncated", "of 60 frames"),
    "cut.mkv": (lambda path: cut(path, 0.5), "truncated", "of 5.00 seconds"),
    "cut.avi": (lambda path: cut(path, 0.8, codec="mpeg4"), "truncated", "of 60 frames"),
    "empty.mp4": (lambda path: written(path, b""), "truncated", "empty"),
    "sound.mp4": (make_sound, "audio_only", "without a video stream"),
    "text.mp4": (lambda path: written(path, b"hello\n" * 40), "unreadable", "no video"),
    "still.mp4": (still, "not_a_video", "png_pipe"),
    "riff.avi": (other_size, "unreadable", "no video"),
    "pointer.mp4": (lambda path: written(path, LFS_POINTER + b"\noid sha256:0\n"), "lfs_pointer", "git lfs pull"),
    "absent.mp4": (lambda path: path, "missing", "No such file"),
    "folder.mp4": (lambda path: path.mkdir() or path, "unreadable", "directory"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_file_is_named(tmp_path, name):
    make, reason, said = BAD[name]
    path = make(tmp_path / name)
    with pytest.raises(BadVideo) as caught:
        open_video(path)
    assert caught.value.reason == reason
    assert said in caught.value.detail
    assert name in caught.value.detail


def test_a_file_without_a_video_stream(tmp_path):
    import av

    path = tmp_path / "words.mkv"
    (tmp_path / "words.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nhello\n")
    with av.open(str(tmp_path / "words.srt")) as source, av.open(str(path), "w") as file:
        stream = file.add_stream_from_template(source.streams.subtitles[0])
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = stream
                file.mux(packet)
    with pytest.raises(BadVideo, match=r"no_video_stream: words\.mkv: holds \['subtitle'\]"):
        open_video(path)


def test_damage_inside_is_found_when_it_is_decoded(tmp_path):
    path = make_clip(tmp_path / "clip.mp4", 40, gop=4)
    content = bytearray(path.read_bytes())
    middle = content.find(b"mdat") + (len(content) - content.find(b"mdat")) // 3
    content[middle : middle + 300] = bytes(300)
    path.write_bytes(content)
    with pytest.raises(BadVideo, match="damaged"):
        for _ in decode(open_video(path)):
            pass


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
    path = make_clip(tmp_path / "clip.mp4", 2)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r"ontune\[video\]"):
        open_video(path)
