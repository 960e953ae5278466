"""A box as the Qwen-VL models write it: what the numbers count differs from generation to generation.

Qwen2-VL and Qwen3-VL: thousandths of the picture's width and height. Qwen2.5-VL: pixels of the picture as the model
sees it, resized so that both sides are multiples of 28 and the pixels within the limits of the host.
"""

import math
from dataclasses import dataclass

from ontune.errors import InputError
from ontune_converters.regions import Box

__all__ = ["CONVENTIONS", "Coordinates", "resized"]

CONVENTIONS = ("qwen2-vl", "qwen2.5-vl", "qwen3-vl")
FACTOR = 28  # Qwen2.5-VL: patches of 14 pixels, merged two by two
LONGEST = 200  # the most that one side may be of the other
MAX_PIXELS = 1003520  # image_max_pixels and MAX_PIXELS of the recipes
MIN_PIXELS = 3136


@dataclass(frozen=True)
class Coordinates:
    """How boxes are written: the convention, and for pixels the limits that the picture is resized to."""

    convention: str = "qwen2-vl"
    max_pixels: int = MAX_PIXELS
    min_pixels: int = MIN_PIXELS

    def numbers(self, box: Box, size: tuple[int, int]) -> tuple[int, ...]:
        """Left, upper, right and lower edge; `size` is the picture's, in pixels."""
        if self.convention != "qwen2.5-vl":
            return tuple(min(round(edge * 1000), 999 if self.convention == "qwen2-vl" else 1000) for edge in box)
        width, height = resized(size, self.max_pixels, self.min_pixels)
        return tuple(round(edge * side) for edge, side in zip(box, (width, height) * 2, strict=True))

    def text(self, box: Box, size: tuple[int, int]) -> str:
        """The box in a prompt."""
        left, upper, right, lower = self.numbers(box, size)
        if self.convention == "qwen2-vl":
            return f"<|box_start|>({left},{upper}),({right},{lower})<|box_end|>"
        return f'{{"bbox_2d": [{left}, {upper}, {right}, {lower}]}}'


def resized(size: tuple[int, int], max_pixels: int = MAX_PIXELS, min_pixels: int = MIN_PIXELS) -> tuple[int, int]:
    """Width and height of the picture as Qwen2.5-VL sees it (`smart_resize` of qwen-vl-utils and transformers).

    LLaMA-Factory shrinks what has more than `max_pixels` once before: there a side may come out 28 pixels longer.
    """
    width, height = size
    if max(size) > LONGEST * min(size):
        raise InputError(f"picture of {width} x {height} pixels: expected sides that differ at most {LONGEST} times")
    sides = [max(FACTOR, round(side / FACTOR) * FACTOR) for side in size]
    if sides[0] * sides[1] > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        sides = [max(FACTOR, math.floor(side / shrink / FACTOR) * FACTOR) for side in size]
    elif sides[0] * sides[1] < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        sides = [math.ceil(side * grow / FACTOR) * FACTOR for side in size]
    return sides[0], sides[1]
