"""Manuals: numbers with units, keywords, and how near an answer's text comes to gold's."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from ontune.errors import DatasetError
from ontune.evaluation.measure import Prepared
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.quantities import TORQUE, Tolerance, Verdict, compare_quantities
from ontune.evaluation.text_overlap import anls, exact_match, rouge_l, row_means, texts
from ontune.task.model import Task

__all__ = ["keyword_share", "keywords", "manuals", "verdicts"]

NUMERIC: Mapping[Verdict, str] = {
    "right": "numeric_exact_match",
    "wrong_number": "numeric_wrong_number_rate",
    "wrong_unit": "numeric_wrong_unit_rate",
    "missing_stage": "numeric_missing_stage_rate",
    "missing": "numeric_missing_rate",
    "extra": "numeric_extra_rate",
}
TEXT = {"exact_match": exact_match, "anls": anls, "rouge_l": rouge_l}

# Of a gold text without stated keywords: words of four letters or more but these, and designations (M10, 2V, R-134a).
KEYWORD = re.compile(r"[^\W\d_]{4,}|(?=\w*\d)(?=\w*[^\W\d_])\w{2,12}")
COMMON = frozenset(
    re.findall(
        r"\w+",
        """
        about above after again against also although always another around away back because been before being below
        between both cannot could does doing done down during each either every find first from further given have
        having here however into itself just made make makes many more most must need needed never next none once only
        other otherwise over page part should shown since some such take than that their them then there these they this
        those through under until upon used using very were what when where whether which while whose will with within
        without would your
        """,
    )
)


def manuals(task: Task, predictions: Sequence[Prediction]) -> Prepared:
    """Means over the rows with gold text (`manuals_scored`); `texts` says which texts of a row are compared.

    `exact_match`, `anls`, `rouge_l`: the texts as a whole. `keyword_presence`: the mean share of keywords that an
    answer has (`keyword_scored` rows): those of the row's `meta["keywords"]`, a list or a text with `;` between them,
    else the content words and designations of gold. Over the rows whose gold has numbers (`numeric_scored`): each is
    one case of `compare_quantities`, so that `numeric_exact_match` and the shares of rows with a wrong number, a wrong
    unit, a missing stage, something missing or something extra (`numeric_…_rate`) sum to 1. The tolerance is that of
    the row's `meta["tolerance"]` (a number in gold's unit, or text as in `1 Nm; 2 %`), else 1 Nm for torques and none
    for others.

    Without any row a value is 0, and NaN under weights that leave all its rows out. Raises DatasetError for all rows
    whose keywords or tolerance are none.
    """
    pairs = [texts(task, row) for row in predictions]
    columns: dict[str, list[float]] = {
        name: [np.nan if pair is None else score(*pair) for pair in pairs] for name, score in TEXT.items()
    }
    columns["keyword_presence"] = _presence(predictions, pairs)
    found = verdicts(task, predictions)
    for code, name in NUMERIC.items():
        columns[name] = [np.nan if verdict is None else float(verdict == code) for verdict in found]
    counts = {
        "manuals_scored": "exact_match",
        "keyword_scored": "keyword_presence",
        "numeric_scored": "numeric_exact_match",
    }
    return row_means(columns, counts)


def verdicts(task: Task, predictions: Sequence[Prediction]) -> list[Verdict | None]:
    """The verdict on each row's numbers; None for rows whose gold has none. Raises DatasetError as `manuals` does."""
    found: list[Verdict | None] = []
    faults: list[str] = []
    for row in predictions:
        try:
            tolerance = _tolerance(row)
        except DatasetError as error:
            faults += error.faults
            continue
        pair = texts(task, row)
        found.append(None if pair is None else compare_quantities(*pair, tolerance))
    DatasetError.check(faults)
    return found


def _tolerance(row: Prediction) -> Tolerance:
    value: object = row.meta.get("tolerance")
    return TORQUE if value is None else Tolerance.read(value, f"prediction {row.id!r}: meta")


def _presence(predictions: Sequence[Prediction], pairs: Sequence[tuple[str, str] | None]) -> list[float]:
    found: list[float] = []
    faults: list[str] = []
    for row, pair in zip(predictions, pairs, strict=True):
        stated = row.meta.get("keywords")
        wanted = _stated(stated) if stated is not None else keywords(pair[0]) if pair else []
        if wanted is None:
            faults.append(
                f"prediction {row.id!r}: meta: keywords are {stated!r}: expected texts, or one with ; between"
            )
        elif pair is None or not wanted:
            found.append(np.nan)
        else:
            found.append(keyword_share(wanted, pair[1]))
    DatasetError.check(faults)
    return found


def _stated(value: object) -> list[str] | None:
    """The keywords that a row states, or None where these are none."""
    parts: list[object] = list(value.split(";")) if isinstance(value, str) else []
    if isinstance(value, list | tuple):
        parts = list(cast("Sequence[object]", value))
    words = [part.strip() for part in parts if isinstance(part, str)]
    return words if words and all(words) and len(words) == len(parts) else None


def keywords(gold: str) -> list[str]:
    """The content words of a text, each once: of four letters or more and not common, and designations such as M10."""
    found = (match.casefold() for match in KEYWORD.findall(unicodedata.normalize("NFKC", gold)))
    return list(dict.fromkeys(word for word in found if word not in COMMON))


def keyword_share(wanted: Sequence[str], text: str) -> float:
    """The share of keywords that stand in a text as whole words, whatever their case; 1 for no keywords.

    A keyword of several words has to stand in this order with nothing but signs and white space between them.
    """
    hay = f" {_spaced(text)} "
    return sum(f" {_spaced(word)} " in hay for word in wanted) / len(wanted) if wanted else 1.0


def _spaced(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()))
