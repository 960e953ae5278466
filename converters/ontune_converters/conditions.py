"""Samples from annotated pictures: one an object, with the picture, where to look, and the class as the answer."""

import io
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from PIL import Image, ImageDraw

from ontune.errors import SourceError
from ontune.sharegpt import Sample, Turn
from ontune.task import Choice, Task
from ontune_converters.account import Account
from ontune_converters.balance import copies
from ontune_converters.condition_prompts import FRAMES, Asking, Scene, prompt
from ontune_converters.dataset import Target
from ontune_converters.pictures import BadPicture, Picture, Shelf, read_picture
from ontune_converters.regions import AnnotatedPicture, Box, Region

__all__ = [
    "Builder",
    "checked_classes",
    "choice_of",
    "crop",
    "framed",
    "keep",
    "load",
    "oversample",
    "split_groups",
    "without",
]

ROUNDING = 1e-6  # of a pixel, lost in floating point
MARGIN = 0.1  # of the object's box, around its crop


def choice_of(task: Task) -> tuple[tuple[str, ...], Choice]:
    """The task's only choice field, with its path of keys. Raises SourceError where there is none or several."""
    found = [(path, item) for path, item in task.leaf_fields() if isinstance(item, Choice)]
    if len(found) != 1:
        raise SourceError(f"task {task.name} has {len(found)} fields of kind choice: expected one, with the classes")
    return found[0]


def checked_classes(
    pictures: Sequence[AnnotatedPicture], task: Task, left_out: Iterable[str], account: Account
) -> list[AnnotatedPicture]:
    """The pictures without the objects of classes that are left out, each counted.

    Raises SourceError with every class that is no option of the task: spelling counts, as nothing is guessed.
    """
    _, choice = choice_of(task)
    ignored = set(left_out)
    found = Counter(region.label for picture in pictures for region in picture.regions)
    firsts = {region.label: region.where for picture in reversed(pictures) for region in reversed(picture.regions)}
    faults = [
        f"class {name!r} ({found[name]} objects, first at {firsts[name]}) is no option of task {task.name}: expected "
        f"one of {list(choice.options)}; another task with --task, or --leave-out {name!r}"
        for name in sorted(found.keys() - {*choice.options} - ignored)
    ]
    SourceError.check([*faults, *_unused(ignored, found)])
    return [picture.without(ignored, account) for picture in pictures]


def without(pictures: Sequence[AnnotatedPicture], left_out: Iterable[str], account: Account) -> list[AnnotatedPicture]:
    """The pictures without the objects of some classes, each counted. Raises SourceError for a class that none has."""
    ignored = set(left_out)
    SourceError.check(_unused(ignored, {region.label for picture in pictures for region in picture.regions}))
    return [picture.without(ignored, account) for picture in pictures]


def _unused(left_out: Iterable[str], found: Collection[str]) -> list[str]:
    return [f"--leave-out {name!r}: no object has this class" for name in sorted(left_out) if name not in found]


def load(picture: AnnotatedPicture, account: Account) -> Picture | None:
    """The picture's content, or None: its objects are dropped with the reason, and one without objects is named."""
    try:
        if picture.path is None:
            raise BadPicture("missing", picture.missing)
        return read_picture(picture.path)
    except BadPicture as bad:
        for region in picture.regions:
            account.drop(bad.reason, f"{region.where}: {bad.detail}")
        if not picture.regions:
            account.warn(f"{bad.reason}_without_objects", f"{picture.name}: {bad.detail}")
        return None


def split_groups(pictures: Iterable[AnnotatedPicture], account: Account) -> None:
    """Warns of pictures that stand on several sides of the official split, as copies that augmentation made."""
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for picture in pictures:
        splits[picture.group].add(picture.split)
    for group, found in sorted(splits.items()):
        if len(found) > 1:
            account.warn("picture_on_several_sides", f"{group}: in {', '.join(sorted(found))}")


def framed(image: Image.Image, boxes: Mapping[str, Box]) -> Image.Image:
    """The picture with a frame around each box, by colour; frames lie outside of what they show."""
    drawn = image.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    width = max(2, round(max(drawn.size) / 200))
    for color, box in boxes.items():
        left, upper, right, lower = pixels(box, drawn.size)
        outside = (max(left - width, 0), max(upper - width, 0), right - 1 + width, lower - 1 + width)
        edges = (*outside[:2], min(outside[2], drawn.width - 1), min(outside[3], drawn.height - 1))
        pen.rectangle(edges, outline=FRAMES[color], width=width)
    return drawn


