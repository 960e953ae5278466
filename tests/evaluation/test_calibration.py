"""Bins to draw, and temperatures that make scores truer."""

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from evaluation.fixtures import TASKS, predictions
from evaluation.scored import CHOICE, LABELS, chosen, labelled
from ontune.evaluation import Prediction
from ontune.evaluation.calibration import Bin, calibration, calibration_bins, fit_temperature
from ontune.evaluation.measure import point
from ontune.evaluation.probabilities import probabilities


def test_a_bin_holds_its_lower_edge_and_the_last_its_upper_too():
    chances, truths = np.array([0.0, 0.5, 0.5, 0.7, 1.0]), np.array([False, True, False, True, True])
    assert calibration_bins(chances, truths, np.array([0.0, 0.25, 0.5, 1.0])) == [
        Bin(0.0, 0.25, 0.0, 0.0, 1),
        Bin(0.25, 0.5, 0.0, 0.0, 0),
        Bin(0.5, 1.0, pytest.approx(2.7 / 4), 0.75, 4),
    ]


@pytest.mark.parametrize("family", ["label_sets", "probabilities"])
def test_one_field_s_values_are_those_of_the_family(family):
    rows = predictions(family, 50)
    first = next(iter(rows[0].scores or {}))
    alone = [replace(row, scores={first: (row.scores or {})[first]}) for row in rows]
    found, expected = calibration(alone)[first], point(probabilities(TASKS[family], alone), 50)
    assert (found.ece, found.adaptive_ece, found.brier) == pytest.approx(
        tuple(expected[name] for name in ("ece", "adaptive_ece", "brier"))
    )
    assert len(found.bins) == 10
    assert sum(item.count for item in found.bins) == 50 * (
        1 if family == "probabilities" else len(alone[0].scores[first])
    )


def test_nothing_to_calibrate():
    assert calibration([]) == fit_temperature([]) == calibration([labelled("A", "A")]) == {}
    textual = Prediction("s", "free", None, "", None, scores={"Area": {"Addition": -1.0}})
    found = calibration([textual])["Area"]
    assert (found.ece, found.brier, found.temperature) == (1.0, 1.0, 1.0)
    assert all(item.count == 0 for item in found.bins)


def overconfident(count: int) -> list[Prediction]:
    """Right in 7 of 10 cases, and sure of 0.97 each time."""
    return [chosen("a" if at % 10 < 7 else "b", "a", at, a=0.97, b=0.02, c=0.01) for at in range(count)]


def test_the_temperature_of_an_overconfident_choice():
    rows = overconfident(40)
    found = fit_temperature(rows)
    assert found["class"] > 2
    before, after = calibration(rows)["class"], calibration(rows, found)["class"]
    assert before.ece == pytest.approx(0.27)
    assert after.ece < 0.1
    assert after.brier < before.brier
    assert before.temperature == after.temperature == found["class"]  # what would fit, whatever is applied
    assert point(probabilities(CHOICE, rows), 40)["ece"] == pytest.approx(0.27)


def test_the_temperature_of_labels_finds_what_the_scores_were_made_with():
    rng, rows = Random(0), []
    for at in range(3000):
        chances = {letter: rng.uniform(0.05, 0.95) for letter in "AC"}
        gold = "".join(letter for letter, chance in chances.items() if rng.random() < chance)
        rows.append(labelled(gold, "", at, **{letter: chance**2 for letter, chance in chances.items()}))
    assert fit_temperature(rows)["Area"] == pytest.approx(2, rel=0.05)  # exp(2 log p / 2) = p


def test_a_temperature_is_fitted_where_gold_has_no_score():
    rows = [labelled("D", "A", A=0.5), labelled("A", "A", 1, A=0.5)]
    assert math.isfinite(fit_temperature(rows)["Area"])
    assert LABELS.metrics == ("probabilities",)
