"""Short videos of selected frames, at their true times: the one form that both hosts' own readers give back whole.

Each frame is a keyframe (hosts jump about in a file), H.264 in MP4 with its index first, pictures upright. Their number
is even, since Qwen's reader drops the last of an odd one: it stands twice, as both hosts do with lists of pictures.
Hosts take every frame where LLaMA-Factory's `video_fps` and ms-swift's `FPS` are at least the video's frame rate.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from ontune.errors import MissingExtra
from ontune.videos.reading import Video, decode, picture

__all__ = ["write_short"]

QUALITY = "12"  # x264's constant rate factor; nobody sees a difference at 17, and 0 is lossless
# One thread and no trace of a version or a time: the same frames give the same bytes.
CODEC = {"crf": QUALITY, "threads": "1", "preset": "medium", "x264-params": "keyint=1:bframes=0", "flags": "+bitexact"}

FINER = 2  # ticks of a new file to one of its source: a frame that stands twice needs a time between two others


def write_short(video: Video, indices: Sequence[int], path: Path) -> None:
    """Writes the frames as an MP4 file. Raises BadVideo where one cannot be decoded."""
    step = FINER * video.time_base.numerator
    times = [step * video.ticks(index) for index in indices]
    end = step * (video.end - video.frames[0].pts)
    if len(times) % 2:
        after = step * video.ticks(indices[-1] + 1) if indices[-1] + 1 < len(video.frames) else end
        times.append((times[-1] + after) // 2)
    _write(video, indices, [*times, end], path)


def _write(video: Video, indices: Sequence[int], times: Sequence[int], path: Path) -> None:
    """`times`: of each frame, then of the end, in ticks of the new file."""
    try:
        import av
    except ImportError:
        raise MissingExtra("av", "video") from None
    clock = FINER * video.time_base.denominator
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    options |= {"video_track_timescale": str(clock), "movie_timescale": str(clock)}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream("libx264", options=CODEC)
        stream.width, stream.height = video.width, video.height
        stream.pix_fmt = "yuv444p" if video.width % 2 or video.height % 2 else "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, clock)
        for packet, (time, after) in zip(_packets(video, indices, times, stream), pairwise(times), strict=True):
            packet.duration = after - time
            container.mux(packet)


def _packets(video: Video, indices: Sequence[int], times: Sequence[int], stream: Any) -> Any:
    last: Any = None
    for place, (_, frame) in enumerate(decode(video, indices)):
        last = _stored(video, frame, stream)
        last.pts = times[place]
        yield from stream.encode(last)
    if len(times) - 1 > len(indices):  # the end is a time too
        last.pts = times[-2]
        yield from stream.encode(last)
    yield from stream.encode(None)


def _stored(video: Video, frame: Any, stream: Any) -> Any:
    """The frame as it is encoded: its own pixels and colour space where it stands upright."""
    import av

    if video.is_turned or frame.format.is_rgb:
        frame = av.VideoFrame.from_ndarray(picture(video, frame), "rgb24")
    elif not stream.codec_context.is_open:
        codec = stream.codec_context
        codec.color_range, codec.colorspace = frame.color_range, frame.colorspace
    made = frame.reformat(video.width, video.height, stream.pix_fmt)
    made.pict_type = 0  # the decoder's types would be taken for orders
    made.time_base = stream.codec_context.time_base
    return made
