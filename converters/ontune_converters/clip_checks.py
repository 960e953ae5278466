"""Whether a clip shows enough to learn from: its size, sharpness, brightness, and motion where there should be some.

Limits and samples are those of the original's cleaning (20 frames, 15 apart), computed without OpenCV: the Laplacian
has the four-neighbour kernel and mirrored borders, the blur the binomial one of five.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ontune.videos import Video, decode

__all__ = ["ClipCheck", "Grey", "check_clip", "clip_table", "motion", "sharpness"]

Grey = NDArray[np.uint8]
STRIDE, SAMPLES = 15, 20  # frames
LONGER, SHORTER = 640, 360  # pixels at least; either way up
SHARP = 50.0  # variance of the Laplacian at least
DARK, BRIGHT = 35.0, 190.0  # mean of the grey values, between
CHANGED = 18  # grey values by which a pixel has changed
SHARE, ACTIVE = 0.01, 0.3  # of the pixels of two samples; of the pairs of samples


@dataclass(frozen=True)
class ClipCheck:
    """What was measured of a clip, and what is wrong with it."""

    width: int
    height: int
    brightness: float
    sharpness: float
    active: float | None  # share of the pairs of samples with motion; None of a single sample
    faults: tuple[str, ...]


def check_clip(video: Video, moves: bool) -> ClipCheck:
    """The check of a clip, decoded to its last frame; `moves`: motion is part of its exercise. Raises BadVideo."""
    samples = [frame.to_ndarray(format="gray") for index, frame in decode(video) if _sampled(index)]
    brightness = float(np.mean([grey.mean() for grey in samples]))
    sharp = float(np.mean([sharpness(grey) for grey in samples]))
    pairs = list(pairwise(_blurred(grey) for grey in samples))
    active = float(np.mean([_changed(*pair) >= SHARE for pair in pairs])) if pairs else None
    small = max(video.width, video.height) < LONGER or min(video.width, video.height) < SHORTER
    faults = {
        "low_resolution": small,
        "too_dark": brightness < DARK,
        "too_bright": brightness > BRIGHT,
        "blurry": sharp < SHARP,
        "insufficient_motion": moves and (active or 0.0) < ACTIVE,
    }
    named = tuple(name for name, wrong in faults.items() if wrong)
    rounded = None if active is None else round(active, 4)
    return ClipCheck(video.width, video.height, round(brightness, 2), round(sharp, 2), rounded, named)


def _sampled(index: int) -> bool:
    return index % STRIDE == 0 and index < STRIDE * SAMPLES


def sharpness(grey: Grey) -> float:
    """The variance of the Laplacian."""
    wide = np.pad(grey.astype(np.int16), 1, mode="reflect")
    inner = wide[1:-1, 1:-1]
    return float((wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * inner).var())


def motion(before: Grey, after: Grey) -> float:
    """The share of the pixels that have changed."""
    return _changed(_blurred(before), _blurred(after))


def _changed(before: Grey, after: Grey) -> float:
    return float((np.abs(after.astype(np.int16) - before) > CHANGED).mean())


def _blurred(grey: Grey) -> Grey:
    """Smoothed by 1 4 6 4 1 both ways, rounded; all sums fit 16 bits."""
    wide = np.pad(grey.astype(np.uint16), 2, mode="reflect")
    rows = _smoothed([wide[at : at + grey.shape[0]] for at in range(5)])
    both = _smoothed([rows[:, at : at + grey.shape[1]] for at in range(5)])
    return ((both.astype(np.uint32) + 128) >> 8).astype(np.uint8)


def _smoothed(five: Sequence[NDArray[np.uint16]]) -> NDArray[np.uint16]:
    first, second, middle, fourth, last = five
    return first + last + 4 * (second + fourth) + 6 * middle


def clip_table(checks: Mapping[str, tuple[str, ClipCheck]]) -> str:
    """The report as CSV: a clip a line, with its exercise, what was measured, and its faults."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["clip", "exercise", *ClipCheck.__annotations__])
    writer.writerows(_rows(sorted(checks.items())))
    return buffer.getvalue()


def _rows(checks: Iterable[tuple[str, tuple[str, ClipCheck]]]) -> Iterator[list[object]]:
    for name, (exercise, check) in checks:
        values = asdict(check) | {"faults": " ".join(check.faults)}
        yield [name, exercise, *("" if value is None else value for value in values.values())]
