"""The clips: people that stay on one side, answers that follow, movement that a single frame does not tell."""

import json
from collections import Counter

import av
import numpy as np
import pytest

from ontune.demo.feedback import sources
from ontune.demo.feedback.clips import (
    FAST,
    FRAMES,
    RATE,
    SHORT,
    TURN,
    advice,
    make_clips,
    make_people,
    make_workout,
    studio,
)
from ontune.demo.feedback.drawing import SIDE, draw, encode, frames
from ontune.demo.feedback.figure import EXERCISES, pose
from ontune.demo.feedback.task import NAME, write_task
from ontune.sharegpt import read_samples

CLIPS = list(make_clips(make_people(10, seed=1), 160, seed=2))


def pixels(clip, at):
    return np.asarray(draw(clip, at)).astype(int)


def test_every_exercise_is_done_with_every_mix_of_mistakes_equally_often() -> None:
    found = Counter((clip.exercise, clip.mistakes) for clip in CLIPS)
    assert set(found.values()) == {10}
    assert set(found) == {(name, mix) for name in EXERCISES for mix in ((), (FAST,), (SHORT,), (FAST, SHORT))}


def test_feedback_follows_from_exercise_and_mistakes() -> None:
    said = {(clip.exercise, clip.mistakes): advice(clip) for clip in CLIPS}
    assert all(advice(clip) == said[clip.exercise, clip.mistakes] for clip in CLIPS)
    assert {said[name, ()] for name in EXERCISES} == {"Well done."}
    assert said["squats", (FAST, SHORT)] == "Slow down. Bend your knees more."


def test_held_out_people_wear_what_nobody_else_does() -> None:
    others, held_out = make_people(30, seed=1), make_people(12, seed=5, held_out=True)
    assert not {person.shirt for person in others} & {person.shirt for person in held_out}
    assert not {person.name for person in others} & {person.name for person in held_out}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_what_half_of_the_range_shows_is_shown_on_the_way_to_the_whole(exercise) -> None:
    """Each frame of a half is a frame of the whole: only movement tells them apart, and the tempo."""
    clips = {clip.mistakes: clip for clip in CLIPS if clip.exercise == exercise}
    reached = {mix: max(clip.far(at / 100) for at in range(101)) for mix, clip in clips.items()}
    assert max(reached[(SHORT,)], reached[(FAST, SHORT)]) < 0.6 < min(reached[()], reached[(FAST,)])
    assert all(clip.far(at / 100) >= 0 for clip in clips.values() for at in range(101))


def turns(clip) -> int:
    """How often the movement turns round within the clip."""
    moved = np.diff([clip.far(at / 200) for at in range(201)])
    return int((np.diff(np.sign(moved)) != 0).sum())


def test_too_fast_is_more_often_there_and_back_and_nothing_else() -> None:
    for clip in CLIPS:
        assert (turns(clip) >= 4) == (FAST in clip.mistakes), clip
        assert turns(clip) >= 1


def test_a_figure_stands_on_its_feet() -> None:
    for exercise in EXERCISES:
        for far in (0, 0.5, 1):
            figure = pose(exercise, far)
            assert [leg[-1][1] for leg in figure.legs] == [0.0, 0.0]
            assert figure.head[1] > figure.torso[0][1]


def test_pictures_move_and_are_the_same_each_time() -> None:
    for clip in CLIPS[:16]:
        assert (pixels(clip, 0.3) == pixels(clip, 0.3)).all()
        assert np.abs(pixels(clip, 0.0) - pixels(clip, 0.5 / clip.repetitions)).mean() > 1
    colours = np.ptp(pixels(studio(CLIPS[0]), 0), axis=2)
    assert colours.max() == 0  # a studio's clips have no colour


def test_clips_are_h264_of_two_times_the_same_bytes(tmp_path) -> None:
    written = []
    for name in ("a.mp4", "b.mp4"):
        encode(frames(CLIPS[0], draw), tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.frames, stream.average_rate) == ("h264", FRAMES, RATE)
        assert (stream.width, stream.height) == (SIDE, SIDE)
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    for at in (0, 9, FRAMES - 1):
        assert np.abs(shown[at].astype(int) - pixels(CLIPS[0], at / FRAMES)).mean() < 6


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """All sources of few clips."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "COUNTS", {"studio": 16, "clips": 32, "test": 16})
        patch.setattr(sources, "PEOPLE", {"studio": 2, "clips": 8, "test": 2})
        sources.write_sources(folder / "sources")
    write_task(folder / "dataset_info")
    return folder


def test_blank_and_frozen_clips_have_the_test_s_labels(made) -> None:
    rows = {
        name: [
            [*row["labels"], row["worker_id"]]
            for row in json.loads((made / f"sources/{name}/fine_grained_labels_with_worker_ids.json").read_text())
            if row["split"] == "test"
        ]
        for name in ("clips", "blank", "still")
    }
    assert rows["clips"] == rows["blank"] == rows["still"]
    assert len(rows["clips"]) == 16
    for name, least, most in (("clips", 1, 99), ("blank", 0, 0), ("still", 0, 0.8)):
        path = max((made / f"sources/{name}/videos").rglob("*.mp4"), key=lambda path: path.name)
        with av.open(str(path)) as container:
            shown = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
        assert least <= np.abs(shown[0] - shown[len(shown) // 2]).mean() <= most, name
        assert (shown[0].min() > 250) == (name == "blank")


def test_a_workout_has_each_exercise_and_each_mix_once(made) -> None:
    clips = make_workout(make_people(1, seed=5, held_out=True)[0], seed=7)
    assert [clip.exercise for clip in clips] == list(EXERCISES)
    assert len({clip.mistakes for clip in clips}) == len(clips) == 4
    with av.open(str(made / "sources/workout.mp4")) as container:
        assert container.streams.video[0].frames == len(clips) * TURN * RATE


def test_the_converter_reads_them_and_drops_nothing(made, cli, monkeypatch) -> None:
    monkeypatch.chdir(made)
    for name in ("clips", "still"):
        ran = cli(
            "convert", "qved", f"sources/{name}", "--task", NAME, "--count", "8", "--out", f"data/{name}", "--json"
        )
        account = ran.json()
        assert (account["dropped"], account["splits"]["test"]) == ({}, 16)
    people = {
        split: {sample.meta["worker"] for sample in read_samples(made / f"data/clips/{split}.jsonl")}
        for split in ("train", "val", "test")
    }
    assert all(people.values())
    assert not people["train"] & people["val"]
    assert not (people["train"] | people["val"]) & people["test"]
    gold = [json.loads(sample.gold) for sample in read_samples(made / "data/clips/test.jsonl")]
    assert {"exercise": "squats", "mistakes": ["too fast"], "feedback": "Slow down."} in gold
    assert [json.loads(sample.gold) for sample in read_samples(made / "data/still/test.jsonl")] == gold
