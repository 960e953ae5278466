"""Numbers with units, read from the text of an answer.

Numbers: decimal point and decimal comma (2,5); a comma, apostrophe or space before exactly three digits separates
thousands (1,500 is fifteen hundred, 1.500 is one and a half, 0,500 is a half); fractions (3/8, 1 1/2, ½); minutes of an
angle (1°30', and 18' ± 5').
Spans: 47-51, 47 to 51, between 47 and 51, 49 ± 2, 40 + 5 Nm and 10 +0.5/-0.2 mm (DIN deviations).
Lists share their unit: 40 or 45 Nm, 10 x 20 mm; 2 x 90° is two steps of 90°. `Stage 1: …`, `1) …`, `40 Nm + 90°` and
`then` number the stages. A number that repeats the one before it in another unit, 40 Nm (30 lb-ft), is not counted.
No number: designations (M10, E30), and codes count as text (21 21 000, 1-3-4-2, 21-3, 12.3.4). Words such as `at
least` are not read. Every pattern is bounded, so that time grows with the length of the text alone.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ontune.evaluation.numerals import Token, plain_text, tokens
from ontune.evaluation.units import BARE, CODE, Unit

__all__ = ["Quantity", "read_quantities"]


@dataclass(frozen=True)
class Quantity:
    """A number or a span of numbers as written, its unit, and half a unit of its last digit.

    `stage` counts from 1 where the text gives stages, and is 0 where it gives none; `text` is that of a code.
    """

    low: float
    high: float
    unit: Unit = BARE
    place: float = 0.5
    stage: int = 0
    text: str = ""

    @property
    def written(self) -> tuple[float, float]:
        """Both ends in the unit they were written in."""
        return self.low, self.high

    @property
    def base(self) -> tuple[float, float]:
        """Both ends in the first unit of the dimension."""
        factor, offset = self.unit.factor, self.unit.offset
        return self.low * factor + offset, self.high * factor + offset

    def restates(self, other: "Quantity") -> bool:
        """Whether this says the same as the other in another unit, as far as their last digits tell."""
        if self.unit.dimension != other.unit.dimension or self.unit == other.unit or not self.unit.dimension:
            return False
        slack = self.place * self.unit.factor + other.place * other.unit.factor
        return all(abs(a - b) <= slack for a, b in zip(self.base, other.base, strict=True))


@dataclass(frozen=True)
class _Found:
    quantity: Quantity
    start: int
    end: int
    label: bool = False


ORDINALS = {word: at for at, word in enumerate(("first", "second", "third", "fourth", "fifth", "sixth"), start=1)}
COUNTS = {word: at for at, word in enumerate(("one", "two", "three", "four", "five", "six"), start=1)}
NOUN = r"(?:stage|step|phase|pass|stufe|schritt)"
STAGE = re.compile(
    rf"(?<!\w){NOUN}\s{{0,2}}(?:no\.?\s?)?(?P<count>\d{{1,2}}|{'|'.join(COUNTS)})(?![\w.]\d|\w)"
    rf"|(?<!\w)(?P<ordinal>\d(?=st|nd|rd|th)|{'|'.join(ORDINALS)})(?:st|nd|rd|th)?\s{{1,2}}{NOUN}(?!\w)"
    r"|(?:^|[\n;,.])[ \t]{0,4}(?P<item>[1-9])[.)](?=\s{1,2}\D)"
    r"|(?:^|[\n;,])[ \t]{0,4}(?P<listed>[1-9])[.)](?=\s{1,2}\d)"
    r"|(?<=\s)(?P<bracket>[1-9])\)(?=\s)",
    re.IGNORECASE,
)
THEN = re.compile(
    r"\+|\b(?:then|plus|followed by|further|additional|additionally|another|subsequently|anschließend)\b", re.IGNORECASE
)
SPREAD = re.compile(r"\s*(?:±|\+\s?/?\s?-)\s*")
PLUS = re.compile(r"\s*\+\s*")
MINUS = re.compile(r"\s*(?:/\s?-?|-)\s*|\s+-?\s*")
RANGE = re.compile(r"\s*(?:-|\bto\b|\bthrough\b|\bbis\b|\.{2,3}|…)\s*([+-]?)", re.IGNORECASE)
AND = re.compile(r"\s*\band\b\s*([+-]?)", re.IGNORECASE)
BETWEEN = re.compile(r"\bbetween\s+[+-]?$", re.IGNORECASE)
SHARED = re.compile(r"\s*(?:/|x|×|\*|\bor\b|\band\b|&)\s*", re.IGNORECASE)
COMMA = re.compile(r",\s+")
TIMES = re.compile(r"\s*[x×*]\s*", re.IGNORECASE)
NEGATIVE = re.compile(r"(?:^|[\s(\[=:;,/])-$")
NEAR = 60  # characters between two quantities, at most, for `then` to make stages of them


def read_quantities(text: str) -> list[Quantity]:
    """The quantities of a text in the order of their stages, then of the text."""
    plain = plain_text(text)
    plain, marks = _cut_stages(plain)
    found = _share_units(plain, _joined(plain, list(tokens(plain))))
    staged = _staged(plain, found, marks)
    return sorted(_once(staged), key=lambda quantity: quantity.stage)


def _cut_stages(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text with its stage marks blanked, and where each stood with the stage it begins."""
    marks = [(match.end(), _stage_number(match)) for match in STAGE.finditer(text)]
    return STAGE.sub(lambda match: " " * len(match[0]), text), marks


