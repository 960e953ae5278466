"""What evaluate makes of scores: thresholds from one split to another, and answering the confident rows alone."""

from collections.abc import Sequence
from pathlib import Path

from ontune.errors import InputError
from ontune.evaluation.calibration import fit_temperature
from ontune.evaluation.comparison import Run
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.selective import abstain_at
from ontune.evaluation.thresholds import Thresholds, apply, fit_thresholds, read_thresholds, write_thresholds
from ontune.task import Task

__all__ = ["abstention_note", "by_thresholds", "save_thresholds"]


def by_thresholds(task: Task, run: Run, path: Path) -> Run:
    """The run with the labels whose scores reach the thresholds of the file."""
    _check(run.predictions, "--thresholds")
    limits = read_thresholds(path)
    rows = apply(task, run.predictions, limits.thresholds, limits.temperatures)
    return Run(f"{run.name} thresholds", f"{run.file} by {path}", rows)


def save_thresholds(rows: Sequence[Prediction], path: Path) -> None:
    """Writes the thresholds with the best F1 on these rows, at the temperatures that fit them best."""
    _check(rows, "--fit-thresholds")
    temperatures = fit_temperature(rows)
    write_thresholds(path, Thresholds(fit_thresholds(rows, temperatures), temperatures))


def abstention_note(task: Task, rows: Sequence[Prediction], precision: float) -> str:
    """How many rows can be answered at a wanted share of right answers, fitted on these very rows."""
    _check(rows, "--precision")
    found = abstain_at(task, rows, precision)
    if found is None:
        return f"At no confidence is {precision:.1%} of the answers right."
    share = f"{found.coverage:.1%} of the rows can be answered with {found.precision:.1%} right"
    return (
        f"From a confidence of {found.confidence:.4f} on, {share} (wanted {precision:.1%}, fitted on these very rows)."
    )


def _check(rows: Sequence[Prediction], option: str) -> None:
    if not any(row.scores for row in rows):
        raise InputError(f"{option}: no row has scores (ontune predict writes them where the engine gives any)")
