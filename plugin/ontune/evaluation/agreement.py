"""How well labels given agree with gold labels: precision, recall, F1 and Jaccard index, and their averages."""

from collections.abc import Mapping

import numpy as np

from ontune.evaluation.label_matrix import Bools, Counts, LabelMatrix
from ontune.evaluation.measure import Floats, Means, Values, Weights, ratio

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


class Agreement:
    """All averages over some columns of a matrix, prepared for any weights; `rows` are averaged beside, by name."""

    def __init__(self, matrix: LabelMatrix, columns: slice, rows: Mapping[str, Bools] | None = None) -> None:
        self.matrix, self.columns = matrix, columns
        # Nothing is right where nothing was asked.
        samples = agreement(*matrix.outcomes.by_row(columns), empty=1.0)
        values = {f"sample_{name}": part for name, part in samples.items()}
        self._means = Means({**(rows or {}), **values}, matrix.scored)
        self.by_row = self._means.by_row

    def __call__(self, weights: Weights, counts: Counts) -> dict[str, Values]:
        """The averages; `counts` are the matrix's under the same weights, computed once for all who need them."""
        means = self._means(weights)
        samples = {name: means.pop(name) for name in list(means) if name.startswith("sample_")}
        return means | averages(*(part[:, self.columns] for part in counts)) | samples
