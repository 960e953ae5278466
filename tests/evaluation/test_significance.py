"""Wilson, McNemar and permutation: scipy as the oracle, the table of small samples, and properties."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ontune.evaluation.measure import mean
from ontune.evaluation.significance import mcnemar, permutation, wilson, wilson_needed

COUNTS = st.integers(1, 400).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count)))


@pytest.mark.parametrize(
    ("hits", "count", "interval"),
    [(23, 25, (0.750, 0.978)), (25, 25, (0.867, 1.0)), (43, 47, (0.80, 0.966)), (0, 0, (0, 1)), (0, 25, (0, 0.133))],
)
def test_small_samples(hits, count, interval) -> None:
    assert wilson(hits, count) == pytest.approx(interval, abs=1e-3)


@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_that_of_scipy(counts, level) -> None:
    expected = binomtest(*counts).proportion_ci(level, method="wilson")
    low, high = wilson(*counts, level)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1
    assert wilson(counts[1] - counts[0], counts[1], level) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(
    ("share", "limit", "needed"),
    [(1.0, 0.9, 35), (0.9, 0.9, None), (0.0, 0.05, 73), (1.0, 1.0, None), (0.5, 0.0, None)],
)
def test_needed(share, limit, needed) -> None:
    assert wilson_needed(share, limit) == needed


@given(st.floats(0, 1), st.floats(0.01, 0.99))
def test_needed_decides_and_one_less_does_not(share, limit) -> None:
    needed = wilson_needed(share, limit)
    if needed is None or abs(share - limit) < 1e-3:
        return
    for count, decided in [(needed, True), (needed - 1, False)]:
        low, high = wilson(share * count, count)
        assert (low >= limit if share > limit else high <= limit) == decided


@pytest.mark.parametrize(
    ("a", "b", "p"), [(0, 0, 1), (0, 5, 0.0625), (0, 6, 0.03125), (1, 8, 0.039), (2, 10, 0.0386), (7, 7, 1)]
)
def test_mcnemar(a, b, p) -> None:
    assert mcnemar(a, b) == pytest.approx(p, abs=1e-3) == pytest.approx(mcnemar(b, a), abs=1e-3)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_test(a, b) -> None:
    expected = binomtest(a, a + b).pvalue if a + b else 1.0
    assert mcnemar(a, b) == pytest.approx(expected, abs=1e-9)


def both(a, b):
    values = np.concatenate([a, b])
    return lambda weights: {"mean": mean(weights, values)}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=9))
def test_few_groups_are_tried_out(rows) -> None:
    """Sign flips of the groups' differences, written out."""
    groups, a, b = (np.array(column) for column in zip(*rows, strict=True))
    _, groups = np.unique(groups, return_inverse=True)
    sums = np.bincount(groups, b - a)
    flipped = [abs(np.dot(signs, sums)) for signs in product((1, -1), repeat=len(sums))]
    expected = np.mean([value >= abs(sums.sum()) - 1e-9 for value in flipped])
    found = permutation(both(a, b), groups, np.ones(len(a), dtype=bool), 1000)
    assert found["mean"] == pytest.approx(expected)


def test_groups_without_a_difference_are_left_out(monkeypatch) -> None:
    a, b = np.zeros(40), np.zeros(40)
    b[:6] = 1
    exact = permutation(both(a, b), np.arange(40), a != b, 100)
    assert exact == {"mean": pytest.approx(2 / 2**6)} == {"mean": pytest.approx(mcnemar(0, 6))}
    monkeypatch.setattr("ontune.evaluation.significance.CELLS", 160)
    assert permutation(both(a, b), np.arange(40), a != b, 100) == exact
    assert permutation(both(a, a), np.arange(40), a != a, 100) == {"mean": 1.0}


def test_many_groups_are_sampled() -> None:
    rng = np.random.default_rng(0)
    a = rng.random(300)
    better, same, noisy = a + 0.2, a[rng.permutation(300)], a + rng.normal(0, 1, 300)
    groups = np.arange(300)
    assert permutation(both(a, better), groups, a != better, 499)["mean"] == pytest.approx(1 / 500)
    assert permutation(both(a, same), groups, a != same, 499)["mean"] > 0.9
    first, again, other = (permutation(both(a, noisy), groups, a != noisy, 499, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_no_rows() -> None:
    assert permutation(both([], []), np.arange(0), np.zeros(0, dtype=bool)) == {"mean": 1.0}


def test_without_resamples_there_is_no_p_value() -> None:
    a, b = np.zeros(6), np.ones(6)
    assert permutation(both(a, b), np.arange(6), a != b, 0) == {}
