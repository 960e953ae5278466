"""What is asked about a page, by its content type: data files of dataset_info/prompts/questions/, one's own first."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from ontune.errors import InputError
from ontune.resources import DATASET_INFO, find, package_root

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["ContentType", "Templates", "load_templates"]

FOLDER = "prompts/questions"


@dataclass(frozen=True)
class ContentType:
    """A kind of page: how it is told from others, what to ask about it, and at most how often.

    `types` are the question types to choose from. Checked when made.
    """

    name: str
    means: str
    ask: str
    questions: int
    types: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "ContentType":
        """The content type of a file. Raises InputError with all that is wrong with it."""
        try:
            record = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not readable: {error}") from None
        keys = [field.name for field in fields(cls)][1:]
        if not isinstance(record, dict) or cast("dict[str, Any]", record).keys() != set(keys):
            raise InputError(f"{path}: expected an object with the keys {keys}")
        values = cast("dict[str, Any]", record)
        wrong = [key for key in ("means", "ask") if not isinstance(values[key], str) or not values[key].strip()]
        faults = [f"{path}: {key} is {values[key]!r}: expected a text" for key in wrong]
        if type(values["questions"]) is not int or values["questions"] < 1:
            faults.append(f"{path}: questions is {values['questions']!r}: expected a whole number from 1")
        if not _is_names(values["types"]):
            faults.append(f"{path}: types is {values['types']!r}: expected a list of names")
        InputError.check(faults)
        types = tuple(dict.fromkeys(values["types"]))
        return cls(path.stem, values["means"].strip(), values["ask"].strip(), values["questions"], types)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)  # pyright: ignore[reportUnknownVariableType]


@dataclass(frozen=True)
class Templates:
    """The content types by name, and the texts of the two requests (jinja2)."""

    kinds: Mapping[str, ContentType]
    draft: str
    classify: str

    def draft_prompt(self, kind: ContentType, **values: object) -> str:
        """The request for questions about a page of this kind."""
        named = {field.name: getattr(kind, field.name) for field in fields(kind)}
        return _render(self.draft, "draft", named | values)

    def classify_prompt(self, **values: object) -> str:
        """The request for the kind of a page."""
        return _render(self.classify, "classify", {"kinds": list(self.kinds.values())} | values)


def load_templates(dataset_info: Path = DATASET_INFO) -> Templates:
    """All content types of both folders, by name. Raises InputError with the faults of all files."""
    kinds: dict[str, ContentType] = {}
    faults: list[str] = []
    folders = (dataset_info / FOLDER, package_root() / "dataset_info" / FOLDER)
    for name in sorted({path.stem for folder in folders for path in folder.glob("*.yaml")}):
        try:
            kinds[name] = ContentType.read(find(FOLDER, name, ".yaml", dataset_info))
        except InputError as error:
            faults += error.faults
    InputError.check(faults)
    texts = [find(FOLDER, name, ".md.j2", dataset_info).read_text(encoding="utf-8") for name in ("draft", "classify")]
    return Templates(kinds, *texts)


@cache
def _compiled(text: str) -> "Template":
    from jinja2 import Environment, StrictUndefined

    # Prompts are plain text: nothing in them is to be escaped.
    return Environment(undefined=StrictUndefined, trim_blocks=True, autoescape=False).from_string(text)  # noqa: S701


def _render(text: str, name: str, values: Mapping[str, object]) -> str:
    from jinja2 import TemplateError

    try:
        return _compiled(text).render(values).strip()
    except TemplateError as error:
        raise InputError(f"{FOLDER}/{name}.md.j2: {error}") from None
