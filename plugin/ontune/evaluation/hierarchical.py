"""Hierarchical metrics: a label near the right one is less wrong than one far from it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ontune.evaluation.agreement import Agreement, agreement
from ontune.evaluation.label_matrix import LabelMatrix, Sparse, dimensions, order_of, prefix
from ontune.evaluation.measure import Floats, Means, Measure, Values, Weights
from ontune.task.model import Task

__all__ = ["closed", "hierarchical", "lca_distance"]

Integers: TypeAlias = NDArray[np.int64]
Above: TypeAlias = Mapping[object, int]  # every node above a label, itself included, and the steps up to it

AVERAGES = tuple(f"{kind}{name}" for kind in ("", "macro_", "sample_") for name in ("precision", "recall", "f1"))
NOWHERE: tuple[Integers, Integers] = (np.zeros(0, np.int64), np.zeros(0, np.int64))
TOP = ()  # above all dimensions; a dimension is (its name,), so that no label can have the same name


def hierarchical(task: Task, matrix: LabelMatrix, below: LabelMatrix, distances: Floats) -> Measure:
    """Scores of label sets closed under ancestors, and the distance of a label given to the nearest gold label.

    `hierarchical_precision`, `_recall`, `_f1`: micro averages of the sets that hold every label with all its ancestors,
    after Kiritchenko et al. (2006), "Learning and evaluation in the presence of class hierarchies"; a node that several
    labels share, or reach by several parents, counts once a row. `hierarchical_macro_…`: the mean over nodes, and
    `hierarchical_sample_…`: the mean over rows (which hiclass calls macro); empty sets count as in `label_sets`.
    `<dimension>_hierarchical_f1`: the micro average within a dimension.
    `lca_distance`: see there; a mean over the rows in which a label was given, 0 where there is none.
    `below` is `closed`, and `distances` are `lca_distance` of the matrix.
    """
    scores = Agreement(below, slice(None))
    distance = Means({"lca_distance": distances}, matrix.answer.sum(axis=1) > 0)
    parts = {prefix(name): below.within(name) for name in dimensions(task)}

    def values(weights: Weights) -> dict[str, Values]:
        counts = below.outcomes.by_column(weights)
        found = scores(weights, counts)
        chosen = {f"hierarchical_{name}": found[name] for name in AVERAGES}
        for head, columns in parts.items():
            hits, missed, extra = (part[:, columns].sum(axis=1) for part in counts)
            chosen[f"{head}_hierarchical_f1"] = agreement(hits, missed, extra)["f1"]
        return chosen | distance(weights)

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
    ways = [_above(task, label) for _, label in matrix.columns]
    below = _below(ways, np.flatnonzero(matrix.gold.sum(axis=0)).tolist())
    extra = matrix.outcomes.extra.tocsc()
    sums = np.zeros(len(matrix.scored))
    for column in np.flatnonzero(np.diff(extra.indptr)).tolist():
        steps = np.full(len(ways), float("inf"))
        for node, up in ways[column].items():
            golds, down = below.get(node, NOWHERE)
            steps[golds] = np.minimum(steps[golds], up + down)
        rows = extra.indices[extra.indptr[column] : extra.indptr[column + 1]]
        sums[rows] += _nearest(matrix.gold[rows], steps, ways[column][TOP])
    return sums / np.maximum(matrix.answer.sum(axis=1), 1)


def _below(ways: Sequence[Above], golds: Sequence[int]) -> dict[object, tuple[Integers, Integers]]:
    """For every node the gold columns below it, and the steps down to each."""
    found: defaultdict[object, list[tuple[int, int]]] = defaultdict(list)
    for column in golds:
        for node, steps in ways[column].items():
            found[node].append((column, steps))
    arrays = {node: np.array(pairs, dtype=np.int64).T for node, pairs in found.items()}
    return {node: (columns, steps) for node, (columns, steps) in arrays.items()}


def _nearest(gold: Sparse, steps: Floats, top: int) -> Floats:
    """For each row the fewest steps to one of its gold labels, or to the top where it has none."""
    sizes = np.diff(gold.indptr)
    found = np.full(len(sizes), float(top))
    if sizes.any():
        found[sizes > 0] = np.minimum.reduceat(steps[gold.indices], gold.indptr[:-1][sizes > 0])
    return found


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