def _stage_number(match: re.Match[str]) -> int:
    word = next(group for group in match.groups() if group).lower()
    return ORDINALS.get(word) or COUNTS.get(word) or int(word)


def _joined(text: str, tokens: Sequence[Token]) -> list[_Found]:
    """Tokens made into quantities: spans of two or three tokens are one."""
    found: list[_Found] = []
    at = 0
    while at < len(tokens):
        quantity, taken = _span(text, tokens[at : at + 3])
        last = tokens[at + taken - 1]
        found.append(_Found(quantity, tokens[at].start, last.end, last.label))
        at += taken
    return found


def _span(text: str, tokens: Sequence[Token]) -> tuple[Quantity, int]:
    first = tokens[0]
    if first.unit == CODE:
        return Quantity(0.0, 0.0, CODE, 0.0, 0, _code(text[first.start : first.end])), 1
    sign = -1.0 if NEGATIVE.search(text[max(0, first.start - 2) : first.start]) else 1.0
    for read in (_deviations, _pair):
        if found := read(text, tokens, sign):
            return found
    return Quantity(sign * first.value, sign * first.value, first.unit, first.place), 1


def _code(text: str) -> str:
    """A code as codes are compared: 1 - 3 - 4 - 2 is 1-3-4-2."""
    return re.sub(r" ?([/-]) ?", r"\1", " ".join(text.split()))


def _deviations(text: str, tokens: Sequence[Token], sign: float) -> tuple[Quantity, int] | None:
    """10 +0.5/-0.2 mm."""
    if len(tokens) < 3 or CODE in {token.unit for token in tokens} or tokens[1].unit != BARE:
        return None
    first, up, down = tokens
    gaps = text[first.end : up.start], text[up.end : down.start]
    if not PLUS.fullmatch(gaps[0]) or not (MINUS.fullmatch(gaps[1]) and ("-" in gaps[1] or "/" in gaps[1])):
        return None
    if down.unit == BARE and first.unit == BARE:
        return None
    value = sign * first.value
    unit = first.unit if down.unit == BARE else down.unit
    return Quantity(value - down.value, value + up.value, unit, min(first.place, up.place, down.place)), 3


def _pair(text: str, tokens: Sequence[Token], sign: float) -> tuple[Quantity, int] | None:
    """A span of two numbers, whose unit may stand behind both or behind the second alone."""
    if len(tokens) < 2 or tokens[1].unit == CODE:
        return None
    first, second = tokens[:2]
    gap = text[first.end : second.start]
    if len(gap) > 12:
        return None
    one, other = Quantity(sign * first.value, sign * first.value, first.unit, first.place), second.value
    if SPREAD.fullmatch(gap):
        return _spread(one, second), 2
    if PLUS.fullmatch(gap) and first.unit == BARE and second.unit != BARE:
        return Quantity(one.low, one.low + other, second.unit, min(first.place, second.place)), 2
    joint = RANGE.fullmatch(gap) or (
        BETWEEN.search(text[max(0, first.start - 12) : first.start]) and AND.fullmatch(gap)
    )
    if not joint or (first.label and second.unit != BARE):
        return None
    end = -other if joint[1] == "-" else other
    return _range(text, one, second, end)


