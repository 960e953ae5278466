"""Predictions as cases for a judge: what was asked, answered and right, and what the answer must be faithful to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ontune.errors import InputError
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.text_overlap import texts
from ontune.task.model import Task

__all__ = ["PAGE_TEXT", "Case", "make_cases"]

Source: TypeAlias = Literal["page_text", "gold"]
PAGE_TEXT = "page_text"  # the key of `meta` that holds the text of the page
MOST = 20  # pictures that a message names


@dataclass(frozen=True)
class Case:
    """One row for the judge; `context` is the page's text where the row has it, else gold."""

    id: str
    question: str
    answer: str
    gold: str | None
    context: str | None
    source: Source | None
    images: tuple[Path, ...] = ()


def make_cases(
    task: Task,
    predictions: Sequence[Prediction],
    questions: Mapping[str, str] | None = None,
    media_root: Path | None = None,
) -> list[Case]:
    """The rows as cases, in their order; without `media_root` the judge sees no picture.

    A row's question is that of `questions` by id, else `meta["question"]`, else the task's own words. Raises InputError
    with all pictures that are not there.
    """
    cases = [_case(task, row, questions or {}, media_root) for row in predictions]
    missing = sorted({str(path) for case in cases for path in case.images if not path.is_file()})
    more = [f"and {len(missing) - MOST} more"] if len(missing) > MOST else []
    hint = "name their folder with --media-root, or judge without pictures: --judge-blind"
    InputError.check([f"{path}: no such picture: {hint}" for path in missing[:MOST]] + more)
    return cases


def _case(task: Task, row: Prediction, questions: Mapping[str, str], media_root: Path | None) -> Case:
    answer, gold = _answer_and_gold(task, row)
    page, asked = row.meta.get(PAGE_TEXT), row.meta.get("question")
    question = questions.get(row.id) or (asked if isinstance(asked, str) and asked else task.user)
    has_page = isinstance(page, str) and bool(page.strip())
    context, source = (str(page), PAGE_TEXT) if has_page else (gold, "gold" if gold else None)
    images = tuple(media_root / name for name in row.images) if media_root else ()
    return Case(row.id, question, answer, gold, context, source, images)


def _answer_and_gold(task: Task, row: Prediction) -> tuple[str, str | None]:
    """The texts that text metrics compare; where the task has no text, the answer as it was given and gold as JSON."""
    if pair := texts(task, row):
        gold, answer = pair
        return (answer or row.raw).strip(), gold or None
    gold = row.gold if isinstance(row.gold, str) else None if row.gold is None else task.to_json(row.gold)
    return row.raw.strip(), gold
