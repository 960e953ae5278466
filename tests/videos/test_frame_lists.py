"""frames.json: written, read back, and all its faults at once."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ontune.errors import DatasetError
from ontune.videos import read_frame_lists, write_frame_lists

NAME = "a" * 64
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
LISTS = st.sets(st.integers(0, 10**6), min_size=1, max_size=9).map(sorted)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lists=st.dictionaries(HASHES, LISTS, max_size=4))
def test_round_trip(tmp_path, lists):
    write_frame_lists(tmp_path / "frames.json", lists)
    assert read_frame_lists(tmp_path / "frames.json") == {name: tuple(indices) for name, indices in lists.items()}
    assert json.loads((tmp_path / "frames.json").read_text()) == lists


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", ["expected an object"]),
        ("{", ["not JSON"]),
        (json.dumps({"x": [0]}), ["expected the sha256"]),
        (json.dumps({NAME: []}), ["at least one"]),
        (json.dumps({NAME: [3, 3]}), ["rising order"]),
        (json.dumps({NAME: [-1]}), ["frames from 0"]),
        (json.dumps({NAME: [True]}), ["frames from 0"]),
        (json.dumps({NAME: 3}), ["frames from 0"]),
        (json.dumps({"x": [0], NAME: [5, 2]}), ["expected the sha256", "rising order"]),
    ],
)
def test_faults(tmp_path, content, said):
    (tmp_path / "frames.json").write_text(content)
    with pytest.raises(DatasetError) as caught:
        read_frame_lists(tmp_path / "frames.json")
    assert [part for part, fault in zip(said, caught.value.faults, strict=True) if part in fault] == said
