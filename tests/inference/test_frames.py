"""Frames chosen by attention: candidates, the most attended of each chunk, and what is kept for the next run."""

import json
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import make_clip
from ontune.errors import InputError
from ontune.files import sha256_file
from ontune.inference.frames import (
    Attention,
    Kept,
    Measured,
    Rule,
    candidates,
    choose_frames,
    most_attended,
)
from ontune.videos import Selection, Video, find_videos, open_video
from ontune.videos.reading import Frame
from vision_folders import make_vision_model


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(make_vision_model(tmp_path_factory.mktemp("vision") / "clip", "clip"))


def sampled_as_the_original(frames: int, rate: int, most: int = 16, least: int = 8) -> list[int]:
    """Its rule by frame numbers, for a fixed rate of whole frames a second."""
    positions = list(range(0, frames, rate))
    if len(positions) > most:
        return [positions[at] for at in np.linspace(0, len(positions) - 1, num=most, dtype=int)]
    if len(positions) >= least:
        return positions
    least = min(least, frames)
    step = max(1, (frames - 1) // (least - 1))
    return list(range(0, step * (least - 1) + 1, step))


def regular(frames: int, rate: int) -> Video:
    """A video of so many frames, so many a second."""
    shown = tuple(Frame(at, at == 0) for at in range(frames))
    return Video(Path("a.mp4"), 32, 32, 0, False, "h264", "mp4", Fraction(1, rate), shown, frames)


@given(frames=st.integers(2, 1200), rate=st.integers(1, 60), least=st.integers(2, 12), more=st.integers(0, 12))
def test_candidates_are_those_of_the_original(frames, rate, least, more):
    most = least + more
    found = candidates(regular(frames, rate), 1, least, most)
    assert found == sampled_as_the_original(frames, rate, most, least)
    assert len(found) == min(frames, max(least, min(most, -(-frames // rate))))


@pytest.mark.parametrize(
    ("frames", "rate", "expected"),
    [
        (145, 30, [0, 20, 40, 60, 80, 100, 120, 140]),
        (85, 30, list(range(0, 85, 12))),
        (237, 30, list(range(0, 211, 30))),
        (48, 4, list(range(0, 48, 4))),
        (8, 30, list(range(8))),
        (9, 30, list(range(8))),
        (1, 30, [0]),
    ],
)
def test_candidates_of_a_clip(tmp_path, frames, rate, expected):
    video = open_video(make_clip(tmp_path / "a.mp4", frames, rate, size=(32, 32)))
    assert candidates(video, 1, 8, 16) == expected


def test_candidates_of_a_variable_frame_rate_are_taken_by_time(tmp_path):
    times = [0, 10, 20, 30, 600, 1210, 1800, 1810]  # ticks of 1/600 s
    video = open_video(make_clip(tmp_path / "a.mp4", 8, times=times))
    assert candidates(video, 1, 1, 16) == [0, 4, 6]
    assert candidates(video, 1, 1, 2) == [0, 6]


@pytest.mark.parametrize(
    ("scores", "chunk", "keep", "expected"),
    [
        ([1, 9, 2, 8, 3, 7, 4, 6], 8, 4, [1, 3, 5, 7]),
        ([0.125] * 8, 8, 4, [0, 1, 2, 3]),
        ([1, 2, 2, 2], 4, 2, [1, 2]),
        ([1, 2, 3, 4, 4, 3, 2, 1], 4, 1, [3, 4]),
        ([1, 2, 3, 4, 9, 8, 7, 6, 1, 2], 4, 2, [2, 3, 4, 5, 9]),  # half of the last two
        ([1, 2, 3], 8, 4, [0, 1, 2]),  # fewer than are kept
        ([1, 2, 3, 5, 4], 8, 4, [1, 2, 3, 4]),  # a single chunk keeps as many as a full one
        ([7], 8, 4, [0]),
        ([3, 1, 2], 1, 1, [0, 1, 2]),
    ],
)
def test_most_attended(scores, chunk, keep, expected):
    assert most_attended(scores, chunk, keep) == expected


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 9), st.data())
def test_no_frame_left_out_is_worth_more_than_one_taken(scores, chunk, data):
    keep = data.draw(st.integers(1, chunk))
    taken = most_attended(scores, chunk, keep)
    assert taken == sorted(set(taken))
    for start in range(0, len(scores), chunk):
        places = range(start, min(start + chunk, len(scores)))
        inside = [at for at in places if at in taken]
        left = [at for at in places if at not in taken]
        assert 1 <= len(inside) <= keep
        assert all((-scores[one], one) < (-scores[other], other) for one in inside for other in left)


def test_the_rule_by_hand_on_a_clip(tmp_path, model):
    """The whole way once more, with transformers and numpy alone."""
    import av
    import torch
    from transformers import AutoImageProcessor, CLIPModel

    path = make_clip(tmp_path / "a.mp4", 48, 4)  # twelve seconds: chunks of 8 and 4 candidates
    with av.open(str(path)) as file:
        pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)][::4]
    tower, processor = CLIPModel.from_pretrained(model).vision_model.eval(), AutoImageProcessor.from_pretrained(model)
    expected: list[int] = []
    for start, wanted in ((0, 4), (8, 2)):
        with torch.no_grad():
            pixels = processor(images=pictures[start : start + 8], return_tensors="pt")["pixel_values"]
            tokens = tower(pixels, output_hidden_states=True).hidden_states[-2][:, 1:].double().numpy()
        flat = tokens.reshape(-1, 32)
        logits = flat @ flat.T / np.sqrt(32)
        weights = np.exp(logits - logits.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        received = weights.sum(0).reshape(len(tokens), -1).sum(1)
        expected += sorted(4 * (start + at) for at in np.argsort(-received)[:wanted].tolist())
    choice = choose_frames(find_videos([path]), Attention(model), Kept(tmp_path / "kept.jsonl"))
    assert choice.lists == {sha256_file(path): expected}
    assert expected not in ([0, 4, 8, 12, 32, 36], [at * 4 for at in range(12)])  # the weights do decide


def test_frames_that_look_the_same_are_taken_from_the_first_on(tmp_path, model):
    from clips import drawing

    path = make_clip(tmp_path / "a.mp4", [drawing(3)] * 16, 1, gop=99, options={"qp": "0"})
    choice = choose_frames(find_videos([path]), Attention(model), Kept(tmp_path / "kept.jsonl"))
    assert choice.lists == {sha256_file(path): [0, 1, 2, 3, 8, 9, 10, 11]}


def test_many_frames_go_through_chunk_by_chunk(tmp_path, model):
    path = make_clip(tmp_path / "a.mp4", 60, 30)
    way = Attention(model, fps=30, most=60, chunk=60, keep=5)  # more than a batch of the model at once
    choice = choose_frames(find_videos([path]), way, Kept(tmp_path / "kept.jsonl"))
    (frames,) = choice.lists.values()
    assert len(frames) == 5
    kept = json.loads((tmp_path / "kept.jsonl").read_text())
    assert (kept["frames"], sum(kept["scores"])) == (list(range(60)), pytest.approx(0, abs=0.01))


@dataclass
class Counted:
    """A rule that tells which videos it was asked about, and is stopped before one of them."""

    stop: str = ""
    asked: list[str] = field(default_factory=list)
    rule: Rule = field(default_factory=lambda: Rule(Selection("count", 2)))

    @property
    def identity(self):
        return self.rule.identity

    def measure(self, video):
        if video.path.name == self.stop:
            raise KeyboardInterrupt
        self.asked.append(video.path.name)
        return self.rule.measure(video)

    def pick(self, measured):
        return self.rule.pick(measured)


@pytest.fixture
def videos(tmp_path) -> list[tuple[Path, str]]:
    for at, name in enumerate("abc"):
        make_clip(tmp_path / f"in/{name}.mp4", 6, first=at, size=(64, 48))
    return find_videos([tmp_path / "in"])


def test_a_stop_loses_nothing_and_repeats_nothing(tmp_path, videos):
    kept = tmp_path / "deep/kept.jsonl"
    with pytest.raises(KeyboardInterrupt):
        choose_frames(videos, Counted(stop="c.mp4"), Kept(kept))
    again = Counted()
    choice = choose_frames(videos, again, Kept(kept))
    assert again.asked == ["c.mp4"]
    assert (choice.written, choice.measured) == (3, 1)
    assert choice.lists == {sha256_file(path): [0, 5] for path, _ in videos}


def test_a_line_that_was_cut_is_measured_anew_and_the_next_line_is_whole(tmp_path, videos):
    kept = tmp_path / "kept.jsonl"
    first = choose_frames(videos, Counted(), Kept(kept))
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-20])
    again = Counted()
    assert choose_frames(videos, again, Kept(kept)).lists == first.lists
    assert again.asked == ["c.mp4"]
    last = Counted()
    assert choose_frames(videos, last, Kept(kept)).lists == first.lists
    assert last.asked == []


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{",
        '{"key": "x"}',
        '{"key": "x", "frames": [], "scores": []}',
        '{"key": "x", "frames": 3, "scores": []}',
        '{"key": "x", "frames": ["0"], "scores": []}',
        '{"key": "x", "frames": [0, 1], "scores": [0.5]}',
        '{"key": "x", "frames": [0], "scores": [null]}',
        '{"key": ["x"], "frames": [0], "scores": []}',
        "\udcff",
    ],
)
def test_lines_that_are_no_result_are_passed_over(tmp_path, line):
    good = json.dumps({"key": "y", "frames": [1, 2], "scores": [0.25, 0.75]})
    path = tmp_path / "kept.jsonl"
    path.write_bytes(f"{line}\n{good}\n".encode(errors="surrogateescape"))
    assert Kept(path).find("x") is None
    assert Kept(path).find("y") == Measured((1, 2), (0.25, 0.75))


