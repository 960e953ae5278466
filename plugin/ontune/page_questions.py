"""What is wrong with a question about a page and its answer, seen from their texts alone."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz import fuzz

__all__ = ["Asked", "circular", "content_words", "missing_numbers", "self_reference", "vague_reference"]

ALIKE = 85  # of 100: how like the words of two questions with one answer are, for them to ask the same
SPELLED_ALIKE = 75  # of 100: how like two words are spelled, for one to be a form or a slip of the other

THING = (
    "images?|pictures?|photos?|photographs?|figures?|diagrams?|illustrations?|drawings?|sketch(?:es)?|screenshots?"
    "|scans?|pages?|tables?|charts?|schematics?"
)
SOURCE = "documents?|texts?|passages?|excerpts?|extracts?|sections?"
POINTING = "this|these|that|those|above|below|given|provided|following|present|attached|accompanying"
# A question that speaks of the picture it was made from: without that picture beside it nobody can tell which.
SELF = re.compile(
    rf"\b(?:in|on|from|of|to|by|per|with|within|across|at|does|do|is|are|which) "
    rf"(?:the|an?|{POINTING})(?: (?:{POINTING}|\w+)){{0,2}}? (?:{THING})\b"
    rf"|\b(?:according to|based on) (?:the|{POINTING}) (?:\w+ )?(?:{SOURCE}|{THING})\b"
    rf"|\b(?:{POINTING}) (?:{THING}|{SOURCE})\b"
    r"|\b(?:shown|depicted|pictured|illustrated|displayed|visible|labell?ed|seen|listed|described|mentioned|marked)"
    r" (?:here|above|below)\b",
    re.IGNORECASE,
)
VAGUE = re.compile(r"\b(?:this|these|those)\b", re.IGNORECASE)
WORD = re.compile(r"[^\W_]+(?:[-'’/][^\W_]+)*")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
SPACED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?: \d{3})+(?!\d)")  # thousands set apart
THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?:\.\d{3})+")
COMMON = frozenset(
    WORD.findall(
        """
    a about after an and any are as at be been before by can could did do does during each every for from had has have
    how if in into is it its may must need needed no not of on one or out over should some such than that the their them
    then there these they this those to too under up use used using was were what when where which while who whom whose
    why will with would you your
        """
    )
)


@dataclass(frozen=True)
class Asked:
    """A question about a page with its answer, to be held against the page's others."""

    question: str
    answer: str

    def asks_as(self, other: "Asked") -> bool:
        """Whether both ask after the same things, in the same words or with the same answer.

        Where each has a word that is not even spelled like one of the other's (upper, lower), they do not.
        """
        if self._designations != other._designations:
            return False
        words, theirs = self._words, other._words
        if words == theirs:
            return True
        if self._said != other._said or (_without_like(words, theirs) and _without_like(theirs, words)):
            return False
        return fuzz.token_sort_ratio(self.question.casefold(), other.question.casefold()) >= ALIKE

    @cached_property
    def _designations(self) -> set[str]:
        return designations(self.question)

    @cached_property
    def _words(self) -> set[str]:
        return content_words(self.question)

    @cached_property
    def _said(self) -> set[str]:
        return content_words(self.answer)


def _without_like(words: Collection[str], others: Collection[str]) -> bool:
    """Whether one of the words is spelled like none of the others: no other form of it, and no slip of the pen."""
    return any(all(fuzz.ratio(word, other) < SPELLED_ALIKE for other in others) for word in words)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def self_reference(question: str) -> str | None:
    """The words with which a question refers to its own picture (`in the image`, `shown above`); None for none."""
    match = SELF.search(" ".join(unicodedata.normalize("NFKC", question).split()))
    return match[0] if match else None


def vague_reference(question: str) -> str | None:
    """The first `this`, `these` or `those` of a question; None for none."""
    match = VAGUE.search(question)
    return match[0] if match else None


def content_words(text: str) -> set[str]:
    """The words that carry a text's meaning: folded, without the commonest, and without the plural's s."""
    words = (word for word in WORD.findall(_folded(text)) if word not in COMMON)
    return {word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in words}


def designations(text: str) -> set[str]:
    """What names one thing among its like: words with a digit, and single letters but `a`."""
    return {word for word in WORD.findall(_folded(text)) if re.search(r"\d", word) or (len(word) == 1 and word != "a")}


def circular(question: str, answer: str) -> bool:
    """Whether an answer says nothing that its question does not say.

    A question that offers a choice may be answered so; an answer without a word is not circular but empty.
    """
    said = content_words(answer)
    return bool(said) and said <= content_words(question) and not re.search(r"\bor\b", question, re.IGNORECASE)


def missing_numbers(answer: str, page_text: str) -> list[str]:
    """The numbers of an answer that do not stand on the page, in their order, each once.

    A decimal comma is a point, and noughts at either end do not count: 1,50 is 1.5. Thousands may be set apart: 1000 is
    1,000 and 1 000.
    """
    page = unicodedata.normalize("NFKC", page_text)
    numbers = [*NUMBER.findall(page), *map(_joined, SPACED.finditer(page))]
    there = {value for number in numbers for value in _values(number)}
    said = SPACED.sub(
        lambda match: _joined(match) if _joined(match) in there else match[0], unicodedata.normalize("NFKC", answer)
    )
    return [number for number in dict.fromkeys(NUMBER.findall(said)) if there.isdisjoint(_values(number))]


def _joined(match: re.Match[str]) -> str:
    return match[0].replace(" ", "")


def _values(number: str) -> set[str]:
    """What a numeral may be worth: 1,000 is a thousand, or 1 with decimals."""
    return {_plain(number)} | ({re.sub("[,.]", "", number)} if THOUSANDS.fullmatch(number) else set())


def _plain(number: str) -> str:
    plain = number.replace(",", ".").lstrip("0") or "0"
    return plain.rstrip("0").rstrip(".") or "0" if "." in plain else plain
