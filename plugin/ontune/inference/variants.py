"""Prompt variants: the same samples asked in other words, from a named file."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from ontune.errors import InputError
from ontune.resources import DATASET_INFO, find
from ontune.sharegpt import Sample, Turn
from ontune.task import Choice, Field, Group, Labels, Task
from ontune.task.openbook import document

__all__ = ["Variant", "asked_with", "load_variant"]

KEYS = {"system", "user"}
PLACEHOLDER = re.compile(r"\{(\w+)\}")  # braces of JSON in a prompt hold quotes
TAG = re.compile(r"<(?:image|video)>")


@dataclass(frozen=True)
class Variant:
    """The texts that take the place of a sample's own; None leaves one as it is. Checked when made.

    `{system}` and `{question}` are the sample's own texts, `{task_system}` and `{task_user}` the task's, `{labels}` all
    labels and options by key, `{definitions}` a line about each label. A question brings its media tags; without it
    they open the user's text.
    """

    name: str
    system: str | None = None
    user: str | None = None

    def __post_init__(self) -> None:
        InputError.check([f"prompt {self.name}: {fault}" for fault in _faults(self)])


def load_variant(name: str, task: Task, dataset_info: Path = DATASET_INFO) -> Variant:
    """The variant of that name in prompts/ (working directory, then package), or at that path.

    `.yaml` has the keys `system` and `user`, `.md` is the user's text. `task`: the task's own texts.
    """
    if name == "task":
        return Variant("task", "{task_system}" if task.system else None, "{task_user}" if task.user else None)
    path = _find(name, dataset_info)
    try:
        text = path.read_text(encoding="utf-8")
        record = {"user": text} if path.suffix == ".md" else yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable: {error}") from None
    if not isinstance(record, Mapping) or not record or set(cast("Mapping[str, Any]", record)) - KEYS:
        raise InputError(f"{path}: expected texts under one or both of the keys {sorted(KEYS)}")
    record = cast("Mapping[str, Any]", record)
    if not all(isinstance(value, str) for value in record.values()):
        raise InputError(f"{path}: {dict(record)!r}: expected texts")
    return Variant(path.stem, **{key: value.strip() for key, value in record.items()})


def asked_with(variant: Variant, task: Task, samples: Sequence[Sample]) -> list[Sample]:
    """The samples in the variant's words, with all their media; `meta` names it as `prompt`."""
    shared = {name: make(task) for name, make in TEXTS.items() if f"{{{name}}}" in f"{variant.system} {variant.user}"}
    return [_asked(variant, sample, shared) for sample in samples]


def _find(name: str, dataset_info: Path) -> Path:
    faults: list[str] = []
    for suffix in (".yaml", ".md"):
        try:
            return find("prompts", name, suffix, dataset_info)
        except InputError as error:
            faults += error.faults
    raise InputError([*faults, "or sample, task, raft: the sample's own words, the task's, an open book"])


def _faults(variant: Variant) -> list[str]:
    texts = [text for text in (variant.system, variant.user) if text is not None]
    used = [name for text in texts for name in PLACEHOLDER.findall(text)]
    known = ["system", "question", *TEXTS]
    faults = [f"{{{name}}} is unknown: expected one of {known}" for name in sorted(set(used) - set(known))]
    if (variant.user or "").count("{question}") > 1 or "{question}" in (variant.system or ""):
        faults.append("{question} may stand once, in the user's text: it brings the media")
    if any(TAG.search(text) for text in texts):
        faults.append("a media tag: the sample's own are put in front, or where {question} stands")
    return faults


def _asked(variant: Variant, sample: Sample, shared: Mapping[str, str]) -> Sample:
    texts = {**shared, "system": sample.system, "question": sample.prompt}
    system, prompt = sample.system, sample.prompt
    if variant.system is not None:
        system = _filled(variant.system, texts)
    if variant.user is not None:
        tags = "" if "{question}" in variant.user else "".join(TAG.findall(sample.prompt))
        prompt = tags + _filled(variant.user, texts)
    *before, _, gold = sample.conversations
    turns = (*before, Turn("human", prompt), gold)
    return replace(sample, conversations=turns, system=system, meta=dict(sample.meta) | {"prompt": variant.name})


def _filled(text: str, texts: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: texts[match[1]], text)


def _labels(task: Task) -> str:
    """A line for each key: its labels or options."""
    return "\n".join(_lines(task, task.fields, ""))


def _lines(task: Task, fields: Sequence[Field], path: str) -> Iterator[str]:
    for field in fields:
        match field:
            case Labels():
                yield f"{path}{field.name}: {', '.join(task.ontology.labels(field.dimension))}"
            case Choice():
                yield f"{path}{field.name}: {', '.join(field.options)}"
            case Group():
                yield from _lines(task, field.fields, f"{path}{field.name}.")
            case _:  # free text and constants list nothing
                pass


def _definitions(task: Task) -> str:
    dimensions = dict.fromkeys(field.dimension for _, field in task.label_fields())
    labels = [label for name in dimensions for label in task.ontology.labels(name)]
    return "\n".join(document(task.ontology.by_name[label]) for label in labels)


TEXTS: Mapping[str, Callable[[Task], str]] = {
    "labels": _labels,
    "definitions": _definitions,
    "task_system": lambda task: task.system,
    "task_user": lambda task: task.user,
}
