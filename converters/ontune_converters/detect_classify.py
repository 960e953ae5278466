"""What `ontune detect-classify` needs of the data's side; the command loads this module by name.

Detections become questions by the same code that makes training samples, answers become a record a picture, and the
truth, in any annotation format, says what was found, missed and made up.
"""

import shutil
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ontune.console import progress
from ontune.sharegpt import Sample, Turn
from ontune.task import Task
from ontune_converters.account import Account
from ontune_converters.annotations import read_annotations
from ontune_converters.conditions import Builder, checked_classes, choice_of
from ontune_converters.dataset import Target
from ontune_converters.detection_drawing import draw
from ontune_converters.detection_options import NAMES, check, detection_options, detector_of
from ontune_converters.detections import Detector, Seen, in_pixels, look, placed, record
from ontune_converters.matching import Match, match
from ontune_converters.pictures import Shelf
from ontune_converters.regions import AnnotatedPicture, Region
from ontune_converters.relations import related
from ontune_converters.yolo_conditions import asking_of, asking_options, patterns_text

__all__ = ["NAMES", "Scenes", "asking_options", "check", "choice_path", "detection_options", "opened"]

Record = Mapping[str, Any]
SPLIT = "asked"  # the folder of the pictures that a model is shown


def choice_path(task: Task) -> tuple[str, ...]:
    """Where the class stands in an answer. Raises SourceError for a task without exactly one choice."""
    return choice_of(task)[0]


@dataclass
class Scenes:
    """The pictures with what was found in them, the questions about it, and the truth where there is one."""

    task: Task
    root: Path  # of the media of the samples
    seen: list[Seen]
    found: list[tuple[Region, ...]]
    samples: list[Sample]
    names: list[list[str]]  # the id of each detection's sample
    truth: dict[str, tuple[Region, ...]] | None
    seconds: float | None
    iou: float
    accounts: dict[str, Account] = field(default_factory=dict[str, Account])

    def recorded(self) -> list[dict[str, Any]]:
        """What stage 1 found, as `recorded:` reads it again."""
        return record(self.seen, self.found)

    def without_truth(self) -> list[str]:
        """Pictures that the truth says nothing of."""
        return [seen.name for seen in self.seen if self.truth is not None and seen.name not in self.truth]

    def records(self, answers: Mapping[str, Record]) -> Iterator[dict[str, Any]]:
        """One record a picture: objects with both stages' classes and confidences, relations, and what was missed.

        `answers`: by a sample's id what it was answered, with `class` among the keys.
        """
        for seen, regions, names in zip(self.seen, self.found, self.names, strict=True):
            truth = self._truth(seen.name)
            pairs = match(regions, truth, self.iou) if truth is not None else []
            known = {at: (truth[place], iou) for at, place, iou in pairs} if truth is not None else {}
            objects = [
                self._object(at, regions, seen, names[at], answers[names[at]], known, truth is not None)
                for at in range(len(regions))
            ]
            yield {
                "picture": seen.name,
                "width": seen.size[0],
                "height": seen.size[1],
                "objects": objects,
                "missed": None if truth is None else _missed(truth, pairs, seen),
            }

    def _truth(self, name: str) -> tuple[Region, ...] | None:
        return None if self.truth is None else self.truth.get(name)

    def _object(
        self, at: int, regions: Sequence[Region], seen: Seen, name: str, answer: Record,
        known: Mapping[int, tuple[Region, float]], compared: bool,
    ) -> dict[str, Any]:  # fmt: skip
        region = regions[at]
        about = choice_of(self.task)[1].about(str(answer["class"]))
        marked = known.get(at)
        ties = [(other, related(region.box, one.box)) for other, one in enumerate(regions) if other != at]
        return {
            "number": at + 1,
            "id": name,
            "box": in_pixels(region, seen.size),
            "detected": {"class": region.label, "confidence": region.confidence},
            **answer,
            "object": about.get("object"),
            "condition": about.get("condition"),
            "relations": [{"to": other + 1, "is": list(found)} for other, found in ties if found],
            "truth": _marked(*marked) if marked else None,
            "false": compared and marked is None,
        }

    def outcomes(self, records: Sequence[Record]) -> list[dict[str, Any]]:
        """What came of each object that was marked or found, in pictures that the truth knows: flat, for metrics."""
        rows: list[dict[str, Any]] = []
        for one in records:
            if one["missed"] is None:
                continue
            for item in one["objects"]:
                gold = item["truth"]["class"] if item["truth"] else None
                rows.append(self._outcome(one["picture"], gold, item["detected"]["class"], item["class"]))
            rows += [self._outcome(one["picture"], item["class"], None, None) for item in one["missed"]]
        return rows

    def _outcome(self, picture: str, gold: str | None, detected: str | None, answered: str | None) -> dict[str, Any]:
        about = choice_of(self.task)[1].about
        meant = {gold, about(gold).get("object")} if gold else set[str | None]()
        return {
            "picture": picture,
            "gold": gold,
            "condition": about(gold).get("condition") if gold else None,
            "found": detected is not None,
            # Of an object alone, or of one in a condition: what it is in is the model's to say.
            "named": detected is not None and bool({_plain(one) for one in meant if one} & self._meant(detected)),
            "answered": answered,
        }

    def _meant(self, detected: str) -> set[str]:
        return {_plain(detected), _plain(choice_of(self.task)[1].about(detected).get("object", detected))}

    def keep_media(self, folder: Path) -> None:
        """Copies the pictures that the model was shown, where the samples' paths lead from this folder."""
        if self.samples:
            shutil.copytree(self.root / SPLIT, folder / SPLIT)

    def draw(self, folder: Path, records: Sequence[Record]) -> None:
        """Writes a picture a record, with every object in its frame, named and numbered as in the record."""
        for seen, one in progress([*zip(self.seen, records, strict=True)], "annotated pictures"):
            draw(seen.file, one, folder / picture_name(seen.name))


