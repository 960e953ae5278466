"""`ontune frames`: frames.json ahead of training, what it names as wrong, and the converter that reads it."""

import json
from pathlib import Path

import pytest

from clips import drawing, make_clip, make_sound, number_of
from ontune.files import sha256_file
from ontune.sharegpt import read_samples
from ontune.videos import decode, open_video, picture, read_frame_lists
from vision_folders import make_vision_model


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_vision_model(tmp_path_factory.mktemp("vision") / "siglip", "siglip")


@pytest.fixture
def run(cli, tmp_path):
    """The command with a file of kept results of this test alone."""

    def call(*arguments: object, out: str = "frames.json"):
        return cli("frames", *map(str, arguments), "-o", str(tmp_path / out), "--cache", str(tmp_path / "kept.jsonl"))

    return call


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two clips, one of 24 frames with keyframes at 0, 8, 16; the other nods twice."""
    make_clip(tmp_path / "in/a.mp4", 24)
    shades = [40] * 4 + [60, 120, 130] + [130] * 5 + [125, 90, 85] + [85] * 5
    nodding = [drawing(0, shade=shade) for shade in shades]
    make_clip(tmp_path / "in/deep/b.MKV", nodding, options={"sc_threshold": "0"})
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--by", "uniform", "--count", "4"], [[0, 8, 15, 23], [0, 6, 13, 19]]),
        (["--by", "uniform"], [[0, 3, 7, 10, 13, 16, 20, 23], [0, 3, 5, 8, 11, 14, 16, 19]]),
        (["--by", "keyframes"], [[0, 8, 16], [0, 8, 16]]),
        (["--by", "motion", "--count", "2"], [None, [5, 13]]),
        (["--by", "motion", "--count", "1"], [None, [5]]),
    ],
)
def test_frames_by_rule(run, folder, tmp_path, options, expected):
    answer = run(folder, *options, "--json").json()
    lists = read_frame_lists(tmp_path / "frames.json")
    found = [list(lists[sha256_file(folder / name)]) for name in ("a.mp4", "deep/b.MKV")]
    assert [want or have for want, have in zip(expected, found, strict=True)] == found
    assert (answer["by"], answer["read"], answer["written"], answer["measured"]) == (options[1], 2, 2, 2)
    assert answer["frames"] == sum(map(len, found))


def test_frames_by_attention_and_none_is_embedded_twice(run, folder, model, tmp_path):
    first = run(folder, "--model", model, "--json")
    content = (tmp_path / "frames.json").read_bytes()
    assert "loading" in first.err
    assert (first.status, first.json()["measured"], first.json()["frames"]) == (0, 2, 8)
    again = run(folder, "--model", model, "--json")
    assert "loading" not in again.err  # nothing to ask the model about
    assert (again.json()["measured"], (tmp_path / "frames.json").read_bytes()) == (0, content)
    make_clip(folder / "c.mp4", 9, first=90)
    assert run(folder, "--model", model, "--json").json()["measured"] == 1
    lists = read_frame_lists(tmp_path / "frames.json")
    assert {name: lists[name] for name in json.loads(content)} == {
        name: tuple(frames) for name, frames in json.loads(content).items()
    }
    fewer = run(folder, "--model", model, "--keep", 1, "--json").json()
    assert (fewer["measured"], fewer["frames"]) == (0, 3)


def test_the_same_videos_give_the_same_bytes_in_any_order(run, folder, model, tmp_path):
    paths = [folder / "a.mp4", folder / "deep/b.MKV"]
    run(*paths, "--model", model)
    (tmp_path / "kept.jsonl").unlink()
    run(*reversed(paths), "--model", model, out="other.json")
    assert (tmp_path / "frames.json").read_bytes() == (tmp_path / "other.json").read_bytes()


def test_every_fault_is_counted_and_named(run, folder, model, tmp_path):
    make_sound(folder / "sound.mp4")
    cut = make_clip(folder / "deep/cut.mp4", 30)
    cut.write_bytes(cut.read_bytes()[:2000])
    (folder / "copy.mp4").write_bytes((folder / "a.mp4").read_bytes())
    (folder / "words.avi").write_text("hello")
    make_clip(folder / "single.mp4", 1)
    answer = run(folder, "--model", model, "--json")
    found = answer.json()
    assert (answer.status, found["read"], found["written"], found["lists"]) == (0, 7, 4, 3)
    assert found["dropped"] == {"audio_only": 1, "truncated": 1, "unreadable": 1}
    assert found["places"]["audio_only"] == ["sound.mp4: sound without a video stream"]
    assert found["places"]["truncated"][0].startswith("deep/cut.mp4: ")
    lists = read_frame_lists(tmp_path / "frames.json")
    assert lists[sha256_file(folder / "single.mp4")] == (0,)
    text = run(folder, "--model", model).out
    assert "measured 0; the results of 4 were there already" in text
    assert "dropped  audio_only: 1\n    sound.mp4: sound without a video stream" in text
    strict = run(folder, "--model", model, "--strict", out="strict.json")
    assert strict.status == 1
    assert [line.split(":")[1].strip() for line in strict.err.splitlines() if line.startswith("error")] == [
        "audio_only",
        "truncated",
        "unreadable",
    ]
    assert not (tmp_path / "strict.json").exists()


def test_nothing_left_is_an_error(run, tmp_path):
    make_sound(tmp_path / "sound.mp4")
    answer = run(tmp_path / "sound.mp4", "--by", "uniform", "--json")
    assert answer.status == 2
    assert answer.json()["error"] == [
        "no video is left of 1",
        "audio_only: sound.mp4: sound without a video stream",
    ]
    assert not (tmp_path / "frames.json").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--by attention: expected --model"),
        (["--by", "motion", "--model", "x", "--fps", "2"], "--model, --fps: not for --by motion"),
        (["--by", "keyframes", "--count", "2"], "--count: not for --by keyframes"),
        (["--model", "x", "--count", "2"], "--count: not for --by attention"),
        (["--model", "no/such"], "--model no/such: neither a folder nor a model on the hub"),
        (["--model", "{folder}"], "no config.json, so no model"),
        (["--model", "{bert}"], "cannot embed pictures"),
        (["--model", "{model}", "--keep", "9"], "9 of a chunk of 8 frames"),
        (["--model", "{model}", "--least", "20"], "20 to 16 candidates"),
        (["--model", "{model}", "--fps", "0"], "--fps"),
        (["--model", "{model}", "--keep", "0"], "--keep"),
        (["--by", "luck"], "--by"),
    ],
)
def test_wrong_use(run, folder, model, tmp_path, options, said):
    if "{bert}" in options:
        make_vision_model(tmp_path / "bert", "bert")
    places = {"folder": folder, "model": model, "bert": tmp_path / "bert"}
    answer = run(folder, *(option.format(**places) for option in options))
    assert (answer.status, said in answer.err) == (2, True), answer.err
    assert not (tmp_path / "frames.json").exists()


def test_nothing_else_is_overwritten(run, folder, tmp_path):
    (tmp_path / "letter.json").write_text('{"dear": "you"}')
    clip = (folder / "a.mp4").read_bytes()
    for out, said in [
        ("letter.json", "no list of frames, and would be lost"),
        ("in/a.mp4", "no list of frames, and would be lost"),
        ("in", "a folder: expected a file"),
    ]:
        answer = run(folder, "--by", "keyframes", out=out)
        assert (answer.status, said in answer.err) == (2, True)
    assert (tmp_path / "letter.json").read_text() == '{"dear": "you"}'
    assert (folder / "a.mp4").read_bytes() == clip
    assert [run(folder, "--by", by).status for by in ("keyframes", "uniform")] == [0, 0]  # a list is replaced
    (tmp_path / "empty").mkdir()
    assert "no video in it" in run(tmp_path / "empty", "--by", "keyframes").err


def test_results_are_kept_in_the_users_cache(cli, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    counts = [
        cli("frames", str(folder), "--by", "motion", "-o", str(tmp_path / "f.json"), "--json").json()["measured"]
        for _ in range(2)
    ]
    assert counts == [2, 0]
    assert len((tmp_path / "cache/ontune/frames.jsonl").read_text().splitlines()) == 2


def test_the_converter_takes_the_frames(cli, run, model, tmp_path):
    source = tmp_path / "source"
    rows = []
    for at in range(3):
        make_clip(source / f"{at:08}.mp4", 40, first=9 * at)
        labels = [f"squats - fault {at}"]
        rows.append({"video_path": f"./{at:08}.mp4", "labels": labels, "labels_descriptive": [], "split": "train"})
    (source / "fine_grained_labels.json").write_text(json.dumps(rows))
    assert run(source, "--model", model).status == 0
    lists = read_frame_lists(tmp_path / "frames.json")
    places = ["--out", str(tmp_path / "data/qved"), "--dataset-info", str(tmp_path / "dataset_info"), "--val", "0"]
    answer = cli("convert", "qved", str(source), "--frames", str(tmp_path / "frames.json"), *places, "--json")
    assert (answer.status, answer.json()["written"]) == (0, 3), answer.err
    for sample in read_samples(tmp_path / "data/qved/train.jsonl"):
        video = open_video(tmp_path / "data" / sample.videos[0])
        numbers = [number_of(picture(video, frame)) for _, frame in decode(video)]
        first = 9 * int(Path(str(sample.meta["source"])).stem)
        assert numbers == [first + index for index in lists[str(sample.meta["source_sha256"])]]
        assert sample.meta["frames"] == len(numbers) == 4
