"""A video as a model sees it: frames picked and cut to size by the rule of the host that trained it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from ontune.errors import DatasetError
from ontune.inference.prompts import Pictures

__all__ = ["Videos"]


@dataclass(frozen=True)
class Videos:
    """How many frames of a video are taken, how large one may be, in pixels, and whose rule makes it so.

    None: what the rule has by itself. `llamafactory`: frames by PyAV, at even distances from first to last; the model's
    own processor rounds them to whole patches. `qwen_vl_utils`: as ms-swift and Qwen's own examples.
    """

    rule: Literal["llamafactory", "qwen_vl_utils"] = "qwen_vl_utils"
    fps: float | None = None
    max_frames: int | None = None
    max_pixels: int | None = None
    min_pixels: int | None = None

    def open(self, path: Path, patch_size: int) -> Any:
        """Frames, and the record of where they stood that processors want. Raises DatasetError for no video."""
        try:
            return self._llamafactory(path) if self.rule == "llamafactory" else self._qwen_vl_utils(path, patch_size)
        except Exception as error:  # each of the readers has errors of its own
            raise DatasetError(f"{path}: not a readable video: {type(error).__name__}: {error}") from None

    def _qwen_vl_utils(self, path: Path, patch_size: int) -> Any:
        from qwen_vl_utils.vision_process import fetch_video

        limits = {name: getattr(self, name) for name in ("fps", "max_frames", "max_pixels", "min_pixels")}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        return fetch_video({"video": str(path), **given}, image_patch_size=patch_size, return_video_metadata=True)

    def _llamafactory(self, path: Path) -> tuple[list[Image.Image], dict[str, Any]]:
        """As LLaMA-Factory 0.9.5 does for Qwen-VL (`Qwen2VLPlugin._regularize_videos`), with its defaults."""
        import av

        size = Pictures("llamafactory", self.max_pixels or 256 * 256, self.min_pixels or 16 * 16)
        container: Any = av.open(str(path))
        with container:
            stream = container.streams.video[0]
            rate, seconds = float(stream.average_rate), float(stream.duration * stream.time_base)
            indices = self._evenly(stream.frames, seconds)
            pictures = [frame.to_image() for at, frame in enumerate(container.decode(stream)) if at in set(indices)]
        frames = [size.by_llamafactory(picture) for picture in pictures]
        frames += frames[-1:] * (len(frames) % 2)
        return frames, {"fps": rate, "total_num_frames": rate * seconds, "frames_indices": indices}

    def _evenly(self, frames: int, seconds: float) -> Sequence[int]:
        most = self.max_frames or 128
        if not frames:  # the file does not say how many
            return range(most)
        count = min(frames, most, max(1, math.floor(seconds * (self.fps or 2.0))))
        return np.linspace(0, frames - 1, count).astype(np.int32).tolist()
