"""Short videos of selected frames, at their true times: the one form that both hosts' own readers give back whole.

Each frame is a keyframe (hosts jump about in a file), H.264 in MP4 with its index first, pictures upright. Their number
is even, since Qwen's reader drops the last of an odd one: it stands twice, as both hosts do with lists of pictures.
Hosts take every frame where LLaMA-Factory's `video_fps` and ms-swift's `FPS` are at least the video's frame rate.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from ontune.errors import MissingExtra
from ontune.videos.reading import Video, decode, upright

__all__ = ["write_frames", "write_short"]

QUALITY = "12"  # x264's constant rate factor; nobody sees a difference at 17, and 0 is lossless
# One thread and no trace of a version or a time: the same frames give the same bytes.
CODEC = {"crf": QUALITY, "threads": "1", "x264-params": "keyint=1:bframes=0", "flags": "+bitexact"}

FINER = 2  # ticks of a new file to one of its source: a frame that stands twice needs a time between two others


def write_short(video: Video, indices: Sequence[int], path: Path) -> None:
    """Writes the frames as an MP4 file. Raises BadVideo where one cannot be decoded."""
    step = FINER * video.time_base.numerator
    times = [step * video.ticks(index) for index in indices]
    end = step * (video.end - video.frames[0].pts)
    if len(times) % 2:
        after = step * video.ticks(indices[-1] + 1) if indices[-1] + 1 < len(video.frames) else end
        times.append((times[-1] + after) // 2)
    frames = (upright(frame, video.turns, video.mirrored) for _, frame in decode(video, indices))
    write_frames(frames, [*times, end], FINER * video.time_base.denominator, path)


def write_frames(frames: Iterable[Any], times: Sequence[int], clock: int, path: Path, preset: str = "medium") -> None:
    """Writes upright frames, at least one, as an MP4 file.

    `times`: of each frame, then of the end, in ticks, `clock` of them a second; with one more the last frame stands
    twice. `preset`: x264's; a faster one makes larger files that look the same.
    """
    try:
        import av
    except ImportError:
        raise MissingExtra("av", "video") from None
    given = iter(frames)
    first = next(given)
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    options |= {"video_track_timescale": str(clock), "movie_timescale": str(clock)}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream("libx264", options=CODEC | {"preset": preset})
        stream.width, stream.height = first.width, first.height
        stream.pix_fmt = "yuv444p" if first.width % 2 or first.height % 2 else "yuv420p"
        codec = stream.codec_context
        stream.time_base = codec.time_base = Fraction(1, clock)
        codec.color_range, codec.colorspace = first.color_range, first.colorspace
        for packet, (time, after) in zip(_packets(chain([first], given), times, stream), pairwise(times), strict=True):
            packet.duration = after - time
            container.mux(packet)


def _packets(frames: Iterable[Any], times: Sequence[int], stream: Any) -> Any:
    last: Any = None
    written = 0
    for frame in frames:
        last = _stored(frame, stream)
        last.pts = times[written]
        written += 1
        yield from stream.encode(last)
    if len(times) - 1 > written:  # the end is a time too
        last.pts = times[-2]
        yield from stream.encode(last)
    yield from stream.encode(None)


def _stored(frame: Any, stream: Any) -> Any:
    """The frame as it is encoded."""
    made = frame.reformat(stream.width, stream.height, stream.pix_fmt)
    made.pict_type = 0  # the decoder's types would be taken for orders
    made.time_base = stream.codec_context.time_base
    return made
