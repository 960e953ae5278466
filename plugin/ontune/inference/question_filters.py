"""Which drafted questions are kept: each drop has a reason, and what asks the same as another is dropped too."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ontune.page_questions import Asked, circular, missing_numbers, self_reference, vague_reference

__all__ = ["LONGEST_ANSWER", "REASONS", "SHORTEST_ANSWER", "SHORTEST_QUESTION", "Draft", "Sieve"]

SHORTEST_QUESTION, SHORTEST_ANSWER, LONGEST_ANSWER = 15, 10, 500  # characters
SHOWN = 3

REASONS = {
    "malformed": "no object with the texts question, answer and question_type",
    "question_type": "a question type that the content type does not have",
    "short_question": f"a question of fewer than {SHORTEST_QUESTION} characters",
    "no_question_mark": "a question that does not end with a question mark",
    "short_answer": f"an answer of fewer than {SHORTEST_ANSWER} characters",
    "long_answer": f"an answer of more than {LONGEST_ANSWER} characters",
    "self_referential": "a question or an answer that speaks of the picture it was made from",
    "vague_reference": "a question that says this, these or those",
    "circular_answer": "an answer that says nothing that the question does not say",
    "number_not_on_page": "an answer with a number that does not stand in the page's text layer",
    "duplicate": "the words of another question about the page, or question and answer of another page",
    "near_duplicate": "another question about the page asks the same",
}


@dataclass(frozen=True)
class Draft:
    """A question about a page with its answer; white space in both is single spaces."""

    question: str
    answer: str
    question_type: str

    @classmethod
    def read(cls, item: object) -> "Draft | None":
        """The draft of one object of an answer; None where it is none."""
        record = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        texts = [record.get(key) for key in ("question", "answer", "question_type")]
        try:
            plain = [" ".join(str(text).split()) for text in texts if isinstance(text, str) and text.encode()]
        except UnicodeEncodeError:  # half of a surrogate pair, which no file can hold
            return None
        return cls(*plain) if len(plain) == len(texts) else None

    def faults(self, types: Collection[str], page_text: str) -> Iterator[tuple[str, str]]:
        """Each reason to drop it, with its detail; numbers are looked for where the page has a text layer."""
        question, answer = self.question, self.answer
        if self.question_type not in types:
            yield "question_type", repr(self.question_type)
        if len(question) < SHORTEST_QUESTION:
            yield "short_question", f"{len(question)} characters"
        if not question.endswith(("?", "？")):
            yield "no_question_mark", f"ends with {question[-1:]!r}"
        if len(answer) < SHORTEST_ANSWER:
            yield "short_answer", f"{len(answer)} characters"
        if len(answer) > LONGEST_ANSWER:
            yield "long_answer", f"{len(answer)} characters"
        yield from self._reference_faults()
        if circular(question, answer):
            yield "circular_answer", "only the question's own words"
        if page_text.strip() and (missing := missing_numbers(answer, page_text)):
            yield "number_not_on_page", ", ".join(missing)

    def _reference_faults(self) -> Iterator[tuple[str, str]]:
        if words := self_reference(self.question) or self_reference(self.answer):
            yield "self_referential", repr(words)
        elif word := vague_reference(self.question):
            yield "vague_reference", repr(word)


@dataclass
class Sieve:
    """Takes the drafts of page after page; `read` is what it kept and what it dropped, by reason."""

    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter[str])
    examples: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _seen: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def know(self, page_id: str, question: object, answer: object) -> None:
        """A question that stays as it is: the same one with the same answer is not taken from another page."""
        self._seen.setdefault((_plain(str(question)), _plain(str(answer))), page_id)

    def keep(self, page_id: str, items: Sequence[object], types: Collection[str], page_text: str) -> list[Draft]:
        """The drafts of one page that stay, in their order."""
        kept: list[Draft] = []
        for at, item in enumerate(items, start=1):
            draft = Draft.read(item)
            reason, detail = self._fault(draft, kept, types, page_text)
            self.read += 1
            if draft and not reason:
                kept.append(draft)
                self.kept += 1
                self.know(page_id, draft.question, draft.answer)
            else:
                shown = f"{draft.question!r} → {draft.answer!r}" if draft else repr(item)[:200]
                self._drop(reason, f"{page_id} number {at}: {detail}: {shown}")
        return kept

    def _fault(
        self, draft: Draft | None, kept: Sequence[Draft], types: Collection[str], page_text: str
    ) -> tuple[str, str]:
        """The first reason to drop it; empty for none."""
        if draft is None:
            return "malformed", "no question with its answer and type"
        for reason, detail in draft.faults(types, page_text):
            return reason, detail
        key = (_plain(draft.question), _plain(draft.answer))
        if other := self._seen.get(key):
            return "duplicate", f"stands at page {other}"
        for earlier in kept:
            if _plain(earlier.question) == key[0]:
                return "duplicate", f"as {earlier.question!r}"
            if Asked(draft.question, draft.answer).asks_as(Asked(earlier.question, earlier.answer)):
                return "near_duplicate", f"as {earlier.question!r}"
        return "", ""

    def _drop(self, reason: str, detail: str) -> None:
        self.dropped[reason] += 1
        shown = self.examples.setdefault(reason, [])
        if len(shown) < SHOWN:
            shown.append(detail)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