def test_what_is_kept_is_found_under_what_it_depends_on(tmp_path, videos, model):
    kept = tmp_path / "kept.jsonl"

    def measured(**options) -> int:
        return choose_frames(videos, Attention(**({"model": model} | options)), Kept(kept)).measured

    assert [measured(), measured()] == [3, 0]
    assert measured(keep=2) == 0  # picked from the same numbers
    assert [measured(chunk=6), measured(fps=3), measured(least=2), measured(most=32)] == [3, 3, 3, 3]
    other = make_vision_model(tmp_path / "other", "clip", seed=1)
    assert [measured(model=str(other)), measured(model=str(other)), measured()] == [3, 0, 0]


def test_what_cannot_be_kept_is_an_error_before_the_work(tmp_path, videos):
    way = Counted()
    (tmp_path / "file").write_text("no folder")
    for place in (tmp_path, tmp_path / "file/kept.jsonl"):
        with pytest.raises(InputError, match="cannot be written"):
            choose_frames(videos, way, Kept(place))
    assert way.asked == []


@pytest.mark.parametrize(
    ("options", "faults"),
    [
        ({"keep": 9}, ["9 of a chunk of 8 frames: expected no more"]),
        ({"least": 9, "most": 8}, ["9 to 8 candidates: expected a rising pair"]),
        ({"least": 9, "most": 8, "chunk": 3}, ["9 to 8 candidates", "4 of a chunk of 3"]),
    ],
)
def test_settings_that_contradict_one_another(options, faults):
    with pytest.raises(InputError) as caught:
        Attention("any", **options)
    assert [said for said, fault in zip(faults, caught.value.faults, strict=True) if said in fault] == faults
