"""Painting a worksheet: 112 x 112 pixels, ink on paper, with the jitter and the noise of a scan."""

import math
import random
from collections.abc import Callable
from functools import cache, partial

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ontune.demo.edugraph.sheets import Layout, Sheet

__all__ = ["SIDE", "draw"]

SIDE = 112  # pixels: 16 tokens of a model with patches of 14
ZOOM = 2  # painted twice as large, for smooth edges
PAGE = SIDE * ZOOM
INKS = ("#1f4fd0", "#d0342c", "#0f9d58", "#8e24aa")
GREYS = ("#111111", "#333333", "#4a4a4a")
FILLS = ("#ef5350", "#42a5f5", "#66bb6a", "#ffa726", "#ab47bc")
DIALS = ("#fff59d", "#ffffff", "#b3e5fc", "#f8bbd0")
PAPERS = ((255, 236, 224), (226, 240, 255), (230, 248, 226), (255, 244, 204))  # of coloured sheets
SCALES = (0.88, 0.94, 1.0)


class Page:
    """The paper of one sheet, with its inks, its typeface and where things go."""

    def __init__(self, sheet: Sheet, rng: random.Random) -> None:
        self.sheet, self.rng = sheet, rng
        white = 1.0 if sheet.easy else rng.uniform(0.9, 1.0)
        paper = rng.choice(PAPERS) if sheet.coloured else (255, 255, 255)
        self.image = Image.new("RGB", (PAGE, PAGE), tuple(round(white * part) for part in paper))
        self.paint = ImageDraw.Draw(self.image)
        self.ink = rng.choice(INKS if sheet.coloured else GREYS)
        self.bold = 0 if sheet.easy else rng.randrange(3)
        self.scale = SCALES[sheet.layout.scale]

    def fill(self) -> str | None:
        """A fill of some shape: a colour, or on sheets without any grey or nothing."""
        return self.rng.choice(FILLS) if self.sheet.coloured else self.rng.choice((self.ink, None))

    def dial(self) -> str:
        """A light fill that ink can be read on."""
        return self.rng.choice(DIALS) if self.sheet.coloured else "#ffffff"

    def place(self, width: float, height: float) -> tuple[float, float]:
        """The middle of a box of that size where the layout puts it, give or take a few pixels."""
        layout, margin = self.sheet.layout, 7 * ZOOM
        return (
            margin + width / 2 + (PAGE - 2 * margin - width) * layout.column / 2 + self.jitter(),
            margin + height / 2 + (PAGE - 2 * margin - height) * layout.row / 2 + self.jitter(),
        )

    def jitter(self) -> float:
        return self.rng.uniform(-2, 2) * ZOOM

    def write(self, x: float, y: float, text: str, size: int) -> None:
        stroke = self.bold * size // 40
        self.paint.text((x, y), text, font=_font(size), fill=self.ink, anchor="mm", stroke_width=stroke)

    def line(self, *points: float, width: float) -> None:
        self.paint.line(points, fill=self.ink, width=round(width))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def draw(sheet: Sheet) -> Image.Image:
    """The picture of a sheet; the same sheet gives the same pixels."""
    rng = random.Random(sheet.seed)
    page = Page(sheet, rng)
    _frame(page, sheet.layout)
    PAINTERS[sheet.kind](page)
    image = page.image
    if not sheet.easy:
        image = image.rotate(rng.uniform(-3, 3), Image.Resampling.BILINEAR, fillcolor=image.getpixel((2, 2)))
    image = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return image if sheet.easy else _scan(image, rng)


def _scan(image: Image.Image, rng: random.Random) -> Image.Image:
    """The picture, sometimes blurred, always with noise."""
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.6)))
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(2, 10), (SIDE, SIDE, 1))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def _frame(page: Page, layout: Layout) -> None:
    near, far = 4 * ZOOM, PAGE - 4 * ZOOM
    if layout.frame == 1:
        page.paint.rectangle([near, near, far, far], outline=page.ink, width=ZOOM)
    elif layout.frame:
        y = near if layout.frame == 2 else far
        page.line(near, y, far, y, width=ZOOM)


def _tasks(page: Page) -> None:
    """Two numbers a line with their sign between."""
    rows = page.sheet.values
    size = round((27 if len(rows) == 1 else 24) * page.scale * ZOOM)
    texts = [(str(left), str(right)) for left, right in rows]
    widths = [(_font(size).getlength(left), _font(size).getlength(right)) for left, right in texts]
    gap, step = size * 1.3, size * 1.3
    width = max(left + right for left, right in widths) + gap
    x, middle = page.place(width, step * len(rows))
    for at, ((left, right), (left_width, right_width)) in enumerate(zip(texts, widths, strict=True)):
        y = middle + (at - (len(rows) - 1) / 2) * step
        start = x - (left_width + gap + right_width) / 2
        page.write(start + left_width / 2, y, left, size)
        page.write(start + left_width + gap + right_width / 2, y, right, size)
        _sign(page, start + left_width + gap / 2, y, size)


