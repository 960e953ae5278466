"""Comparing quantities: tables of right and wrong answers, and properties through units and formats."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ontune.errors import DatasetError
from ontune.evaluation.quantities import TORQUE, VERDICTS, Tolerance, compare_quantities
from ontune.evaluation.units import UNITS

STAGED = "Stage 1: 40 Nm, Stage 2: 90°"
TWO = "front 60 Nm, rear 80 Nm"
VERDICT = [
    # Gold without numbers is no case.
    ("", "40 Nm", None),
    ("Molykote HSC compound coat.", "40 Nm", None),
    ("M12", "M10", None),
    # One number.
    ("40 Nm", "40 Nm", "right"),
    ("Bolt E (M6) must be torqued to 60 Nm.", "60 Nm", "right"),
    ("Bolt E (M6) must be torqued to 60 Nm.", "Bolt F (M10) must be torqued to 60 N·m", "right"),
    ("40 Nm", "41 Nm", "right"),
    ("40 Nm", "41.5 Nm", "wrong_number"),
    ("40 Nm", "45 Nm", "wrong_number"),
    ("40 Nm", "400 Nm", "wrong_number"),
    ("40 Nm", "45", "wrong_number"),
    ("40 Nm", "40", "wrong_unit"),
    ("40 Nm", "40 lb-ft", "wrong_unit"),
    ("40 Nm", "40 mm", "wrong_unit"),
    ("40 Nm", "29.5 ft-lb", "right"),
    ("40 Nm", "30 lb-ft", "right"),
    ("40 Nm", "4.1 mkp", "right"),
    ("40 Nm", "35 lb-ft", "wrong_number"),
    ("40 Nm", "", "missing"),
    ("40 Nm", "Not stated.", "missing"),
    ("40 Nm", "12 mm", "missing"),
    ("0.5 mm", "0.5 mm", "right"),
    ("0.5 mm", "0,50 mm", "right"),
    ("0.5 mm", "0.51 mm", "wrong_number"),
    ("0.5 mm", "0.5 cm", "wrong_unit"),
    ("0.5 mm", "0.5 in", "wrong_unit"),
    ('3/8"', "9.525 mm", "right"),
    ("1/2 in", "0.5 inch", "right"),
    ("2.2 kΩ", "2200 ohm", "right"),
    ("2.2 kΩ", "2.2 Ω", "wrong_unit"),
    ("12 V", "12 volts", "right"),
    ("12 V", "12 A", "wrong_unit"),
    ("80 °C", "176 °F", "right"),
    ("80 °C", "80 °F", "wrong_unit"),
    ("-10 °C", "10 °C", "wrong_number"),
    ("maggiore di 8 V", "at least 8 V", "right"),
    # Spans.
    ("47-51 Nm", "47 to 51 Nm", "right"),
    ("49 ± 2 Nm", "between 47 and 51 Nm", "right"),
    ("40 + 5 Nm", "40-45 Nm", "right"),
    ("40 + 5 Nm", "40 Nm", "wrong_number"),
    ("40 Nm", "30-50 Nm", "wrong_number"),
    ("47-51 Nm", "47-61 Nm", "wrong_number"),
    ("47-51 Nm", "47-51 lb-ft", "wrong_unit"),
    ("0.25 - 0.30 mm", "0,25-0,30mm", "right"),
    ("0.25 - 0.30 mm (0.010 - 0.012 in.)", "0.010 to 0.012 in", "right"),
    # Several numbers.
    (TWO, "80 Nm and 60 Nm", "right"),
    (TWO, "60 Nm", "missing"),
    (TWO, "60 Nm and 90 Nm", "wrong_number"),
    (TWO, "60 Nm and 80 lb-ft", "wrong_unit"),
    (TWO, "60 Nm, 80 Nm and 100 Nm", "extra"),
    ("40 Nm and 42 Nm", "41 Nm, 40 Nm", "right"),
    ("12 V at 0.5 A", "12 V and 500 mA", "right"),
    # The same said twice is no more than once; something else is.
    ("60 Nm", "It is 60 Nm. So 60 Nm.", "right"),
    ("60 Nm", "60 Nm (44 lb-ft)", "right"),
    ("60 Nm", "60 Nm (60 lb-ft)", "extra"),
    ("60 Nm", "60 Nm or 70 Nm", "extra"),
    ("60 Nm", "60 Nm with a 17 mm socket", "extra"),
    ("60 Nm", "Tighten the 3 bolts to 60 Nm", "right"),
    ("60 Nm (44 lb-ft)", "44 lb-ft", "right"),
    # Stages.
    (STAGED, STAGED, "right"),
    (STAGED, "40 Nm, then 90 degrees", "right"),
    (STAGED, "40 Nm and 90°", "right"),
    (STAGED, "Stage 2: 90°; stage 1: 40 Nm", "right"),
    (STAGED, "30 lb-ft + 1/4 turn", "right"),
    (STAGED, "Stage 1: 40 Nm", "missing_stage"),
    (STAGED, "Turn by 90°.", "missing_stage"),
    (STAGED, "90°, then 40 Nm", "missing_stage"),
    (STAGED, "", "missing"),
    (STAGED, "Stage 1: 60 Nm, Stage 2: 90°", "wrong_number"),
    (STAGED, "Stage 1: 40 Nm, Stage 2: 60°", "wrong_number"),
    (STAGED, "Stage 1: 40 lb-ft, Stage 2: 90°", "wrong_unit"),
    (STAGED, "Stage 1: 40 Nm, Stage 2: 90", "wrong_unit"),
    (STAGED, "60 Nm", "wrong_number"),
    ("40 Nm + 90°", "40 Nm + 90° + 90°", "extra"),
    ("40 Nm + 2 x 90°", "40 Nm + 90°", "missing_stage"),
    ("40 Nm + 2 x 90°", "40 Nm, 90°, 90°", "right"),
    ("20 Nm, then 40 Nm, then 60 Nm", "20 Nm, 60 Nm", "missing_stage"),
    ("60 Nm", "Stage 1: 60 Nm, stage 2: 90°", "extra"),
    # Gold without units: numbers and codes as they stand.
    ("6 bolts", "There are 6.", "right"),
    ("6 bolts", "There are 8.", "wrong_number"),
    ("6 bolts", "six", "missing"),
    ("12", "12 V", "right"),
    ("pin 7 and fuse 11", "7, 11", "right"),
    ("page 21-3", "21-3", "right"),
    ("page 21-3", "page 21-4", "wrong_number"),
    ("page 21-3", "page 3", "missing"),
    ("1-3-4-2", "The order is 1 - 3 - 4 - 2.", "right"),
    ("1-3-4-2", "1-3-4-2", "right"),
    ("1-3-4-2", "1-2-4-3", "wrong_number"),
    ("21 21 000", "Procedure 21 21 000", "right"),
]


@pytest.mark.parametrize(("gold", "answer", "verdict"), VERDICT)
def test_verdict(gold: str, answer: str, verdict: str | None):
    assert compare_quantities(gold, answer) == verdict


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_is_in_the_table(verdict: str):
    assert verdict in {expected for _, _, expected in VERDICT}


@pytest.mark.parametrize(
    ("tolerance", "gold", "answer", "right"),
    [
        (0, "40 Nm", "41 Nm", False),
        (0, "40 Nm", "40 Nm", True),
        (5, "40 Nm", "45 Nm", True),
        (5, "40 Nm", "45.1 Nm", False),
        (5, "40 lb-ft", "45 lb-ft", True),  # in the gold's own unit
        (2, "12", "14", True),
        ("2 Nm", "40 Nm", "42 Nm", True),
        ("2 Nm", "40 mm", "42 mm", False),
        ("1 Nm; 0.1 mm", "0.5 mm", "0.6 mm", True),
        ("5 %", "100 V", "105 V", True),
        ("5 %", "100 V", "106 V", False),
        ("1 Nm; 10 %", "40 Nm", "44 Nm", True),
        ("2 °C", "80 °C", "82 °C", True),
        (0.5, "47-51 Nm", "46.5-51.5 Nm", True),
        (0.5, "47-51 Nm", "47-52 Nm", False),
    ],
)
def test_tolerance(tolerance: float | str, gold: str, answer: str, right: bool):
    assert (compare_quantities(gold, answer, Tolerance.read(tolerance, "row")) == "right") is right


@pytest.mark.parametrize(
    "bad", [-1, True, float("nan"), float("inf"), "", "some", "1 Nm 2 mm", "-1 Nm", "1-2-3", [1], None, {}]
)
def test_bad_tolerance_is_named(bad: object):
    with pytest.raises(DatasetError, match=r"^row 7: tolerance is .*expected a number"):
        Tolerance.read(bad, "row 7")


plain = [unit for unit in UNITS if unit.dimension not in ("angle", "temperature")]
pairs = [(a, b) for a in plain for b in plain if a.dimension == b.dimension and a.name != b.name]
EXACT = Tolerance()


@given(st.integers(10, 9999), st.sampled_from(pairs))
def test_a_conversion_is_right_and_the_number_in_the_wrong_unit_is_not(number: int, pair):
    ours, other = pair
    gold, factor = f"{number} {ours.name}", ours.factor / other.factor
    assume(1e-6 < factor < 1e6 and not 0.9 < factor < 1.1)
    assert compare_quantities(gold, f"{number * factor:.9f} {other.name}", EXACT) == "right"
    assert compare_quantities(gold, f"{number * factor * 1.2:.9f} {other.name}", EXACT) != "right"
    assert compare_quantities(gold, f"{number} {other.name}", EXACT) == "wrong_unit"


@given(st.lists(st.tuples(st.integers(1, 400), st.sampled_from(plain)), min_size=1, max_size=5), st.randoms())
def test_any_order_is_right_and_one_less_is_missing(items, rng):
    parts = [f"{number} {unit.name}" for number, unit in items]
    shuffled = rng.sample(parts, len(parts))
    gold = ". ".join(parts)
    assert compare_quantities(gold, ". ".join(parts)) == "right"
    assert compare_quantities(gold, " ... and ".join(shuffled)) in (
        "right",
        "extra",
    )  # neighbours may restate each other
    assert compare_quantities(gold, "") == "missing"


@given(st.lists(st.integers(1, 300), min_size=2, max_size=5, unique=True), st.data())
def test_a_stage_less_is_missing_and_a_changed_one_is_wrong(torques: list[int], data):
    gold = "; ".join(f"Stage {number}: {torque} Nm" for number, torque in enumerate(torques, start=1))
    at = data.draw(st.integers(0, len(torques) - 1))
    kept = [f"{torque} Nm" for torque in torques]
    assert compare_quantities(gold, ", then ".join(kept), EXACT) == "right"
    assert compare_quantities(gold, ", then ".join(kept[:at] + kept[at + 1 :]), EXACT) == "missing_stage"
    changed = [*kept[:at], f"{torques[at] + 1000} Nm", *kept[at + 1 :]]
    assert compare_quantities(gold, ", then ".join(changed), EXACT) == "wrong_number"


@given(st.text(max_size=60), st.text(alphabet="0123456789 .,-+±/°'\"()Nmftlb\n", max_size=60))
def test_any_two_texts_have_a_verdict(gold: str, answer: str):
    assert compare_quantities(gold, answer) in {None, *VERDICTS}
    assert compare_quantities(answer, answer) in {None, "right"}
    assert TORQUE.by_dimension == {"torque": 1.0}
