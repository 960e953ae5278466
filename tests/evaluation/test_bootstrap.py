"""The bootstrap: scipy's on means, clusters, and how often its intervals hold the truth."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from evaluation.fixtures import predictions
from ontune.evaluation.bootstrap import draws, groups_of, intervals, percentiles
from ontune.evaluation.measure import mean


def mean_of(values):
    return lambda weights: {"mean": mean(weights, np.asarray(values))}


def own(count):
    return np.arange(count)


def test_intervals_of_a_mean_are_those_of_scipy() -> None:
    values = np.random.default_rng(1).random(200)
    expected = bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(2))
    found = intervals(mean_of(values), own(200), 4000)["mean"]
    assert found == pytest.approx(expected.confidence_interval, abs=0.004)


def test_rows_of_a_group_are_drawn_together() -> None:
    once = np.random.default_rng(3).random(30)
    single = intervals(mean_of(once), own(30))
    assert intervals(mean_of(np.repeat(once, 5)), np.repeat(np.arange(30), 5)) == {
        "mean": pytest.approx(single["mean"])
    }
    apart = intervals(mean_of(np.repeat(once, 5)), own(150))["mean"]
    assert apart[1] - apart[0] < 0.6 * (single["mean"][1] - single["mean"][0])


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(4), 0
    for _ in range(200):
        groups = np.repeat(np.arange(40), 3)
        values = 0.5 + np.repeat(rng.normal(0, 1, 40), 3) + rng.normal(0, 0.5, 120)
        low, high = intervals(mean_of(values), groups, 300, level=0.9)["mean"]
        held += low <= 0.5 <= high
    assert 0.83 <= held / 200 <= 0.95


def test_the_same_seed_gives_the_same_draws_whatever_the_chunks(monkeypatch) -> None:
    values = np.random.default_rng(5).random(50)
    found = draws(mean_of(values), own(50), 100)["mean"]
    monkeypatch.setattr("ontune.evaluation.bootstrap.CELLS", 50 * 7)
    assert np.allclose(found, draws(mean_of(values), own(50), 100)["mean"], rtol=1e-12)
    assert not np.array_equal(found, draws(mean_of(values), own(50), 100, seed=43)["mean"])


@pytest.mark.parametrize(("rows", "resamples"), [(0, 100), (5, 0)])
def test_nothing_to_draw(rows, resamples) -> None:
    assert intervals(mean_of(np.ones(rows)), own(rows), resamples) == {}


def test_undefined_draws_are_left_out() -> None:
    found = percentiles({"some": np.array([1.0, np.nan, 1.0]), "none": np.array([np.nan, np.nan])})
    assert found["some"] == (1.0, 1.0)
    assert np.isnan(found["none"]).all()


def test_groups() -> None:
    found = predictions("manuals", 8)
    assert list(groups_of(found)) == [0, 0, 0, 0, 1, 1, 1, 1]
    for record in found[2:5]:
        record.meta.pop("group")  # pyright: ignore[reportAttributeAccessIssue]
    assert list(groups_of(found)) == [0, 0, 1, 2, 3, 4, 4, 4]
    assert list(groups_of([])) == []
