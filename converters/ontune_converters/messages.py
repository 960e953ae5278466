"""A dataset in the forms of others: ms-swift messages, and Roboflow's JSONL with its pictures beside it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ontune.console import NEW_PATH, emit, json_option, progress
from ontune.errors import SourceError
from ontune.files import replace_directory, write_lines
from ontune.sharegpt import Sample
from ontune_converters.account import Account
from ontune_converters.dataset import check_apart
from ontune_converters.existing import Part, read_parts
from ontune_converters.options import dataset_info_option, strict_option

__all__ = ["command", "to_messages", "to_roboflow"]

ROLES = {"human": "user", "gpt": "assistant"}
FOLDERS = {"val": "valid"}  # what Roboflow calls its splits


def to_messages(sample: Sample) -> dict[str, Any]:
    """The sample as ms-swift's own format: messages, and media relative to ROOT_IMAGE_DIR."""
    system = [{"role": "system", "content": sample.system}] if sample.system else []
    turns = [{"role": ROLES[turn.role], "content": turn.value} for turn in sample.conversations]
    record: dict[str, Any] = {"messages": [*system, *turns]}
    media = {"images": list(sample.images), "videos": list(sample.videos)}
    return record | {key: paths for key, paths in media.items() if paths}


def to_roboflow(sample: Sample) -> dict[str, str]:
    """The sample as `{"image", "prefix", "suffix"}`; the form knows one picture, one question and no system text.

    Raises ValueError for a sample of another kind.
    """
    if len(sample.images) != 1 or sample.videos or len(sample.conversations) != 2:
        turns = len(sample.conversations) // 2
        media = f"{len(sample.images)} pictures, {len(sample.videos)} videos"
        raise ValueError(f"{media}, {turns} questions: expected one picture and one question")
    question = sample.prompt.replace("<image>", "").strip()
    prefix = "\n".join(filter(None, (sample.system, question)))
    return {"image": Path(sample.images[0]).name, "prefix": prefix, "suffix": sample.gold}


@click.command(name="messages")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--out", type=NEW_PATH, required=True, help="A new folder.")
@click.option(
    "--form", type=click.Choice(["swift", "roboflow"]), default="swift", show_default=True,
    help="SPLIT.jsonl of messages, with media paths relative to ROOT_IMAGE_DIR; or SPLIT/annotations.jsonl of image, "
    "prefix and suffix, with the pictures.",
)  # fmt: skip
@dataset_info_option
@strict_option
@json_option
def command(sources: tuple[str, ...], out: Path, form: str, dataset_info: Path, strict: bool, as_json: bool) -> None:
    """A dataset as ms-swift messages, or as Roboflow JSONL.

    SOURCE is a dataset's folder (all its splits), a samples file, or a name in dataset_info.json.
    """
    parts = read_parts(sources, dataset_info)
    check_apart(out, {part.folder for part in parts})
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SourceError(f"--out {out}: there already: expected a new folder")
    account = Account("messages", strict, read=sum(len(part.samples) for part in parts))
    splits: dict[str, list[dict[str, Any]]] = {}
    media: dict[str, Path] = {}
    for part in parts:
        rows = _roboflow(part, media, account) if form == "roboflow" else map(to_messages, part.samples)
        splits.setdefault(part.split, []).extend(progress(rows, part.split, len(part.samples)))
    account.written.update({split: len(rows) for split, rows in splits.items()})
    account.close()
    _write(out, form, splits, media)
    emit(account.record(), account.text(), as_json)


def _roboflow(part: Part, media: dict[str, Path], account: Account) -> Iterator[dict[str, str]]:
    """The rows of one split; their pictures join `media`, by their path below the new folder."""
    folder = FOLDERS.get(part.split, part.split)
    for sample in part.samples:
        try:
            row = to_roboflow(sample)
        except ValueError as error:
            account.drop("other_kind", f"{part.path}: {sample.id}: {error}")
            continue
        source = part.folder.parent / sample.images[0]
        if not source.is_file():
            account.drop("missing", f"{part.path}: {sample.id}: {sample.images[0]!r}: no such file")
            continue
        name = f"{folder}/{row['image']}"
        if media.setdefault(name, source) != source:
            account.drop("same_name", f"{part.path}: {sample.id}: {row['image']} is another picture's name already")
            continue
        yield row


def _write(out: Path, form: str, splits: Mapping[str, list[dict[str, Any]]], media: Mapping[str, Path]) -> None:
    with replace_directory(out) as fresh:
        for name, source in sorted(media.items()):
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_bytes(source.read_bytes())
        for split, rows in splits.items():
            name = f"{FOLDERS.get(split, split)}/annotations.jsonl" if form == "roboflow" else f"{split}.jsonl"
            write_lines(fresh / name, (json.dumps(row, ensure_ascii=False) for row in rows))