def _spread(one: Quantity, second: Token) -> Quantity:
    unit = second.unit if one.unit == BARE else one.unit
    by = second.value * (second.unit.factor / unit.factor if second.unit.dimension == unit.dimension else 1.0)
    if second.unit.name == "%" and one.unit != BARE:
        by = abs(one.low) * second.value / 100
    return Quantity(one.low - by, one.low + by, unit, min(one.place, second.place))


def _range(text: str, one: Quantity, second: Token, end: float) -> tuple[Quantity, int] | None:
    """From one to the end; falling bare numbers are a code (page 21-3)."""
    unit = second.unit if one.unit == BARE else one.unit
    if second.unit not in (BARE, unit) and second.unit.dimension != unit.dimension:
        return None
    if second.unit not in (BARE, unit):  # 1 cm to 12 mm
        end = (end * second.unit.factor + second.unit.offset - unit.offset) / unit.factor
    if one.low <= end:
        return Quantity(one.low, end, unit, min(one.place, second.place)), 2
    if unit != BARE:
        return None
    return Quantity(0.0, 0.0, CODE, 0.0, 0, f"{one.low:g}-{end:g}"), 2


def _share_units(text: str, found: list[_Found]) -> list[_Found]:
    """Bare numbers of a list given the unit at its end; `2 x 90°` given as two steps."""
    shared: list[_Found] = []
    listed = False  # whether the next number has its unit from the end of a list: only then a comma goes on with it
    for item in reversed(found):
        following = shared[-1] if shared else None
        unit = following.quantity.unit if following and not item.label and item.quantity.unit == BARE else BARE
        gap = text[item.end : following.start] if following else ""
        joined = len(gap) < 10 and (SHARED.fullmatch(gap) or (listed and COMMA.fullmatch(gap)))
        if not following or not joined or unit in (BARE, CODE):
            shared.append(item)
            listed = False
        elif unit.dimension == "angle" and TIMES.fullmatch(gap) and item.quantity.low in (2, 3, 4):
            shared += [replace(following, start=item.start)] * (int(item.quantity.low) - 1)
        else:
            shared.append(replace(item, quantity=replace(item.quantity, unit=unit)))
            listed = True
    return shared[::-1]


def _staged(text: str, found: Sequence[_Found], marks: Sequence[tuple[int, int]]) -> list[Quantity]:
    """The quantities with their stages: by the last mark before each, and one more behind every `then` or +."""
    stages: list[int] = []
    places = [place for place, _ in marks]
    for item, (start, end) in zip(found, _gaps(found), strict=True):
        number = stages[-1] if stages else 0
        last = bisect_right(places, end)
        if last and places[last - 1] >= start:
            number = marks[last - 1][1]
        elif stages and _follows(text[start:end], item):
            stages = [stage or 1 for stage in stages]
            number = stages[-1] + 1
        stages.append(number)
    quantities = [replace(item.quantity, stage=stage) for item, stage in zip(found, stages, strict=True)]
    with_unit = {quantity.stage for quantity in quantities if quantity.unit != BARE}
    return quantities if len(with_unit) > 1 else [replace(quantity, stage=0) for quantity in quantities]


def _gaps(found: Sequence[_Found]) -> list[tuple[int, int]]:
    ends = [0, *(item.end for item in found)]
    return [(end, max(end, item.start)) for end, item in zip(ends, found, strict=False)]


def _follows(gap: str, item: _Found) -> bool:
    """Whether this step comes after the one before: repeated steps lie at the same place."""
    if item.quantity.unit in (BARE, CODE):
        return False
    if not gap:
        return item.quantity.unit.dimension == "angle"
    return len(gap) <= NEAR and bool(THEN.search(gap))


def _once(quantities: Sequence[Quantity]) -> list[Quantity]:
    """Without those that say again, in another unit and the same stage, what the one before them said."""
    kept: list[Quantity] = []
    for quantity in quantities:
        if not (kept and kept[-1].stage == quantity.stage and quantity.restates(kept[-1])):
            kept.append(quantity)
    return kept
