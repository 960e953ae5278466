"""Scores of ms-swift's own evaluation and of its reinforcement learning, by the metrics and the task of ontune."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ontune.errors import RecipeError
from ontune.evaluation import Prediction, compute_metrics
from ontune.evaluation.label_sets import label_sets
from ontune.task import Task, load_task
from ontune.task.parsing import parse

__all__ = ["METRIC", "REWARD", "keep_gold", "register_metric", "register_reward"]


METRIC = "ontology"
REWARD = "ontology_f1"


def register_metric(task: str | None, dataset_info: Path) -> None:
    """`--predict_with_generate true --eval_metric ontology`: `eval_ontology_free_f1` and the rest, of free answers."""
    from swift.metrics import eval_metrics_map
    from swift.metrics.base import EvalMetrics
    from swift.utils import Serializer

    class OntologyMetrics(EvalMetrics):
        def __init__(self, args: Any, trainer: Any) -> None:
            super().__init__(args, trainer)
            self._task = _task(task, dataset_info)

        def compute_metrics(self, eval_prediction: Any) -> dict[str, float]:
            """The metrics of serialised answers beside their gold; the host puts `eval_` before each name."""
            answers, gold = (
                [Serializer.from_tensor(row) for row in rows]
                for rows in (eval_prediction.predictions, eval_prediction.label_ids)
            )
            found = compute_metrics(self._task, _predictions(self._task, answers, gold))
            return {f"ontology_free_{name}": value for name, value in found.items()}

    metrics: dict[str, Any] = eval_metrics_map
    metrics[METRIC] = OntologyMetrics


def register_reward(task: str | None, dataset_info: Path) -> None:
    """`swift rlhf --rlhf_type grpo --reward_funcs ontology_f1`: how well completions agree with `solution`."""
    from swift.rewards import ORM, orms

    class OntologyF1(ORM):
        def __init__(self, args: Any = None, **options: Any) -> None:
            super().__init__(args, **options)
            self._task = _task(task, dataset_info)

        def __call__(  # pyright: ignore[reportIncompatibleMethodOverride] - it is called so
            self, completions: Sequence[str], solution: Sequence[str], **_: Any
        ) -> list[float]:
            """Each completion's reward: the micro F1 of its labels, 1 where it is the gold answer without any."""
            return _rewards(self._task, _predictions(self._task, completions, solution))

    rewards: dict[str, Any] = orms
    rewards[REWARD] = OntologyF1


def keep_gold(dataset: Any, **options: Any) -> Any:
    """The dataset as ms-swift takes it, with the gold answer in `solution`: rewards are given that column."""
    from swift.dataset import AutoPreprocessor

    return AutoPreprocessor()(dataset.map(lambda row: {"solution": row["conversations"][-1]["value"]}), **options)


@cache
def _task(name: str | None, dataset_info: Path) -> Task:
    if not name:
        raise RecipeError("ONTUNE_TASK is not set: ontune's metric and reward have to know whose answers they score")
    return load_task(name, dataset_info=dataset_info)


def _predictions(task: Task, answers: Sequence[str], gold: Sequence[str]) -> list[Prediction]:
    return [_prediction(task, f"{at:09}", *pair) for at, pair in enumerate(zip(answers, gold, strict=True))]


def _prediction(task: Task, id_: str, raw: str, gold: str) -> Prediction:
    answer, errors = parse(task, raw)
    return Prediction(id_, "free", parse(task, gold)[0] or gold, raw, answer, tuple(errors), task=task.name)


def _rewards(task: Task, rows: Sequence[Prediction]) -> list[float]:
    each = label_sets(task, rows)(np.eye(len(rows)))  # every row on its own, prepared together
    return np.maximum(each["f1"], each["exact_match"]).tolist()
