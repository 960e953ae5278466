"""The options that evaluate and compare share, what they read, and the three files that they write."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from ontune.console import FOLDER, NEW_PATH, message
from ontune.dataset_info import resolve
from ontune.errors import InputError
from ontune.evaluation.bootstrap import LEVEL, RESAMPLES, SEED
from ontune.evaluation.comparison import Run
from ontune.evaluation.estimates import Estimate, Settings
from ontune.evaluation.goal_values import folder_gb, given_value
from ontune.evaluation.goals import Goal, load_goals, parse_goals
from ontune.evaluation.markdown import to_markdown
from ontune.evaluation.predictions import Prediction, read_predictions, uncollected
from ontune.evaluation.report import Evaluation, Plan, Train
from ontune.files import to_utf8, to_utf8_json, write_atomic
from ontune.resources import DATASET_INFO
from ontune.sharegpt import read_samples
from ontune.task import Task, load_task, task_sha256

__all__ = [
    "ReportOptions",
    "free_beside",
    "load_runs",
    "load_task_of",
    "report_options",
    "status",
    "task_options",
    "write_report",
]

Command = TypeVar("Command", bound=Callable[..., Any])
Found = TypeVar("Found")


def task_options(command: Command) -> Command:
    """The options that say which task the answers are for."""
    return _with(
        command,
        click.option("--task", "task_name", help="Task of the answers.  [default: the one that the predictions name]"),
        click.option(
            "--ontology", help="Snapshot in the place of the task's.  [default: the one they were asked with]"
        ),
        click.option("--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True),
    )


def report_options(command: Command) -> Command:
    """The options of a report."""
    percent = click.FloatRange(0.5, 0.999)
    return _with(
        task_options(command),
        click.option(
            "--train", metavar="NAME|FILE", help="Training data: baselines and training frequency come from it."
        ),
        click.option("--goal", multiple=True, metavar="METRIC>=NUMBER", help="A goal; may be given several times."),
        click.option("--goals", metavar="NAME|FILE", help="A goals file.  [default: without --goal the task's own]"),
        click.option(
            "--measured", multiple=True, metavar="KEY=NUMBER", help="A number for a goal, as peak_memory_gb=7.5."
        ),
        click.option("--model-folder", type=FOLDER, help="Folder whose size is folder_gb."),
        click.option(
            "--by", multiple=True, metavar="FIELD", help="Slice by this field alone; several times.  [default: all]"
        ),
        click.option(
            "--right", multiple=True, metavar="METRIC>=NUMBER", help="What makes a row right.  [default: by family]"
        ),
        click.option(
            "--media-root", type=FOLDER, help="What media paths are relative to.  [default: data, where it is]"
        ),
        click.option(
            "--thumbnails", type=click.Choice(["embedded", "linked", "none"]), default="embedded", show_default=True
        ),
        click.option("--no-page", is_flag=True, help="Write report.json and report.md alone."),
        click.option("--bootstrap", type=click.IntRange(0), default=RESAMPLES, show_default=True, help="Resamples."),
        click.option("--seed", type=int, default=SEED, show_default=True),
        click.option(
            "--level", type=percent, default=LEVEL, show_default=True, help="Confidence of intervals and verdicts."
        ),
        click.option("--strict", is_flag=True, help="Exit status 1 for UNDECIDED goals too."),
        click.option(
            "-o", "--out", type=NEW_PATH, help="Folder for report.json, report.md, report.html.  [default: FILE-report]"
        ),
    )


def _with(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True)
class ReportOptions:
    """The options of a report as they were given."""

    task_name: str | None
    ontology: str | None
    dataset_info: Path
    train: str | None
    goal: tuple[str, ...]
    goals: str | None
    measured: tuple[str, ...]
    model_folder: Path | None
    by: tuple[str, ...]
    right: tuple[str, ...]
    media_root: Path | None
    thumbnails: Any
    no_page: bool
    bootstrap: int
    seed: int
    level: float
    strict: bool
    out: Path | None

    def plan(self, task: Task, notes: Sequence[str] = ()) -> Plan:
        """What is asked of the report. Raises InputError with the faults of all options at once."""
        faults: list[str] = []
        goals = _attempt(faults, [], self._goals, task)
        given = _attempt(faults, {}, self._given)
        train = _attempt(faults, None, self._train)
        InputError.check(faults)
        settings = Settings(self.bootstrap, self.seed, self.level)
        return Plan(goals, given, train, self.by, self.right, settings, notes=notes)

    def _goals(self, task: Task) -> list[Goal]:
        named = load_goals(self.goals, self.dataset_info) if self.goals else []
        own = [] if self.goals or self.goal else task.goals
        return parse_goals([*(goal.text for goal in named), *self.goal, *own])

    def _given(self) -> dict[str, Estimate]:
        found = {"folder_gb": given_value(folder_gb(self.model_folder))} if self.model_folder else {}
        faults: list[str] = []
        for text in self.measured:
            key, _, number = text.partition("=")
            try:
                value = float(number)
            except ValueError:
                value = math.nan
            if math.isfinite(value):
                found[key.strip()] = given_value(value)
            else:
                faults.append(f"--measured {text!r}: expected KEY=NUMBER")
        InputError.check(faults)
        return found

    def _train(self) -> Train | None:
        if not self.train:
            return None
        return Train(self.train, read_samples(resolve(self.train, self.dataset_info).path))

    def media(self) -> Path:
        return self.media_root or self.dataset_info.absolute().parent / "data"


def load_runs(files: Sequence[tuple[str, Path]]) -> list[Run]:
    """The runs of the files, by the names given. Raises InputError with the faults of all files at once."""
    faults: list[str] = []
    runs: list[Run] = []
    for name, path in files:
        rows = _attempt(faults, [], read_predictions, path)
        if not rows and not any(str(path) in fault for fault in faults):
            faults.append(f"{path}: no predictions, nothing can be evaluated")
        runs.append(Run(name, str(path), rows))
    InputError.check(faults)
    return runs


def free_beside(runs: Iterable[Run]) -> list[tuple[str, Path]]:
    """The files of unconstrained predictions beside those of constrained ones: `X.free.jsonl` beside `X.jsonl`."""
    pairs = [(run, Path(run.file)) for run in runs if any(row.decoding == "constrained" for row in run.predictions)]
    places = [(f"{run.name} free", path.with_name(f"{path.stem}.free{path.suffix}")) for run, path in pairs]
    return [(name, path) for name, path in places if path.is_file()]


def load_task_of(runs: Sequence[Run], name: str | None, ontology: str | None, dataset_info: Path) -> Task:
    """The task named, or the one that the predictions name, over the ontology that they were asked with where known."""
    rows = [row for run in runs for row in run.predictions]
    names = sorted({row.task for row in rows if row.task})
    if name is None and len(names) != 1:
        raise InputError(f"the predictions name {names or 'no task'}: name one with --task")
    chosen, asked = name or names[0], {row.task_sha256 for row in rows}
    if ontology:
        return load_task(chosen, ontology, dataset_info)
    try:
        task = load_task(chosen, None, dataset_info)
    except InputError:  # its own ontology is not there; the one that was asked with may be
        if (found := _asked_with(asked, chosen, dataset_info)) is None:
            raise
        return found
    return task if task_sha256(task) in asked else _asked_with(asked, chosen, dataset_info) or task


def _asked_with(asked: set[str], name: str, dataset_info: Path) -> Task | None:
    """The task over the working directory's snapshot that gives the hash of the predictions, if there is one."""
    for path in sorted((dataset_info / "ontologies").glob("*.json")):
        try:
            task = load_task(name, str(path), dataset_info)
        except InputError:  # another ontology, without this task's dimensions
            continue
        if task_sha256(task) in asked:
            message(f"ontology {path.stem}: the one that the answers were asked with")
            return task
    return None


