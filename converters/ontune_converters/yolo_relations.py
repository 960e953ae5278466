"""Closed questions about where marked objects lie from one another; the answer is made from their boxes."""

import io
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import click
from PIL import Image

from ontune.console import emit, json_option, progress
from ontune.errors import CheckFailed, SourceError
from ontune.sharegpt import Sample, Turn
from ontune.task import Task, load_task
from ontune_converters.account import Account
from ontune_converters.annotations import read_annotations
from ontune_converters.condition_prompts import relation_question
from ontune_converters.conditions import choice_of, framed, keep, load, split_groups, without
from ontune_converters.coordinates import Coordinates
from ontune_converters.dataset import Target, publish
from ontune_converters.options import dataset_info_option, out_option, strict_option
from ontune_converters.pictures import Picture, Shelf
from ontune_converters.regions import AnnotatedPicture, Box, Region
from ontune_converters.relations import OPPOSITE, RELATIONS, THRESHOLDS, holds, overlap
from ontune_converters.yolo_conditions import annotation_options, coordinate_options

__all__ = ["Question", "answer_to", "balanced", "command", "limited", "questions"]

SHOWN = {"unique": "", "text": " at {}", "drawn": " in the {} frame"}  # which of several, behind the object's name


@dataclass(frozen=True)
class Question:
    """Whether one object stands in a relation to another of its picture: their numbers, and the answer."""

    picture: AnnotatedPicture
    relation: str
    numbers: tuple[int, int]
    names: tuple[str, str]
    answer: bool

    @property
    def kind(self) -> tuple[str, str, str]:
        """What the question says, whichever the picture."""
        return (self.relation, *self.names)

    @property
    def boxes(self) -> tuple[Box, Box]:
        one, other = (self.picture.regions[number].box for number in self.numbers)
        return one, other


def answer_to(relation: str, one: Box, other: Box) -> bool | None:
    """Yes where the relation holds by its threshold, no where it plainly does not, None between."""
    if holds(relation, one, other):
        return True
    if relation in OPPOSITE:
        return False if holds(OPPOSITE[relation], one, other) else None
    if relation == "contains":
        return None if overlap(one, other) >= THRESHOLDS["overlaps"] else False
    return None if overlap(one, other) else False


def questions(
    picture: AnnotatedPicture, names: Sequence[str], asked: Sequence[str], shown: str, account: Account
) -> Iterator[Question]:
    """The questions about a picture whose objects have these names; each candidate is counted."""
    counts = Counter(names)
    for one, other in permutations(range(len(names)), 2):
        for relation in asked:
            account.read += 1
            pair = (names[one], names[other])
            where = f"{picture.regions[one].where} {relation} {picture.regions[other].where}"
            if shown == "unique" and max(counts[name] for name in pair) > 1:
                account.drop("several", f"{where}: {counts[pair[0]]} {pair[0]}, {counts[pair[1]]} {pair[1]}")
                continue
            answer = answer_to(relation, picture.regions[one].box, picture.regions[other].box)
            if answer is None:
                account.drop("within_threshold", f"{where}: {pair[0]}, {pair[1]}")
            else:
                yield Question(picture, relation, (one, other), pair, answer)


def limited(found: Sequence[Question], pairs: int, seed: int, account: Account) -> list[Question]:
    """The questions about so many pairs of each picture at most, picked by chance; both orders of a pair stay."""
    of_picture: defaultdict[str, set[tuple[int, ...]]] = defaultdict(set)
    for question in found:
        of_picture[question.picture.name].add(tuple(sorted(question.numbers)))
    chosen = {
        (name, pair)
        for name, there in of_picture.items()
        for pair in random.Random(f"{seed} {name}").sample(sorted(there), min(pairs, len(there)))
    }
    kept: list[Question] = []
    for question in found:
        if (question.picture.name, tuple(sorted(question.numbers))) in chosen:
            kept.append(question)
        else:
            account.drop("beyond_pairs", f"{question.picture.name}: {' '.join(question.kind)}")
    return kept


def balanced(found: Sequence[Question], how: str, seed: int, account: Account) -> list[Question]:
    """The questions with as many answers yes as no: of each question as it is worded, or of each split."""
    cells: defaultdict[tuple[str, ...], tuple[list[Question], list[Question]]] = defaultdict(lambda: ([], []))
    for question in found:
        cell = (question.picture.split, *(question.kind if how == "question" else ()))
        cells[cell][question.answer].append(question)
    kept: list[Question] = []
    for cell, (no, yes) in sorted(cells.items()):
        room = max(len(no), len(yes)) if how == "off" else min(len(no), len(yes))
        for answers in (no, yes):
            chosen = set(random.Random(f"{seed} {cell}").sample(range(len(answers)), min(room, len(answers))))
            for at, question in enumerate(answers):
                if at in chosen:
                    kept.append(question)
                else:
                    account.drop("balance", f"{question.picture.name}: {' '.join(question.kind)}: {question.answer}")
    return kept


