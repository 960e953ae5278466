"""Relations: closed questions about where one object lies from another, answered by choice."""

from collections.abc import Sequence

import numpy as np

from ontune.evaluation.choice import classes, slug
from ontune.evaluation.measure import Prepared
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.text_overlap import row_means
from ontune.task.model import Choice, Task

__all__ = ["relations"]


def relations(task: Task, predictions: Sequence[Prediction]) -> Prepared:
    """`spatial_accuracy`: the share of questions answered rightly; `relation_<relation>_accuracy`: by relation.

    The answer is the task's first choice field (above/below/…, or yes/no), read as the family `choice` reads it. The
    relation that a question asks about is the row's `meta["relation"]`, else the answer that gold gives. Rows whose
    gold names no option take no part; `spatial_scored` and `relation_<relation>_scored` say how many do. Accuracy as in
    the family `choice`; without any row a value is 0, and NaN under weights that leave all its rows out.
    """
    fields = [(path, field) for path, field in task.leaf_fields() if isinstance(field, Choice)]
    pairs = classes(task, predictions, *fields[0]) if fields else [(None, None)] * len(predictions)
    right = np.array([np.nan if gold is None else float(gold == given) for gold, given in pairs])
    asked = [
        None if gold is None else slug(str(row.meta.get("relation") or gold))
        for row, (gold, _) in zip(predictions, pairs, strict=True)
    ]
    columns, counts = {"spatial_accuracy": right}, {"spatial_scored": "spatial_accuracy"}
    for name in sorted({name for name in asked if name is not None}):
        columns[f"relation_{name}_accuracy"] = np.where([one == name for one in asked], right, np.nan)
        counts[f"relation_{name}_scored"] = f"relation_{name}_accuracy"
    return row_means(columns, counts)
