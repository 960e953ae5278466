"""Questions about pages, drafted by a model: one request a page, and one more where its content type is unknown."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontune.errors import DatasetError
from ontune.evaluation import Prediction
from ontune.evaluation.judge import Judge, JudgeFailure, load_picture
from ontune.inference.engine import was_asked
from ontune.inference.question_filters import LONGEST_ANSWER, SHORTEST_ANSWER, SHORTEST_QUESTION
from ontune.inference.question_pages import Subject
from ontune.inference.question_templates import ContentType, Templates
from ontune.inference.resume import answer_all, answered
from ontune.sharegpt import Sample, Turn

__all__ = ["Drafted", "Drafter", "Estimate"]

# For the estimate: hosted models and Qwen-VL take a token for 750 to 784 pixels, and English has four letters a token.
PIXELS_A_TOKEN, BYTES_A_TOKEN = 750, 4
TOKENS_A_QUESTION, TOKENS_A_KIND = 70, 20  # of an answer
TEXT_TO_CLASSIFY, PIXELS_TO_CLASSIFY = 1500, 512 * 512  # characters and pixels that tell what a page is
LIMITS = {
    "shortest_question": SHORTEST_QUESTION,
    "shortest_answer": SHORTEST_ANSWER,
    "longest_answer": LONGEST_ANSWER,
}


@dataclass(frozen=True)
class Estimate:
    """What is to be asked, and about how many tokens it takes; `kept` requests were answered before a stop."""

    pages: int
    requests: int
    kept: int
    tokens_in: int
    tokens_of_pictures: int
    tokens_out: int

    def price(self, of_in: float, of_out: float) -> float:
        """What that costs, at prices for a million tokens."""
        return (self.tokens_in * of_in + self.tokens_out * of_out) / 1e6


@dataclass(frozen=True)
class Drafted:
    """What came back for one page: its content type and the drafts as they were given, or why nothing came."""

    subject: Subject
    content_type: str = ""
    items: tuple[object, ...] = ()
    failed: str = ""
    why: str = ""


@dataclass(frozen=True)
class _Request:
    """One question to the model about a page; `read` refuses what the schema does not allow.

    `plain` is the prompt without the page's earlier questions, which are others once it has been answered.
    """

    subject: Subject
    prompt: str
    plain: str
    schema: Mapping[str, Any]
    read: Callable[[dict[str, Any]], object]
    tokens_out: int
    max_pixels: int

    @property
    def id(self) -> str:
        """Another one for anything else that is asked or shown: an answer that is kept belongs to this alone."""
        page = self.subject.page
        shown = [page.document_sha256, page.page, page.settings, page.image]
        text = json.dumps([self.plain, self.schema, shown, self.max_pixels])
        return f"{page.page_id} {hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def sample(self) -> Sample:
        """As much of a sample as resuming needs."""
        turns = (Turn("human", "<image>"), Turn("gpt", ""))
        return Sample(self.id, turns, images=(self.subject.page.image,), meta={"group": self.subject.page.page_id})


@dataclass(frozen=True)
class Drafter:
    """Asks a model about the pages of a folder; what it answers is kept beside `out` until the file is written.

    `occasion`: answers that were kept on another one do not count, though the pages are the same.
    """

    judge: Judge
    templates: Templates
    folder: Path
    out: Path
    max_pixels: int
    workers: int = 1
    occasion: str = ""

    def estimate(self, subjects: Sequence[Subject]) -> Estimate:
        """What is left to ask; where a content type is not known yet, as for the one with the most to write."""
        first = [self._classify(subject) for subject in subjects if not subject.content_type]
        known = answered(self.out, self._settings("classify"))
        kinds = {one.subject.page.page_id: self._kind(known[one.id]) for one in first if one.id in known}
        longest = max(self.templates.kinds.values(), key=lambda kind: kind.questions).name
        drafts = [
            self._draft(subject, subject.content_type or kinds.get(subject.page.page_id, longest))
            for subject in subjects
        ]
        known |= answered(self.out, self._settings("draft"))
        todo = [one for one in (*first, *drafts) if one.id not in known]
        pictures = sum(map(_picture_tokens, todo))
        return Estimate(
            pages=len(subjects),
            requests=len(todo),
            kept=len(first) + len(drafts) - len(todo),
            tokens_in=pictures + sum(map(_text_tokens, todo)),
            tokens_of_pictures=pictures,
            tokens_out=sum(one.tokens_out for one in todo),
        )

    def draft(self, subjects: Sequence[Subject]) -> list[Drafted]:
        """What came back for each page, in the order of the pages' ids."""
        kinds = {subject.page.page_id: subject.content_type for subject in subjects if subject.content_type}
        first = self._ask("classify", [self._classify(subject) for subject in subjects if not subject.content_type])
        kinds |= {page_id: self._kind(row) for page_id, row in first.items() if was_asked(row)}
        asked = [self._draft(one, kinds[one.page.page_id]) for one in subjects if one.page.page_id in kinds]
        rows = first | self._ask("draft", asked)
        ordered = sorted(subjects, key=lambda subject: subject.page.page_id)
        return [_drafted(one, kinds.get(one.page.page_id, ""), rows[one.page.page_id]) for one in ordered]

    def _kind(self, row: Prediction) -> str:
        return str((row.answer or {})["content_type"])

    def _classify(self, subject: Subject) -> _Request:
        names = list(self.templates.kinds)
        text = subject.text.strip()[:TEXT_TO_CLASSIFY]
        prompt = self.templates.classify_prompt(section=subject.section_name, text=text)
        schema = _object({"content_type": {"type": "string", "enum": names}})

        def read(answer: dict[str, Any]) -> None:
            if answer.get("content_type") not in names:
                raise JudgeFailure("malformed", f"content_type {answer.get('content_type')!r}: expected one of {names}")

        return _Request(subject, prompt, prompt, schema, read, TOKENS_A_KIND, min(PIXELS_TO_CLASSIFY, self.max_pixels))

    def _draft(self, subject: Subject, content_type: str) -> _Request:
        kind = self.templates.kinds[content_type]
        about = {"section": subject.section_name, "text": subject.text.strip(), **LIMITS}
        prompt = self.templates.draft_prompt(kind, **about, earlier=subject.earlier)
        plain = self.templates.draft_prompt(kind, **about, earlier=()) if subject.earlier else prompt
        tokens = TOKENS_A_QUESTION * kind.questions
        return _Request(subject, prompt, plain, _schema(kind), _read_items, tokens, self.max_pixels)

    def _ask(self, stage: str, requests: Sequence[_Request]) -> dict[str, Prediction]:
        """The answers by page; those that a stopped run has been given are not asked for again, failures are."""
        by_id = {request.id: request for request in requests}
        batches = [[request.sample()] for request in requests]
        found = answer_all(
            batches,
            lambda batch: [self._answer(by_id[sample.id], sample) for sample in batch],
            self.out,
            self._settings(stage),
            self.workers,
            again=True,
        )
        return {str(row.meta["group"]): row for row in found}

    def _settings(self, stage: str) -> object:
        return ("questions", stage, self.judge.identity, self.occasion)

    def _answer(self, request: _Request, sample: Sample) -> Prediction:
        try:
            picture = load_picture(self.folder / request.subject.page.image, request.max_pixels)
            answer = self.judge(request.prompt, request.schema, [picture])
            request.read(answer)
        except (JudgeFailure, DatasetError) as error:
            kind = error.kind if isinstance(error, JudgeFailure) else "picture"
            return self._prediction(sample, None, {"failed": kind, "not_encoded": str(error)})
        return self._prediction(sample, answer, {})

    def _prediction(self, sample: Sample, answer: dict[str, Any] | None, meta: Mapping[str, str]) -> Prediction:
        return Prediction(
            id=sample.id,
            decoding="constrained",
            gold=None,
            raw="",
            answer=answer,
            errors=("not_encoded",) if meta else (),
            images=sample.images,
            meta={**sample.meta, **meta},
            model=self.judge.name,
        )


def _picture_tokens(request: _Request) -> int:
    page = request.subject.page
    return math.ceil(min(page.width * page.height, request.max_pixels) / PIXELS_A_TOKEN)


def _text_tokens(request: _Request) -> int:
    return math.ceil(len((request.prompt + json.dumps(request.schema)).encode()) / BYTES_A_TOKEN)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _schema(kind: ContentType) -> dict[str, Any]:
    text = {"type": "string"}
    item = _object({"question": text, "answer": text, "question_type": text | {"enum": list(kind.types)}})
    return _object({"questions": {"type": "array", "items": item}})


def _read_items(answer: dict[str, Any]) -> list[object]:
    items: object = answer.get("questions")
    if not isinstance(items, list):
        raise JudgeFailure("malformed", f"questions is {items!r:.200}: expected a list")
    return items  # pyright: ignore[reportUnknownVariableType]


def _drafted(subject: Subject, content_type: str, row: Prediction) -> Drafted:
    if not was_asked(row):
        return Drafted(subject, content_type, (), str(row.meta["failed"]), str(row.meta["not_encoded"]))
    return Drafted(subject, content_type, tuple(_read_items(row.answer or {})))
