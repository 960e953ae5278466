"""Reading quantities: a table of what manuals write, round trips through formats and units, and long garbage."""

import re
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune.evaluation.quantity_reading import read_quantities
from ontune.evaluation.units import UNITS

# What is read: `47..51 Nm` is a span, `@2` the stage, `=21-3` a code, and a number alone has no unit.
READ = [
    ("", []),
    ("No specification is given.", []),
    ("40 Nm", ["40 Nm"]),
    ("40Nm.", ["40 Nm"]),
    ("40 N·m", ["40 Nm"]),
    ("40 newton metres", ["40 Nm"]),
    ("Bolt E (M6) must be torqued to 60 Nm.", ["60 Nm"]),
    ("The E30 M3's S14 engine, DIN 7984", ["7984"]),
    # Torque in every spelling.
    ("29.5 ft-lb", ["29.5 lb-ft"]),
    ("25 ft. lbs", ["25 lb-ft"]),
    ("25 ft. lbs.", ["25 lb-ft"]),
    ("25 lb/ft", ["25 lb-ft"]),
    ("22 lbf ft", ["22 lb-ft"]),
    ("22 lbf·ft", ["22 lb-ft"]),
    ("25 Foot-Pounds", ["25 lb-ft"]),
    ("25 FT-LBS", ["25 lb-ft"]),
    ("100 in. lbs", ["100 lb-in"]),
    ("100 inch-pounds", ["100 lb-in"]),
    ("7 mkp", ["7 kgf·m"]),
    ("4,0 kgm", ["4 kgf·m"]),
    ("7 kgf·m", ["7 kgf·m"]),
    ("7 m-kg", ["7 kgf·m"]),
    ("60 kgf·cm", ["60 kgf·cm"]),
    # Numerals.
    ("2,5 mm", ["2.5 mm"]),
    ("0,500 mm", ["0.5 mm"]),
    (".5 mm", ["0.5 mm"]),
    ("1.500 mm", ["1.5 mm"]),
    ("1,500 rpm", ["1500 rpm"]),
    ("1 500 rpm", ["1500 rpm"]),
    ("1'500 rpm", ["1500 rpm"]),
    ("1\u202f500 rpm", ["1500 rpm"]),
    ("12,345.6 mm", ["12345.6 mm"]),
    ("12.345,6 mm", ["12345.6 mm"]),
    ("1.234.567 km", ["1.23457e+06 km"]),
    ("-15°C", ["-15 °C"]),
    ("−15 °C", ["-15 °C"]),
    ("+5 °C", ["5 °C"]),
    ("- 40 Nm", ["40 Nm"]),
    ("DIN-912", ["912"]),
    # Fractions.
    ("1/2 in", ["0.5 in"]),
    ('3/8"', ["0.375 in"]),
    ('a 3/8″ drive and a 1/2" socket', ["0.375 in", "0.5 in"]),
    ("1 1/2 in.", ["1.5 in"]),
    ("1-1/2 inch", ["1.5 in"]),
    ("½ inch", ["0.5 in"]),
    ("2½ turns", ["2.5 turn"]),
    ("3/4 turn", ["0.75 turn"]),
    ('see "page 12" first', ["12"]),
    # Spans.
    ("47-51 Nm", ["47..51 Nm"]),
    ("47 – 51 Nm", ["47..51 Nm"]),
    ("47 Nm to 51 Nm", ["47..51 Nm"]),
    ("from 47 to 51 Nm", ["47..51 Nm"]),
    ("between 47 and 51 Nm", ["47..51 Nm"]),
    ("800 ... 900 1/min", ["800..900 rpm"]),
    ("0.10...0.15 mm", ["0.1..0.15 mm"]),
    ("20-25 Nm / 15-18 lb-ft", ["20..25 Nm"]),
    ("49 ± 2 Nm", ["47..51 Nm"]),
    ("49±2Nm", ["47..51 Nm"]),
    ("49 +/- 2 Nm", ["47..51 Nm"]),
    ("49 Nm ± 2 Nm", ["47..51 Nm"]),
    ("49 Nm ± 2", ["47..51 Nm"]),
    ("10 cm ± 5 mm", ["9.5..10.5 cm"]),
    ("10 mm ± 10 %", ["9..11 mm"]),
    ("40 + 5 Nm", ["40..45 Nm"]),
    ("10 +0.5/-0.2 mm", ["9.8..10.5 mm"]),
    ("10 mm +0,5 -0,2", ["9.8..10.5 mm"]),
    ("-10 to -5 °C", ["-10..-5 °C"]),
    ("-40 °C to +85 °C", ["-40..85 °C"]),
    ("5 mm to 1 cm", ["5..10 mm"]),
    ("0.25 - 0.30 mm (0.010 - 0.012 in.)", ["0.25..0.3 mm"]),
    # Stages.
    ("Stage 1: 40 Nm, Stage 2: 90°", ["40 Nm @1", "90 ° @2"]),
    ("Stage 2: 90°; stage 1: 40 Nm", ["40 Nm @1", "90 ° @2"]),
    ("1st stage 40 Nm; 2nd stage 90 degrees", ["40 Nm @1", "90 ° @2"]),
    ("First stage: 40 Nm. Second stage: 60 Nm. Third stage: 90°", ["40 Nm @1", "60 Nm @2", "90 ° @3"]),
    ("Step one 20 Nm, step two 40 Nm", ["20 Nm @1", "40 Nm @2"]),
    ("1) 40 Nm 2) 90°", ["40 Nm @1", "90 ° @2"]),
    ("1. 40 Nm\n2. 90°", ["40 Nm @1", "90 ° @2"]),
    ("40 Nm + 90°", ["40 Nm @1", "90 ° @2"]),
    ("40 Nm, then a further 90°", ["40 Nm @1", "90 ° @2"]),
    ("30 Nm, then 2 x 90°", ["30 Nm @1", "90 ° @2", "90 ° @3"]),
    ("Stage 1: 40 Nm (30 lb-ft), stage 2: 90°", ["40 Nm @1", "90 ° @2"]),
    ("Tighten to 25 Nm (18 ft-lb), then turn 60° +/- 5°.", ["25 Nm @1", "55..65 ° @2"]),
    ("1st step 20+5 Nm, 2nd step 90°", ["20..25 Nm @1", "90 ° @2"]),
    ("Step 3: tighten to 60 Nm", ["60 Nm"]),
    # Lists, and numbers that only name things.
    ("40 or 45 Nm", ["40 Nm", "45 Nm"]),
    ("40/45 Nm", ["40 Nm", "45 Nm"]),
    ("in 3 stages: 20, 40 and 60 Nm", ["3", "20 Nm", "40 Nm", "60 Nm"]),
    ("In 1990, 40 Nm", ["1990", "40 Nm"]),
    ("10 x 20 mm", ["10 mm", "20 mm"]),
    ("Tighten bolts 1, 2 and 3 to 40 Nm", ["1", "2", "3", "40 Nm"]),
    ("Tighten bolts 1 to 6 to 40 Nm", ["1..6", "40 Nm"]),
    ("fuse 11 (15 A)", ["11", "15 A"]),
    ("fuse 15 A", ["15 A"]),
    ("two 10-mm bolts", ["10 mm"]),
    ("M8 x 1.25 bolts, 25 Nm", ["25 Nm"]),
    ("M8 x 20 mm", ["20 mm"]),
    ("SAE 10W-40 oil, 4.5 l", ["4.5 l"]),
    ("4WD, 3D, 2nd gear", []),
    # Codes.
    ("Procedure 21 21 000", ["=21 21 000"]),
    ("firing order 1-3-4-2", ["=1-3-4-2"]),
    ("page 21-3", ["=21-3"]),
    ("section 12.3.4", ["=12.3.4"]),
    ("on 12/05/1990", ["=12/05/1990"]),
    # Words that look like units.
    ("5 in the engine", ["5"]),
    ("60 Nm in 3 stages", ["60 Nm", "3"]),
    ("0.5 in wide", ["0.5 in"]),
    ("12 in. long", ["12 in"]),
    ("2 m in length", ["2 m"]),
    ("5 l/min", ["5 l/min"]),
    ("5 a day", ["5"]),
    # The same said again, and something else said.
    ("40 Nm (30 lb-ft)", ["40 Nm"]),
    ("40 Nm (4.1 mkp, 30 ft-lb)", ["40 Nm"]),
    ("1.8 bar (26 psi)", ["1.8 bar"]),
    ("40 Nm (40 lb-ft)", ["40 Nm", "40 lb-ft"]),
    ("40 Nm, 40 Nm", ["40 Nm", "40 Nm"]),
    # Other dimensions.
    ("2.2 kΩ", ["2.2 kΩ"]),
    ("2.2 kOhm", ["2.2 kΩ"]),
    ("2.2 k ohms", ["2.2 kΩ"]),
    ("470 \u2126", ["470 Ω"]),
    ("12 V DC", ["12 V"]),
    ("12v", ["12 V"]),
    ("0.5 - 1.5 mA", ["0.5..1.5 mA"]),
    ("65 degrees Celsius", ["65 °C"]),
    ("65 deg. F", ["65 °F"]),
    ("65 ℃", ["65 °C"]),
    ("15° ± 2°", ["13..17 °"]),
    ("Camber 0°30' ± 15'", ["0.25..0.75 °"]),
    ("Toe-in 18' ± 6'", ["0.2..0.4 °"]),
    ("the value '12'", ["12"]),
    ("1200 +/- 100 ohms at 20°C", ["1100..1300 Ω", "20 °C"]),
    ("4.75 liters (5.0 US qts.) with filter", ["4.75 l"]),
    ("1°30'", ["1.5 °"]),
    ("5 kg/cm²", ["5 kgf/cm²"]),
    ("1.5 cm³", ["1.5 ml"]),
    ("850 ± 50 rpm", ["800..900 rpm"]),
    ("maggiore di 8 V", ["8 V"]),
    ("coupe 2-door1001 (eu)1003 (us)", ["2", "1003"]),
]


