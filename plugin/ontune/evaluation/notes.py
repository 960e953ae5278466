"""What a reader of a report has to know before the numbers, as sentences."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ontune.evaluation.bootstrap import groups_of
from ontune.evaluation.comparison import Run
from ontune.evaluation.estimates import Settings
from ontune.task.model import Task
from ontune.task.taskfile import task_sha256

__all__ = ["notes"]

FEW = 20  # groups, below which a percentile interval is too narrow


def notes(task: Task, runs: Sequence[Run], free: Sequence[Run], settings: Settings) -> list[str]:
    """How intervals were made, and what of the rows is not as it should be; each once, not once a run."""
    found = [note for run in runs for note in _of_run(task, run)]
    return [_intervals(runs[0], settings), *_free(runs, free), *dict.fromkeys(found)]


def _intervals(run: Run, settings: Settings) -> str:
    rows = run.predictions
    groups = int(groups_of(rows).max(initial=-1)) + 1
    level = f"{100 * settings.level:g}% intervals"
    if groups == len(rows):
        wilson = f"{level}: Wilson for rates, since every row is its own group"
        return f"{wilson}; else percentile bootstrap with {settings.resamples} resamples, seed {settings.seed}."
    few = " So few groups make intervals too narrow." if groups < FEW else ""
    return (
        f"{level}: percentile bootstrap of {groups} groups of {len(rows)} rows with {settings.resamples} resamples, "
        f"seed {settings.seed}, for rates never narrower than Wilson's; Wilson on the groups where no resample "
        f"differs.{few}"
    )


def _free(runs: Sequence[Run], free: Sequence[Run]) -> Iterator[str]:
    beside = {run.name for run in free}
    constrained = [run for run in runs if any(row.decoding == "constrained" for row in run.predictions)]
    if missing := [run.file for run in constrained if f"{run.name} free" not in beside]:
        yield (
            f"Decoding was constrained and no unconstrained predictions are beside {', '.join(missing)}: errors that "
            "the constraint rules out say nothing of the model."
        )
    ids = {run.name: {row.id for row in run.predictions} for run in runs}
    for run in free:
        own = ids[run.name.partition(" ")[0]]
        if other := own ^ {row.id for row in run.predictions}:
            yield f"{run.name}: other samples than the constrained run, {len(other)} are in one of the two alone."


def _of_run(task: Task, run: Run) -> Iterator[str]:
    rows, wanted = run.predictions, task_sha256(task)
    if not rows:
        yield f"{run.file} is empty: no value can be computed."
        return
    if other := Counter(row.task_sha256 for row in rows if row.task_sha256 != wanted):
        yield (
            f"{run.file}: {other.total()} of {len(rows)} answers were asked with another task or ontology than the "
            f"{task.name} with {task.ontology.name} {task.ontology.version} of this report: prompt, fields, rules or "
            "labels differ."
        )
    if bare := sum(row.gold is None for row in rows):
        yield f"{run.file}: {bare} of {len(rows)} rows have no gold and take no part in scores."
    if single := sum(not isinstance(row.meta.get("group"), str) for row in rows):
        yield f"{run.file}: {single} of {len(rows)} rows have no group and count as one each."
