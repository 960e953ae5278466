"""What is wrong with a manual's questions and answers, each finding of a kind that can be counted or dropped."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ontune.page_questions import Asked, circular, content_words, missing_numbers, self_reference, vague_reference

__all__ = ["KINDS", "Finding", "Question", "counts", "find_faults", "quality_record"]

KINDS = {
    "circular_answer": "the answer says nothing that the question does not say",
    "near_duplicate": "another question about the same page asks the same",
    "not_on_page": "the answer's numbers, or most of its words, do not stand in its page's text",
    "repeated_elsewhere": "the same question and answer stand on another page",
    "self_referential": "the question speaks of its own picture",
    "tiny_picture": "a picture too small to be a page, such as a favicon",
    "vague_reference": "the question says this, these or those",
}
FEW = 0.5  # of an answer's words that have to stand on its page


@dataclass(frozen=True)
class Question:
    """A question as it is judged: its id, its pages' name and, where every page has one, their text layers."""

    id: str
    page: str
    question: str
    answer: str
    text: str | None = None
    tiny: str = ""  # which of its pictures are too small, and how small


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a question."""

    kind: str
    id: str
    page: str
    question: str
    answer: str
    detail: str

    def __str__(self) -> str:
        return f"{self.id}: {self.detail}: {self.question!r} → {self.answer!r}"


def find_faults(questions: Sequence[Question], dropped: Collection[str] = ()) -> list[Finding]:
    """Every finding, in the order of the questions; of near duplicates and repeats the later one is at fault.

    A question that is dropped for a kind of its own takes no other with it as that one's duplicate.
    """
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for item in questions:
        found[item.id] += _of_its_own(item)
    kept = [item for item in questions if not any(kind in dropped for kind, _ in found[item.id])]
    for of_page in _by_page(kept).values():
        for item, detail in _near_duplicates(of_page):
            found[item.id].append(("near_duplicate", detail))
    for item, detail in _repeats(kept):
        found[item.id].append(("repeated_elsewhere", detail))
    return [
        Finding(kind, item.id, item.page, item.question, item.answer, detail)
        for item in questions
        for kind, detail in found[item.id]
    ]


def _of_its_own(item: Question) -> Iterator[tuple[str, str]]:
    if item.tiny:
        yield "tiny_picture", item.tiny
    if words := self_reference(item.question):
        yield "self_referential", repr(words)
    elif word := vague_reference(item.question):
        yield "vague_reference", repr(word)
    if circular(item.question, item.answer):
        yield "circular_answer", "only the question's own words"
    if item.text is not None and (detail := _not_on_page(item, item.text)):
        yield "not_on_page", detail


def _not_on_page(item: Question, text: str) -> str:
    """What of an answer the page does not have; the question's own words need not stand there."""
    if numbers := missing_numbers(item.answer, text):
        return f"{', '.join(numbers)} not on the page"
    words = {word for word in content_words(item.answer) - content_words(item.question) if not word.isdigit()}
    there = words & content_words(text)
    return f"{len(there)} of {len(words)} words on the page" if len(there) < FEW * len(words) else ""


def _by_page(questions: Iterable[Question]) -> dict[str, list[Question]]:
    pages: defaultdict[str, list[Question]] = defaultdict(list)
    for item in questions:
        pages[item.page].append(item)
    return pages


def _near_duplicates(questions: Sequence[Question]) -> Iterator[tuple[Question, str]]:
    """Each question that asks what an earlier one asks."""
    seen: list[tuple[Question, Asked]] = []
    for item in questions:
        asked = Asked(item.question, item.answer)
        if other := next((other for other, earlier in seen if asked.asks_as(earlier)), None):
            yield item, f"as {other.id} {other.question!r}"
        seen.append((item, asked))


def _repeats(questions: Sequence[Question]) -> Iterator[tuple[Question, str]]:
    """Each question whose words and answer stand on an earlier page too: the picture adds nothing to it."""
    first: dict[tuple[str, str], Question] = {}
    for item in questions:
        key = (" ".join(item.question.casefold().split()), " ".join(item.answer.casefold().split()))
        other = first.setdefault(key, item)
        if other.page != item.page:
            yield item, f"as {other.id}"


def quality_record(findings: Sequence[Finding], questions: Sequence[Question]) -> dict[str, Any]:
    """The report as JSON: how many questions have a finding of each kind, and every finding."""
    kinds = Counter(finding.kind for finding in findings)
    return {
        "questions": len(questions),
        "with_page_text": sum(item.text is not None for item in questions),
        "faultless": len(questions) - len({finding.id for finding in findings}),
        "kinds": {kind: {"count": kinds[kind], "means": KINDS[kind]} for kind in sorted(KINDS)},
        "findings": [asdict(finding) for finding in findings],
    }


def counts(findings: Sequence[Finding], questions: Sequence[Question]) -> Mapping[str, int]:
    """The report's numbers alone."""
    record = quality_record(findings, questions)
    plain = {key: record[key] for key in ("questions", "with_page_text", "faultless")}
    return plain | {kind: item["count"] for kind, item in record["kinds"].items()}