def shown(text: str) -> list[str]:
    found: list[str] = []
    for quantity in read_quantities(text):
        ends = f"{quantity.low:g}" if quantity.low == quantity.high else f"{quantity.low:g}..{quantity.high:g}"
        number = f"={quantity.text}" if quantity.unit.dimension == "code" else f"{ends} {quantity.unit.name}".strip()
        found.append(number + (f" @{quantity.stage}" if quantity.stage else ""))
    return found


@pytest.mark.parametrize(("text", "expected"), READ)
def test_reading(text: str, expected: list[str]):
    assert shown(text) == expected


units = st.sampled_from([unit for unit in UNITS if unit.dimension != "angle"])


@given(st.integers(1, 10**7), st.integers(0, 3), units, st.sampled_from(["point", "comma", "thousands", "german"]))
def test_a_number_survives_every_format(digits: int, places: int, unit, style: str):
    value = digits / 10**places
    text = f"{value:,.{places}f}" if style in ("thousands", "german") else f"{value:.{places}f}"
    if style == "german":
        text = text.translate(str.maketrans(",.", ".,"))
    elif style == "comma":
        text = text.replace(".", ",")
    # One dot or comma before three digits says one thing alone: 1.500 is 1.5, 1,500 is 1500.
    if style in ("comma", "german") and re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", text):
        return
    for quantity_text in (f"{text} {unit.spellings[0]}", f"about {text} {unit.name}."):
        (quantity,) = read_quantities(quantity_text)
        assert (quantity.low, quantity.high, quantity.unit) == (pytest.approx(value), pytest.approx(value), unit)


