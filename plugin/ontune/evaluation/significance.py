"""What chance alone may have done: intervals of rates, and tests of one run against another on the same rows."""

from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ontune.console import progress
from ontune.evaluation.bootstrap import CELLS, RESAMPLES, SEED, Groups
from ontune.evaluation.measure import Measure, Values, Weights

__all__ = ["mcnemar", "permutation", "wilson", "wilson_needed"]

ENOUGH = 10**9  # no sample is larger: a limit that would need more is not decided by any
TINY = 1e-12  # sums of the same numbers in another order differ by less


def wilson(hits: float, count: float, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a rate: `hits` of `count` independent rows; 0 to 1 without rows.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    if count <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, shrink = hits / count, 1 + z * z / count
    middle = (share + z * z / (2 * count)) / shrink
    half = z / shrink * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    # The ends are exact where nothing or everything hit, whatever rounding does.
    return (max(0.0, middle - half) if hits > 0 else 0.0), (min(1.0, middle + half) if hits < count else 1.0)


def wilson_needed(share: float, limit: float, level: float = 0.95) -> int | None:
    """How many independent rows would decide the limit if the rate stayed as it is; None where no number would."""

    def decides(count: int) -> bool:
        low, high = wilson(share * count, count, level)
        return low >= limit if share > limit else high <= limit

    return None if share == limit or limit in (0, 1) else _first(decides)


def _first(decides: Callable[[int], bool]) -> int | None:
    """The smallest number from 1 that decides, where every larger one does too."""
    high = 1
    while not decides(high):
        high *= 2
        if high > ENOUGH:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p value for rows that one run alone has right: as likely either way, if the runs are equal.

    McNemar (1947), "Note on the sampling error of the difference between correlated proportions", as the binomial test
    of the discordant pairs. 1 where there are none.
    """
    from scipy.special import bdtr

    count = only_a + only_b
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), count, 0.5))) if count else 1.0


def permutation(
    measure: Measure,
    groups: Groups,
    differs: NDArray[np.bool_],
    resamples: int = RESAMPLES,
    seed: int = SEED,
    what: str = "permutations",
) -> dict[str, float]:
    """The two-sided p value of every value's difference, by swapping the two runs' answers group by group.

    `measure` is over the rows of A and then those of B, which answer the same questions; `groups` and `differs` are of
    the rows of one run. Groups without a difference change nothing by a swap and are left out; all swaps of the rest
    are tried where there are no more than `resamples`, else that many random ones and the one that was seen.
    Without resamples no value is tested, but where there is nothing to swap.
    Good (2005), "Permutation, Parametric and Bootstrap Tests of Hypotheses", chapters 3 and 13.
    """
    active = np.unique(groups[differs])
    exact = 2 ** len(active) <= max(resamples, 1)
    if not exact and not resamples:
        return {}
    tried = 2 ** len(active) if exact else resamples
    size = max(1, CELLS // max(1, 2 * len(groups)))
    seen = _difference(measure, np.zeros((1, len(groups))))
    extreme = dict.fromkeys(seen, 0)
    chunks = _exact_swaps(len(active), size) if exact else _random_swaps(len(active), resamples, seed, size)
    for chunk in progress(chunks, what, -(-tried // size)):
        for name, values in _difference(measure, _by_row(chunk, active, groups)).items():
            extreme[name] += int(np.sum(np.abs(values) >= np.abs(seen[name]) - TINY))
    # A random sample of the swaps has the one that was seen besides, or p could be 0.
    return {name: (count + (not exact)) / (tried + (not exact)) for name, count in extreme.items()}


def _difference(measure: Measure, swapped: Weights) -> dict[str, Values]:
    """B minus A, where the rows marked 1 are swapped."""
    first = measure(np.hstack([1 - swapped, swapped]))
    second = measure(np.hstack([swapped, 1 - swapped]))
    return {name: second[name] - values for name, values in first.items()}


def _by_row(swaps: Weights, active: Groups, groups: Groups) -> Weights:
    """For each row what is said of its group; 0 for rows of other groups."""
    place = np.zeros(int(groups.max(initial=0)) + 1, dtype=np.int64)
    place[active] = np.arange(1, len(active) + 1)
    return np.hstack([np.zeros((len(swaps), 1)), swaps])[:, place[groups]]


def _exact_swaps(count: int, size: int) -> Iterator[Weights]:
    """All 2 to the power of `count` swaps: the binary digits of the numbers from 0."""
    digits = np.arange(count)
    for start in range(0, 2**count, size):
        numbers = np.arange(start, min(start + size, 2**count))
        yield (numbers[:, None] >> digits & 1).astype(np.float64)


def _random_swaps(count: int, resamples: int, seed: int, size: int) -> Iterator[Weights]:
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, size):
        yield rng.integers(0, 2, (min(size, resamples - start), count)).astype(np.float64)