@uncollected()
def write_report(folder: Path, found: Evaluation, task: Task, runs: Sequence[Run], options: ReportOptions) -> list[str]:
    """The paths of the files, written."""
    paths = [folder / f"report.{suffix}" for suffix in ("json", "md", "html")]
    write_atomic(paths[0], to_utf8_json(found.report, indent=1, allow_nan=False))
    write_atomic(paths[1], to_utf8(to_markdown(found.report)))
    if options.no_page:
        return [str(path) for path in paths[:2]]
    from ontune.evaluation.page import Thumbnails, page_samples, write_page

    answers: dict[str, Sequence[Prediction]] = {run.name: run.predictions for run in runs}
    samples = page_samples(task, answers, found.right)
    write_page(paths[2], found.report, samples, Thumbnails(options.thumbnails, options.media()))
    return [str(path) for path in paths]


def status(report: dict[str, Any], strict: bool, reference: str | None = None) -> int:
    """1 where a goal failed, or is undecided and that counts, of any run but the reference; each is named."""
    counted = {"FAIL", "UNDECIDED"} if strict else {"FAIL"}
    found = [goal for goal in report["goals"] if goal["verdict"] in counted and goal["run"] != reference]
    for goal in found:
        message(f"{goal['verdict']}: {goal['goal']} ({goal['run']})")
    return int(bool(found))


def _attempt(faults: list[str], instead: Found, call: Callable[..., Found], *arguments: Any) -> Found:
    """What the call gives; `instead`, and its faults among the others, where it raises InputError."""
    try:
        return call(*arguments)
    except InputError as error:
        faults += error.faults
        return instead
