"""Which frames of a video stand for it: every so often, keyframes, scenes, what changes most, evenly spread."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ontune.videos.reading import Video, decode

__all__ = ["Method", "Selection", "differences", "select"]

Method: TypeAlias = Literal["all", "every", "seconds", "keyframes", "scenes", "top", "peaks", "count"]
SHARP = 64  # pixels of the longer side in which frames are compared: noise is gone, what happens is not


@dataclass(frozen=True)
class Selection:
    """How frames are chosen, and its number: frames, seconds, a threshold of 0..255, how many."""

    method: Method
    value: float = 0


def select(video: Video, selection: Selection) -> list[int]:
    """The indices chosen, in the order of display; at least one. Raises BadVideo."""
    count, value = len(video.frames), selection.value
    match selection.method:
        case "all":
            return list(range(count))
        case "every":
            return list(range(0, count, int(value)))
        case "seconds":
            return _every_seconds(video, value)
        case "keyframes":
            return [index for index, frame in enumerate(video.frames) if frame.key]
        case "scenes":
            return [0, *(np.flatnonzero(differences(video)[1:] > value) + 1).tolist()]
        case "top" | "peaks":
            return (_most_changed if selection.method == "top" else _peaks)(video, int(value))
        case "count":
            return _spread(count, int(value))


def _every_seconds(video: Video, seconds: float) -> list[int]:
    """The frame that is on the screen at each time; one that stays on it longer is taken once."""
    ticks = np.array([video.ticks(index) for index in range(len(video.frames))])
    step = Fraction(seconds).limit_denominator(1_000_000) / video.time_base
    times = [int(at * step) for at in range(int(ticks[-1] / step) + 1)]
    return np.unique(np.searchsorted(ticks, times, side="right") - 1).tolist()


def _most_changed(video: Video, count: int) -> list[int]:
    """The frames that differ most from the one before; of equal ones the earlier."""
    order = np.argsort(-differences(video)[1:], kind="stable")[:count] + 1
    return sorted(order.tolist()) or [0]


def _peaks(video: Video, count: int) -> list[int]:
    """The highest peaks of the change from frame to frame; of those closer than half an equal share only the highest.

    The frames that change most follow one another in a single quick movement; peaks lie in several.
    """
    moved = differences(video)
    before, after = np.append(0.0, moved[:-1]), np.append(moved[1:], 0.0)
    peaks = np.flatnonzero((moved > before) & (moved >= after))
    apart = max(1, len(moved) // (2 * count))
    taken: list[int] = []
    for at in peaks[np.argsort(-moved[peaks], kind="stable")].tolist():
        if len(taken) < count and all(abs(at - other) >= apart for other in taken):
            taken.append(at)
    return sorted(taken) or [0]


def _spread(count: int, wanted: int) -> list[int]:
    """So many frames in equal steps from the first to the last, as both hosts do; a single one from the middle."""
    if wanted == 1:
        return [(count - 1) // 2]
    return np.unique(np.linspace(0, count - 1, min(wanted, count)).round().astype(int)).tolist()


def differences(video: Video) -> NDArray[np.float64]:
    """How much each frame differs from the one before: mean over pixels and colours, 0..255; 0 for the first."""
    scale = min(1.0, SHARP / max(video.width, video.height))
    size = (max(1, round(video.width * scale)), max(1, round(video.height * scale)))
    width, height = size[::-1] if video.turns % 2 else size
    found = np.zeros(len(video.frames))
    before: NDArray[np.int16] | None = None
    for index, frame in decode(video):
        small = frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray().astype(np.int16)
        found[index] = 0.0 if before is None else np.abs(small - before).mean()
        before = small
    return found
