"""Selected frames of videos: a short video of them that both hosts read, on demand pictures, and their exact times."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from PIL import Image

from ontune.console import NEW_PATH, emit, json_option, progress
from ontune.errors import SourceError
from ontune.files import replace_directory, sha256_file, write_atomic, write_lines
from ontune.videos import (
    BadVideo,
    Selection,
    Video,
    decode,
    find_videos,
    open_video,
    picture,
    select,
    write_frame_lists,
    write_short,
)
from ontune_converters.account import Account
from ontune_converters.options import strict_option
from ontune_converters.video_options import chosen, selection_options

__all__ = ["command", "short_name"]

INDEX = "frames.jsonl"  # a video a line: its frames, their times, the files made of them
OURS = {INDEX, "frames.json", "account.json"}
SAMPLED = 128  # frames: LLaMA-Factory's video_maxlen, above which it takes some alone


def short_name(name: str, sha256: str) -> str:
    """The file name of a video made from the source `name`: no two sources share one."""
    return f"{Path(name).stem}-{sha256[:8]}.mp4"


@dataclass
class Frames:
    """Videos on their way into a folder."""

    folder: Path
    selection: Selection
    pictures: bool
    account: Account
    lines: list[str] = field(default_factory=list[str])
    lists: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def add(self, path: Path, name: str) -> None:
        """One video more; what is wrong with it, or remarkable, goes into the account."""
        sha256 = sha256_file(path)
        if sha256 in self.lists:
            self.account.drop("duplicate", f"{name}: the same bytes as an earlier video")
            return
        try:
            video = open_video(path)
            indices = select(video, self.selection)
            write_short(video, indices, self.folder / short_name(name, sha256))
            files = self._pictures(video, indices, Path(short_name(name, sha256)).stem) if self.pictures else []
        except BadVideo as error:
            self.account.drop(
                error.reason, name.removesuffix(path.name) + error.detail
            )  # it begins with the file's name
            return
        self._remarks(video, indices, name)
        self.lists[sha256] = indices
        self.lines.append(json.dumps(_record(video, indices, name, sha256, files), ensure_ascii=False))

    def _pictures(self, video: Video, indices: Sequence[int], stem: str) -> list[str]:
        """Writes each frame as PNG; the names tell its index and its time in milliseconds."""
        (self.folder / stem).mkdir()
        files: list[str] = []
        for index, frame in decode(video, indices):
            files.append(f"{stem}/{index:06}-{round(video.seconds(index) * 1000):08}ms.png")
            Image.fromarray(picture(video, frame)).save(self.folder / files[-1])
        return files

    def _remarks(self, video: Video, indices: Sequence[int], name: str) -> None:
        if video.is_turned:
            self.account.warn("turned", f"{name}: stored lying or mirrored, written upright")
        if video.varies:
            self.account.warn("variable_frame_rate", f"{name}: {_steps(video)}; times are kept")
        if len(indices) > SAMPLED:
            self.account.warn("many_frames", f"{name}: {len(indices)}; LLaMA-Factory takes {SAMPLED} (video_maxlen)")


def _steps(video: Video) -> str:
    first, last = (float(step * video.time_base) for step in (video.steps.min(), video.steps.max()))
    return f"{first:.3f} to {last:.3f} seconds between frames"


def _record(video: Video, indices: Sequence[int], name: str, sha256: str, files: Sequence[str]) -> dict[str, Any]:
    return {
        "video": name,
        "sha256": sha256,
        "file": short_name(name, sha256),
        "indices": list(indices),
        "seconds": [round(video.seconds(index), 6) for index in indices],
        "pictures": list(files),
        "frames": len(video.frames),
        "duration": round(video.duration, 6),
        "width": video.width,
        "height": video.height,
        "codec": video.codec,
        "turned": video.is_turned,
        "variable_frame_rate": video.varies,
    }


def _check_replaceable(out: Path, sources: Sequence[Path]) -> None:
    """Raises SourceError where --out is no folder of ours, or holds a source."""
    if any(source.resolve().is_relative_to(out.resolve()) for source in sources):
        raise SourceError(f"--out {out}: holds a source, which would be lost: name another folder")
    if out.is_file():
        raise SourceError(f"--out {out}: a file: expected a new folder, or one that this command made")
    there = {path.name for path in out.iterdir()} if out.is_dir() else set[str]()
    known = OURS | _written(out / INDEX)
    if lost := sorted(there - known):
        raise SourceError(f"--out {out}: {', '.join(lost[:5])}: not made by this command, and would be lost")


def _written(index: Path) -> set[str]:
    """The names that an earlier run wrote: short videos, and their folders of pictures; none of an index of another."""
    try:
        names = {str(json.loads(line)["file"]) for line in index.read_bytes().decode().split("\n")[:-1]}
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return set()
    return names | {Path(name).stem for name in names}


@click.command(name="frames")
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="VIDEO...")
@selection_options
@click.option("--pictures", is_flag=True, help="Each frame as PNG too, named by its index and milliseconds.")
@click.option("--out", type=NEW_PATH, required=True, help="A folder: new, or made by this command.")
@strict_option
@json_option
def command(
    sources: tuple[Path, ...], pictures: bool, out: Path, strict: bool, as_json: bool, **ways: float | bool | None
) -> None:
    """Selected frames of videos, with exact times.

    VIDEO is a file, or a folder with videos anywhere below it. Writes of each a short video of its frames (H.264,
    every frame a keyframe, upright, at true times) that the readers of both hosts give back whole, frames.jsonl with
    the times, and frames.json for `ontune convert qved --frames`.
    """
    selection = chosen(**ways)
    if selection is None:
        raise click.UsageError("no way to choose frames: expected one of --every, --seconds, --keyframes, …")
    _check_replaceable(out, sources)
    videos = find_videos(sources)
    account = Account("frames", strict, read=len(videos))
    with replace_directory(out) as fresh:
        frames = Frames(fresh, selection, pictures, account)
        for path, name in progress(videos, "videos", len(videos)):
            frames.add(path, name)
        account.written["videos"] = len(frames.lists)
        account.facts["frames"] = sum(map(len, frames.lists.values()))
        account.close()
        write_lines(fresh / INDEX, frames.lines)
        write_frame_lists(fresh / "frames.json", frames.lists)
        write_atomic(fresh / "account.json", json.dumps(account.record(), indent=2, ensure_ascii=False))
    emit(account.record(), account.text(), as_json)
