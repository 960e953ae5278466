"""A sample as a model sees it: chat messages, with pictures cut to size by the rule of the host that trained it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from ontune.errors import DatasetError
from ontune.pictures import upright
from ontune.sharegpt import Sample

__all__ = ["Message", "Pictures", "messages"]

Message = dict[str, Any]


@dataclass(frozen=True)
class Pictures:
    """How large a picture may be, in pixels, and whose rule makes it so.

    `llamafactory`: shrink or grow to the limits, then the model's own processor rounds to whole patches.
    `qwen_vl_utils` (ms-swift, Qwen's own examples): straight to whole patches within the limits. The two give other
    numbers of patches for the same picture, so that answers are only comparable under one rule.
    """

    rule: Literal["llamafactory", "qwen_vl_utils"] = "qwen_vl_utils"
    max_pixels: int = 768 * 768
    min_pixels: int = 32 * 32

    def open(self, path: Path, patch_size: int) -> Image.Image:
        """The picture as RGB, resized. Raises DatasetError where it cannot be read."""
        try:
            with Image.open(path) as opened:
                opened.load()
                picture = upright(opened) or opened  # what a converter wrote is so already
                if self.rule == "llamafactory":
                    return self.by_llamafactory(picture)
                return picture.convert("RGB").resize(self._whole_patches(*picture.size, 2 * patch_size))
        except Exception as error:  # damage makes Pillow's decoders raise whatever they stumble over
            raise DatasetError(f"{path}: not a readable picture: {type(error).__name__}: {error}") from None

    def _whole_patches(self, width: int, height: int, factor: int) -> tuple[int, int]:
        """As qwen_vl_utils 0.0.14 does (`smart_resize`), which imports torch: a server is asked without it."""
        least = max(self.min_pixels, 4 * factor**2)  # four tokens at least
        if self.max_pixels < least:
            raise ValueError(f"max_pixels {self.max_pixels}: expected at least {least}")
        if max(width, height) / min(width, height) > 200:
            raise ValueError(f"{width} x {height}: expected sides of at most 200 to 1")
        sides = [max(factor, round(side / factor) * factor) for side in (width, height)]
        if sides[0] * sides[1] > self.max_pixels:
            beta = math.sqrt(width * height / self.max_pixels)
            sides = [math.floor(side / beta / factor) * factor for side in (width, height)]
        elif sides[0] * sides[1] < least:
            beta = math.sqrt(least / (width * height))
            sides = [math.ceil(side * beta / factor) * factor for side in (width, height)]
        return sides[0], sides[1]

    def by_llamafactory(self, picture: Image.Image) -> Image.Image:
        """The picture as LLaMA-Factory 0.9.5 resizes it for Qwen-VL (`Qwen2VLPlugin._preprocess_image`)."""
        for limit, beyond in ((self.max_pixels, 1), (self.min_pixels, -1)):
            width, height = picture.size
            if beyond * (width * height - limit) > 0:
                factor = math.sqrt(limit / (width * height))
                picture = picture.resize((int(width * factor), int(height * factor)))
        picture = picture.convert("RGB")
        picture = picture.resize((max(picture.width, 28), max(picture.height, 28)))  # of its own size: a copy
        if picture.width / picture.height > 200:
            picture = picture.resize((picture.height * 180, picture.height))
        if picture.height / picture.width > 200:
            picture = picture.resize((picture.width, picture.width * 180))
        return picture


def messages(sample: Sample, media_root: Path) -> list[Message]:
    """The sample's prompt as chat messages: its own system and human text, media where their tags stand.

    Pictures and videos are given as absolute paths under the keys `image` and `video`.
    """
    media = {
        "<image>": iter([{"type": "image", "image": str(media_root / path)} for path in sample.images]),
        "<video>": iter([{"type": "video", "video": str(media_root / path)} for path in sample.videos]),
    }
    chat: list[Message] = [{"role": "system", "content": sample.system}] if sample.system else []
    for turn in sample.conversations[:-1]:
        role = "user" if turn.role == "human" else "assistant"
        chat.append({"role": role, "content": list(_content(turn.value, media)) if role == "user" else turn.value})
    return chat


def _content(text: str, media: dict[str, Iterator[Message]]) -> Iterator[Message]:
    """The text's pieces and its media, in their order."""
    while text:
        found = [(at, tag) for tag in media if (at := text.find(tag)) >= 0]
        at, tag = min(found, default=(len(text), ""))
        if at:
            yield {"type": "text", "text": text[:at]}
        if tag:
            yield next(media[tag])
        text = text[at + len(tag) :]
