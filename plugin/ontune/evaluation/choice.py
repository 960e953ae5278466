"""Choice: how often the right one of the options was given, by class, condition and object."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ontune.evaluation.measure import Floats, Prepared, Values, Weights, joined, point, ratio
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.text_overlap import row_means, value_at
from ontune.task.model import Choice, Task

__all__ = [
    "NO_CLASS",
    "ConfusionMatrix",
    "choice",
    "choice_metrics",
    "classes",
    "confusion_matrix",
    "read_choice",
    "slug",
]

NO_CLASS = "(no class)"  # the last column of a confusion matrix with answers that name none
ATTRIBUTES = ("condition", "object")  # keys of `meta` that say what a class is made of
Path = tuple[str, ...]


@dataclass(frozen=True)
class ConfusionMatrix:
    """How often each class (row) was answered with which class (column): the options, and NO_CLASS where it occurs."""

    classes: tuple[str, ...]
    counts: list[list[int]]


def choice_metrics(task: Task, predictions: Sequence[Prediction]) -> dict[str, float]:
    """The metrics of `choice`, each row counted once."""
    return point(choice(task, predictions), len(predictions))


def choice(task: Task, predictions: Sequence[Prediction]) -> Prepared:
    """Shares of rows whose answer gives gold's class, and `choice_scored`, the number of rows that have one.

    `accuracy`: all right rows; where the task has several choice fields, those with every field right, and each field's
    metrics stand under `<field>_…` too. `balanced_accuracy`: the mean over gold's classes of the share found (recall).
    `class_<class>_accuracy`: of the rows of a class. `condition_<condition>_accuracy` and `object_<object>_accuracy`:
    of the rows whose `meta` has that `condition` or `object`; a row with none takes that of its class in other rows.
    `worst_condition_accuracy`: the lowest of the conditions. `condition_accuracy` and `object_accuracy`: rows whose
    answer, right or wrong, has the condition or object of gold. `unread_rate`: rows whose answer names no class.
    `<kind>_<name>_scored`: the number of rows; a name has small letters, digits and _ for all else.

    Formulas: Brodersen et al. (2010), "The balanced accuracy and its posterior distribution", as in scikit-learn;
    accuracy by class is recall. Rows whose gold names no class take no part. Classes, conditions and objects that no
    row has are not listed; without any row a value is 0, and undefined (NaN) under weights that leave all its rows out.
    """
    fields = list(_choices(task))
    read = {path: classes(task, predictions, path, field) for path, field in fields}
    parts = [("choice", _whole(list(read.values())))] if len(fields) > 1 else []
    for path, field in fields:
        head = f"{slug(*path)}_" if len(fields) > 1 else ""
        parts.append((slug(*path), _field(head, field.options, read[path], predictions)))
    return joined(parts)


def confusion_matrix(task: Task, predictions: Sequence[Prediction]) -> dict[str, ConfusionMatrix]:
    """The confusion matrix of each choice field by its name, keys of groups joined by a full stop."""
    found: dict[str, ConfusionMatrix] = {}
    for path, field in _choices(task):
        pairs = [pair for pair in classes(task, predictions, path, field) if pair[0] is not None]
        names = [*field.options, *([NO_CLASS] if any(given is None for _, given in pairs) else [])]
        place = {name: at for at, name in enumerate(names)}
        counts = [[0] * len(names) for _ in names]
        for gold, given in pairs:
            counts[place[str(gold)]][place[given or NO_CLASS]] += 1
        found[".".join(path)] = ConfusionMatrix(tuple(names), counts)
    return found


def classes(
    task: Task, predictions: Sequence[Prediction], path: Path, field: Choice
) -> list[tuple[str | None, str | None]]:
    """For each row the class of gold and that of the answer, or None where a text names none or no single one.

    A class is read out of the field's text by `read_choice`. Of a gold string, and of an answer that does not parse, it
    is read out of the whole text; an answer object without the field gives none.
    """
    found: list[tuple[str | None, str | None]] = []
    for row in predictions:
        gold = row.gold if isinstance(row.gold, str) else value_at(row.gold, path)
        answer = row.raw if row.answer is None else value_at(row.answer, path)
        found.append((_read(field.options, gold), _read(field.options, answer)))
    return found


def _read(options: tuple[str, ...], value: object) -> str | None:
    return read_choice(options, value) if isinstance(value, str) else None


def read_choice(options: Sequence[str], raw: str) -> str | None:
    """The one option that a text names, or None: for no option, and for several.

    An option itself is read as it stands. Else the text is compared in NFKC, without case, and with every run of other
    characters than letters and digits as one space (`Toe drain- Blocked` and toe_drain_blocked are the same). Where
    options lie within one another the longest counts, so that `slope drain blocked` does not name `slope drain`. A text
    that has all the words of a longer option besides, in another order (`damaged slope drain`), names none.
    """
    if (text := raw.strip()) in options:
        return text
    reader = _reader(tuple(options))
    text = _words(text)
    found = (
        {name for match in reader.pattern.finditer(text) for name in reader.options[match[0]]} if text else set[str]()
    )
    if len(found) != 1:
        return None
    given, option = frozenset(text.split()), next(iter(found))
    own = reader.words[option]
    return None if any(own < words <= given for words in reader.words.values()) else option


@dataclass(frozen=True)
class _Reader:
    pattern: re.Pattern[str]
    options: Mapping[str, Sequence[str]]  # by plain text
    words: Mapping[str, frozenset[str]]


@lru_cache(maxsize=64)
def _reader(options: tuple[str, ...]) -> _Reader:
    by_text: dict[str, list[str]] = {}
    for option in options:
        by_text.setdefault(_words(option), []).append(option)
    by_text.pop("", None)  # signs alone are read as they stand or not at all
    longest_first = sorted(by_text, key=lambda text: (-len(text), text))
    pattern = re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, longest_first)) or '(?!)'})(?!\S)")
    return _Reader(pattern, by_text, {option: frozenset(_words(option).split()) for option in options})


def _words(text: str) -> str:
    return " ".join(re.split(r"[\W_]+", unicodedata.normalize("NFKC", text).casefold())).strip()


def _choices(task: Task) -> Iterator[tuple[Path, Choice]]:
    return ((path, field) for path, field in task.leaf_fields() if isinstance(field, Choice))


def slug(*parts: str) -> str:
    """A part of a metric's name: small letters, digits and _ for all else."""
    return re.sub(r"\W+", "_", "_".join(parts).lower()).strip("_")


