"""Clip checks: sharpness, brightness and motion by their formulas, limits on both sides, the table."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from clips import make_clip
from ontune.videos import open_video
from ontune_converters.clip_checks import ClipCheck, check_clip, clip_table, motion, sharpness

GREY = arrays(np.uint8, st.tuples(st.integers(4, 12), st.integers(4, 12)))
BLUR = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


@given(GREY)
def test_sharpness_is_the_variance_of_the_laplacian(grey):
    kernel = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    expected = ndimage.convolve(grey.astype(float), kernel, mode="mirror").var()
    assert sharpness(grey) == pytest.approx(expected)


@given(st.data())
def test_motion_is_the_share_of_pixels_that_change_after_a_blur(data):
    before = data.draw(GREY)
    after = data.draw(arrays(np.uint8, before.shape))
    smooth = [np.floor(ndimage.convolve(item.astype(float), BLUR, mode="mirror") + 0.5) for item in (before, after)]
    assert motion(before, after) == (np.abs(smooth[0] - smooth[1]) > 18).mean()
    assert motion(before, before) == 0


def clip(path: Path, size: tuple[int, int], low: int, high: int, moving: bool) -> Path:
    """Six samples' worth of stripes between two greys, 15 frames each; they move or stand."""
    width, height = size
    stripes = np.where(np.arange(width) // 8 % 2, high, low).astype(np.uint8)
    pictures = []
    for at in range(61):
        row = np.roll(stripes, (at // 15) * 8) if moving else stripes
        pictures.append(np.repeat(np.tile(row, (height, 1))[..., None], 3, axis=2))
    return make_clip(path, pictures, 15, options={"preset": "ultrafast"})


@pytest.mark.parametrize(
    ("size", "low", "high", "moving", "moves", "faults"),
    [
        ((640, 360), 40, 200, True, True, ()),
        ((360, 640), 40, 200, True, True, ()),
        ((636, 360), 40, 200, True, True, ("low_resolution",)),
        ((640, 358), 40, 200, True, False, ("low_resolution",)),
        ((640, 360), 16, 40, True, True, ("too_dark",)),
        ((640, 360), 180, 235, False, False, ("too_bright",)),
        ((640, 360), 110, 112, False, False, ("blurry",)),
        ((640, 360), 40, 200, False, True, ("insufficient_motion",)),
        ((640, 360), 40, 200, False, False, ()),
    ],
)
def test_limits(tmp_path, size, low, high, moving, moves, faults):
    check = check_clip(open_video(clip(tmp_path / "clip.mp4", size, low, high, moving)), moves)
    assert check.faults == faults
    assert (check.width, check.height) == size
    assert check.brightness == pytest.approx((low + high) / 2, abs=3)
    assert check.active == float(moving)


def test_one_frame_has_no_motion(tmp_path):
    check = check_clip(open_video(make_clip(tmp_path / "clip.mp4", 1)), moves=True)
    assert check.active is None
    assert check.faults == ("low_resolution", "insufficient_motion")


def test_table():
    checks = {
        "b.mp4": ("squats", ClipCheck(640, 360, 90.5, 70.0, None, ())),
        "a.mp4": ("cat-cow pose", ClipCheck(10, 20, 3.0, 1.5, 0.25, ("low_resolution", "too_dark"))),
    }
    assert clip_table(checks) == (
        "clip,exercise,width,height,brightness,sharpness,active,faults\n"
        "a.mp4,cat-cow pose,10,20,3.0,1.5,0.25,low_resolution too_dark\n"
        "b.mp4,squats,640,360,90.5,70.0,,\n"
    )
