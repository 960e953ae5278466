"""Selection: which frames stand for a clip."""

import numpy as np
import pytest

from clips import drawing, make_clip
from ontune.videos import Selection, differences, open_video, select

VARIABLE = [0, 60, 120, 600, 660, 1500]  # ticks of 1/600 s
# Two movements: a quick one in the frames 4..7, fastest at 5, and a slow one at 14..16, fastest at 15.
MOVES = [drawing(0, shade=shade) for shade in [*[40] * 4, 60, 100, 130, 140, *[140] * 6, 130, 115, 110, *[110] * 3]]
SCENES = [drawing(0, shade=shade) for shade in (40, 40, 40, 200, 200, 90, 90, 92)]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return {
        "even": open_video(make_clip(folder / "even.mp4", 25, rate=10, gop=6, options={"sc_threshold": "0"})),
        "variable": open_video(make_clip(folder / "variable.mp4", 6, times=VARIABLE)),
        "scenes": open_video(make_clip(folder / "scenes.mp4", SCENES)),
        "moves": open_video(make_clip(folder / "moves.mp4", MOVES)),
        "still": open_video(make_clip(folder / "still.mp4", [drawing(0)] * 9, gop=99)),
        "last": open_video(make_clip(folder / "last.mp4", [drawing(0)] * 5 + [drawing(0, shade=30)])),
        "single": open_video(make_clip(folder / "single.mp4", 1)),
    }


@pytest.mark.parametrize(
    ("clip", "selection", "expected"),
    [
        ("even", Selection("every", 10), [0, 10, 20]),
        ("even", Selection("every", 99), [0]),
        ("even", Selection("seconds", 0.5), [0, 5, 10, 15, 20]),
        ("even", Selection("seconds", 0.25), [0, 2, 5, 7, 10, 12, 15, 17, 20, 22]),
        ("even", Selection("keyframes"), [0, 6, 12, 18, 24]),
        ("even", Selection("count", 4), [0, 8, 16, 24]),
        ("even", Selection("count", 1), [12]),
        ("even", Selection("count", 99), list(range(25))),
        ("even", Selection("scenes", 60), [0]),
        ("even", Selection("all"), list(range(25))),
        ("variable", Selection("seconds", 0.5), [0, 2, 3, 4, 5]),
        ("variable", Selection("seconds", 0.1), [0, 1, 2, 3, 4, 5]),
        ("scenes", Selection("scenes", 27), [0, 3, 5]),
        ("scenes", Selection("top", 1), [3]),
        ("scenes", Selection("top", 2), [3, 5]),
        ("moves", Selection("top", 2), [5, 6]),
        ("moves", Selection("peaks", 1), [5]),
        ("moves", Selection("peaks", 2), [5, 15]),
        ("scenes", Selection("peaks", 2), [3, 5]),
        ("scenes", Selection("peaks", 1), [3]),
        ("last", Selection("peaks", 1), [5]),
        ("still", Selection("peaks", 3), [0]),
        ("single", Selection("peaks", 3), [0]),
        ("single", Selection("top", 3), [0]),
        ("single", Selection("scenes", 27), [0]),
        ("single", Selection("seconds", 1), [0]),
        ("single", Selection("count", 2), [0]),
    ],
)
def test_frames_chosen(clips, clip, selection, expected):
    assert select(clips[clip], selection) == expected


def test_differences_are_those_between_neighbours(clips):
    found = differences(clips["scenes"])
    assert found[0] == 0
    assert np.argsort(-found)[:2].tolist() == [3, 5]
    assert found[[1, 2, 4, 6]].max() < 2
