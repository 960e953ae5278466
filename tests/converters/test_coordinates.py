import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ontune.errors import InputError
from ontune_converters.coordinates import CONVENTIONS, Coordinates, resized


@pytest.mark.parametrize(
    ("convention", "box", "size", "expected"),
    [
        ("qwen2-vl", (0.1, 0.2, 0.3004, 1.0), (640, 480), "<|box_start|>(100,200),(300,999)<|box_end|>"),
        ("qwen3-vl", (0.1, 0.2, 0.3004, 1.0), (640, 480), '{"bbox_2d": [100, 200, 300, 1000]}'),
        ("qwen2.5-vl", (0.0, 0.5, 0.25, 1.0), (640, 480), '{"bbox_2d": [0, 238, 161, 476]}'),  # seen as 644 x 476
        ("qwen2.5-vl", (0.0, 0.5, 0.25, 1.0), (4000, 3000), '{"bbox_2d": [0, 420, 287, 840]}'),  # as 1148 x 840
    ],
)
def test_boxes_as_each_generation_writes_them(convention, box, size, expected):
    assert convention in CONVENTIONS
    assert Coordinates(convention).text(box, size) == expected


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([784 * 4, 50176, 589824, 1003520]))
def test_sizes_are_those_of_the_model_library(width, height, max_pixels):
    utils = pytest.importorskip("qwen_vl_utils.vision_process")
    assume(max(width, height) <= 200 * min(width, height))
    theirs = utils.smart_resize(height, width, factor=28, min_pixels=3136, max_pixels=max_pixels)
    assume(min(theirs) > 0)  # theirs lets a side vanish, ours and that of transformers do not
    assert resized((width, height), max_pixels) == (theirs[1], theirs[0])


def test_a_picture_that_the_model_refuses():
    with pytest.raises(InputError, match="201 x 1 pixels"):
        resized((201, 1))
