"""frames.json: which frames of a video are used, `{"<sha256 of the file>": [0, 20, 40]}`.

`ontune convert frames` and the frame selection write it, `ontune convert qved --frames` reads it. An index counts
frames in the order of display, from 0.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from ontune.errors import DatasetError
from ontune.files import write_atomic

__all__ = ["FrameLists", "read_frame_lists", "write_frame_lists"]

FrameLists = Mapping[str, Sequence[int]]


def write_frame_lists(path: Path, lists: FrameLists) -> None:
    """Writes the lists atomically, a video a line, sorted by hash."""
    lines = [f"{json.dumps(name)}: {json.dumps(list(indices))}" for name, indices in sorted(lists.items())]
    write_atomic(path, "{\n" + ",\n".join(f"  {line}" for line in lines) + "\n}")


def read_frame_lists(path: Path) -> dict[str, tuple[int, ...]]:
    """The frames of each video, by the hash of its file. Raises DatasetError with all faults at once."""
    try:
        record: Any = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: not JSON: {error}") from None
    if not isinstance(record, dict):
        raise DatasetError(f"{path}: expected an object of the form {{sha256: [frame, …]}}")
    lists = cast("dict[str, Any]", record)
    DatasetError.check([f"{path}: {fault}" for name, value in lists.items() for fault in _faults(name, value)])
    return {name: tuple(value) for name, value in lists.items()}


def _faults(name: str, value: Any) -> Iterator[str]:
    if not re.fullmatch(r"[0-9a-f]{64}", name):
        yield f"{name!r}: expected the sha256 of a video, 64 hexadecimal digits"
    indices = cast("list[Any]", value) if isinstance(value, list) else []
    counts = all(type(index) is int and index >= 0 for index in indices)
    if not indices or not counts or any(a >= b for a, b in pairwise(indices)):
        yield f"{name}: {str(value)[:80]}: expected frames from 0 in rising order, at least one"
