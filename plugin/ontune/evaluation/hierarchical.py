"""Hierarchical metrics: a label near the right one is less wrong than one far from it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array

from ontune.evaluation.agreement import Agreement, agreement
from ontune.evaluation.label_matrix import LabelMatrix, Sparse, dimensions, order_of, prefix
from ontune.evaluation.measure import Floats, Measure, Values, Weights, mean
from ontune.task.model import Task

__all__ = ["closed", "hierarchical", "lca_distance"]

Above: TypeAlias = Mapping[object, int]  # every node above a label, itself included, and the steps up to it

AVERAGES = tuple(f"{kind}{name}" for kind in ("", "macro_", "sample_") for name in ("precision", "recall", "f1"))
TOP = ()  # above all dimensions; a dimension is (its name,), so that no label can have the same name


def hierarchical(task: Task, matrix: LabelMatrix) -> Measure:
    """Scores of label sets closed under ancestors, and the distance of a label given to the nearest gold label.

    `hierarchical_precision`, `_recall`, `_f1`: micro averages of the sets that hold every label with all its ancestors,
    after Kiritchenko et al. (2006), "Learning and evaluation in the presence of class hierarchies"; a node that several
    labels share, or reach by several parents, counts once a row. `hierarchical_macro_…`: the mean over nodes, and
    `hierarchical_sample_…`: the mean over rows (which hiclass calls macro); empty sets count as in `label_sets`.
    `<dimension>_hierarchical_f1`: the micro average within a dimension.
    `lca_distance`: see there; a mean over the rows in which a label was given, 0 where there is none.
    """
    below = closed(task, matrix)
    scores, distances = Agreement(below, slice(None)), lca_distance(task, matrix)
    given = matrix.answer.sum(axis=1) > 0
    parts = {prefix(name): below.within(name) for name in dimensions(task)}

    def values(weights: Weights) -> dict[str, Values]:
        counts = below.outcomes.by_column(weights)
        found = scores(weights, counts)
        chosen = {f"hierarchical_{name}": found[name] for name in AVERAGES}
        for head, columns in parts.items():
            hits, missed, extra = (part[:, columns].sum(axis=1) for part in counts)
            chosen[f"{head}_hierarchical_f1"] = agreement(hits, missed, extra)["f1"]
        return chosen | {"lca_distance": mean(weights, distances, given)}

    return values


def closed(task: Task, matrix: LabelMatrix) -> LabelMatrix:
    """The matrix with all ancestors of each label under the same dimension; unknown labels stand for themselves."""
    reach = [{label, *task.ancestors.get(label, ())} for _, label in matrix.columns]
    nodes = {(name, node) for (name, _), above in zip(matrix.columns, reach, strict=True) for node in above}
    columns = sorted(nodes, key=order_of(task))
    place = {key: at for at, key in enumerate(columns)}
    cells = [(at, place[name, node]) for at, (name, _) in enumerate(matrix.columns) for node in reach[at]]
    rows, ends = np.array(cells, dtype=np.int64).reshape(-1, 2).T
    up = csr_array((np.ones(len(cells)), (rows, ends)), shape=(len(matrix.columns), len(columns)))
    return replace(matrix, columns=tuple(columns), gold=_union(matrix.gold @ up), answer=_union(matrix.answer @ up))


def _union(matrix: Sparse) -> Sparse:
    """A node counts once, however many labels are below it."""
    found = csr_array(matrix)
    found.sort_indices()
    found.data[:] = 1.0
    return found


def lca_distance(task: Task, matrix: LabelMatrix) -> Floats:
    """For each row the mean over its given labels of the steps to the nearest gold label; 0 where none was given.

    The steps lead up to a common ancestor and down again, by the shortest way; in a DAG the lowest common ancestor is
    the one on that way. Roots are below their dimension, dimensions and unknown labels below one top, so that every
    pair has an ancestor in common; where a row has no gold label, the steps are those to the top. Labels that were
    missed do not count. After Kosmopoulos et al. (2015), "Evaluation measures for hierarchical classification".
    """
    above = {label: _above(task, label) for _, label in matrix.columns}
    labels = [label for _, label in matrix.columns]
    near: dict[tuple[str, str], int] = {}

    def steps(label: str, gold: str) -> int:
        if (label, gold) not in near:
            one, other = above[label], above[gold]
            near[label, gold] = min(up + other[node] for node, up in one.items() if node in other)
        return near[label, gold]

    sums = np.zeros(len(matrix.scored))
    golds = _rows(matrix.gold, labels)
    for row, (extra, gold) in enumerate(zip(_rows(matrix.outcomes.extra, labels), golds, strict=True)):
        sums[row] = sum(min((steps(label, name) for name in gold), default=above[label][TOP]) for label in extra)
    return sums / np.maximum(matrix.answer.sum(axis=1), 1)


def _rows(matrix: Sparse, labels: list[str]) -> Iterator[list[str]]:
    ends, cells = matrix.indptr.tolist(), matrix.indices.tolist()
    return ([labels[cell] for cell in cells[start:end]] for start, end in pairwise(ends))


def _above(task: Task, label: str) -> Above:
    concept = task.ontology.by_name.get(label)
    if concept is None:
        return {(label, "unknown"): 0, TOP: 1}
    found: dict[object, int] = {}
    level, steps = {label}, 0
    roots: dict[str, int] = {}
    while level:
        fresh = {name for name in level if name not in found}
        found |= dict.fromkeys(fresh, steps)
        concepts = [task.ontology.by_name[name] for name in fresh]
        if any(not item.parents for item in concepts):
            roots.setdefault(concept.dimension, steps)
        level, steps = {parent for item in concepts for parent in item.parents}, steps + 1
    nearest = roots[concept.dimension]
    return found | {(concept.dimension,): nearest + 1, TOP: nearest + 2}
