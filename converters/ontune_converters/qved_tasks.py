"""What the clips decide about a task: the ontology of exercises and mistakes, the options, the answer to each clip."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from ontune.errors import SourceError, TaskError
from ontune.ontology import Concept, Ontology
from ontune.resources import find
from ontune.task import Choice, Group, Labels, Task, Text
from ontune.task.model import Answer, Field
from ontune_converters.qved_sources import Clip, parse_label

__all__ = ["EXERCISE", "HEADER", "MISTAKE", "build_ontology", "gold", "mistakes", "write_task"]

EXERCISE, MISTAKE = "Exercise", "Mistake"  # dimensions
CHOICE = "exercise"  # the choice field whose options are the exercises
NONE = {"no obvious issue"}  # a variation that is no mistake
HEADER = "# Made by `ontune convert qved` and written anew by each conversion: change the file that it is made from.\n"


def mistakes(clip: Clip) -> list[str]:
    """The variations that the labels name."""
    found = dict.fromkeys(parse_label(label)[1] for label in clip.labels)
    return [name for name in found if name and name not in NONE]


def build_ontology(name: str, exercises: Iterable[str], clips: Iterable[Clip]) -> Ontology:
    """Exercises and mistakes, each mistake with its words; the version is a piece of the content's hash.

    Raises SourceError where one name is both.
    """
    words: dict[str, str] = {}
    for clip in clips:
        words |= dict.fromkeys((label for label in mistakes(clip) if label not in words), "")
        told = clip.descriptive if len(clip.descriptive) == len(clip.labels) else ()
        for label, text in zip(clip.labels, told, strict=False):
            short, said = parse_label(label)[1], parse_label(text)[1]
            if short in words and said != short:
                words[short] = min(filter(None, (words[short], said)))
    both = sorted(set(exercises) & words.keys())
    SourceError.check([f"{name!r} is an exercise and a mistake: expected names of one meaning" for name in both])
    concepts = [Concept(exercise, EXERCISE) for exercise in sorted(exercises)]
    concepts += [Concept(mistake, MISTAKE, definition=text) for mistake, text in sorted(words.items())]
    dimensions = (EXERCISE, MISTAKE) if words else (EXERCISE,)
    version = hashlib.sha256(repr(concepts).encode()).hexdigest()[:8]
    return Ontology(name, version, dimensions, tuple(concepts))


def write_task(task: str, dataset: str, exercises: Sequence[str], stem: str, dataset_info: Path, folder: Path) -> str:
    """The task to load: its name as given, or the file in `folder` with the clips' options filled in.

    It is filled in where the task has a choice field `exercise`; then its name ends with the dataset's.
    """
    path = find("tasks", task, ".yaml", dataset_info)
    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
        fields = cast("list[dict[str, Any]]", record["fields"])
        choices = [field for field in fields if field["kind"] == "choice" and field["name"] == CHOICE]
        if not choices:
            return str(path)
        record |= {"name": f"{record['name']}_{dataset}", "ontology": stem}
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise TaskError(f"{path}: not a task: {error!r}") from None
    choices[0]["options"] = list(exercises)
    text = HEADER + yaml.safe_dump(record, sort_keys=False, allow_unicode=True, width=120)
    made = folder / f"{record['name']}.yaml"
    made.write_text(text, encoding="utf-8")
    return str(made)


def gold(task: Task, exercise: str, clip: Clip, text: str) -> Answer:
    """The answer to a clip, by the kinds of the task's fields. Raises TaskError where clips say nothing of one."""
    return task.canonical(_answer(task, task.fields, exercise, clip, text))


def _answer(task: Task, fields: Iterable[Field], exercise: str, clip: Clip, text: str) -> Answer:
    answer: Answer = {}
    for field in fields:
        match field:
            case Choice(name=name) if name == CHOICE:
                answer[name] = exercise
            case Labels(name=name, dimension=dimension):
                answer[name] = [exercise] if dimension == EXERCISE else mistakes(clip)
            case Text(name=name):
                answer[name] = text
            case Group(name=name, fields=inner):
                answer[name] = _answer(task, inner, exercise, clip, text)
            case _:
                raise TaskError(f"task {task.name}: field {field.name!r}: clips say nothing of it")
    return answer
