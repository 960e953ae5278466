"""The options of a judge: who it is, what it is asked, where its answers are kept, and who it is held against."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from ontune.commands.judge_address import JudgeAddress
from ontune.console import FILE, NEW_PATH
from ontune.dataset_info import resolve
from ontune.errors import InputError
from ontune.evaluation.estimates import Estimate, Settings
from ontune.evaluation.judge import (
    DEFAULTS,
    METRICS,
    THRESHOLD,
    CachedJudge,
    Case,
    Judge,
    Judged,
    Opinion,
    estimates,
    judge_all,
    judge_record,
    load_deepeval,
    make_cases,
    read_labels,
    write_judged,
)
from ontune.evaluation.predictions import Prediction
from ontune.sharegpt import read_samples
from ontune.task import Task

__all__ = ["Found", "JudgeOptions", "judge_options", "spread_rows", "take_judge"]

Command = TypeVar("Command", bound=Callable[..., Any])


def judge_options(command: Command) -> Command:
    """Adds the options; `take_judge` finds them among the values that the command is given."""
    options = [
        click.option(
            "--judge",
            metavar="WHO",
            help="A language model that judges answers: anthropic, openai, the address of an OpenAI-compatible server, "
            "anthropic:ADDRESS for one with Anthropic's messages, or local:FOLDER.",
        ),
        click.option("--judge-model", metavar="NAME", help="Its name there.  [default: the only one there]"),
        click.option(
            "--judge-key-env",
            metavar="VARIABLE",
            help="Environment variable with its key.  [default: ANTHROPIC_API_KEY or OPENAI_API_KEY for those two]",
        ),
        click.option(
            "--judge-metric",
            multiple=True,
            type=click.Choice(list(METRICS)),
            help=f"Several times.  [default: {', '.join(DEFAULTS)}; judge_score too for tasks with feedback]",
        ),
        click.option("--judge-max-samples", type=click.IntRange(1), help="Rows to judge, evenly spread."),
        click.option("--judge-data", metavar="NAME|FILE", help="Samples whose own words were asked."),
        click.option("--judge-blind", is_flag=True, help="Without pictures."),
        click.option(
            "--judge-cache", type=NEW_PATH, help="File of its answers.  [default: judge-cache.jsonl in --out]"
        ),
        click.option("--judge-extra", metavar="JSON", help="Merged into each request; null takes a key out."),
        click.option("--judge-concurrency", type=click.IntRange(1), default=8, show_default=True),
        click.option("--judge-timeout", type=click.FloatRange(0.1), default=120.0, show_default=True),
        click.option("--judge-retries", type=click.IntRange(0), default=3, show_default=True),
        click.option(
            "--judge-threshold",
            type=click.FloatRange(0, 1),
            default=THRESHOLD,
            show_default=True,
            help="Score from which a row passes, for agreement (judge_score counts from 0 to 1 here).",
        ),
        click.option("--second-judge", metavar="WHO", help="Another judge: agreement with it is reported."),
        click.option("--second-judge-model", metavar="NAME"),
        click.option("--second-judge-key-env", metavar="VARIABLE"),
        click.option("--judge-labels", type=FILE, help="CSV or JSONL of id and verdict (pass, fail) by people."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True)
class Found:
    """What a judge found: its record, its metrics, and notes."""

    record: Mapping[str, Any] | None = None
    given: Mapping[str, Estimate] = field(default_factory=dict[str, Estimate])
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class JudgeOptions:
    """The options of a judge as they were given."""

    judge: str | None = None
    judge_model: str | None = None
    judge_key_env: str | None = None
    judge_metric: tuple[str, ...] = ()
    judge_max_samples: int | None = None
    judge_data: str | None = None
    judge_blind: bool = False
    judge_cache: Path | None = None
    judge_extra: str | None = None
    judge_concurrency: int = 8
    judge_timeout: float = 120.0
    judge_retries: int = 3
    judge_threshold: float = THRESHOLD
    second_judge: str | None = None
    second_judge_model: str | None = None
    second_judge_key_env: str | None = None
    judge_labels: Path | None = None

    def __post_init__(self) -> None:
        """Raises InputError with every value that cannot be used."""
        InputError.check(list(self._faults()))

    def _faults(self) -> Iterator[str]:
        if not self.judge:
            given = [item.name for item in fields(self) if getattr(self, item.name) != item.default]
            yield from (f"--{name.replace('_', '-')} is for --judge, which is not given" for name in given)
            return
        yield from self._first.faults("--judge")
        if self._second:
            yield from self._second.faults("--second-judge")
        if self._second == self._first:
            yield "--second-judge is the same as --judge: it would agree with itself"
        try:
            self.extra()
        except InputError as error:
            yield from error.faults

    @property
    def _first(self) -> JudgeAddress:
        return JudgeAddress(self.judge or "", self.judge_model, self.judge_key_env)

    @property
    def _second(self) -> JudgeAddress | None:
        if not self.second_judge:
            return None
        return JudgeAddress(self.second_judge, self.second_judge_model, self.second_judge_key_env)

    def extra(self) -> dict[str, Any]:
        """What is merged into each request."""
        try:
            record = json.loads(self.judge_extra or "{}")
        except ValueError as error:
            raise InputError(f"--judge-extra is {self.judge_extra!r}: not JSON: {error}") from None
        if not isinstance(record, dict):
            raise InputError(f"--judge-extra is {self.judge_extra!r}: expected a JSON object")
        return record  # pyright: ignore[reportUnknownVariableType]

    def run(
        self, task: Task, rows: Sequence[Prediction], settings: Settings, folder: Path, media: Path, dataset_info: Path
    ) -> Found:
        """What the judge and its second find; each row's scores are written to judge.jsonl in the folder."""
        if not self.judge:
            return Found()
        labels = read_labels(self.judge_labels) if self.judge_labels else None
        cases = self.cases(task, rows, media, dataset_info)
        load_deepeval()  # which may be missing: before a model is loaded
        metrics = self.metrics(task)
        opinion = self._opinion(self._first, cases, metrics, folder)
        second = self._second and self._opinion(self._second, cases, metrics, folder, "second judge")
        write_judged(folder / "judge.jsonl", opinion.judged, opinion.name)
        if second:
            write_judged(folder / "judge-second.jsonl", second.judged, second.name)
        found = estimates(opinion, rows, settings)
        people = (str(self.judge_labels), labels) if labels else None
        record = judge_record(opinion, found, cases, self.judge_threshold, second, people)
        return Found(record, found, list(_notes(opinion.judged, record, rows)))

    def cases(self, task: Task, rows: Sequence[Prediction], media: Path, dataset_info: Path) -> list[Case]:
        """The rows that are judged. Raises InputError with all pictures that are not there, or without a question."""
        questions = _questions(self.judge_data, dataset_info) if self.judge_data else {}
        chosen = spread_rows(rows, self.judge_max_samples)
        cases = make_cases(task, chosen, questions, None if self.judge_blind else media)
        if blank := [case.id for case in cases if not case.question.strip()]:
            what = f"what was asked is not known of {len(blank)} of {len(cases)} rows, {blank[0]!r} the first"
            raise InputError(f"{what}: name their samples with --judge-data")
        return cases

    def metrics(self, task: Task) -> tuple[str, ...]:
        """The metrics asked for, else those of the task."""
        own = (*DEFAULTS, "judge_score") if "feedback" in task.metrics else DEFAULTS
        return tuple(dict.fromkeys(self.judge_metric)) or own

    def open(self, cache: Path) -> CachedJudge:
        """The judge, ready to be asked."""
        return CachedJudge(self._engine(self._first), cache)

    def _engine(self, address: JudgeAddress) -> Judge:
        return address.judge(self.judge_timeout, self.judge_retries, self.extra())

    def _opinion(
        self, address: JudgeAddress, cases: Sequence[Case], metrics: Sequence[str], folder: Path, what: str = "judge"
    ) -> Opinion:
        judge = CachedJudge(self._engine(address), self.judge_cache or folder / "judge-cache.jsonl")
        workers = 1 if address.folder else self.judge_concurrency
        judged: list[Judged] = judge_all(cases, metrics, judge, workers, what)
        return Opinion(judge.name, judged, judge.asked, judge.cached)


