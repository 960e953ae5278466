"""Which clips are used: where each lies, what its exercise is, how many of a class; and what goes into a dataset."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ontune.files import sha256_file
from ontune.videos import BadVideo, Selection, Video, find_videos, open_video, select, write_short
from ontune_converters.account import Account
from ontune_converters.clip_checks import ClipCheck, check_clip
from ontune_converters.frames import short_name
from ontune_converters.qved_sources import Clip, Question, Source, exercise_name, parse_label

__all__ = ["Place", "Prepared", "Row", "Studio", "Texts", "limit", "locate", "rows_of"]


# Folders of clips whose names say nothing of what is done in them.
CONTAINERS = {"clips", "data", "dataset", "media", "test", "train", "val", "valid", "validation", "videos"}


@dataclass(frozen=True)
class Row:
    """A sample to be: the clip, its file and exercise, and what is asked and answered where that is no task's."""

    clip: Clip
    path: Path
    exercise: str
    text: str
    question: Question | None = None

    @property
    def where(self) -> str:
        return self.clip.name + (f": {self.question.query}" if self.question else "")


@dataclass(frozen=True)
class Place:
    """A clip's file and its exercise."""

    path: Path
    exercise: str


@dataclass(frozen=True)
class Texts:
    """Which texts of a clip are learned: `labels` (in words), `feedback`, `either` (feedback first) or `questions`."""

    kind: str

    def of(self, clip: Clip) -> Iterator[tuple[str, Question | None]]:
        """Each text with its question; none where the clip has no such text."""
        if self.kind == "questions":
            yield from ((question.response, question) for question in clip.questions)
            return
        lines = {"labels": clip.texts, "feedback": clip.feedback, "either": clip.feedback or clip.texts}[self.kind]
        if lines:
            yield "\n".join(lines), None


def locate(source: Source, videos: Path, account: Account) -> dict[str, Place | BadVideo]:
    """Where each clip lies and what its exercise is, or why that is not known."""
    places = _places(videos)
    found: dict[str, Place | BadVideo] = {}
    for name, clip in sorted(source.clips.items()):
        try:
            path = _find(clip, places, videos)
            found[name] = Place(path, _exercise(clip, path, videos, account))
        except BadVideo as error:
            found[name] = error
    return found


def rows_of(source: Source, located: Mapping[str, Place | BadVideo], texts: Texts, account: Account) -> list[Row]:
    """The rows that have a text, a file and an exercise; every other is counted with what it lacks."""
    rows: list[Row] = []
    for name, place in located.items():
        clip = source.clips[name]
        said = list(texts.of(clip))
        account.read += len(said) or 1
        if not said:
            account.drop(f"no_{'text' if texts.kind == 'either' else texts.kind}", name)
        elif isinstance(place, BadVideo):
            for _ in said:
                account.drop(place.reason, place.detail)
        else:
            rows += [Row(clip, place.path, place.exercise, text, question) for text, question in said]
    return rows


def _places(videos: Path) -> dict[str, list[Path]]:
    """Where files of each name lie; nowhere in a folder without videos."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path, _ in find_videos([videos]):
        found[path.name].append(path)
    return found


def _find(clip: Clip, places: Mapping[str, Sequence[Path]], videos: Path) -> Path:
    """The clip's file; of several with its name the one whose folder is the manifest's. Raises BadVideo."""
    found = places.get(clip.name, [])
    if not found:
        raise BadVideo("missing", f"{clip.name}: no file of this name below {videos.resolve().name}")
    if len(found) > 1 and clip.path:
        tail = PurePosixPath(clip.path).parts[-2:]
        found = [path for path in found if path.parts[-2:] == tail] or found
    if len(found) > 1:
        raise BadVideo("ambiguous", f"{clip.name}: {len(found)} files have this name: {', '.join(map(str, found[:3]))}")
    return found[0]


def _exercise(clip: Clip, path: Path, videos: Path, account: Account) -> str:
    """The exercise by manifest, label or folder, in this order; remarks go into the account. Raises BadVideo."""
    named = sorted({exercise for label in clip.labels if (exercise := parse_label(label)[0])})
    if clip.listed:
        if named and named != [clip.listed]:
            account.warn(
                "exercise_differs", f"{clip.name}: {clip.listed} in the manifest, {', '.join(named)} in labels"
            )
        return clip.listed
    if len(named) > 1:
        raise BadVideo("several_exercises", f"{clip.name}: labels name {', '.join(named)}, and no manifest decides")
    if named:
        return named[0]
    folder = path.parent.name
    if path.parent.resolve() == videos.resolve() or folder.casefold() in CONTAINERS:
        raise BadVideo("no_exercise", f"{clip.name}: neither manifest, nor label prefix, nor folder tells its exercise")
    account.warn("exercise_from_folder", f"{clip.name}: {folder}")
    return exercise_name(folder)


def limit(rows: Sequence[Row], per_class: int, seed: int, account: Account) -> list[Row]:
    """At most so many clips of each exercise, by chance; all for 0."""
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        classes[row.exercise].add(row.clip.name)
    kept: set[str] = set()
    for _, names in sorted(classes.items()):
        few = not per_class or len(names) <= per_class
        kept |= names if few else set(random.Random(seed).sample(sorted(names), per_class))
    for row in rows:
        if row.clip.name not in kept:
            account.drop("class_limit", f"{row.where}: {row.exercise} has more than {per_class}")
    return [row for row in rows if row.clip.name in kept]


@dataclass(frozen=True)
class Prepared:
    """A clip's file as it goes into the dataset, and what it is."""

    file: str  # below media/
    content: Path
    source_sha256: str
    sha256: str
    seconds: float
    frames: int
    check: ClipCheck


