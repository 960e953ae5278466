"""Short videos in the hosts' own readers: each gives every selected frame back, in order, at its time.

ms-swift reads with qwen_vl_utils and decord, LLaMA-Factory with PyAV. Numbers in the pixels tell which frames came.
"""

from pathlib import Path

import numpy as np
import pytest

from clips import make_clip, number_of, turn
from ontune.videos import open_video, write_short

pytestmark = pytest.mark.e2e

SPARSE = ([0, 12, 24, 36, 48, 60], 2.0)  # 1.2 frames a second: hosts' default rate of 2 takes them all
ODD = ([5, 17, 40], 2.0)
SINGLE = ([31], 2.0)
DENSE = (list(range(20, 40)), 30.0)  # 12 a second: the recipe's rate has to be as high


def swift(path: Path, rate: float) -> tuple[list[np.ndarray], float]:
    """The frames that ms-swift gets, and how many a second it takes them for."""
    from qwen_vl_utils.vision_process import fetch_video

    (video, metadata), rate = fetch_video(
        {"video": str(path), "fps": rate}, return_video_metadata=True, return_video_sample_fps=True
    )
    assert metadata["video_backend"] == "decord"
    return [frame.permute(1, 2, 0).numpy() for frame in video], rate


def llamafactory(path: Path, rate: float) -> tuple[list[np.ndarray], float]:
    """The frames that LLaMA-Factory gets, and how many a second it takes them for."""
    from llamafactory.data.mm_plugin import get_mm_plugin

    plugin = get_mm_plugin("qwen2_vl", image_token="<image>", video_token="<video>")  # noqa: S106 - no secret
    limits = {"image_max_pixels": 256 * 256, "image_min_pixels": 256, "video_fps": rate, "video_maxlen": 128}
    found = plugin._regularize_videos([str(path)], **limits)
    return [np.asarray(frame) for frame in found["videos"][0]], found["fps_per_video"][0]


@pytest.mark.parametrize("reader", [swift, llamafactory])
@pytest.mark.parametrize("frames", [SPARSE, ODD, SINGLE, DENSE], ids=["sparse", "odd", "single", "dense"])
@pytest.mark.parametrize("kind", ["plain", "variable", "matroska"])
def test_every_selected_frame_comes_back(tmp_path, reader, frames, kind):
    indices, rate = frames
    times = [at * 50 + (at % 3) * 9 for at in range(61)] if kind == "variable" else None
    source = open_video(make_clip(tmp_path / ("clip.mkv" if kind == "matroska" else "clip.mp4"), 61, times=times))
    write_short(source, indices, tmp_path / "short.mp4")
    found, per_second = reader(tmp_path / "short.mp4", rate)
    assert [number_of(frame) for frame in found] == indices + indices[-1:] * (len(indices) % 2)
    lasts = source.duration - source.seconds(indices[0])
    assert per_second == pytest.approx(len(found) / lasts, rel=0.01)


@pytest.mark.parametrize("reader", [swift, llamafactory])
def test_turned_clips_stand_upright(tmp_path, reader):
    source = open_video(turn(make_clip(tmp_path / "clip.mp4", 12), "half"))
    write_short(source, [0, 4, 8, 11], tmp_path / "short.mp4")
    found, _ = reader(tmp_path / "short.mp4", 30.0)
    assert [number_of(frame[::-1, ::-1]) for frame in found] == [0, 4, 8, 11]
