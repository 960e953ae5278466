"""Numerals as text has them: where each number stands, what it is worth, and the unit behind it."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ontune.evaluation.units import BARE, CODE, Unit, find_unit

__all__ = ["Token", "plain_text", "tokens"]


@dataclass(frozen=True)
class Token:
    """A number where it stands; `end` lies behind the unit; a label is a number that names a thing (bolts 3, pin 7)."""

    value: float
    place: float
    unit: Unit
    start: int
    end: int
    label: bool = False


CHARACTERS = str.maketrans(
    {"‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "º": "°", "˚": "°", "’": "'", "′": "'", "‘": "'"}
    | {"″": '"', "”": '"', "“": '"', "⁄": "/", "·": " ", "⋅": " ", "•": " ", "ø": " ", "Ø": " "}
    | {
        "¼": " 1/4",
        "½": " 1/2",
        "¾": " 3/4",
        "⅓": " 1/3",
        "⅔": " 2/3",
        "⅛": " 1/8",
        "⅜": " 3/8",
        "⅝": " 5/8",
        "⅞": " 7/8",
    }
)
QUOTE = re.compile(r'(\d\s?)?"')

DEGREE = find_unit(["°"]) or BARE
NUMERAL = r"\d{1,15}(?:[.,]\d{1,15}){0,6}|(?<!\.)\.\d{1,9}"
NUMBER = re.compile(
    r"(?<!\w)(?<!\w[.,])(?:"
    r"(?P<degrees>\d{1,3})\s?°\s?(?P<minutes>\d{1,2})\s?'(?!\w)"
    r"|(?:(?P<whole>\d{1,4})[ -])?(?P<top>\d{1,2})/(?P<bottom>2|3|4|8|16|32|64)(?![\d/])"
    r"|(?P<grouped>\d{1,3}(?:[ '\u202f]\d{3}){1,4}(?:[.,]\d{1,9})?)(?![\d]|[ -]\d)"
    r"|(?P<code>\d{1,6}(?:(?: |\s?[/-]\s?)\d{1,6}){2,8})(?!\d|\.\d)"
    rf"|(?P<plain>{NUMERAL})(?!\d)"
    r")"
)
WORD = r"(?:(?:1/)?[^\W\d_]+[23]?(?:/[^\W\d_]+[23]?)?|°|%)"
UNIT = re.compile(rf"[ \t\n\u00a0]{{0,3}}-?(?P<words>{WORD}(?:[\s.*-]{{0,3}}{WORD}){{0,2}})")
WORDS = re.compile(WORD)
# `5 in the engine` is no length: a whole number before `in` and a further word needs a word of measure there.
IN_WORDS = re.compile(r"\s+(?!(?:long|wide|deep|thick|high|diameter|bore|and|or|to|x|from|of)\b)[a-z]", re.IGNORECASE)

LABEL = re.compile(
    r"(?<![a-z])(?:bolt|screw|nut|stud|item|no|nr|number|pos|position|cylinder|page|fig|figure|pin|terminal|fuse|relay"
    r"|connector|section|group|table|circuit|valve|wheel|gear)s?\.?\s{0,2}#?$",
    re.IGNORECASE,
)
LABEL_LIST = re.compile(r"\s*(?:,|-|&|and|to|or|through)\s*(?:and\s*)?$", re.IGNORECASE)
# Designations with numbers in them: oil grades, and threads with their pitch.
NAMES = re.compile(r"\b\d{1,2}W-?\d{1,2}\b|\bM\d{1,3}\s?[x×]\s?\d(?:[.,]\d{1,2})?(?![\d.,]|\s?mm)")


def plain_text(text: str) -> str:
    """One sign for each meaning; a double quote behind a number is an inch unless it closes a quotation."""
    text = unicodedata.normalize("NFKC", text.translate(CHARACTERS).replace("²", "2").replace("³", "3"))
    text = text.replace("µ", "μ").replace("''", '"').replace("\u2126", "Ω")
    open_quote = False

    def inch(match: re.Match[str]) -> str:
        nonlocal open_quote
        if match[1] and not open_quote:
            return f"{match[1]} inch "
        open_quote = not open_quote
        return f"{match[1] or ''} "

    return NAMES.sub(lambda match: " " * len(match[0]), QUOTE.sub(inch, text))


def tokens(text: str) -> Iterator[Token]:
    """Every number with the unit behind it. A number that letters follow, as in 4WD, is none."""
    at, last = 0, None
    while match := NUMBER.search(text, at):
        token = _token(text, match)
        at = max(token.end, match.end())
        if token.unit == BARE and re.match(r"(?![xX]\s?\d)[^\W\d_]", text[token.end : token.end + 3]):
            continue
        last = replace(token, label=_is_label(text, token, last))
        yield last


def _token(text: str, match: re.Match[str]) -> Token:
    value, place, code = _value(match)
    if code:
        return Token(0.0, 0.0, CODE, match.start(), match.end())
    if match["degrees"]:
        unit, end = DEGREE, match.end()
    elif _is_minutes(text, match):
        return Token(value / 60, place / 60, DEGREE, match.start(), match.end() + 1)
    else:
        unit, end = _unit(text, match.end(), whole=place == 0.5 and not match["top"])
    return Token(value, place, unit, match.start(), end)


def _is_minutes(text: str, match: re.Match[str]) -> bool:
    """Whether these are minutes of an angle: beside ± alone, as elsewhere a single quote may close a quotation."""
    start, end = match.span()
    around = text[max(0, start - 4) : start] + text[end + 1 : end + 5]
    return text[end : end + 1] == "'" and bool(re.search(r"±|\+\s?/?\s?-", around))


def _value(match: re.Match[str]) -> tuple[float, float, bool]:
    """The number, half a unit of its last digit, and whether it is a code instead."""
    if match["degrees"]:
        return int(match["degrees"]) + int(match["minutes"]) / 60, 1 / 120, False
    if match["top"]:
        fraction = int(match["top"]) / int(match["bottom"])
        return int(match["whole"] or 0) + fraction, 0.5 / int(match["bottom"]), fraction >= 1
    if match["code"]:
        return 0.0, 0.0, True
    text = re.sub(r"[ '\u202f]", "", match["grouped"] or match["plain"])
    digits = _decimal(text)
    if digits is None:
        return 0.0, 0.0, True
    return float(digits), 0.5 * 10.0 ** -len(digits.partition(".")[2]), False


def _decimal(text: str) -> str | None:
    """The numeral with a decimal point and nothing else, or None where it is no number: 12.3.4, 1,2,3."""
    if re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", text):
        return text.replace(",", "")
    if re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,}", text):
        return text.replace(".", "").replace(",", ".")
    text = text.replace(",", ".")
    return text if text.count(".") <= 1 else None


def _unit(text: str, at: int, whole: bool) -> tuple[Unit, int]:
    """The unit of most words behind the number, and where it ends; the bare number's where there is none."""
    match = UNIT.match(text, at)
    spans = [word.span() for word in WORDS.finditer(text, *match.span("words"))] if match else []
    for count in range(len(spans), 0, -1):
        end = spans[count - 1][1]
        unit = find_unit([text[start:stop] for start, stop in spans[:count]])
        if unit and not _runs_on(text, end) and not (count == 1 and whole and _is_preposition(text, unit, end)):
            return unit, end
    return BARE, at


def _runs_on(text: str, end: int) -> bool:
    """Whether a longer word or a quotient begins here, which is another unit: 5 l/100, 5 mm4."""
    return bool(re.match(r"/[^\W\d_]", text[end : end + 2])) or (
        text[end - 1].isalpha() and text[end : end + 1].isdigit()
    )


def _is_preposition(text: str, unit: Unit, end: int) -> bool:
    return unit.name == "in" and text[end - 2 : end].lower() == "in" and bool(IN_WORDS.match(text, end, end + 12))


def _is_label(text: str, token: Token, last: Token | None) -> bool:
    if token.unit != BARE:
        return False
    if LABEL.search(text[max(0, token.start - 16) : token.start].rstrip()):
        return True
    gap = text[last.end : token.start] if last else ""
    return bool(last and last.label and len(gap) < 12 and LABEL_LIST.fullmatch(gap))
