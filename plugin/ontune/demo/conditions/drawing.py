"""Painting an embankment: sky, a road on top, a bank of grass, a berm and a bank of gravel, with things on them."""

import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ontune.demo.conditions.scenes import CLASSES, Scene, Thing

__all__ = ["SIDE", "draw"]

SIDE = 112  # pixels: 16 tokens of a model with patches of 14
ZOOM = 4  # painted so many times larger, for smooth edges
PAGE = SIDE * ZOOM
GRASS = ((226, 238, 196), (218, 236, 204), (236, 240, 200))
GRAVEL = ((240, 230, 210), (232, 228, 220), (242, 226, 204))
SKY, ROAD = (222, 238, 252), (196, 196, 200)
CONCRETE, EDGE, WATER, MUD, CRACK = "#b4bac2", "#6a6f78", "#3f9be8", "#8a5a2b", "#15151a"
STONES = ("#9aa0a8", "#b2b6bc", "#868c95", "#a6a49c")
LEAVES = ("#2e8b3d", "#3fa34d", "#237a34")

Corners = tuple[float, float, float, float]


class Brush:
    """Paints within one box, in shares of its width and height."""

    def __init__(self, image: Image.Image, thing: Thing) -> None:
        self.paint, self.rng = ImageDraw.Draw(image), random.Random(thing.seed)
        left, upper, right, lower = (edge * PAGE for edge in thing.box)
        self.origin, self.size = (left, upper), (right - left, lower - upper)

    def at(self, *shares: float) -> list[float]:
        """The pixels of points given as x, y, x, y and so on."""
        return [self.origin[at % 2] + share * self.size[at % 2] for at, share in enumerate(shares)]

    def oval(self, x: float, y: float, across: float, down: float, fill: str, outline: str | None = EDGE) -> None:
        self.paint.ellipse(self.at(x - across, y - down, x + across, y + down), fill, outline, ZOOM)

    def box(self, *corners: float, fill: str, outline: str | None = EDGE) -> None:
        self.paint.rectangle(self.at(*corners), fill, outline, ZOOM)

    def line(self, *points: float, fill: str, width: float) -> None:
        self.paint.line(self.at(*points), fill, round(width * ZOOM), "curve")

    def jitter(self, reach: float) -> float:
        return self.rng.uniform(-reach, reach)


def draw(scene: Scene) -> Image.Image:
    """The picture of a scene; the same scene gives the same pixels."""
    rng = random.Random(scene.seed)
    image = _ground(rng)
    for thing in scene.things:
        kind = CLASSES[thing.name]
        PAINTERS[kind.object](Brush(image, thing), kind.condition)
    image = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return image if scene.easy else _photograph(image, rng)


def _photograph(image: Image.Image, rng: random.Random) -> Image.Image:
    """The picture in another light, sometimes blurred, always with noise."""
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.6)))
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(2, 8), (SIDE, SIDE, 1))
    return Image.fromarray((np.asarray(image) * rng.uniform(0.9, 1.03) + noise).clip(0, 255).astype(np.uint8))


def _ground(rng: random.Random) -> Image.Image:
    image = Image.new("RGB", (PAGE, PAGE), SKY)
    paint = ImageDraw.Draw(image)
    crown, foot = PAGE * rng.uniform(0.10, 0.14), PAGE * rng.uniform(0.57, 0.60)
    paint.ellipse([crown * 2, -crown, crown * 5, crown * 0.7], "white")
    grass, gravel = rng.choice(GRASS), rng.choice(GRAVEL)
    paint.rectangle([0, crown, PAGE, foot], grass)
    paint.rectangle([0, crown, PAGE, crown + 4 * ZOOM], ROAD)
    paint.rectangle([0, foot, PAGE, PAGE], gravel)
    paint.rectangle([0, foot, PAGE, foot + 2 * ZOOM], ROAD)
    for _ in range(60):
        x, y = rng.uniform(0, PAGE), rng.uniform(crown + 6 * ZOOM, PAGE)
        shade, ground = (0.88, grass) if y < foot else (0.9, gravel)
        reach = rng.uniform(1, 3) * ZOOM
        slant = (0.3, -1) if y < foot else (1, 0)
        end = (x + reach * slant[0], y + reach * slant[1])
        paint.line([x, y, *end], tuple(round(shade * part) for part in ground), ZOOM)
    return image