def _whole(fields: Sequence[Sequence[tuple[str | None, str | None]]]) -> Prepared:
    """Every field right at once, over the rows whose gold names a class in each."""
    rows = list(zip(*fields, strict=True))
    right = [
        float(all(gold == given for gold, given in row)) if all(gold for gold, _ in row) else np.nan for row in rows
    ]
    return row_means({"accuracy": right}, {"choice_scored": "accuracy"})


def _field(
    head: str, options: Sequence[str], pairs: Sequence[tuple[str | None, str | None]], predictions: Sequence[Prediction]
) -> Prepared:
    golds = [gold for gold, _ in pairs]
    right = _column(golds, [gold == given for gold, given in pairs])
    columns = {"accuracy": right, "unread_rate": _column(golds, [given is None for _, given in pairs])}
    groups = {"class": _by_value(options, golds)}
    for kind in ATTRIBUTES:
        of_rows = _attributes(kind, golds, predictions)
        groups[kind] = _by_value(sorted({value for value in of_rows if value is not None}), of_rows)
        if groups[kind]:
            of_class = _of_classes(golds, of_rows)
            same = [of_class.get(given or "") == value for (_, given), value in zip(pairs, of_rows, strict=True)]
            columns[f"{kind}_accuracy"] = _column(of_rows, same)
    counts = {"choice_scored": "accuracy"}
    for kind, parts in groups.items():
        for name, rows in parts.items():
            columns[f"{kind}_{name}_accuracy"] = np.where(rows, right, np.nan)
            counts[f"{kind}_{name}_scored"] = f"{kind}_{name}_accuracy"
    return _with_means(head, row_means(columns, counts), groups)


def _with_means(head: str, means: Prepared, groups: Mapping[str, Mapping[str, object]]) -> Prepared:
    """The measure with what is made of its values: balanced accuracy, and the worst condition."""

    def measure(weights: Weights) -> dict[str, Values]:
        rest = means(weights)
        by_class = [rest[f"class_{name}_accuracy"] for name in groups["class"]]
        found = {"accuracy": rest.pop("accuracy"), "balanced_accuracy": _mean_of_defined(by_class, len(weights))}
        if conditions := [rest[f"condition_{name}_accuracy"] for name in groups["condition"]]:
            found["worst_condition_accuracy"] = np.fmin.reduce(conditions)
        return {f"{head}{name}": values for name, values in (found | rest).items()}

    by_row = {f"{head}{name}": values for name, values in means.by_row.items()}
    return Prepared(measure, lambda rows: _with_means(head, means.take(rows), groups), by_row)


def _mean_of_defined(values: Sequence[Values], draws: int) -> Values:
    if not values:
        return np.zeros(draws)
    stacked = np.array(values)
    return ratio(np.nansum(stacked, axis=0), (~np.isnan(stacked)).sum(axis=0).astype(float), np.nan)


def _column(part: Sequence[str | None], values: Sequence[bool]) -> Floats:
    """Values as numbers, and NaN for the rows that take no part."""
    return np.array([float(value) if one is not None else np.nan for one, value in zip(part, values, strict=True)])


def _by_value(values: Sequence[str], of_rows: Sequence[str | None]) -> dict[str, np.ndarray]:
    """By name, the rows of each value that occurs; values whose names would be the same are numbered."""
    found: dict[str, np.ndarray] = {}
    for value in dict.fromkeys(values):
        rows = np.array([one == value for one in of_rows], dtype=bool)
        if rows.any():
            name = stem = slug(value) or "unnamed"
            while name in found:
                name = f"{stem}_{len(found)}"
            found[name] = rows
    return found


def _attributes(kind: str, golds: Sequence[str | None], predictions: Sequence[Prediction]) -> list[str | None]:
    """Each row's condition or object: its own, or that of its class where other rows agree on one."""
    own = [str(value) if (value := row.meta.get(kind)) is not None else None for row in predictions]
    of_class = _of_classes(golds, own)
    return [
        None if gold is None else value if value is not None else of_class.get(gold)
        for gold, value in zip(golds, own, strict=True)
    ]


def _of_classes(golds: Sequence[str | None], values: Sequence[str | None]) -> dict[str, str]:
    """Each class's value, where its rows have one and no two."""
    found: dict[str, set[str]] = {}
    for gold, value in zip(golds, values, strict=True):
        if gold is not None and value is not None:
            found.setdefault(gold, set()).add(value)
    return {name: next(iter(of_class)) for name, of_class in found.items() if len(of_class) == 1}
