"""Painting a clip: a stick figure in a room, frame by frame, and the H.264 file of them."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw

from ontune.demo.feedback.clips import FRAMES, RATE, Clip, Person
from ontune.demo.feedback.figure import Figure, Point, pose

__all__ = ["SIDE", "blank", "draw", "encode", "frames"]

SIDE = 84  # pixels
ZOOM = 2  # painted twice as large, for smooth edges
GROUND, TALL = 0.92, 0.80  # of the picture: where the feet stand; how much a person of height 1 takes
# One thread and no trace of a version or a time: the same frames give the same bytes.
CODEC = {"crf": "18", "preset": "ultrafast", "threads": "1", "flags": "+bitexact"}


class Canvas:
    """The picture of one moment: points in the person's own scale become pixels."""

    def __init__(self, clip: Clip) -> None:
        self.clip, self.person = clip, clip.person
        self.side = SIDE * ZOOM
        self.image = Image.new("RGB", (self.side, self.side), self.person.room)
        self.paint = ImageDraw.Draw(self.image)

    def pixel(self, point: Point) -> Point:
        right = -point[0] if self.clip.mirrored else point[0]
        x = 0.5 + self.clip.x + right * TALL * self.person.height
        return x * self.side, (GROUND - point[1] * TALL * self.person.height) * self.side

    def limb(self, points: Sequence[Point], colour: tuple[int, int, int], width: float) -> None:
        places = [self.pixel(point) for point in points]
        thick = round(width * self.person.width * self.side)
        self.paint.line(places, fill=colour, width=thick, joint="curve")
        for x, y in places:
            self.paint.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=colour)

    def head(self, point: Point, radius: float) -> None:
        x, y = self.pixel(point)
        reach = radius * self.side
        self.paint.ellipse((x - reach, y - reach, x + reach, y + reach), fill=self.person.skin)


def draw(clip: Clip, at: float) -> Image.Image:
    """The picture at `at`, 0 to 1, of the clip."""
    canvas = Canvas(clip)
    _room(canvas)
    _person(canvas, clip.person, pose(clip.exercise, clip.far(at)))
    return canvas.image.reduce(ZOOM)


def blank(clip: Clip, at: float) -> Image.Image:
    """A white picture in place of it."""
    return Image.new("RGB", (SIDE, SIDE), "white")


def _room(canvas: Canvas) -> None:
    """The floor is a little darker than the wall."""
    floor = tuple(round(part * 0.88) for part in canvas.person.room)
    canvas.paint.rectangle((0, 0.88 * canvas.side, canvas.side, canvas.side), fill=floor)


def _person(canvas: Canvas, person: Person, figure: Figure) -> None:
    for leg in figure.legs:
        canvas.limb(leg, person.trousers, 0.060)
    canvas.limb(figure.torso, person.shirt, 0.085)
    for arm in figure.arms:
        canvas.limb(arm, person.shirt, 0.050)
    canvas.head(figure.head, 0.085)


def encode(pictures: Iterator[Image.Image], path: Path) -> None:
    """Writes the pictures as an MP4 file of RATE frames a second."""
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream("libx264", rate=RATE, options=CODEC)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, RATE)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode(None))


def frames(clip: Clip, painter: Callable[[Clip, float], Image.Image]) -> Iterator[Image.Image]:
    """All pictures of a clip in order."""
    return (painter(clip, at / FRAMES) for at in range(FRAMES))
