"""Exercise clips of QVED (from QEVD): feedback as text, or exercise, mistakes and feedback."""

import json
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ontune.console import FILE, FOLDER, NEW_PATH, emit, json_option, progress
from ontune.files import write_atomic
from ontune.ontology import write_snapshot
from ontune.sharegpt import Sample, Turn
from ontune.task import Choice, Task
from ontune.videos import BadVideo, read_frame_lists
from ontune_converters.account import Account
from ontune_converters.clip_checks import clip_table
from ontune_converters.dataset import Target, publish
from ontune_converters.options import dataset_info_option, out_option, strict_option
from ontune_converters.qved_clips import Place, Prepared, Row, Studio, Texts, limit, locate, rows_of
from ontune_converters.qved_sources import Source, parse_label, read_source
from ontune_converters.qved_tasks import HEADER, build_ontology, gold, write_task
from ontune_converters.split import assign, clusters, warn_of_shares
from ontune_converters.video_options import chosen, selection_options

__all__ = ["command", "mobile_videogpt", "split_rows"]

PLACE = "{exercise}"  # in a task's user text
Rows = Sequence[tuple[Row, Prepared]]


@dataclass(frozen=True)
class Division:
    """How rows become splits."""

    by: str  # official | person
    val: float
    test: float
    seed: int


def split_rows(rows: Rows, division: Division, account: Account) -> list[str]:
    """Each row's split. By `official` val is taken out of train; by `person` all splits are made anew.

    What is made holds whole persons, augmented copies with what they are copies of, and clips of the same bytes.
    Raises SourceError where a share stays empty.
    """
    rng = random.Random(division.seed)
    joined = clusters({row.clip.name: {row.clip.group, made.source_sha256} for row, made in rows})
    groups = [joined[row.clip.name] for row, _ in rows]
    if division.by == "person":
        shares = {"test": division.test, "val": division.val}
        sizes = Counter(groups)
        found = assign(sizes, shares, rng)
        warn_of_shares(found, sizes, shares, account)
        return [found[group] for group in groups]
    official = [row.clip.split or "train" for row, _ in rows]
    _warn_of_persons([row.clip.group for row, _ in rows], official, account)
    elsewhere = {group for group, split in zip(groups, official, strict=True) if split != "train"}
    of_train = Counter(group for group in groups if group not in elsewhere)
    if not division.val or "val" in official or not of_train:
        return official
    found = assign(of_train, {"val": division.val}, rng)
    return [found.get(group, split) for group, split in zip(groups, official, strict=True)]


def _warn_of_persons(groups: Sequence[str], splits: Sequence[str], account: Account) -> None:
    sides: defaultdict[str, set[str]] = defaultdict(set)
    for group, split in zip(groups, splits, strict=True):
        sides[group].add(split)
    for group, found in sorted(sides.items()):
        if len(found) > 1:
            account.warn(
                "group_across_splits", f"{group}: in {', '.join(sorted(found))}: --split person keeps it whole"
            )


def make_sample(row: Row, made: Prepared, target: Target, account: Account, number: int) -> Sample:
    """The sample of a row; remarks on its answer go into the account."""
    stem = Path(made.file).stem
    video = target.media_path(made.file)
    if row.question:
        turns = (Turn("human", f"<video>{row.question.query}"), Turn("gpt", row.text))
        meta = _meta(row, made) | {"question_type": row.question.kind}
        return Sample(f"{stem}-q{number:02}", turns, "", (), (video,), meta)
    task = target.task
    answer = gold(task, row.exercise, row.clip, row.text)
    for refusal in task.refusals(answer):
        account.warn(f"refused_{refusal.code}", f"{row.where}: {refusal.detail}")
    prompt = f"<video>{task.user.replace(PLACE, row.exercise)}"
    return Sample(
        stem, (Turn("human", prompt), Turn("gpt", task.to_json(answer))), task.system, (), (video,), _meta(row, made)
    )


def _meta(row: Row, made: Prepared) -> dict[str, str | int | float | None]:
    clip = row.clip
    return {
        "group": clip.group,
        "source": clip.name,
        "exercise": row.exercise,
        "labels": " | ".join(dict.fromkeys(clip.labels)),
        "official_split": clip.split,
        "worker": clip.worker,
        "parent": clip.parent,
        "frames": made.frames,
        "seconds": made.seconds,
        "source_sha256": made.source_sha256,
        "video_sha256": made.sha256,
    }