def picture_name(name: str) -> str:
    """The annotated picture's name: the picture's own where it is a JPEG or PNG, else with `.png` behind."""
    return name if Path(name).suffix.casefold() in {".jpg", ".jpeg", ".png"} else f"{name}.png"


def _plain(name: str) -> str:
    """Exports spell one object as `Toe drain` and `toe-drain`: case and what is between words say nothing."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in name.casefold()).split())


def _marked(region: Region, iou: float) -> dict[str, Any]:
    return {"class": region.label, "iou": round(iou, 4), "where": region.where}


def _missed(truth: Sequence[Region], pairs: Sequence[Match], seen: Seen) -> list[dict[str, Any]]:
    hit = {place for _, place, _ in pairs}
    return [
        {"class": region.label, "box": in_pixels(region, seen.size), "where": region.where}
        for place, region in enumerate(truth)
        if place not in hit
    ]


@contextmanager
def opened(pictures: Sequence[Path], task: Task, values: Record) -> Generator[Scenes]:
    """What was found in the pictures, and the questions about it; media last as long as the context.

    The options are those of `check`. Raises InputError for pictures, truth and detectors that cannot be used.
    """
    choice_of(task)
    with tempfile.TemporaryDirectory() as scratch:
        accounts = {"detections": Account("detections")}
        seen = look(pictures, Path(scratch))
        truth = _truth(seen, task, values, accounts)
        found, seconds = _detected(detector_of(values), seen, accounts["detections"])
        samples, names = _questions(seen, found, task, Path(scratch), values)
        scenes = Scenes(task, Path(scratch), seen, found, samples, names, truth, seconds, values["iou"], accounts)
        scenes.samples = _with_gold(scenes)
        yield scenes


def _detected(
    detector: Detector, seen: Sequence[Seen], account: Account
) -> tuple[list[tuple[Region, ...]], float | None]:
    """What was found in each picture, and the mean time that one took."""
    found = list(progress(detector.find(seen, account), detector.name, len(seen)))
    account.written["kept"] = sum(len(one.regions) for one in found)
    times = [one.seconds for one in found if one.seconds is not None]
    return [one.regions for one in found], sum(times) / len(times) if times else None


def _truth(
    seen: Sequence[Seen], task: Task, values: Record, accounts: dict[str, Account]
) -> dict[str, tuple[Region, ...]] | None:
    """What is marked in each picture, by its name; pictures of the truth that are not looked at are named."""
    if values["truth"] is None:
        return None
    account = accounts["truth"] = Account("truth")
    marked = read_annotations(values["truth"], account, values["truth_format"])
    marked = checked_classes(marked, task, values["leave_out"], account)
    found = placed(marked, seen, account, "not_looked_at")
    account.written["kept"] = sum(map(len, found.values()))
    return found


def _questions(
    seen: Sequence[Seen], found: Sequence[tuple[Region, ...]], task: Task, scratch: Path, values: Record
) -> tuple[list[Sample], list[list[str]]]:
    """The samples, by the builder that makes those of training, and each picture's ids."""
    keys = ("variant", "box", "coordinates", "max_pixels", "crop")
    shelf = Shelf(scratch)
    builder = Builder(
        Target(Path(SPLIT), task),
        shelf,
        asking_of(*(values[key] for key in keys)),
        values["name_others"],
        values["margin"],
        patterns_text(values["patterns"]),
    )
    names: list[list[str]] = []
    for one, regions in progress([*zip(seen, found, strict=True)], "questions"):
        before = len(builder.splits[SPLIT])
        builder.add(AnnotatedPicture(one.name, SPLIT, one.file, one.size, regions), one.picture)
        names.append([sample.id for sample in builder.splits[SPLIT][before:]])
    for file, path in shelf.media.items():
        place = scratch / builder.target.media_path(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(Path(str(path)).resolve())
    return builder.splits[SPLIT], names


def _with_gold(scenes: Scenes) -> list[Sample]:
    """The samples with the truth as gold in the place of the detector's class; none where nothing marked was found."""
    gold: dict[str, Region] = {}
    for seen, regions, names in zip(scenes.seen, scenes.found, scenes.names, strict=True):
        truth = (scenes.truth or {}).get(seen.name, ())
        gold |= {names[at]: truth[place] for at, place, _ in match(regions, truth, scenes.iou)}
    return [_answered(sample, gold.get(sample.id), scenes.task) for sample in scenes.samples]


def _answered(sample: Sample, truth: Region | None, task: Task) -> Sample:
    path, choice = choice_of(task)
    answer: dict[str, Any] = {path[-1]: truth.label} if truth else {}
    for key in reversed(path[:-1]) if truth else ():
        answer = {key: answer}
    own = {key: sample.meta[key] for key in ("box", "group", "objects", "picture")}
    meta = own | {"detected": sample.meta["class"]} | (choice.about(truth.label) if truth else {})
    return replace(sample, conversations=(*sample.conversations[:-1], Turn("gpt", task.to_json(answer))), meta=meta)
