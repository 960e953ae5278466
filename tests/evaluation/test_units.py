"""The conversion table: pint as the oracle for every unit, and every spelling read in a text."""

import pytest

from ontune.evaluation.quantity_reading import read_quantities
from ontune.evaluation.units import UNITS, Unit, find_unit

# Each unit as pint spells it. Its first of a dimension is the one that factors count in.
PINT = {
    "Nm": "N*m", "Ncm": "N*cm", "kNm": "kN*m", "lb-ft": "lbf*ft", "lb-in": "lbf*inch", "kgf·m": "kgf*m",
    "kgf·cm": "kgf*cm", "mm": "mm", "µm": "um", "cm": "cm", "m": "m", "km": "km", "in": "inch", "ft": "ft",
    "mi": "mile", "mm²": "mm**2", "cm²": "cm**2", "V": "V", "mV": "mV", "kV": "kV", "A": "A", "mA": "mA",
    "Ω": "ohm", "mΩ": "mohm", "kΩ": "kohm", "MΩ": "Mohm", "Ah": "A*hour", "W": "W", "kW": "kW", "hp": "hp",
    "PS": "metric_horsepower", "Hz": "Hz", "kHz": "kHz", "MHz": "MHz", "µF": "uF", "nF": "nF", "pF": "pF",
    "°C": "degC", "°F": "degF", "°": "degree", "turn": "turn", "bar": "bar", "mbar": "mbar", "kPa": "kPa",
    "MPa": "MPa", "Pa": "Pa", "psi": "psi", "kgf/cm²": "kgf/cm**2", "atm": "atm", "mmHg": "torr", "rpm": "rpm",
    "km/h": "km/hour", "mph": "mile/hour", "m/s": "m/s", "l": "liter", "ml": "ml", "qt": "quart", "pt": "pint",
    "gal": "gallon", "imp gal": "imperial_gallon", "imp qt": "imperial_quart", "imp pt": "imperial_pint",
    "fl oz": "fluid_ounce", "l/min": "l/min", "l/h": "l/hour", "g": "g", "kg": "kg", "lb": "lb", "oz": "oz",
    "N": "N", "kN": "kN", "kgf": "kgf", "lbf": "lbf", "s": "s", "ms": "ms", "min": "min", "h": "hour",
    "day": "day", "month": "month", "year": "year", "%": "percent",
}  # fmt: skip
FIRST = {unit.dimension: unit for unit in reversed(UNITS)}


@pytest.fixture(scope="module")
def registry():
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


def test_names_are_unique_and_all_have_an_oracle():
    assert sorted(unit.name for unit in UNITS) == sorted(PINT)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
@pytest.mark.parametrize("value", [1.0, 37.5])
def test_conversion_is_pints(unit: Unit, value: float, registry):
    oracle = registry.Quantity(value, PINT[unit.name]).to(PINT[FIRST[unit.dimension].name]).magnitude
    assert value * unit.factor + unit.offset == pytest.approx(oracle, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "base"),
    [("29.5 ft-lb", 39.997), ("22 lbf·ft", 29.83), ("7 kgf·m", 68.65), ("7 mkp", 68.65), ("7 kgm", 68.65)],
)
def test_measured_conversions(text: str, base: float):
    assert read_quantities(text)[0].base[0] == pytest.approx(base, abs=0.005)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_spelling_is_read_as_its_unit(unit: Unit):
    for spelling in unit.spellings:
        joined = [spelling.replace(" ", mark) for mark in (" ", "-", ".", "·", "", ". ")]
        for written in joined:
            glued = " " if written[0].isdigit() else ""  # 12.51/min is another number
            for text in (
                f"12.5 {written}",
                f"12.5{glued}{written}.",
                f"It is 12.5 {written}, not more",
                f"(12.5 {written})",
            ):
                found = [(quantity.low, quantity.unit.name) for quantity in read_quantities(text)]
                assert found == [(12.5, unit.name)], text


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["NM"], "Nm"),
        (["KPA"], "kPa"),
        (["Ft", "Lbs"], "lb-ft"),
        (["mV"], "mV"),
        (["MV"], None),
        (["MΩ"], "MΩ"),
        (["mΩ"], "mΩ"),
        (["Mohm"], "MΩ"),
        (["mohm"], "mΩ"),
        (["a"], None),
        (["ps"], None),
        (["m", "in"], None),
        ([], None),
        (["bolts"], None),
    ],
)
def test_case_counts_where_it_tells_units_apart(words: list[str], name: str | None):
    found = find_unit(words)
    assert (found.name if found else None) == name
