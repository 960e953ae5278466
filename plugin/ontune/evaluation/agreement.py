"""How well labels given agree with gold labels: precision, recall, F1 and Jaccard index, and their averages."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ontune.evaluation.label_matrix import Counts, LabelMatrix
from ontune.evaluation.measure import Floats, Values, Weights, mean, ratio

__all__ = ["Agreement", "agreement", "averages"]


def agreement(hits: Floats, missed: Floats, extra: Floats, empty: float = 0.0) -> dict[str, Floats]:
    """Precision, recall, F1 and Jaccard index of counts of any shape; `empty` where there is nothing on both sides."""
    union = hits + missed + extra
    found = {
        "precision": ratio(hits, hits + extra),
        "recall": ratio(hits, hits + missed),
        "f1": ratio(2 * hits, union + hits),
        "jaccard": ratio(hits, union),
    }
    return {name: np.where(union == 0, empty, value) for name, value in found.items()}


def averages(hits: Floats, missed: Floats, extra: Floats) -> dict[str, Values]:
    """Micro, macro and weighted averages of counts (resamples, labels)."""
    used, support = (hits + missed + extra > 0).astype(float), hits + missed
    found = agreement(hits.sum(axis=1), missed.sum(axis=1), extra.sum(axis=1))
    for name, each in agreement(hits, missed, extra).items():
        found[f"macro_{name}"] = ratio(each.sum(axis=1), used.sum(axis=1))
        found[f"weighted_{name}"] = ratio((each * support).sum(axis=1), support.sum(axis=1))
    return found


@dataclass(frozen=True)
class Agreement:
    """All averages over some columns of a matrix, prepared for any weights."""

    matrix: LabelMatrix
    columns: slice

    @cached_property
    def _samples(self) -> dict[str, Floats]:
        # Nothing is right where nothing was asked.
        return agreement(*self.matrix.outcomes.by_row(self.columns), empty=1.0)

    def __call__(self, weights: Weights, counts: Counts) -> dict[str, Values]:
        """The averages; `counts` are the matrix's under the same weights, computed once for all who need them."""
        found = averages(*(part[:, self.columns] for part in counts))
        samples = self._samples.items()
        return found | {f"sample_{name}": mean(weights, rows, self.matrix.scored) for name, rows in samples}
