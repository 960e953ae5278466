"""A video from its first frame to its last, each when it comes: nothing is listed, and a file may still be growing.

What a camera program writes can be followed in the forms that need no end: MPEG-TS, fragmented MP4, Matroska.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO

from ontune.videos.packets import BadVideo, check_whole, opened
from ontune.videos.reading import prepare, turn, upright

__all__ = ["Shot", "Stream"]

POLL = 0.05  # seconds between two looks at a file that may grow


@dataclass(frozen=True)
class Shot:
    """A decoded frame, and when it is on the screen: seconds after the first frame, `end` excluded.

    `turned`: quarter turns, and whether it is mirrored before, as of all frames of its video.
    """

    start: Fraction
    end: Fraction
    frame: Any
    turned: tuple[int, bool] = (0, False)

    def upright(self) -> Any:
        """The frame as a player shows it."""
        return upright(self.frame, *self.turned)


@dataclass
class Stream:
    """The shots of a video in the order of display, one following the other without a gap.

    With `patience`, so many seconds are waited for more of a file that is still being written; `stopped`, set by
    another thread, ends that. `damaged` has the times, in ticks, of what arrived damaged; frames that a decoder cannot
    make whole are left out.
    """

    path: Path
    patience: float | None = None
    stopped: Event = field(default_factory=Event)
    damaged: set[int | None] = field(default_factory=set["int | None"])

    def __iter__(self) -> Iterator[Shot]:
        """Raises BadVideo: at once for what is no video, at its end for one that ends too early."""
        last: Any = None
        turned = (0, False)
        start = length = origin = Fraction(0)
        for frame, base in self._decoded():
            now = frame.pts * base
            if last is None:
                # The first one's only: a frame that was asked for its side data stays in memory until Python cleans up.
                origin, turned = now, turn(frame)
            else:
                length = now - origin - start
                if length <= 0:
                    raise BadVideo("no_timestamps", f"{self.path.name}: time does not go on after {float(start):.3f} s")
                yield Shot(start, start + length, last, turned)
            last, start = frame, now - origin
            length = frame.duration * base if frame.duration else length
        if last is None:
            raise BadVideo("no_frame", f"{self.path.name}: no frame can be decoded")
        yield Shot(start, start + (length or 1), last, turned)

    def _decoded(self) -> Iterator[tuple[Any, Fraction]]:
        """Each whole frame, and the seconds of a tick of its clock."""
        from av.error import InvalidDataError

        with self._source() as source, opened(self.path, source) as (container, stream):
            prepare(stream)
            codec, packets = stream.codec_context, _Packets(container, stream, self.damaged)
            for packet in packets:
                try:
                    frames = codec.decode(packet)
                except InvalidDataError:
                    self.damaged.add(packet.pts)
                    continue
                for frame in frames:
                    if frame.pts is None:
                        raise BadVideo("no_timestamps", f"{self.path.name}: a frame without a time of its own")
                    if frame.is_corrupt:
                        self.damaged.add(frame.pts)
                    else:
                        yield frame, stream.time_base
            if source is None:
                packets.check(self.path.name)
            elif source.interrupted:
                raise KeyboardInterrupt

    @contextmanager
    def _source(self) -> Generator["_Growing | None"]:
        """What a file that grows is read through; None for one that is whole."""
        if self.patience is None:
            yield None
            return
        try:
            file = self.path.open("rb", buffering=0)
        except OSError as error:
            raise BadVideo("missing", f"{self.path.name}: {error.strerror}") from None
        with file:
            source = _Growing(file, self.patience, self.stopped)
            source.wait_for_start()
            yield source


@dataclass
class _Growing:
    """A file that is read as far as it goes, then waited for. It cannot be sought in: FFmpeg asks for no end then."""

    file: BinaryIO
    patience: float
    stopped: Event
    over: bool = False
    interrupted: bool = False

    def wait_for_start(self) -> None:
        """Returns when there is something, or nothing has come for too long."""
        if self.read(1):
            self.file.seek(0)

    def read(self, size: int) -> bytes:
        """Some bytes; none when it is over, and ever after."""
        until = time.monotonic() + self.patience
        try:
            while not (found := self.file.read(size)) and not self.over:
                self.over = self.stopped.wait(POLL) or time.monotonic() > until
        except KeyboardInterrupt:  # FFmpeg, which calls, would swallow it
            self.over = self.interrupted = True
            return b""
        return found


@dataclass
class _Packets:
    """The packets of a stream, and after them None for what the decoder still holds; counted for a check at the end."""

    container: Any
    stream: Any
    damaged: set[int | None]
    found: int = 0
    corrupt: bool = False  # the last one, as where a file was cut off
    times: tuple[int, int] | None = None  # in ticks: the first and the end

    def __iter__(self) -> Iterator[Any]:
        from av.error import FFmpegError

        try:
            for packet in self.container.demux(self.stream):
                if packet.size:  # the last one only ends the stream
                    self._count(packet)
                    yield packet
        except FFmpegError:
            self.corrupt = True
        yield None

    def _count(self, packet: Any) -> None:
        self.found += 1
        self.corrupt = packet.is_corrupt
        if packet.is_corrupt:
            self.damaged.add(packet.pts)
        if packet.pts is not None:
            first, end = self.times or (packet.pts, packet.pts)
            self.times = min(first, packet.pts), max(end, packet.pts + (packet.duration or 0))

    def check(self, name: str) -> None:
        """Raises BadVideo where the file ended before the end that it states."""
        seconds = float((self.times[1] - self.times[0]) * self.stream.time_base) if self.times else None
        check_whole(self.container, self.stream, self.found, seconds, self.corrupt, name)
