"""Manuals: metrics counted by hand, keywords and tolerances of rows, and the sources' own questions."""

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.fixtures import TASKS
from ontune.errors import DatasetError
from ontune.evaluation import Prediction
from ontune.evaluation.manuals import keyword_share, keywords, manuals, verdicts
from ontune.evaluation.measure import point
from ontune.task.parsing import parse

TASK = TASKS["manuals"]


def row(gold: str | None, raw: str, at: int = 0, **meta: object) -> Prediction:
    """A row whose gold and answer are plain text, as manuals' questions have them."""
    answer, errors = parse(TASK, raw)
    return Prediction(f"s{at:03}", "free", gold, raw, answer, tuple(errors), meta=meta)


def metrics(*rows: Prediction) -> dict[str, float]:
    return point(manuals(TASK, rows), len(rows))


NO_NUMBERS = row("Molykote HSC compound coat.", "Molykote HSC compound coat.")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([], {"manuals_scored": 0, "exact_match": 0, "anls": 0, "numeric_exact_match": 0}, id="no rows"),
        pytest.param([row(None, "40 Nm")], {"manuals_scored": 0, "exact_match": 0, "rouge_l": 0}, id="no gold"),
        pytest.param(
            [NO_NUMBERS],
            {"exact_match": 1, "anls": 1, "rouge_l": 1, "keyword_presence": 1, "numeric_scored": 0},
            id="gold without numbers takes no part in the numeric metrics",
        ),
        pytest.param(
            [NO_NUMBERS, row("40 Nm", "40 Nm")],
            {"numeric_exact_match": 1, "numeric_scored": 1, "keyword_scored": 1, "manuals_scored": 2},
            id="each metric is over its own rows",
        ),
        pytest.param(
            [
                row("40 Nm", "41 Nm"),
                row("40 Nm", "50 Nm"),
                row("40 Nm", "40 lb-ft"),
                row("40 Nm + 90°", "40 Nm"),
                row("40 Nm", ""),
                row("40 Nm", "40 Nm or 60 Nm"),
                row("none", "40 Nm"),
                row("40 Nm", "40 Nm"),
            ],
            {
                "numeric_exact_match": 2 / 7,
                "numeric_wrong_number_rate": 1 / 7,
                "numeric_wrong_unit_rate": 1 / 7,
                "numeric_missing_stage_rate": 1 / 7,
                "numeric_missing_rate": 1 / 7,
                "numeric_extra_rate": 1 / 7,
                "numeric_scored": 7,
                "exact_match": 1 / 8,
            },
            id="every verdict has its rate",
        ),
        pytest.param([row("40 Nm", "41 Nm", tolerance=0)], {"numeric_exact_match": 0}, id="the row's tolerance"),
        pytest.param([row("40 mm", "41 mm", tolerance="1 mm")], {"numeric_exact_match": 1}, id="with its unit"),
        pytest.param(
            [row("any", "Use Molykote and a new gasket.", keywords="molykote; new gasket; coat")],
            {"keyword_presence": 2 / 3, "keyword_scored": 1},
            id="the row's keywords",
        ),
        pytest.param([row("any", "b", keywords=["a", "b"])], {"keyword_presence": 1 / 2}, id="as a list"),
        pytest.param([row("40", "50")], {"keyword_scored": 0, "keyword_presence": 0}, id="gold without keywords"),
        pytest.param([row("", "")], {"exact_match": 1, "anls": 1, "rouge_l": 0}, id="empty text on both sides"),
    ],
)
def test_metrics(rows, expected):
    found = metrics(*rows)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_objects_are_compared_by_their_text_field():
    answer = {"answer": "40 Nm"}
    found = [
        Prediction(f"s{at}", "constrained", {"answer": "40 Nm"}, json.dumps(given), given, ())
        for at, given in enumerate([answer, {"other": "40 Nm"}, None])
    ]
    assert metrics(*found)["exact_match"] == pytest.approx(1 / 3)
    assert verdicts(TASK, found) == ["right", "missing", "missing"]


def test_all_faults_of_the_rows_are_named():
    rows = [row("40 Nm", "40 Nm", 0, tolerance="much"), row("40 Nm", "40 Nm", 1), row("40 Nm", "", 2, tolerance=-1)]
    with pytest.raises(DatasetError) as caught:
        metrics(*rows)
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["prediction 's000'", "prediction 's002'"]


@pytest.mark.parametrize("bad", ["", ";", "a;;b", [], ["a", 3], 3, {"a": 1}, [""]])
def test_bad_keywords_are_named(bad: object):
    with pytest.raises(DatasetError, match=r"prediction 's000': meta: keywords are"):
        metrics(row("gold", "answer", keywords=bad))


@pytest.mark.parametrize(
    ("gold", "expected"),
    [
        ("Molykote HSC compound coat.", ["molykote", "compound", "coat"]),
        ("Bolt E (M6) must be torqued to 60 Nm.", ["bolt", "m6", "torqued"]),
        ("Use R134a with the special tool 2V.", ["r134a", "special", "tool", "2v"]),
        ("Clutch disc, clutch cover", ["clutch", "disc", "cover"]),
        ("21 21 000", []),
        ("", []),
    ],
)
def test_keywords_of_a_text(gold: str, expected: list[str]):
    assert keywords(gold) == expected


@pytest.mark.parametrize(
    ("wanted", "text", "share"),
    [
        ([], "text", 1),
        (["bolt"], "", 0),
        (["bolt"], "Bolts", 0),
        (["bolt"], "the BOLT.", 1),
        (["new gasket"], "a new, gasket", 1),
        (["new gasket"], "a gasket, new", 0),
        (["a", "b", "c"], "c b", 2 / 3),
    ],
)
def test_keyword_share(wanted: list[str], text: str, share: float):
    assert keyword_share(wanted, text) == pytest.approx(share)


def test_the_sources_own_answers(shared_data: Path):
    """Each is right against itself; a changed number, a changed unit and no number at all are told apart."""
    lines = (shared_data / "manual/synthetic/vlm_train.jsonl").read_text().splitlines()
    golds = [json.loads(line)["conversations"][-1]["content"] for line in lines]
    assert golds
    for change, code in (
        (lambda text: text, "right"),
        (lambda text: text.replace(" Nm", "7 Nm"), "wrong_number"),
        (lambda text: text.replace(" Nm", " mm"), "wrong_unit"),
        (lambda text: "It is not stated.", "missing"),
    ):
        found = verdicts(TASK, [row(gold, change(gold), at) for at, gold in enumerate(golds)])
        torques = [verdict for verdict, gold in zip(found, golds, strict=True) if " Nm" in gold]
        assert torques
        assert set(torques) == {code}


def test_weights_are_counts_of_rows():
    rows = [row("40 Nm", "40 Nm"), row("40 Nm", "50 Nm"), NO_NUMBERS]
    found = manuals(TASK, rows)(np.array([[3.0, 1, 5], [0, 0, 2]]))
    assert found["numeric_exact_match"][0] == pytest.approx(3 / 4)
    assert np.isnan(found["numeric_exact_match"][1])
    assert found["exact_match"].tolist() == pytest.approx([8 / 9, 1])
