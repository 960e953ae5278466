"""Clips that tell their own frame numbers: blocks of black and white, read back out of the pixels of any reader."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

BITS = 8
SIZE = (128, 96)  # width, height
CLOCK = 600  # ticks a second


def drawing(number: int, size: tuple[int, int] = SIZE, shade: int = 110) -> np.ndarray:
    """A frame: its number in BITS blocks along the top, a grey ground with a moving bar below."""
    width, height = size
    pixels = np.full((height, width, 3), shade, dtype=np.uint8)
    edges = np.linspace(0, width, BITS + 1).astype(int)
    for bit in range(BITS):
        pixels[: height // 3, edges[bit] : edges[bit + 1]] = 235 if number >> bit & 1 else 20
    start = number * 3 % (width - 8)
    pixels[height // 2 : height - 8, start : start + 8] = (200, 60, 60)
    return pixels


def number_of(pixels: Any) -> int:
    """The number that a drawing tells, whatever its size."""
    row = np.asarray(pixels)[np.asarray(pixels).shape[0] // 6].mean(axis=-1)
    edges = np.linspace(0, len(row), BITS + 1)
    centres = ((edges[:-1] + edges[1:]) / 2).astype(int)
    return sum(int(row[place] > 128) << bit for bit, place in enumerate(centres))


def make_clip(
    path: Path,
    frames: int | Sequence[np.ndarray] = 24,
    rate: int = 12,
    *,
    times: Sequence[int] | None = None,
    size: tuple[int, int] = SIZE,
    codec: str = "libx264",
    gop: int = 8,
    first: int = 0,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
) -> Path:
    """A clip of so many drawings from number `first` on, or of the given pictures; `times` are ticks of 1/600 s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = [drawing(first + at, size) for at in range(frames)] if isinstance(frames, int) else list(frames)
    with av.open(str(path), "w", options=container or {}) as file:
        stream: Any = file.add_stream(codec, rate=rate, options={"threads": "1", "g": str(gop), **(options or {})})
        stream.width, stream.height = drawn[0].shape[1::-1]
        stream.pix_fmt = "yuv444p" if codec == "libx264" and (stream.width % 2 or stream.height % 2) else "yuv420p"
        if times:
            stream.time_base = stream.codec_context.time_base = Fraction(1, CLOCK)
        for at, pixels in enumerate(drawn):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=stream.pix_fmt)
            frame.pts = times[at] if times else at
            frame.time_base = Fraction(1, CLOCK) if times else Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


MATRICES = {  # the display matrices of phones, as MP4 keeps them: a b u c d v x y w, 16.16 and 2.30 fixed point
    "left": (0, -1, 0, 1, 0, 0),  # shown turned to the left, a quarter counterclockwise
    "half": (-1, 0, 0, 0, -1, 0),
    "right": (0, 1, 0, -1, 0, 0),
    "mirror": (-1, 0, 0, 0, 1, 0),
}


def turn(path: Path, how: str) -> Path:
    """Writes a display matrix into an MP4 file: players turn what is stored."""
    content = bytearray(path.read_bytes())
    start = content.find(b"tkhd") + 44
    values = [value * 65536 for value in MATRICES[how]] + [0, 0, 1 << 30]
    content[start : start + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    path.write_bytes(content)
    return path


def make_sound(path: Path) -> Path:
    """A file of sound alone."""
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), dtype=np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path
