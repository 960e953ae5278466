"""A sample as a request to a server: chat messages with pictures and videos as data URLs."""

import base64
import io
from pathlib import Path
from typing import Any

from ontune.errors import DatasetError
from ontune.inference.prompts import Message, Pictures, messages
from ontune.sharegpt import Sample

__all__ = ["request_messages"]

# What `video_url` takes in LLaMA-Factory's API; vLLM and ms-swift read the same ones.
VIDEO_KINDS = {".mp4": "mp4", ".m4v": "mp4", ".mkv": "mkv", ".avi": "avi", ".mov": "mov"}


def request_messages(sample: Sample, media_root: Path, pictures: Pictures, patch_size: int) -> list[Message]:
    """The sample's prompt for a chat completion, pictures cut to size. Raises DatasetError for a medium unread."""
    chat = messages(sample, media_root)
    for message in chat:
        content: Any = message["content"]
        if isinstance(content, list):
            parts = [_part(item, pictures, patch_size) for item in content]  # pyright: ignore[reportUnknownVariableType]
            # Some servers take a plain string alone where there is no medium.
            message["content"] = parts[0]["text"] if [part["type"] for part in parts] == ["text"] else parts
    return chat


def _part(item: Message, pictures: Pictures, patch_size: int) -> Message:
    if item["type"] == "image":
        buffer = io.BytesIO()
        # Without loss: the model sees these pixels.
        pictures.open(Path(item["image"]), patch_size).save(buffer, "PNG", compress_level=1)
        return {"type": "image_url", "image_url": {"url": _url("image/png", buffer.getvalue())}}
    if item["type"] == "video":
        return {"type": "video_url", "video_url": {"url": _video(Path(item["video"]))}}
    return item


def _video(path: Path) -> str:
    kind = VIDEO_KINDS.get(path.suffix.lower())
    if kind is None:
        raise DatasetError(f"{path}: a video for a server: expected one of {sorted(VIDEO_KINDS)}")
    try:
        return _url(f"video/{kind}", path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path}: not a readable video: {error.strerror}") from None


def _url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
