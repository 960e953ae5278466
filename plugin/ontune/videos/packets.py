"""A file's compressed frames as its container lists them, without decoding any; what is cut off is seen here."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ontune.errors import MissingExtra
from ontune.files import LFS_POINTER

__all__ = ["BadVideo", "Packet", "check_whole", "opened", "packets_of"]

PICTURES = ("_pipe", "image2")  # what FFmpeg calls a single picture that it would play
SLACK = 1.0  # seconds that a stream may end before its stated length: sound often lasts a little longer


class BadVideo(Exception):
    """Why a video cannot be used: the reason for the account, and what was found."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Packet:
    """One compressed frame: its time in ticks, whether decoding can begin with it, whether it is shown."""

    pts: int | None
    key: bool
    shown: bool
    duration: int


@contextmanager
def opened(path: Path, source: Any = None) -> Generator[tuple[Any, Any]]:
    """PyAV's container and its video stream, read through `source` if there is one. Raises BadVideo, MissingExtra."""
    try:
        import av
        from av.error import FFmpegError
    except ImportError:
        raise MissingExtra("av", "video") from None
    _check_file(path)
    try:
        # No playlist in a file may lead to another one, or into the network.
        container = av.open(source or str(path.resolve()), options={"protocol_whitelist": "file"})
    except (FFmpegError, OSError) as error:
        raise BadVideo(*_unopened(path, error)) from None
    with container:
        yield container, _video_stream(container, path)


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(len(LFS_POINTER))
    except OSError as error:
        raise BadVideo("missing" if not path.exists() else "unreadable", f"{path.name}: {error.strerror}") from None
    if start == LFS_POINTER:
        raise BadVideo("lfs_pointer", f"{path.name}: a Git LFS pointer instead of content: run git lfs pull")
    if not start:
        raise BadVideo("truncated", f"{path.name}: an empty file")


def _unopened(path: Path, error: Exception) -> tuple[str, str]:
    """The reason and detail for a file that FFmpeg refuses: MP4 keeps its index last, so a cut one has none."""
    with path.open("rb") as file:
        is_mp4 = file.read(8)[4:] in {b"ftyp", b"mdat", b"moov", b"free", b"wide"}
    if is_mp4:
        return "truncated", f"{path.name}: MP4 without its index (moov): the end is missing"
    return "unreadable", f"{path.name}: no video ({type(error).__name__})"


def _video_stream(container: Any, path: Path) -> Any:
    from av.stream import Disposition

    if container.format.name.endswith(PICTURES):
        raise BadVideo("not_a_video", f"{path.name}: {container.format.name}: expected a video")
    streams = [item for item in container.streams.video if not item.disposition & Disposition.attached_pic]
    if streams:
        return streams[0]
    if container.streams.audio:
        raise BadVideo("audio_only", f"{path.name}: sound without a video stream")
    kinds = sorted({item.type for item in container.streams}) or "nothing"
    raise BadVideo("no_video_stream", f"{path.name}: holds {kinds}: expected a video stream")


def packets_of(container: Any, stream: Any, name: str) -> list[Packet]:
    """The packets of a stream in decoding order. Raises BadVideo for a file that ends too early."""
    from av.error import FFmpegError

    packets: list[Packet] = []
    corrupt = False
    try:
        for packet in container.demux(stream):
            if packet.size:  # the last one only ends the stream
                packets.append(Packet(packet.pts, packet.is_keyframe, not packet.is_discard, packet.duration or 0))
                corrupt = corrupt or packet.is_corrupt
    except FFmpegError:
        corrupt = True
    times = [
        time for packet in packets if packet.pts is not None for time in (packet.pts, packet.pts + packet.duration)
    ]
    seconds = float((max(times) - min(times)) * stream.time_base) if times else None
    check_whole(container, stream, len(packets), seconds, corrupt, name)
    return packets


def check_whole(container: Any, stream: Any, found: int, seconds: float | None, corrupt: bool, name: str) -> None:
    """Raises BadVideo where fewer packets or seconds were found than the file states, or none."""
    if stream.frames and (found < stream.frames or corrupt):
        raise BadVideo("truncated", f"{name}: {found - corrupt} of {stream.frames} frames")
    if not found:
        raise BadVideo("no_frame", f"{name}: a video stream without a frame")
    length = None if stream.frames or seconds is None else _stated_seconds(container, stream)
    if length is not None and seconds is not None and (corrupt or seconds < length - SLACK):
        raise BadVideo("truncated", f"{name}: ends after {seconds:.2f} of {length:.2f} seconds")


def _stated_seconds(container: Any, stream: Any) -> float | None:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if tag := stream.metadata.get("DURATION"):  # Matroska's: 00:00:04.966000000
        hours, minutes, seconds = tag.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    alone = len(container.streams) == 1 and container.duration
    return float(Fraction(container.duration, 1_000_000)) if alone else None