@given(st.integers(0, 99), st.integers(1, 31), st.sampled_from([2, 4, 8, 16, 32]))
def test_a_fraction_survives(whole: int, top: int, bottom: int):
    fraction = Fraction(top % bottom or 1, bottom)
    value = f"{fraction.numerator}/{fraction.denominator}"
    (quantity,) = read_quantities(f"{whole} {value} in" if whole else f"{value} in")
    assert quantity.low == pytest.approx(float(whole + fraction))


@given(
    st.integers(1, 500), st.integers(1, 500), units, st.sampled_from(["{a}-{b} {u}", "{a} to {b} {u}", "{m} ± {d} {u}"])
)
def test_a_span_survives(a: int, b: int, unit, form: str):
    low, high = sorted((2 * a, 2 * b))
    text = form.format(a=low, b=high, m=(low + high) // 2, d=(high - low) // 2, u=unit.name)
    (quantity,) = read_quantities(text)
    assert (quantity.low, quantity.high, quantity.unit) == (low, high, unit)


@given(st.lists(st.integers(1, 300), min_size=2, max_size=5))
def test_stages_survive_in_any_order_of_the_text(torques: list[int]):
    stages = [f"Stage {number}: {torque} Nm" for number, torque in enumerate(torques, start=1)]
    for text in ("; ".join(stages), "; ".join(reversed(stages)), " + ".join(f"{torque} Nm" for torque in torques)):
        assert [(quantity.low, quantity.stage) for quantity in read_quantities(text)] == [
            (torque, number) for number, torque in enumerate(torques, start=1)
        ]


@given(st.text(alphabet="0123456789 .,-+±/°'\"()NmftlbVΩx½²\n:;STAGEstage", max_size=200))
def test_any_text_is_read_without_error(text: str):
    for quantity in read_quantities(text):
        assert quantity.low <= quantity.high


GARBAGE = (
    *("1", "1 ", "1-", "1/", "1.1", "1,", "1° ", "+ ", "N m ", "a", '"1"', "stage ", "Stage 1: 1 Nm, ", "1 to ", "no "),
    *("1 N . m * ", "1 x ", " ", "then ", "-", "½", "1'", "bolts 1, ", "1 ± ", "1 + ", "M8 x ", "10W", "1)", "\n1. "),
)


@pytest.mark.parametrize("piece", GARBAGE)
def test_time_grows_with_the_length_alone(piece: str):
    """Eight times the text takes eight times as long, and not sixty-four; noise is why the bound is wide."""

    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        start = time.process_time()
        read_quantities(text)
        return time.process_time() - start

    short, long = min(seconds(2_000) for _ in range(3)), min(seconds(16_000) for _ in range(2))
    assert long < 24 * short + 0.05
