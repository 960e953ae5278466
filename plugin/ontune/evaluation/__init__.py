"""Evaluation: predictions, and what they are worth by metric family. Never imports torch."""

from ontune.evaluation.families import FAMILIES, compute_metrics
from ontune.evaluation.predictions import Decoding, Prediction, equal, read_predictions, write_predictions

__all__ = [
    "FAMILIES",
    "Decoding",
    "Prediction",
    "compute_metrics",
    "equal",
    "read_predictions",
    "write_predictions",
]
