"""How fast answers came."""

from collections.abc import Sequence

import numpy as np

from ontune.evaluation import Prediction
from ontune.inference.engine import was_asked

__all__ = ["speed", "speed_text"]


def speed(predictions: Sequence[Prediction], fresh: Sequence[Prediction], wall: float) -> dict[str, float | int | None]:
    """Throughput of what was answered now (`fresh`, in `wall` seconds) and latency of all answers, in seconds.

    Latency is the time of one request; of an engine that answers batches, the batch's time by its size. None where
    nothing was asked.
    """
    answered = [item for item in fresh if was_asked(item)]
    seconds = [item.seconds for item in predictions if was_asked(item)]
    p50, p95 = (float(value) for value in np.percentile(seconds, [50, 95])) if seconds else (None, None)
    rate = 1 / wall if answered and wall > 0 else None
    return {
        "answered": len(answered),
        "wall_seconds": wall,
        "samples_per_second": rate and len(answered) * rate,
        "tokens_per_second": rate and sum(item.tokens for item in answered) * rate,
        "latency_p50": p50,
        "latency_p95": p95,
    }


def speed_text(record: dict[str, float | int | None]) -> str:
    """The line for people."""
    parts = [f"{record['answered']} answered now"]
    if record["samples_per_second"] is not None:
        parts.append(f"{record['samples_per_second']:.2f} samples/s, {record['tokens_per_second']:.1f} tokens/s")
    if record["latency_p50"] is not None:
        parts.append(f"latency p50 {record['latency_p50']:.2f} s, p95 {record['latency_p95']:.2f} s")
    return ", ".join(parts)