def crop(image: Image.Image, box: Box, margin: float = MARGIN) -> Image.Image:
    """The object with a margin around it."""
    left, upper, right, lower = box
    across, down = (right - left) * margin, (lower - upper) * margin
    wider = (max(left - across, 0), max(upper - down, 0), min(right + across, 1), min(lower + down, 1))
    return image.convert("RGB").crop(pixels(wider, image.size))


def pixels(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box in whole pixels, at least one wide and high."""
    (left, upper, right, lower), (width, height) = box, size
    x, y = min(int(left * width + ROUNDING), width - 1), min(int(upper * height + ROUNDING), height - 1)
    return x, y, max(round(right * width), x + 1), max(round(lower * height), y + 1)


def keep(shelf: Shelf, file: str, image: Image.Image) -> str:
    """Writes a drawn picture to the scratch folder until it goes below `media/`: a JPEG where the source is one."""
    path = shelf.scratch / f"{len(shelf.media)}{PurePosixPath(file).suffix}"
    options = {"quality": 95, "subsampling": 0} if path.suffix == ".jpg" else {}
    image.save(path, "JPEG" if path.suffix == ".jpg" else "PNG", **options)
    shelf.media[file] = path
    return file


@dataclass
class Builder:
    """Samples of the task from pictures; every object becomes one."""

    target: Target
    shelf: Shelf
    asking: Asking
    named: bool = False  # others may be named in prompts, as a detector in front names them
    margin: float = MARGIN
    system: str = ""  # what stands after the task's own system text
    splits: defaultdict[str, list[Sample]] = field(default_factory=lambda: defaultdict[str, list[Sample]](list))

    def add(self, source: AnnotatedPicture, picture: Picture) -> None:
        """A sample for each object of one picture."""
        file = self.shelf.name(source.name, picture)
        with Image.open(io.BytesIO(picture.content) if picture.content else picture.path) as image:
            image.load()
            if not self.asking.drawn and source.regions:
                self.shelf.add(file, picture)
            for number, region in enumerate(source.regions, start=1):
                self._add(source, image, number, region, file)

    def _add(self, source: AnnotatedPicture, image: Image.Image, number: int, region: Region, file: str) -> None:
        scene = self._scene(source, number, image.size)
        name = f"{file.rsplit('.', 1)[0]}-{number:02}"
        suffix = ".jpg" if file.endswith(".jpg") else ".png"
        files = [file]
        if self.asking.drawn:
            files = [keep(self.shelf, f"{name}-framed{suffix}", framed(image, {"red": region.box}))]
        if self.asking.crop:
            files.append(keep(self.shelf, f"{name}-crop{suffix}", crop(image, region.box, self.margin)))
        task = self.target.task
        turns = (
            Turn("human", prompt(scene, task.user, self.asking)),
            Turn("gpt", task.to_json(_answer(choice_of(task)[0], region.label))),
        )
        system = "\n".join(filter(None, (task.system, self.system)))
        images = tuple(self.target.media_path(one) for one in files)
        self.splits[source.split].append(Sample(name, turns, system, images, (), _meta(source, region, task)))

    def _scene(self, source: AnnotatedPicture, number: int, size: tuple[int, int]) -> Scene:
        choice = choice_of(self.target.task)[1]
        others = tuple(
            (other.box, choice.about(other.label).get("object", other.label) if self.named else "")
            for at, other in enumerate(source.regions, start=1)
            if at != number
        )
        return Scene(source.regions[number - 1].box, others, size)


def _answer(path: Sequence[str], label: str) -> dict[str, object]:
    """The answer with the class at its place."""
    answer: dict[str, object] = {path[-1]: label}
    for key in reversed(path[:-1]):
        answer = {key: answer}
    return answer


def _meta(source: AnnotatedPicture, region: Region, task: Task) -> dict[str, str | int | float | bool | None]:
    """What is known of the object: the class's object and condition, the picture it was found in, and where."""
    return {
        **choice_of(task)[1].about(region.label),
        "class": region.label,
        "group": source.group,
        "picture": source.name,
        "split": source.split,
        "source": region.where,
        "shape": region.shape,
        "box": " ".join(f"{edge:.6f}" for edge in region.box),
        "objects": len(source.regions),
    }


def oversample(samples: Sequence[Sample], counts: Mapping[str, int], condition_of: Mapping[str, str]) -> list[Sample]:
    """The samples, those of rare classes several times under ids of their own, weights taken from `counts`."""
    times = copies(counts, condition_of)
    return [copy for sample in samples for copy in _copied(sample, times.get(str(sample.meta["class"]), 1))]


def _copied(sample: Sample, times: int) -> Iterator[Sample]:
    yield sample
    for number in range(2, times + 1):
        yield replace(sample, id=f"{sample.id}-copy{number:02}")
