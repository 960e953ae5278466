"""A picture with every object in its frame, named, and coloured by what came of it."""

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from ontune_converters.conditions import pixels
from ontune_converters.regions import Box

__all__ = ["COLORS", "draw", "outcome"]

# By outcome where there is a truth, else `found`; told apart by people who see colours otherwise too (Okabe and Ito).
COLORS = {"found": "#0072b2", "right": "#009e73", "wrong": "#e69f00", "false": "#d55e00", "missed": "#cc79a7"}
SIDE = 480  # pixels: a smaller picture is enlarged so many times that its longer side has them, and names have room


def draw(file: Path, record: Mapping[str, Any], target: Path) -> None:
    """Writes the picture of a record: found objects in full frames, missed ones in thin ones."""
    with Image.open(file) as image:
        size = image.size
        times = math.ceil(SIDE / max(size))
        drawn = image.convert("RGB").resize((size[0] * times, size[1] * times), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(drawn)
    width = max(2, round(max(drawn.size) / 300))
    font = ImageFont.load_default(max(12, round(max(drawn.size) / 60)))
    for item in record["missed"] or ():
        _frame(pen, drawn.size, _shares(item["box"], size), COLORS["missed"], 1, f"missed: {item['class']}", font)
    for item in reversed(record["objects"]):  # the surest on top
        text = f"{item['number']} {_named(record, item)}"
        _frame(pen, drawn.size, _shares(item["box"], size), COLORS[outcome(record, item)], width, text, font)
    buffer = io.BytesIO()
    drawn.save(buffer, "JPEG", quality=90) if target.suffix.casefold() != ".png" else drawn.save(buffer, "PNG")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(buffer.getvalue())


def outcome(record: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    """What came of a found object: one of the names of COLORS."""
    if record["missed"] is None:
        return "found"
    if item["truth"] is None:
        return "false"
    return "right" if item["truth"]["class"] == item["class"] else "wrong"


def _named(record: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    """The class, its probability where there is one, and where it is wrong the class that is marked."""
    probability = item["probability"]
    shown = f"{item['class'] or '?'}" + (f" {probability:.2f}" if probability is not None else "")
    return f"{shown} (is: {item['truth']['class']})" if outcome(record, item) == "wrong" else shown


def _shares(box: list[float], size: tuple[int, int]) -> Box:
    """The box of pixels as shares of the picture's size."""
    return box[0] / size[0], box[1] / size[1], box[2] / size[0], box[3] / size[1]


def _frame(
    pen: ImageDraw.ImageDraw, size: tuple[int, int], box: Box, color: str, width: int, text: str, font: Any
) -> None:
    left, upper, right, lower = pixels(box, size)
    pen.rectangle((left, upper, right - 1, lower - 1), outline=color, width=width)
    across, down = (int(side) for side in pen.textbbox((0, 0), text, font=font)[2:])
    # Above the frame, or inside where there is no room; never out of the picture.
    x = max(min(left, size[0] - across - 4), 0)
    y = upper - down - 4 if upper >= down + 4 else upper
    pen.rectangle((x, y, x + across + 3, y + down + 3), fill=color)
    pen.text((x + 2, y + 1), text, fill="white" if color != COLORS["wrong"] else "black", font=font)
