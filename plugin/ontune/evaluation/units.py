"""The units of service manuals: how each is spelt, and what one is worth in its dimension's first unit.

Factors: BIPM (2019), "The International System of Units", and NIST Special Publication 811 (2008), appendix B; an inch
is 0.0254 m, a pound 0.45359237 kg, standard gravity 9.80665 m/s². DIN's old mkp, and kgm as workshops write it, are
kilogram-force metres.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["BARE", "CODE", "UNITS", "Unit", "find_unit"]


@dataclass(frozen=True)
class Unit:
    """A unit: `value * factor + offset` is the value in the dimension's first unit.

    A spelling of several words is one that may be written with a space, full stop, dot or hyphen between them, or with
    nothing.
    """

    name: str
    dimension: str
    factor: float
    spellings: tuple[str, ...]
    offset: float = 0.0


BARE = Unit("", "", 1.0, ())  # a number without unit
CODE = Unit("", "code", 1.0, ())  # digits that count nothing: 21 21 000, 1-3-4-2

INCH, POUND, GRAVITY = 0.0254, 0.45359237, 9.80665
FOOT, FORCE, GALLON, IMPERIAL = 12 * INCH, POUND * GRAVITY, 3.785411784, 4.54609
HORSEPOWER, METRIC_HORSEPOWER = 550 * FOOT * FORCE, 75 * GRAVITY

FORCES = ("lb", "lbs", "lbf", "lbsf", "pound", "pounds")
FEET = ("ft", "foot", "feet")
INCHES = ("in", "inch", "inches")


def _pairs(left: Sequence[str], right: Sequence[str]) -> tuple[str, ...]:
    """Both orders, with a space or a slash: lb ft, ft lb, lb/ft, ft/lb."""
    ordered = [(a, b) for a in left for b in right] + [(b, a) for a in left for b in right]
    return tuple(f"{a}{mark}{b}" for a, b in ordered for mark in (" ", "/"))


UNITS: tuple[Unit, ...] = (
    Unit("Nm", "torque", 1, ("N m", "newton metre", "newton metres", "newton meter", "newton meters")),
    Unit("Ncm", "torque", 0.01, ("N cm",)),
    Unit("kNm", "torque", 1000, ("kN m",)),
    Unit("lb-ft", "torque", FOOT * FORCE, _pairs(FORCES, FEET)),
    Unit("lb-in", "torque", INCH * FORCE, _pairs(FORCES, INCHES)),
    Unit("kgf·m", "torque", GRAVITY, (*_pairs(("kgf", "kg", "kp"), ("m",)), "m kgs", "kgs m")),
    Unit("kgf·cm", "torque", GRAVITY / 100, _pairs(("kgf", "kg", "kp"), ("cm",))),
    Unit("mm", "length", 1, ("mm", "millimetre", "millimetres", "millimeter", "millimeters")),
    Unit("µm", "length", 0.001, ("μm", "um", "micron", "microns", "micrometre", "micrometer")),
    Unit("cm", "length", 10, ("cm", "centimetre", "centimetres", "centimeter", "centimeters")),
    Unit("m", "length", 1000, ("m", "metre", "metres", "meter", "meters")),
    Unit("km", "length", 1e6, ("km", "kilometre", "kilometres", "kilometer", "kilometers")),
    Unit("in", "length", INCH * 1000, INCHES),
    Unit("ft", "length", FOOT * 1000, FEET),
    Unit("mi", "length", FOOT * 5280 * 1000, ("mi", "mile", "miles")),
    Unit("mm²", "area", 1, ("mm2", "sq mm")),
    Unit("cm²", "area", 100, ("cm2", "sq cm")),
    Unit("V", "voltage", 1, ("V", "v", "volt", "volts", "VDC", "VAC", "V DC", "V AC")),
    Unit("mV", "voltage", 0.001, ("mV", "millivolt", "millivolts")),
    Unit("kV", "voltage", 1000, ("kV", "kilovolt", "kilovolts")),
    Unit("A", "current", 1, ("A", "amp", "amps", "ampere", "amperes")),
    Unit("mA", "current", 0.001, ("mA", "milliamp", "milliamps", "milliampere", "milliamperes")),
    Unit("Ω", "resistance", 1, ("Ω", "ohm", "ohms")),
    Unit("mΩ", "resistance", 0.001, ("mΩ", "mohm", "milliohm", "milliohms")),
    Unit("kΩ", "resistance", 1000, ("k Ω", "k ohm", "k ohms", "kiloohm", "kiloohms", "kilohm", "kilohms")),
    Unit("MΩ", "resistance", 1e6, ("MΩ", "Mohm", "M ohm", "M ohms", "megaohm", "megaohms", "megohm", "megohms")),
    Unit("Ah", "charge", 1, ("A h", "amp hour", "amp hours", "ampere hours")),
    Unit("W", "power", 1, ("W", "watt", "watts")),
    Unit("kW", "power", 1000, ("kW", "kilowatt", "kilowatts")),
    Unit("hp", "power", HORSEPOWER, ("hp", "bhp", "horsepower")),
    Unit("PS", "power", METRIC_HORSEPOWER, ("PS",)),
    Unit("Hz", "frequency", 1, ("Hz", "hertz")),
    Unit("kHz", "frequency", 1000, ("kHz",)),
    Unit("MHz", "frequency", 1e6, ("MHz",)),
    Unit("µF", "capacitance", 1, ("μF", "uF", "mfd")),
    Unit("nF", "capacitance", 0.001, ("nF",)),
    Unit("pF", "capacitance", 1e-6, ("pF",)),
    Unit("°C", "temperature", 1, ("° C", "C", "deg C", "degree C", "degrees C", "degrees Celsius", "Celsius")),
    Unit(
        "°F",
        "temperature",
        5 / 9,
        ("° F", "F", "deg F", "degree F", "degrees F", "degrees Fahrenheit", "Fahrenheit"),
        -160 / 9,
    ),
    Unit("°", "angle", 1, ("°", "deg", "degs", "degree", "degrees", "° angle")),
    Unit("turn", "angle", 360, ("turn", "turns", "revolution", "revolutions")),
    Unit("bar", "pressure", 1, ("bar", "bars")),
    Unit("mbar", "pressure", 0.001, ("mbar", "millibar", "hPa")),
    Unit("kPa", "pressure", 0.01, ("kPa",)),
    Unit("MPa", "pressure", 10, ("MPa", "N/mm2")),
    Unit("Pa", "pressure", 1e-5, ("Pa", "pascal")),
    Unit(
        "psi",
        "pressure",
        FORCE / INCH**2 * 1e-5,
        ("psi", "psig", "lb/in2", "lbf/in2", "lbs/in2", "lb/sq in", "lbs/sq in"),
    ),
    Unit("kgf/cm²", "pressure", GRAVITY / 10, ("kgf/cm2", "kg/cm2", "kp/cm2")),
    Unit("atm", "pressure", 1.01325, ("atm",)),
    Unit("mmHg", "pressure", 1.01325 / 760, ("mm Hg", "torr")),
    Unit("rpm", "rotation", 1, ("rpm", "r p m", "rev/min", "r/min", "1/min", "U/min", "revs")),
    Unit("km/h", "speed", 1, ("km/h", "kph", "kmh")),
    Unit("mph", "speed", 1.609344, ("mph",)),
    Unit("m/s", "speed", 3.6, ("m/s",)),
    Unit("l", "volume", 1, ("l", "L", "litre", "litres", "liter", "liters", "ltr", "dm3")),
    Unit("ml", "volume", 0.001, ("ml", "cc", "cm3", "ccm", "millilitre", "millilitres", "milliliter", "milliliters")),
    Unit("qt", "volume", GALLON / 4, ("qt", "qts", "quart", "quarts", "US qt", "US qts", "US quart", "US quarts")),
    Unit("pt", "volume", GALLON / 8, ("pt", "pint", "pints", "US pt", "US pint", "US pints")),
    Unit("gal", "volume", GALLON, ("gal", "gallon", "gallons", "US gal", "US gallon", "US gallons")),
    Unit("imp gal", "volume", IMPERIAL, ("imp gal", "imperial gallon", "imperial gallons", "UK gal")),
    Unit("imp qt", "volume", IMPERIAL / 4, ("imp qt", "imp qts", "imperial quart", "imperial quarts")),
    Unit("imp pt", "volume", IMPERIAL / 8, ("imp pt", "imp pts", "imperial pint", "imperial pints")),
    Unit("fl oz", "volume", GALLON / 128, ("fl oz", "US fl oz", "fluid ounce", "fluid ounces")),
    Unit("l/min", "flow", 1, ("l/min", "lpm")),
    Unit("l/h", "flow", 1 / 60, ("l/h",)),
    Unit("g", "mass", 1, ("g", "gr", "gram", "grams", "gramme", "grammes")),
    Unit("kg", "mass", 1000, ("kg", "kgs", "kilogram", "kilograms", "kilo", "kilos")),
    Unit("lb", "mass", POUND * 1000, ("lb", "lbs", "pound", "pounds")),
    Unit("oz", "mass", POUND * 1000 / 16, ("oz", "ounce", "ounces")),
    Unit("N", "force", 1, ("N", "newton", "newtons")),
    Unit("kN", "force", 1000, ("kN",)),
    Unit("kgf", "force", GRAVITY, ("kgf", "kp")),
    Unit("lbf", "force", FORCE, ("lbf",)),
    Unit("s", "time", 1, ("s", "sec", "secs", "second", "seconds")),
    Unit("ms", "time", 0.001, ("ms", "msec", "millisecond", "milliseconds")),
    Unit("min", "time", 60, ("min", "mins", "minute", "minutes")),
    Unit("h", "time", 3600, ("h", "hr", "hrs", "hour", "hours")),
    Unit("day", "time", 86400, ("day", "days")),
    Unit("month", "months", 1, ("month", "months")),
    Unit("year", "months", 12, ("year", "years")),
    Unit("%", "share", 1, ("%", "percent", "per cent", "vol %", "% vol")),
)

EXACT_CASE = (
    "mV",
    "mΩ",
    "MΩ",
    "Mohm",
    "M ohm",
    "M ohms",
    "PS",
)  # one letter in another case is another unit, or a word


def _spellings(unit: Unit) -> Iterator[tuple[str, ...]]:
    """Word sequences: every spelling as it is, joined, and all its words in small letters where that is safe."""
    for spelling in unit.spellings:
        words = tuple(spelling.split())
        joined = "".join(words)
        yield from (words, (joined,))
        if len(joined) > 1 and spelling not in EXACT_CASE:
            yield from (tuple(word.casefold() for word in words), (joined.casefold(),))


def _table() -> Mapping[tuple[str, ...], Unit]:
    found: dict[tuple[str, ...], Unit] = {}
    for unit in UNITS:
        for words in _spellings(unit):
            found.setdefault(words, unit)
    return found


TABLE = _table()


def find_unit(words: Sequence[str]) -> Unit | None:
    """The unit that these words spell together: as they are written first, then whatever their case."""
    return TABLE.get(tuple(words)) or TABLE.get(tuple(word.casefold() if len(word) > 1 else word for word in words))