def spread_rows(rows: Sequence[Prediction], most: int | None) -> list[Prediction]:
    """At most so many, evenly spread over their order by id: the same ones each time."""
    ordered = sorted(rows, key=lambda row: row.id)
    if most is None or most >= len(ordered):
        return ordered
    return [ordered[at * len(ordered) // most] for at in range(most)]


def take_judge(options: dict[str, Any]) -> JudgeOptions:
    """The judge's options, taken out of those of the command. Raises InputError with all that cannot be used."""
    return JudgeOptions(**{item.name: options.pop(item.name) for item in fields(JudgeOptions)})


def _questions(name: str, dataset_info: Path) -> dict[str, str]:
    """Each sample's own words without its media tags, by id."""
    samples = read_samples(resolve(name, dataset_info).path)
    return {sample.id: sample.prompt.replace("<image>", "").replace("<video>", "").strip() for sample in samples}


def _notes(judged: Sequence[Judged], record: Mapping[str, Any], rows: Sequence[Prediction]) -> Iterator[str]:
    sources = record["context"]
    context = ", ".join(f"{count} from {source}" for source, count in sorted(sources.items()))
    yield (
        f"Judged by {record['name']}: {record['rows']} of {len(rows)} rows. What answers have to be faithful to: "
        f"{context} (page_text is the row's, else its gold answer). An empty answer counts 0 for relevancy and "
        "correctness, and is not judged for faithfulness and hallucination; for hallucination, 1 is none."
    )
    if failed := record["judge_failed"]:
        yield f"The judge failed on {failed} of {len(judged)} questions: those are counted and not scored."
    if record["name"] in {row.model for row in rows}:
        yield f"The judge {record['name']} is the model under test: it judges its own answers."
