"""What a run will evaluate, decided and checked before a model is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ontune.callbacks.settings import Settings
from ontune.dataset_info import load_entries, resolve
from ontune.errors import RecipeError
from ontune.sharegpt import Sample, read_samples
from ontune.task import Task, load_task

__all__ = ["EvaluationSet", "Run", "check_start", "plan", "spread"]


@dataclass(frozen=True)
class EvaluationSet:
    """An evaluation dataset with the task that its answers obey."""

    name: str
    task: Task
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Run:
    """What of a host's arguments decides the plan."""

    model: str
    datasets: tuple[str, ...]  # for evaluation
    dataset_info: Path
    evaluates: bool  # the host evaluates at all
    splits_training_set: bool  # LLaMA-Factory's val_size, ms-swift's split_dataset_ratio
    best_metric: str | None


def plan(settings: Settings, run: Run) -> list[EvaluationSet]:
    """The sets to evaluate, none where nothing is asked for. Raises RecipeError with all faults at once."""
    check_start(settings, run.model)
    asked = bool(settings.given & {"task", "evaluate"})
    entries = load_entries(run.dataset_info)
    tasks = {name: settings.task or (entries[name].task if name in entries else None) for name in run.datasets}
    if not settings.evaluate or not run.evaluates or not (asked or any(tasks.values())):
        RecipeError.check(_metric_faults(settings, run))
        return []
    RecipeError.check(list(_faults(settings, run, tasks)))
    return [_evaluation_set(name, task, settings, run.dataset_info) for name, task in tasks.items() if task]


def check_start(settings: Settings, folder: str, kind: str = "model") -> None:
    """Raises RecipeError where the recipe starts from a folder that an earlier command has yet to make."""
    if not settings.run_first or Path(folder).exists():
        return
    lines = [f"{kind} {folder} is not there yet. Run first:", *(f"  {command}" for command in settings.run_first)]
    lines += ["or, without it:", f"  {settings.instead}"] if settings.instead else []
    raise RecipeError("\n".join(lines))


def _metric_faults(settings: Settings, run: Run) -> list[str]:
    if not run.best_metric or "ontology_" not in run.best_metric:
        return []
    why = "evaluate is false" if not settings.evaluate else "no evaluation dataset has a task"
    if settings.evaluate and not run.evaluates:
        why = "the run does not evaluate (eval_strategy, eval_dataset)"
    return [f"metric_for_best_model: {run.best_metric} cannot be computed: {why}"]


def _faults(settings: Settings, run: Run, tasks: dict[str, str | None]) -> Sequence[str]:
    faults: list[str] = []
    if run.splits_training_set:
        faults.append(
            "val_size (or split_dataset_ratio) cuts an evaluation set that no file holds: "
            "name an eval_dataset; `ontune convert split` makes one"
        )
    elif not run.datasets:
        faults.append("evaluate is on, but the recipe names no evaluation dataset (eval_dataset, val_dataset)")
    faults += [
        f"evaluation dataset {name!r} has no task: neither its entry in {run.dataset_info}/dataset_info.json "
        "nor the ontune block names one"
        for name, task in tasks.items()
        if not task
    ]
    if (
        settings.evaluate == "free"
        and run.best_metric
        and "ontology_" in run.best_metric
        and "_free_" not in run.best_metric
    ):
        faults.append(f"metric_for_best_model: {run.best_metric} is of constrained answers, but evaluate is free")
    return faults


def _evaluation_set(name: str, task: str, settings: Settings, dataset_info: Path) -> EvaluationSet:
    entry = resolve(name, dataset_info)
    loaded = load_task(task, entry.ontology, dataset_info)
    return EvaluationSet(name, loaded, tuple(spread(read_samples(entry.path), settings.max_samples)))


def spread(samples: Sequence[Sample], count: int | None) -> list[Sample]:
    """At most `count` of the samples, evenly spread over their order by id: the same ones each time."""
    ordered = sorted(samples, key=lambda sample: sample.id)
    if count is None or count >= len(ordered):
        return ordered
    return [ordered[at * len(ordered) // count] for at in range(count)]