@dataclass
class Builder:
    """Samples from questions; pictures are written as they are, or once a pair with its frames."""

    target: Target
    shelf: Shelf
    shown: str
    coordinates: Coordinates

    def build(self, question: Question, picture: Picture) -> Sample:
        """One sample."""
        source, task = question.picture, self.target.task
        file = self.shelf.name(source.name, picture)
        stem = file.rsplit(".", 1)[0]
        pair = "-".join(f"{number + 1:02}" for number in question.numbers)
        with Image.open(io.BytesIO(picture.content) if picture.content else picture.path) as image:
            places = self._places(question, image.size)
            if self.shown == "drawn":
                name = f"{stem}-{pair}{'.jpg' if file.endswith('.jpg') else '.png'}"
                if name not in self.shelf.media:
                    keep(self.shelf, name, framed(image, dict(zip(("red", "blue"), question.boxes, strict=True))))
                file = name
            else:
                self.shelf.add(file, picture)
        text = f"{relation_question(question.relation, *question.names, places)} {task.user}".strip()
        answer = task.to_json({choice_of(task)[0][-1]: "yes" if question.answer else "no"})
        turns = (Turn("human", f"<image>{text}"), Turn("gpt", answer))
        images = (self.target.media_path(file),)
        return Sample(f"{stem}-{question.relation}-{pair}", turns, task.system, images, (), self._meta(question))

    def _places(self, question: Question, size: tuple[int, int]) -> tuple[str, str]:
        """What tells the two objects from others of their kind."""
        if self.shown == "text":
            one, other = (SHOWN["text"].format(self.coordinates.text(box, size)) for box in question.boxes)
            return one, other
        return SHOWN[self.shown].format("red"), SHOWN[self.shown].format("blue")

    @staticmethod
    def _meta(question: Question) -> dict[str, str | int | float | bool | None]:
        source = question.picture
        one, other = (source.regions[number].where for number in question.numbers)
        return {
            "relation": question.relation,
            "subject": question.names[0],
            "reference": question.names[1],
            "group": source.group,
            "picture": source.name,
            "split": source.split,
            "source": f"{one}, {other}",
        }


def object_name(region: Region, classes: Task) -> str:
    """The object that a class stands for, without its condition; the class itself where the task does not say."""
    return choice_of(classes)[1].about(region.label).get("object", region.label)


@click.command(name="yolo_relations")
@annotation_options
@out_option
@click.option("--task", default="relations", show_default=True, help="A task with a choice of yes and no.")
@click.option("--classes", default="conditions", show_default=True, help="The task that says which object a class is.")
@click.option(
    "--relation",
    "asked",
    type=click.Choice(RELATIONS),
    multiple=True,
    default=("below", "above"),
    show_default=True,
    help="What is asked; repeat for several.",
)
@click.option(
    "--box",
    "shown",
    type=click.Choice([*SHOWN]),
    default="drawn",
    show_default=True,
    help="How the two are told from others of their kind: red and blue frames; not at all, so that only pairs of "
    "objects that are alone of their kind are asked about; boxes in the text, which give the answer away.",
)
@click.option(
    "--pairs", type=click.IntRange(1), default=4, show_default=True, help="The most pairs of objects of a picture."
)
@coordinate_options
@click.option(
    "--balance",
    type=click.Choice(["question", "answer", "off"]),
    default="question",
    show_default=True,
    help="As many answers yes as no of each question as it is worded, or of each split.",
)
@click.option("--seed", default=1, show_default=True, help="Picks the questions that balancing keeps.")
@dataset_info_option
@strict_option
@json_option
def command(
    source: Path,
    form: str | None,
    oriented: bool,
    leave_out: tuple[str, ...],
    out: Path,
    task: str,
    classes: str,
    asked: tuple[str, ...],
    shown: str,
    coordinates: str,
    max_pixels: int,
    pairs: int,
    balance: str,
    seed: int,
    dataset_info: Path,
    strict: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Yes-or-no questions about where marked objects lie from one another.

    Both orders of each pair are asked, where the boxes differ beyond the threshold; the answer comes from the boxes.
    Official splits stay. SOURCE is as for yolo_conditions.
    """
    target = Target.open(out, task, None, dataset_info, [source])
    options = choice_of(target.task)[1].options
    SourceError.check([f"task {task} has the options {options}: expected yes and no"] * (set(options) != {"yes", "no"}))
    naming = load_task(classes, None, dataset_info)
    objects = Account("objects")
    pictures = without(read_annotations(source, objects, form, oriented), leave_out, objects)
    account = Account("yolo_relations", strict)
    split_groups(pictures, account)
    found: list[Question] = []
    with tempfile.TemporaryDirectory() as scratch:
        builder = Builder(target, Shelf(Path(scratch)), shown, Coordinates(coordinates, max_pixels))
        contents: dict[str, Picture] = {}
        for picture in progress(pictures, "pictures", len(pictures)):
            if content := load(picture, objects):
                contents[picture.name] = content
                names = [object_name(one, naming) for one in picture.regions]
                found += questions(picture, names, asked, shown, account)
        _report(objects, account, strict)
        splits: defaultdict[str, list[Sample]] = defaultdict(list)
        for question in balanced(limited(found, pairs, seed, account), balance, seed, account):
            splits[question.picture.split].append(builder.build(question, contents[question.picture.name]))
        ordered = {split: sorted(samples, key=lambda one: one.id) for split, samples in sorted(splits.items())}
        account.facts["thresholds"] = {relation: THRESHOLDS[relation] for relation in asked}
        publish(target, ordered, builder.shelf.media, account)
    emit(account.record(), account.text(), as_json)


def _report(objects: Account, account: Account, strict: bool) -> None:
    """Puts what befell the objects into the account of the questions."""
    for reason, places in {**objects.dropped, **objects.warnings}.items():
        for place in places:
            account.warn(f"object_{reason}", place)
    dropped = {reason: len(places) for reason, places in sorted(objects.dropped.items())}
    account.facts |= objects.facts | {"objects": {"read": objects.read, **dropped}}
    if strict and objects.drops():
        raise CheckFailed(objects.drops())