def _slope_drain(brush: Brush, condition: str) -> None:
    """A concrete chute down the slope."""
    brush.box(0.12, 0, 0.88, 1, fill="#f4f5f7")
    brush.box(0.28, 0, 0.72, 1, fill=WATER if condition == "normal" else "#dfe3e8")
    for step in range(1, 5):
        brush.line(0.3, step / 5, 0.7, step / 5, fill=EDGE, width=0.7)
    _spoil(brush, condition, 0.5, 0.28, 0.36)


def _toe_drain(brush: Brush, condition: str) -> None:
    """The mouth of a pipe in a wall."""
    brush.box(0, 0.12, 1, 0.88, fill=CONCRETE)
    brush.oval(0.5, 0.5, 0.4, 0.34, fill="#8d939c")
    brush.oval(0.5, 0.5, 0.3, 0.25, fill="#23324a")
    if condition == "normal":
        brush.box(0.3, 0.55, 0.7, 1, fill=WATER, outline=None)
    _spoil(brush, condition, 0.52, 0.32, 0.22)


def _spoil(brush: Brush, condition: str, middle: float, across: float, down: float) -> None:
    """What keeps a drain from working: mud and leaves in it, or a crack right through it."""
    if condition == "blocked":
        brush.oval(0.5, middle + brush.jitter(0.04), across, down, fill=MUD, outline="#5e3b18")
        for _ in range(5):
            x, y = 0.5 + brush.jitter(across / 2), middle + brush.jitter(down / 2)
            brush.oval(x, y, 0.07, 0.05, fill=brush.rng.choice(("#b98a3e", "#6d7f2c", "#a5662a")), outline=None)
    elif condition == "damaged":
        y, side = middle + brush.jitter(0.12), brush.rng.choice((-1, 1))
        points = [(0.02 + 0.16 * at, y + side * 0.14 * (-1) ** at + brush.jitter(0.03)) for at in range(7)]
        brush.line(*(part for point in points for part in point), fill=CRACK, width=2.6)


def _rock_toe(brush: Brush, condition: str) -> None:
    """Stones heaped in three rows; damaged, the middle has slid out and bare soil shows."""
    for row, count in enumerate((2, 3, 4)):
        for at in range(count):
            x = 0.5 + (at - (count - 1) / 2) * 0.25 + brush.jitter(0.02)
            brush.oval(x, 0.2 + 0.3 * row + brush.jitter(0.02), 0.135, 0.19, fill=brush.rng.choice(STONES))
    if condition == "damaged":
        side = brush.jitter(0.12)
        soil = [(0.3 + side, 0), (0.7 + side, 0), (0.82 + side, 1), (0.18 + side, 1)]
        brush.paint.polygon(brush.at(*(part for point in soil for part in point)), "#e0a45c", "#a86f2e")


def _vegetation(brush: Brush, condition: str) -> None:
    """A bush in flower."""
    for turn in range(7):
        angle = turn * math.tau / 7 + brush.jitter(0.2)
        x, y = 0.5 + 0.27 * math.cos(angle), 0.48 + 0.25 * math.sin(angle)
        brush.oval(x, y, 0.22, 0.2, fill=brush.rng.choice(LEAVES), outline="#175a25")
    brush.oval(0.5, 0.48, 0.25, 0.22, fill=LEAVES[0], outline=None)
    for _ in range(5):
        brush.oval(0.5 + brush.jitter(0.33), 0.48 + brush.jitter(0.3), 0.045, 0.04, fill="#ffe14d", outline=None)


PAINTERS: dict[str, Callable[[Brush, str], None]] = {
    "slope drain": _slope_drain,
    "toe drain": _toe_drain,
    "rock toe": _rock_toe,
    "vegetation": _vegetation,
}
