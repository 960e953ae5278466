"""What a run will evaluate, decided and checked before a model is loaded."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ontune.callbacks.settings import Settings
from ontune.dataset_info import Entry, load_entries, resolve
from ontune.errors import InputError, RecipeError
from ontune.evaluation import Decoding, Prediction, compute_metrics
from ontune.sharegpt import Sample, read_samples
from ontune.task import Task, load_task

__all__ = ["EvaluationSet", "Run", "check_start", "compute_scores", "plan", "spread"]

MIDDLE: dict[Decoding, str] = {"constrained": "ontology", "free": "ontology_free"}


@dataclass(frozen=True)
class EvaluationSet:
    """An evaluation dataset with the task that its answers obey."""

    name: str
    task: Task
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Run:
    """What of a host's arguments decides the plan."""

    datasets: tuple[str, ...]  # for evaluation
    dataset_info: Path
    evaluates: bool  # the host evaluates at all
    splits_training_set: bool  # LLaMA-Factory's val_size, ms-swift's split_dataset_ratio
    best_metric: str | None
    separately: bool = False  # one evaluation for each dataset: LLaMA-Factory's eval_on_each_dataset


def plan(settings: Settings, run: Run) -> list[EvaluationSet]:
    """The sets to evaluate, none where nothing is asked for. Raises RecipeError with all faults at once."""
    entries = _entries(run)
    tasks = {name: settings.task or (entry.task if entry else None) for name, entry in entries.items()}
    if not settings.evaluate or not run.evaluates or not (settings.asks or any(tasks.values())):
        RecipeError.check(_metric_faults(settings, run))
        return []
    faults = list(_faults(run, tasks))
    sets: list[EvaluationSet] = []
    for name, task in tasks.items():
        try:
            sets += [_evaluation_set(name, task, settings, run.dataset_info)] if task else []
        except InputError as error:
            faults += error.faults
    RecipeError.check(faults)
    RecipeError.check(list(_best_metric_faults(settings, run, sets)))
    return sets


def compute_scores(
    sets: Sequence[EvaluationSet], prefix: str, decoding: Decoding, found: dict[str, list[Prediction]]
) -> dict[str, float]:
    """The metrics of each set, and of all together where they share a task, by the names that a host logs."""
    groups = [(f"{prefix}_{item.name}" if len(sets) > 1 else prefix, item.task, [item.name]) for item in sets]
    if len(sets) > 1 and len({item.task.name for item in sets}) == 1:
        groups.append((prefix, sets[0].task, [item.name for item in sets]))
    scores: dict[str, float] = {}
    for head, task, names in groups:
        rows = [prediction for name in names for prediction in found.get(name, [])]
        scores |= {f"{head}_{MIDDLE[decoding]}_{key}": value for key, value in compute_metrics(task, rows).items()}
    return scores


def check_start(settings: Settings, folder: str, kind: str = "model") -> None:
    """Raises RecipeError where the recipe starts from a folder that an earlier command has yet to make."""
    if not settings.run_first or Path(folder).exists():
        return
    lines = [f"{kind} {folder} is not there yet. Run first:", *(f"  {command}" for command in settings.run_first)]
    lines += ["or, without it:", f"  {settings.instead}"] if settings.instead else []
    raise RecipeError("\n".join(lines))


def _entries(run: Run) -> dict[str, Entry | None]:
    """The entry of each evaluation dataset, found by its name or by its file."""
    entries = load_entries(run.dataset_info)
    by_path = {entry.path.resolve(): entry for entry in entries.values()}
    return {name: entries.get(name) or by_path.get(Path(name).resolve()) for name in run.datasets}


def _metric_faults(settings: Settings, run: Run) -> list[str]:
    if not run.best_metric or "ontology_" not in run.best_metric:
        return []
    why = "evaluate is false" if not settings.evaluate else "no evaluation dataset has a task"
    if settings.evaluate and not run.evaluates:
        why = "the run does not evaluate (eval_strategy, eval_dataset)"
    return [f"metric_for_best_model: {run.best_metric} cannot be computed: {why}"]


def _faults(run: Run, tasks: dict[str, str | None]) -> Iterator[str]:
    if run.splits_training_set:
        yield (
            "val_size (or split_dataset_ratio) cuts an evaluation set that no file holds: "
            "name an eval_dataset; `ontune convert split` makes one"
        )
    elif not run.datasets:
        yield "evaluate is on, but the recipe names no evaluation dataset (eval_dataset, val_dataset)"
    for name, task in tasks.items():
        if not task:
            yield (
                f"evaluation dataset {name!r} has no task: neither its entry in {run.dataset_info}/dataset_info.json "
                "nor the ontune block names one"
            )


def _best_metric_faults(settings: Settings, run: Run, sets: Sequence[EvaluationSet]) -> Iterator[str]:
    """A name that no evaluation will compute ends a run at its first evaluation, hours later."""
    if not run.best_metric or "ontology_" not in run.best_metric:
        return
    groups = [(f"eval_{item.name}", [item]) for item in sets] if run.separately else [("eval", sets)]
    names = {
        name
        for prefix, chosen in groups
        for decoding in settings.decodings
        for name in compute_scores(chosen, prefix, decoding, {})
    }
    wanted = run.best_metric if run.best_metric.startswith("eval_") else f"eval_{run.best_metric}"
    if wanted not in names:
        nearest = difflib.get_close_matches(wanted, sorted(names))
        yield f"metric_for_best_model: {run.best_metric} is not computed by this run; nearest: {nearest}"


def _evaluation_set(name: str, task: str, settings: Settings, dataset_info: Path) -> EvaluationSet:
    entry = resolve(name, dataset_info)
    loaded = load_task(task, entry.ontology, dataset_info)
    compute_metrics(loaded, [])  # names the families that there are not
    return EvaluationSet(name, loaded, tuple(spread(read_samples(entry.path), settings.max_samples)))


def spread(samples: Sequence[Sample], count: int | None) -> list[Sample]:
    """At most `count` of the samples, evenly spread over their order by id: the same ones each time."""
    ordered = sorted(samples, key=lambda sample: sample.id)
    if count is None or count >= len(ordered):
        return ordered
    return [ordered[at * len(ordered) // count] for at in range(count)]