def _sign(page: Page, x: float, y: float, size: int) -> None:
    reach, width = size * 0.42, max(5, size // 6) + page.bold
    page.line(x - reach, y, x + reach, y, width=width)
    if page.sheet.kind == "addition":
        page.line(x, y - reach, x, y + reach, width=width)


def _counting(page: Page) -> None:
    """Things of one kind strewn over a tray."""
    count, thing = page.sheet.values[0]
    side = 92 * page.scale * ZOOM
    x, y = page.place(side, side)
    page.paint.rectangle([x - side / 2, y - side / 2, x + side / 2, y + side / 2], outline=page.ink, width=ZOOM)
    cell, fill = side / 4, page.fill()
    for place in page.rng.sample(range(16), count):
        across = x + (place % 4 - 1.5 + page.rng.uniform(-0.1, 0.1)) * cell
        down = y + (place // 4 - 1.5 + page.rng.uniform(-0.1, 0.1)) * cell
        _polygon(page, (0, 3, 4)[thing], across, down, cell * 0.36, page.rng.uniform(0, 6), fill)


def _comparison(page: Page) -> None:
    """Two towers of blocks side by side."""
    heights = page.sheet.values[0]
    block = 10 * page.scale * ZOOM
    x, y = page.place(4 * block, 9 * block)
    bottom, fills = y + 4.5 * block, (page.fill(), page.fill())
    for side, (height, fill) in enumerate(zip(heights, fills, strict=True)):
        left = x + (0.5, -2)[side] * block
        for level in range(height):
            top = bottom - (level + 1) * block
            page.paint.rectangle([left, top, left + 1.5 * block, top + block], fill, page.ink, 3)
    page.line(x - 2.5 * block, bottom, x + 2.5 * block, bottom, width=4)


def _clock(page: Page) -> None:
    """A dial with two hands, or a display with digits."""
    digital, time = page.sheet.values[0]
    hour, minute = time // 12 or 12, time % 12 * 5
    if digital:
        _display(page, f"{hour}:{minute:02}")
        return
    radius = 44 * page.scale * ZOOM
    x, y = page.place(2 * radius, 2 * radius)
    page.paint.ellipse([x - radius, y - radius, x + radius, y + radius], page.dial(), page.ink, 4)
    for tick in range(12):
        _hand(page, x, y, tick * math.pi / 6, radius * 0.86, radius * 0.97, 3)
    _hand(page, x, y, (hour + minute / 60) * math.pi / 6, 0, radius * 0.5, 9)
    _hand(page, x, y, minute * math.pi / 30, 0, radius * 0.82, 5)


def _display(page: Page, digits: str) -> None:
    width, height = 84 * page.scale * ZOOM, 42 * page.scale * ZOOM
    x, y = page.place(width, height)
    box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    page.paint.rounded_rectangle(box, 16, page.dial(), page.ink, 6)
    page.write(x, y, digits, round(28 * page.scale * ZOOM))


def _hand(page: Page, x: float, y: float, angle: float, start: float, end: float, width: float) -> None:
    across, up = math.sin(angle), math.cos(angle)
    page.line(x + start * across, y - start * up, x + end * across, y - end * up, width=width)


def _length(page: Page) -> None:
    """A bar above a ruler with a tick for each unit."""
    units, _ = page.sheet.values[0]
    width = (12 + 8 * units) * page.scale * ZOOM
    x, y = page.place(width, 26 * ZOOM)
    left, right = x - width / 2, x + width / 2
    page.paint.rectangle([left, y - 20, right, y - 4], outline=page.ink, fill=page.fill(), width=3)
    page.line(left, y + 14, right, y + 14, width=3)
    for tick in range(units + 1):
        across = left + width * tick / units
        page.line(across, y + 4, across, y + 24, width=3)


def _shapes(page: Page, corners: int) -> None:
    """One large shape, or several in a row, all with the same letter."""
    count, letter = page.sheet.values[0]
    width = (70, 86, 96)[count - 1] * page.scale * ZOOM
    cell = width / count
    x, y = page.place(width, cell)
    for at in range(count):
        across = x + (at - (count - 1) / 2) * cell
        upright = math.pi * (0.5 + 1 / (corners or 1))
        fill = page.dial() if page.rng.random() < 0.5 else None
        _polygon(page, corners, across, y, cell * 0.48, upright + page.rng.uniform(-0.3, 0.3), fill, 7)
        page.write(across, y, chr(ord("A") + letter), round(cell * 0.32))


def _polygon(
    page: Page, corners: int, x: float, y: float, radius: float, turn: float, fill: str | None, width: int = 3
) -> None:
    """A regular polygon, or with no corners a circle."""
    if not corners:
        page.paint.ellipse([x - radius, y - radius, x + radius, y + radius], fill, page.ink, width)
        return
    angles = [turn + 2 * math.pi * corner / corners for corner in range(corners)]
    points = [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]
    page.paint.polygon(points, fill, page.ink, width)


PAINTERS: dict[str, Callable[[Page], None]] = {
    "addition": _tasks,
    "subtraction": _tasks,
    "comparison": _comparison,
    "counting": _counting,
    "clock": _clock,
    "length": _length,
    "triangles": partial(_shapes, corners=3),
    "quadrilaterals": partial(_shapes, corners=4),
    "circles": partial(_shapes, corners=0),
}
