"""Pictures as a judge gets them: upright, small enough, the same bytes each time."""

import base64
import hashlib
import io
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

from ontune.errors import DatasetError
from ontune.pictures import upright

__all__ = ["Picture", "load_picture"]

MAX_PIXELS = 1024 * 1024  # a page's text can be read, and every hosted judge takes it as it is
QUALITY = 92  # small print stays sharp, in a tenth of what a scan takes without loss


@dataclass(frozen=True)
class Picture:
    """A picture file's bytes and their media type."""

    kind: str
    content: bytes

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def base64(self) -> str:
        return base64.b64encode(self.content).decode()

    @property
    def data_url(self) -> str:
        return f"data:{self.kind};base64,{self.base64}"


def load_picture(path: Path, max_pixels: int = MAX_PIXELS) -> Picture:
    """The picture as JPEG of at most so many pixels. Raises DatasetError where it cannot be read."""
    try:
        with Image.open(path) as opened:
            opened.load()
            picture = (upright(opened) or opened).convert("RGB")
            scale = math.sqrt(max_pixels / (picture.width * picture.height))
            if scale < 1:
                picture = picture.resize((max(1, int(picture.width * scale)), max(1, int(picture.height * scale))))
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    except Exception as error:  # damage makes Pillow's decoders raise whatever they stumble over
        raise DatasetError(f"{path}: not a readable picture: {type(error).__name__}: {error}") from None
    return Picture("image/jpeg", buffer.getvalue())
