"""`ontune convert frames`: short videos, times and pictures of selected frames, an account of what cannot be read."""

import json
from pathlib import Path

import pytest
from PIL import Image

from clips import make_clip, make_sound, number_of, turn
from ontune.videos import decode, open_video, picture, read_frame_lists


def index(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]


def numbers(path: Path) -> list[int]:
    video = open_video(path)
    return [number_of(picture(video, frame)) for _, frame in decode(video)]


@pytest.fixture
def folder(tmp_path) -> Path:
    make_clip(tmp_path / "in/a.mp4", 24, first=0)
    make_clip(tmp_path / "in/deep/b.MKV", 12, first=40)
    (tmp_path / "in/notes.txt").write_text("no video")
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (["--every", "6"], [0, 6, 12, 18]),
        (["--seconds", "0.5"], [0, 6, 12, 18]),
        (["--keyframes"], [0, 8, 16]),
        (["--count", "2"], [0, 23]),
        (["--scenes", "255"], [0]),
        (["--peaks", "1"], [16]),
    ],
)
def test_frames_of_a_clip(cli, folder, tmp_path, way, expected):
    answer = cli("convert", "frames", str(folder), *way, "--out", str(tmp_path / "out"), "--json")
    first, second = index(tmp_path / "out")
    assert answer.json()["read"] == answer.json()["written"] == 2
    assert (first["video"], second["video"]) == ("a.mp4", "deep/b.MKV")
    assert first["indices"] == expected
    assert first["seconds"] == pytest.approx([at / 12 for at in expected], abs=1e-6)
    assert numbers(tmp_path / "out" / first["file"])[: len(expected)] == expected
    assert read_frame_lists(tmp_path / "out/frames.json")[first["sha256"]] == tuple(expected)


def test_pictures_are_named_by_index_and_time(cli, folder, tmp_path):
    cli("convert", "frames", str(folder / "a.mp4"), "--every", "12", "--pictures", "--out", str(tmp_path / "out"))
    (record,) = index(tmp_path / "out")
    assert [Path(name).name for name in record["pictures"]] == ["000000-00000000ms.png", "000012-00001000ms.png"]
    assert [number_of(Image.open(tmp_path / "out" / name)) for name in record["pictures"]] == [0, 12]


def test_the_same_input_gives_the_same_bytes(cli, folder, tmp_path):
    def run(out: Path) -> dict[str, bytes]:
        cli("convert", "frames", str(folder), "--top", "3", "--pictures", "--out", str(out))
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    first = run(tmp_path / "one")
    assert first == run(tmp_path / "two") == run(tmp_path / "one")


def test_every_fault_is_counted_and_named(cli, tmp_path):
    source = tmp_path / "in"
    make_clip(source / "good.mp4", 8)
    make_sound(source / "sound.mp4")
    cut = make_clip(source / "cut.mp4", 30)
    cut.write_bytes(cut.read_bytes()[:2000])
    (source / "copy.mp4").write_bytes((source / "good.mp4").read_bytes())
    (source / "words.avi").write_text("hello")
    turn(make_clip(source / "phone.mp4", 9), "left")
    make_clip(source / "late.mp4", 4, times=[0, 10, 300, 310])
    answer = cli("convert", "frames", str(source), "--count", "2", "--out", str(tmp_path / "out"), "--json")
    account = answer.json()
    assert (answer.status, account["read"], account["written"]) == (0, 7, 3)
    assert account["dropped"] == {"audio_only": 1, "duplicate": 1, "truncated": 1, "unreadable": 1}
    assert account["warnings"] == {"turned": 1, "variable_frame_rate": 1}
    assert account["places"]["audio_only"] == ["sound.mp4: sound without a video stream"]
    strict = cli("convert", "frames", str(source), "--count", "2", "--out", str(tmp_path / "new"), "--strict")
    assert strict.status == 1
    assert [line.split(":")[1].strip() for line in strict.err.splitlines() if line.startswith("error")] == sorted(
        account["dropped"]
    )
    assert not (tmp_path / "new").exists()


def test_many_frames_are_remarked_on(cli, tmp_path):
    make_clip(tmp_path / "long.mp4", 130)
    answer = cli(
        "convert", "frames", str(tmp_path / "long.mp4"), "--every", "1", "--out", str(tmp_path / "out"), "--json"
    )
    assert answer.json()["places"]["many_frames"] == ["long.mp4: 130; LLaMA-Factory takes 128 (video_maxlen)"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no way to choose frames"),
        (["--every", "2", "--keyframes"], "--every, --keyframes: expected one way"),
        (["--every", "0"], "--every"),
        (["--seconds", "0"], "--seconds"),
        (["--top", "2", "--peaks", "2"], "--top, --peaks: expected one way"),
    ],
)
def test_wrong_use(cli, folder, tmp_path, arguments, said):
    answer = cli("convert", "frames", str(folder), *arguments, "--out", str(tmp_path / "out"))
    assert (answer.status, said in answer.err) == (2, True)


def test_nothing_else_is_overwritten(cli, folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/frames.jsonl").write_text("{\n")
    (tmp_path / "odd/a.mp4").write_text("dear")
    for out, said in [("mine", "letter.txt"), ("odd", "a.mp4"), ("file", "a file"), ("in", "holds a source")]:
        answer = cli("convert", "frames", str(folder), "--every", "9", "--out", str(tmp_path / out))
        assert (answer.status, said in answer.err) == (2, True)
    answer = cli("convert", "frames", str(tmp_path / "empty"), "--every", "9", "--out", str(tmp_path / "out"))
    assert (answer.status, "no video in it" in answer.err) == (2, True)
