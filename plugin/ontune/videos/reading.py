"""Reading videos: frames in the order of display with exact times, upright, decoded only where they are asked for.

A frame that nothing refers to is not decoded unless it is wanted, and no group of frames without a wanted one.
"""

from bisect import bisect_right
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontune.videos.packets import BadVideo, Packet, opened, packets_of

__all__ = [
    "SUFFIXES",
    "BadVideo",
    "Frame",
    "Pixels",
    "Video",
    "decode",
    "open_video",
    "picture",
    "prepare",
    "turn",
    "upright",
]

Pixels = NDArray[np.uint8]  # height, width, red green blue
SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv"})
HIDDEN = {"vp8"}  # codecs with packets that are no frame and do not say so
VARIES = 0.1  # of the usual step between two frames: less is the rounding of a container's clock


@dataclass(frozen=True)
class Frame:
    """A frame: its time in ticks, whether it is a keyframe, the number of its packet in decoding order."""

    pts: int
    key: bool
    packet: int = -1


@dataclass(frozen=True)
class Video:
    """A video that was checked: its frames in the order of display. Times count from the first frame.

    `width` and `height` are those of the upright picture, which `turns` quarter turns (counterclockwise, after the
    mirror) make of the stored one.
    """

    path: Path
    width: int
    height: int
    turns: int
    mirrored: bool
    codec: str
    container: str
    time_base: Fraction
    frames: tuple[Frame, ...]
    end: int  # ticks: when the last frame's time is over
    packets: tuple[Packet, ...] = field(default=(), repr=False)  # none where only decoding tells the frames

    def ticks(self, index: int) -> int:
        """The time of a frame, in ticks after the first one."""
        return self.frames[index].pts - self.frames[0].pts

    def seconds(self, index: int) -> float:
        """The time of a frame, in seconds after the first one."""
        return float(self.ticks(index) * self.time_base)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the end of the last one."""
        return float((self.end - self.frames[0].pts) * self.time_base)

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        """Ticks between each two neighbours."""
        return np.diff(np.array([frame.pts for frame in self.frames], dtype=np.int64))

    @property
    def varies(self) -> bool:
        """Whether the frame rate is variable; a reader that counts on a fixed one is wrong about the times."""
        if len(self.steps) < 2:
            return False
        usual = float(np.median(self.steps))
        return bool(np.ptp(self.steps) > max(2, VARIES * usual))

    @property
    def is_turned(self) -> bool:
        """Whether a player turns or mirrors what is stored; readers that do not see it lying on its side."""
        return bool(self.turns or self.mirrored)


def open_video(path: Path) -> Video:
    """The video in a file: its first frame decoded, all others listed. Raises BadVideo."""
    with opened(path) as (container, stream):
        packets = packets_of(container, stream, path.name)
        container_name, codec, time_base = container.format.name, stream.codec_context.name, stream.time_base
    frames = _by_packets(packets, codec)
    if not frames:
        packets, frames = [], _by_decoding(path)
    first, turns, mirrored = _first(path)
    size = (first.height, first.width) if turns % 2 else (first.width, first.height)
    last = max(packets, key=lambda packet: packet.pts or 0).duration if packets else 0
    step = last or (frames[-1].pts - frames[0].pts) // max(1, len(frames) - 1) or 1
    end = frames[-1].pts + step
    return Video(path, *size, turns, mirrored, codec, container_name, time_base, frames, end, tuple(packets))


def _by_packets(packets: Sequence[Packet], codec: str) -> tuple[Frame, ...]:
    """The frames in the order of display, or none where packets do not tell their times."""
    times = [packet.pts for packet in packets]
    start = next((at for at, packet in enumerate(packets) if packet.key), None)
    if codec in HIDDEN or None in times or len(set(times)) < len(times) or start is None:
        return ()
    first = packets[start].pts or 0
    # Frames that stand before the first keyframe in either order cannot be decoded.
    found = [
        Frame(packet.pts, packet.key, at)
        for at, packet in enumerate(packets)
        if packet.pts is not None and packet.shown and at >= start and packet.pts >= first
    ]
    return tuple(sorted(found, key=lambda frame: frame.pts))


def _by_decoding(path: Path) -> tuple[Frame, ...]:
    """The frames that come out of a decoder. Raises BadVideo where it gives them no times."""
    found = [Frame(frame.pts, bool(frame.key_frame)) for frame in _decode_all(path) if frame.pts is not None]
    if len({frame.pts for frame in found}) < len(found) or not found:
        raise BadVideo("no_timestamps", f"{path.name}: {len(found)} frames without a time of their own")
    return tuple(sorted(found, key=lambda frame: frame.pts))


def _first(path: Path) -> tuple[Any, int, bool]:
    """The first frame, and how it is turned and mirrored."""
    with closing(_decode_all(path)) as frames:  # left to the collector, it would swallow an interruption
        frame = next(frames, None)
    if frame is None:
        raise BadVideo("no_frame", f"{path.name}: no frame can be decoded")
    return frame, *turn(frame)


def turn(frame: Any) -> tuple[int, bool]:
    """Quarter turns counterclockwise after mirroring left to right, out of the display matrix (nine 32-bit numbers)."""
    data = next((item for item in frame.side_data if item.type.name == "DISPLAYMATRIX"), None)
    if data is None:
        return 0, False
    a, b, _, c, d = np.frombuffer(bytes(data), dtype=np.int32)[:5].astype(np.int64)
    mirrored = bool(a * d - b * c < 0)
    if mirrored:
        a, b = -a, -b
    return round(-np.degrees(np.arctan2(b, a)) / 90) % 4, mirrored


def picture(video: Video, frame: Any) -> Pixels:
    """The frame as upright RGB."""
    return _pixels(frame, video.turns, video.mirrored)


def _pixels(frame: Any, turns: int, mirrored: bool) -> Pixels:
    stored = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(stored[:, ::-1] if mirrored else stored, turns))


def upright(frame: Any, turns: int, mirrored: bool) -> Any:
    """The frame as players show it: its own pixels and colour space where it stands upright."""
    import av

    if not (turns or mirrored or frame.format.is_rgb):
        return frame
    return av.VideoFrame.from_ndarray(_pixels(frame, turns, mirrored), "rgb24")


def decode(video: Video, indices: Collection[int] | None = None) -> Iterator[tuple[int, Any]]:
    """Each frame asked for, or every one, with its index, in the order of display.

    Raises BadVideo where one cannot be decoded.
    """
    wanted = {video.frames[index].pts: index for index in (range(len(video.frames)) if indices is None else indices)}
    # Without packets, or for every frame, there is nothing to leave out.
    source = _decode_all(video.path) if indices is None or not video.packets else _decode_some(video, wanted.values())
    for frame in source:
        index = wanted.pop(frame.pts, None)
        if index is not None:
            if frame.is_corrupt:
                raise BadVideo("damaged", f"{video.path.name}: frame {index} at {video.seconds(index):.3f} s")
            yield index, frame
    if wanted:
        named = ", ".join(f"{index} ({video.seconds(index):.3f} s)" for index in sorted(wanted.values())[:3])
        raise BadVideo("damaged", f"{video.path.name}: {len(wanted)} frames cannot be decoded: {named}")


def _decode_all(path: Path) -> Generator[Any]:
    from av.error import FFmpegError

    with opened(path) as (container, stream):
        prepare(stream)
        try:
            yield from container.decode(stream)
        except FFmpegError as error:
            raise BadVideo("damaged", f"{path.name}: {type(error).__name__}") from None


def prepare(stream: Any) -> None:
    """Lets the H.264 decoder keep frames back as long as the standard asks, so that none comes too late and is lost."""
    if stream.codec_context.name == "h264":
        stream.codec_context.options = {"strict": "1"}


def _decode_some(video: Video, indices: Iterable[int]) -> Iterator[Any]:
    """The frames asked for, and some of those they are made of."""
    from av.error import FFmpegError

    plan = _plan(video, indices)
    last = max(plan)
    with opened(video.path) as (container, stream):
        prepare(stream)
        codec = stream.codec_context
        packets = (packet for packet in container.demux(stream) if packet.size)
        try:
            for at, packet in enumerate(packets):
                if at in plan:
                    codec.skip_frame = "DEFAULT" if plan[at] else "NONREF"
                    yield from codec.decode(packet)
                elif at - 1 in plan:
                    yield from _drained(codec)
                if at == last:
                    break
            yield from _drained(codec)
        except FFmpegError as error:
            raise BadVideo("damaged", f"{video.path.name}: {type(error).__name__}") from None


def _drained(codec: Any) -> list[Any]:
    """The frames that the decoder still keeps back; it is ready for a keyframe afterwards."""
    frames = codec.decode(None)
    codec.flush_buffers()
    return frames


def _plan(video: Video, indices: Iterable[int]) -> dict[int, bool]:
    """Which packets a decoder needs, and whether it is for their own frame.

    It begins with the last keyframe that comes before a frame in both orders: some frames are stored after a keyframe
    and shown before it, and are made of what came earlier.
    """
    keys = [at for at, packet in enumerate(video.packets) if packet.key]
    wanted = sorted((video.frames[index].packet, video.frames[index].pts) for index in indices)
    needed: dict[int, int] = {}  # from each keyframe on, up to there
    for at, pts in wanted:
        before = keys[: bisect_right(keys, at)]
        start = next(key for key in reversed(before) if (video.packets[key].pts or 0) <= pts)
        needed[start] = at
    plan = {at: False for start, stop in needed.items() for at in range(start, stop)}
    return plan | {at: True for at, _ in wanted}