@dataclass
class Studio:
    """Clips checked and, where frames are chosen or readers would fail, written anew into the folder `scratch`."""

    scratch: Path
    selection: Selection | None
    lists: Mapping[str, Sequence[int]] | None
    moves: Mapping[str, bool]
    only_good: bool
    account: Account
    made: dict[Path, Prepared | BadVideo] = field(default_factory=dict[Path, "Prepared | BadVideo"])
    contents: dict[str, str] = field(default_factory=dict[str, str])

    def prepare(self, rows: Iterable[Row]) -> Iterator[tuple[Row, Prepared]]:
        """Each row with its file; what cannot be used is dropped."""
        for row in rows:
            if row.path not in self.made:
                self.made[row.path] = self._made(row)
            made = self.made[row.path]
            if isinstance(made, BadVideo):
                self.account.drop(made.reason, made.detail)
            else:
                yield row, made

    def _made(self, row: Row) -> Prepared | BadVideo:
        try:
            return self._prepare(row)
        except BadVideo as error:
            return error

    def _prepare(self, row: Row) -> Prepared:
        name = row.clip.name
        video = open_video(row.path)
        check = check_clip(video, self.moves.get(row.exercise, False))
        for fault in check.faults:
            self.account.warn(fault, f"{name}: {_measured(fault, check)}")
        if self.only_good and check.faults:
            raise BadVideo("failed_check", f"{name}: {', '.join(check.faults)}")
        sha256 = sha256_file(row.path)
        if (first := self.contents.setdefault(sha256, name)) != name:
            self.account.warn("same_content", f"{name}: the same bytes as {first}")
        indices = self._indices(video, sha256)
        file = short_name(name, sha256)
        content = row.path if indices is None else self._written(video, indices, file)
        frames = len(video.frames) if indices is None else len(indices)
        if video.varies and not self._chosen:
            self.account.warn("variable_frame_rate", f"{name}: readers count on a fixed one; choose frames instead")
        return Prepared(file, content, sha256, sha256_file(content), round(video.duration, 3), frames, check)

    @property
    def _chosen(self) -> bool:
        return self.selection is not None or self.lists is not None

    def _indices(self, video: Video, sha256: str) -> list[int] | None:
        """The frames to write, or None for a file that both hosts read as it is."""
        if self.lists is not None:
            found, name, count = self.lists.get(sha256), video.path.name, len(video.frames)
            if found is None:
                raise BadVideo("no_frame_list", f"{name}: --frames has no list for {sha256}")
            if found[-1] >= count:
                raise BadVideo(
                    "frame_list", f"{name}: --frames asks for {found[-1]}, but its frames are 0..{count - 1}"
                )
            return list(found)
        if self.selection:
            return select(video, self.selection)
        if reasons := _unread(video):
            self.account.warn("rewritten", f"{video.path.name}: {', '.join(reasons)}")
            return list(range(len(video.frames)))
        return None

    def _written(self, video: Video, indices: Sequence[int], file: str) -> Path:
        path = self.scratch / file
        write_short(video, indices, path)
        return path


def _measured(fault: str, check: ClipCheck) -> str:
    if fault == "low_resolution":
        return f"{check.width}x{check.height}"
    if fault == "insufficient_motion":
        return f"{check.active} of the samples move"
    return f"{check.sharpness if fault == 'blurry' else check.brightness}"


def _unread(video: Video) -> list[str]:
    """What at least one of the hosts' readers gets wrong.

    LLaMA-Factory's turns nothing and takes the first frames of a container that states no number of them; decord's
    FFmpeg is of 2021.
    """
    reasons = ["stored lying or mirrored"] * video.is_turned
    reasons += [f"codec {video.codec}"] * (video.codec != "h264")
    reasons += [f"container {video.container}"] * ("mp4" not in video.container)
    return reasons + ["one frame"] * (len(video.frames) == 1)
