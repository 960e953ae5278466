"""What several processes have answered, brought together."""

from collections.abc import Callable
from typing import Any

import torch

from ontune.errors import OntuneError
from ontune.evaluation import Prediction

__all__ = ["gather"]


def gather(answer: Callable[[], list[Prediction]]) -> list[Prediction]:
    """The predictions of all ranks, sorted by id; every rank gets the same list and so the same metrics.

    Where one rank fails, all raise: the others would wait for it until the host's timeout.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return _sorted(answer())
    mine, failure = _attempt(answer)
    shares: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(shares, (mine, failure and repr(failure)))
    if failure:
        raise failure
    failed = {rank: reason for rank, (_, reason) in enumerate(shares) if reason}
    if failed:
        raise OntuneError([f"evaluation failed on rank {rank}: {reason}" for rank, reason in failed.items()])
    return _sorted([prediction for found, _ in shares for prediction in found])


def _attempt(answer: Callable[[], list[Prediction]]) -> tuple[list[Prediction], Exception | None]:
    try:
        return answer(), None
    except Exception as failure:
        return [], failure


def _sorted(predictions: list[Prediction]) -> list[Prediction]:
    return sorted(predictions, key=lambda prediction: prediction.id)