def mobile_videogpt(rows: Rows, splits: Sequence[str], target: Target) -> dict[str, list[dict[str, Any]]]:
    """The records of the original's JSON files, by split: texts as they are, paths relative to the media folder."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for (row, made), split in zip(rows, splits, strict=True):
        asked = row.question.query if row.question else target.task.user.replace(PLACE, row.exercise)
        turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": row.text}]
        found[split].append({"video": target.media_path(made.file), "conversations": turns, "split": split})
    return {split: sorted(records, key=lambda record: record["video"]) for split, records in sorted(found.items())}


def open_target(
    source: Source, exercises: Sequence[str], task: str, out: Path, dataset_info: Path, scratch: Path, videos: Path
) -> Target:
    """The target with the ontology, and where the task has one the choice of exercises, built from the clips."""
    ontology = build_ontology(out.name, exercises, [clip for _, clip in sorted(source.clips.items())])
    snapshot = scratch / f"{ontology.name}-{ontology.version}.json"
    write_snapshot(ontology, snapshot)
    chosen_task = write_task(task, out.name, exercises, snapshot.stem, dataset_info, scratch)
    return Target.open(out, chosen_task, str(snapshot), dataset_info, (source.folder, videos), HEADER)


def exercises_of(source: Source, located: Mapping[str, Place | BadVideo]) -> list[str]:
    """All exercises that the source knows, those of clips that are not there too."""
    clips = source.clips.values()
    names = {parse_label(label)[0] for clip in clips for label in clip.labels} | {clip.listed for clip in clips}
    return sorted(filter(None, names | {place.exercise for place in located.values() if isinstance(place, Place)}))


def texts_for(task: Task, kind: str | None) -> Texts:
    """The texts asked for; by default what a coach says where the answer names the exercise apart, else the labels."""
    apart = any(isinstance(item, Choice) for _, item in task.leaf_fields())
    return Texts(kind or ("either" if apart else "labels"))


@click.command(name="qved")
@click.argument("source", type=FOLDER)
@click.option("--videos", type=FOLDER, help="Where the clips lie, flat or in folders.  [default: SOURCE]")
@click.option("--task", default="feedback", show_default=True, help="feedback, feedback_structured, or a task's file.")
@click.option(
    "--text",
    type=click.Choice(["labels", "feedback", "questions"]),
    help="What is learned as text.  [default: labels; in structured answers feedback where a clip has some]",
)
@click.option("--per-class", type=click.IntRange(0), default=100, show_default=True, help="Clips an exercise; 0: all.")
@click.option("--seed", default=1337, show_default=True, help="Picks the clips of a class, and the groups of a split.")
@click.option(
    "--split",
    "by",
    type=click.Choice(["official", "person"]),
    default="official",
    show_default=True,
    help="The source's split, or by person and augmentation parent.",
)
@click.option("--val", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Share of (official) train.")
@click.option("--test", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Share, by person.")
@click.option("--frames", type=FILE, help="frames.json: the frames of each video, by the hash of its file.")
@selection_options
@click.option("--only-good", is_flag=True, help="Leave out clips that a check finds fault with.")
@click.option("--report", type=NEW_PATH, help="The checks of all clips, as CSV.")
@click.option(
    "--format", "other", type=click.Choice(["mobile-videogpt"]), help="Also <out>_train.json, the original's."
)
@out_option
@dataset_info_option
@strict_option
@json_option
def command(
    source: Path,
    videos: Path | None,
    task: str,
    text: str | None,
    per_class: int,
    seed: int,
    by: str,
    val: float,
    test: float,
    frames: Path | None,
    only_good: bool,
    report: Path | None,
    other: str | None,
    out: Path,
    dataset_info: Path,
    strict: bool,
    as_json: bool,
    **ways: float | bool | None,
) -> None:
    """Exercise clips with labels and feedback.

    SOURCE is the folder with fine_grained_labels.json, feedbacks_short_clips.json, questions.json, manifest.json: what
    there is of them. Without a way to choose frames a clip is copied as it is, unless a host's reader fails at it.
    """
    selection = chosen(**ways)
    if selection and frames:
        raise click.UsageError(f"--frames and --{selection.method}: expected one way to choose frames")
    lists = read_frame_lists(frames) if frames else None
    found = read_source(source)
    account = Account("qved", strict)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        located = locate(found, videos or source, account)
        target = open_target(found, exercises_of(found, located), task, out, dataset_info, scratch, videos or source)
        rows = rows_of(found, located, texts_for(target.task, text), account)
        rows = limit(rows, per_class, seed, account)
        studio = Studio(scratch, selection, lists, found.moves, only_good, account)
        prepared = list(studio.prepare(progress(rows, "clips", len(rows))))
        splits = split_rows(prepared, Division(by, val, test, seed), account) if prepared else []
        write(prepared, splits, target, account)
    if report:
        write_atomic(report, clip_table({row.clip.name: (row.exercise, made.check) for row, made in prepared}))
    if other:
        _write_mobile(mobile_videogpt(prepared, splits, target), out)
    emit(account.record(), account.text(), as_json)


def write(rows: Rows, splits: Sequence[str], target: Target, account: Account) -> None:
    """Writes the dataset; questions of their own answer no task."""
    samples: defaultdict[str, list[Sample]] = defaultdict(list)
    asked: Counter[str] = Counter()
    for (row, made), split in zip(rows, splits, strict=True):
        asked[made.file] += 1
        samples[split].append(make_sample(row, made, target, account, asked[made.file]))
    account.facts["exercises"] = dict(sorted(Counter(row.exercise for row, _ in rows).items()))
    order = {split: sorted(items, key=lambda item: item.id) for split, items in sorted(samples.items())}
    media: Mapping[str, Path | bytes] = {made.file: made.content for _, made in rows}
    publish(target, order, media, account, with_task=not any(row.question for row, _ in rows))


def _write_mobile(records: Mapping[str, Sequence[Mapping[str, Any]]], out: Path) -> None:
    for split, items in records.items():
        write_atomic(out.with_name(f"{out.name}_{split}.json"), json.dumps(items, indent=2, ensure_ascii=False))
