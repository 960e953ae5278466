"""`ontune frames`: frames.json ahead of training, by rule or by attention."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ontune.console import NEW_PATH, emit, json_option, libraries_apart
from ontune.errors import CheckFailed, DatasetError, InputError
from ontune.inference.frames import Attention, Choice, Kept, Rule, Way, choose_frames
from ontune.videos import Selection, find_videos, read_frame_lists, write_frame_lists

__all__ = ["command"]

AT_LEAST_ONE = click.IntRange(1)
COUNT = 8  # frames: what attention keeps of 16 candidates
SHOWN = 5  # places of each reason
OWN = {"uniform": {"count"}, "keyframes": set[str](), "motion": {"count"}}  # what else is given is attention's
ATTENTION = {"model", "fps", "least", "most", "chunk", "keep"}


def default_cache() -> Path:
    """Where results are kept: `ontune/frames.jsonl` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ontune" / "frames.jsonl"


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="VIDEO...")
@click.option(
    "--by",
    type=click.Choice(["attention", "uniform", "keyframes", "motion"]),
    default="attention",
    show_default=True,
    help="attention: what frames receive from one another in a vision model. uniform: evenly spread. "
    "motion: the strongest peaks of change, which lie apart.",
)
@click.option(
    "--model",
    metavar="FOLDER|NAME",
    help="attention: CLIP, SigLIP, DINO, ViT, ConvNeXt, ResNet, or a Qwen-VL with its tower; or its name on the hub.",
)
@click.option("--fps", type=click.FloatRange(0, min_open=True), help="attention: candidates a second.  [default: 1]")
@click.option("--least", type=AT_LEAST_ONE, help="attention: candidates at least, of a shorter video.  [default: 8]")
@click.option("--most", type=AT_LEAST_ONE, help="attention: candidates at most, evenly spread.  [default: 16]")
@click.option("--chunk", type=AT_LEAST_ONE, help="attention: candidates that are compared together.  [default: 8]")
@click.option("--keep", type=AT_LEAST_ONE, help="attention: frames that are kept of a chunk.  [default: 4]")
@click.option("--count", type=AT_LEAST_ONE, help=f"uniform, motion: frames of a video.  [default: {COUNT}]")
@click.option(
    "--cache", type=NEW_PATH, help="File of kept results.  [default: ontune/frames.jsonl in the user's cache]"
)
@click.option("--out", "-o", type=NEW_PATH, required=True, help="frames.json: new, or one to replace.")
@click.option("--strict", is_flag=True, help="Dropped videos are an error (exit status 1).")
@json_option
def command(
    sources: tuple[Path, ...], by: str, cache: Path | None, out: Path, strict: bool, as_json: bool, **given: Any
) -> None:
    """Which frames of videos are used, chosen ahead of training.

    VIDEO is a file, or a folder with videos anywhere below it. Writes frames.json, the frames of each video by the
    hash of its file, for `ontune convert qved --frames`. What was measured of a video is kept: a second run, or one
    after Ctrl-C, starts where the first one ended.

    Where no list is needed, `ontune convert qved` takes --count, --keyframes, --peaks and other rules itself, and
    `ontune convert frames` writes the frames as short videos and pictures.
    """
    way = _way(by, {name: value for name, value in given.items() if value is not None})
    _check_replaceable(out)
    videos = find_videos(sources)
    with libraries_apart():
        choice = choose_frames(videos, way, Kept(cache or default_cache()))
    if strict and choice.dropped:
        raise CheckFailed(choice.drops())
    if not choice.lists:
        raise InputError([f"no video is left of {len(videos)}", *choice.drops()])
    write_frame_lists(out, choice.lists)
    record = _record(choice, by, out, len(videos))
    emit(record, _text(record), as_json)


def _way(by: str, given: Mapping[str, Any]) -> Way:
    """How frames are chosen. Raises UsageError for options of another way."""
    own = OWN.get(by, ATTENTION)
    if wrong := [f"--{name}" for name in given if name not in own]:
        raise click.UsageError(f"{', '.join(wrong)}: not for --by {by}")
    if by == "attention":
        if "model" not in given:
            raise click.UsageError("--by attention: expected --model, a vision model; or another --by")
        return Attention(**given)
    count = given.get("count", COUNT)
    rules = {"uniform": Selection("count", count), "motion": Selection("peaks", count)}
    return Rule(rules.get(by, Selection("keyframes")))


def _check_replaceable(out: Path) -> None:
    """Raises InputError where another thing than a list of frames would be lost."""
    if out.is_dir():
        raise InputError(f"--out {out}: a folder: expected a file, {out / 'frames.json'} say")
    if out.exists():
        try:
            read_frame_lists(out)
        except DatasetError:
            raise InputError(f"--out {out}: no list of frames, and would be lost: name another file") from None


def _record(choice: Choice, by: str, out: Path, read: int) -> dict[str, Any]:
    return {
        "by": by,
        "out": str(out),
        "read": read,
        "written": choice.written,
        "lists": len(choice.lists),  # fewer where videos have the same bytes
        "frames": sum(map(len, choice.lists.values())),
        "measured": choice.measured,
        "dropped": {reason: len(places) for reason, places in sorted(choice.dropped.items())},
        "places": dict(sorted(choice.dropped.items())),
    }


def _text(record: Mapping[str, Any]) -> str:
    lines = [
        f"read     {record['read']}",
        f"written  {record['written']} ({record['frames']} frames in {record['out']})",
        f"measured {record['measured']}; the results of {record['written'] - record['measured']} were there already",
    ]
    for reason, places in record["places"].items():
        lines += [f"dropped  {reason}: {len(places)}", *(f"    {place}" for place in places[:SHOWN])]
        lines += [f"    … {len(places) - SHOWN} more: see --json"] * (len(places) > SHOWN)
    return "\n".join(lines)
