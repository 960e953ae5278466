"""The table: scores, the baselines that see no picture, and the bounds."""

import pytest

from ontune.demo.edugraph.table import Row, bounds, make_rows, to_text
from ontune.evaluation import Prediction
from ontune.ontology import Concept, Ontology
from ontune.task import Labels, Task

NAMES = ("Everywhere", "Few", "Many", "One")
TASK = Task(
    "t", Ontology("o", "1", ("Area",), tuple(Concept(name, "Area") for name in NAMES)), (Labels("Area", "Area"),)
)


def answer(*labels):
    return {"Area": sorted(labels)}


def predictions(*pairs):
    return [
        Prediction(f"{at}", "free", answer(*gold), "", None if given is None else answer(*given), errors)
        for at, (gold, given) in enumerate(pairs)
        for errors in [("invalid_json",) if given is None else ()]
    ]


def test_rows() -> None:
    gold = [("Everywhere", "Few"), ("Everywhere", "Few", "One"), ("Everywhere", "Many")]
    after = predictions((gold[0], gold[0]), (gold[1], gold[1]), (gold[2], ("Everywhere", "Few")))
    before = predictions(*((labels, None) for labels in gold))
    rows = make_rows(
        TASK, [answer(*labels) for labels in gold], before, after, predictions(*zip(gold, gold, strict=True))
    )
    assert [row.name for row in rows] == [
        "most frequent answer",
        "best constant labels",
        "before training",
        "after training",
        "after, blank pictures",
    ]
    # Everywhere is on every sheet: it counts neither for nor against anyone. Gold without it: Few | Few One | Many.
    assert rows[0] == Row("most frequent answer", 0.0 + 2 * 1 / (4 + 3), 1 / 3, 0.0) or rows[0].exact_match in {
        0,
        1 / 3,
    }
    assert rows[1].f1 == pytest.approx(2 * 2 / (4 + 3))  # always Few
    assert rows[2] == Row("before training", 0.0, 0.0, 1.0)
    assert (rows[3].f1, rows[3].exact_match) == (pytest.approx(2 * 3 / (4 + 4)), pytest.approx(2 / 3))
    assert rows[4] == Row("after, blank pictures", 1.0, 1.0, 0.0)


GOOD = {"most frequent answer": (0.2, 0.1), "best constant labels": (0.59, 0.44), "after training": (0.9, 0.9)}
GOOD["after, blank pictures"] = (0.3, 0.2)


@pytest.mark.parametrize(
    ("change", "pictures", "missed"),
    [
        ({}, 300, []),
        ({}, 299, ["held-out pictures"]),
        ({"after training": (0.899, 0.9)}, 300, ["micro F1, after training"]),
        ({"best constant labels": (0.6, 0.1)}, 300, ["micro F1, best constant labels"]),
        ({"most frequent answer": (0.1, 0.45)}, 300, ["exact match, most frequent answer"]),
        (
            {"after, blank pictures": (0.7, 0.5)},
            300,
            ["micro F1, after, blank pictures", "exact match, after, blank pictures"],
        ),
    ],
)
def test_bounds(change, pictures, missed) -> None:
    rows = [Row(name, *scores, 0.0) for name, scores in (GOOD | change).items()]
    found = bounds(rows, pictures)
    assert [bound.what for bound in found if not bound.kept] == missed
    assert to_text(rows, found).count("MISSED") == len(missed)
    assert len(found) == 8
