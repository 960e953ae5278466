"""What one run of the suite asks of the answers, and what has come of it so far."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ontune.commands.judge_options import JudgeOptions, spread_rows
from ontune.commands.report_options import load_runs, load_task_of
from ontune.errors import InputError
from ontune.evaluation import Prediction, compute_metrics
from ontune.evaluation.goals import Goal, load_goals, parse_goals
from ontune.evaluation.judge import CachedJudge, Case, Judged, make_cases
from ontune.evaluation.manuals import manuals, verdicts
from ontune.evaluation.probes import METRIC, read_results
from ontune.files import write_atomic
from ontune.task import Task

__all__ = ["MEASURES", "Asked", "Known", "Session"]

# Metrics of single rows that need no judge, and the score from which a row passes.
MEASURES = {"numeric_exact_match": 1.0, "keyword_presence": 0.8}
PROBE = "probe"
Known = tuple[Case, Judged]  # what is known of a case without a judge


@dataclass(frozen=True)
class Asked:
    """What the options of a run name."""

    predictions: Path
    output: Path
    threshold: float
    judge: JudgeOptions
    cache: Path
    media: Path
    dataset_info: Path
    task: str | None = None
    probes: Path | None = None
    goals: str | None = None
    max_samples: int | None = None


@dataclass
class Session:
    """The rows as cases, the judge where there is one, probes' results, goals; `judged` is what came of the tests."""

    asked: Asked
    task: Task
    rows: Sequence[Prediction]
    cases: Sequence[Case]  # of the rows, in their order
    goals: Sequence[Goal]
    probes: Sequence[Known]
    judge: CachedJudge | None = None
    metrics: Sequence[str] = ()  # of the judge
    judged: list[Judged] = field(default_factory=list[Judged])

    @classmethod
    def open(cls, asked: Asked) -> "Session":
        """The session of a run. Raises InputError for what cannot be read or asked."""
        run = load_runs([("A", asked.predictions)])
        task = load_task_of(run, asked.task, None, asked.dataset_info)
        rows = spread_rows(run[0].predictions, asked.max_samples)
        goals = load_goals(asked.goals, asked.dataset_info) if asked.goals else parse_goals(task.goals)
        probes = _probes(asked.probes) if asked.probes else []
        if not (asked.judge.judge or probes or goals or "manuals" in task.metrics):
            raise InputError("nothing to test: name who judges with --judge, or --probes or --goals")
        if not asked.judge.judge:
            return cls(asked, task, rows, make_cases(task, rows), goals, probes)
        cases = asked.judge.cases(task, rows, asked.media, asked.dataset_info)
        metrics, judge = asked.judge.metrics(task), asked.judge.open(asked.cache)
        return cls(asked, task, rows, cases, goals, probes, judge, metrics)

    def measured(self) -> list[Known]:
        """Each row's numbers and keywords, of tasks that are measured so; rows without any are left out."""
        if "manuals" not in self.task.metrics:
            return []
        by_row, found = manuals(self.task, self.rows).by_row, verdicts(self.task, self.rows)
        return [
            (case, Judged(case.id, name, score, _why(case, name, score, found[at])))
            for at, case in enumerate(self.cases)
            for name in MEASURES
            if not math.isnan(score := float(by_row[name][at]))
        ]

    def limit(self, metric: str) -> float:
        """The score from which one row passes."""
        return 1.0 if metric == PROBE else MEASURES.get(metric, self.asked.threshold)

    def value(self, metric: str) -> float | None:
        """What a goal is about: the share of probes, the mean that the judge gave in this run, or that of all rows."""
        if metric == METRIC:
            scores = [known.score for _, known in self.probes]
        else:
            scores = [item.score for item in self.judged if item.metric == metric and metric in self.metrics]
        given = [score for score in scores if score is not None]
        return sum(given) / len(given) if given else self._of_all_rows.get(metric)

    @cached_property
    def _of_all_rows(self) -> Mapping[str, float]:
        return compute_metrics(self.task, self.rows)

    def write(self) -> None:
        """The results as they are, failures of the judge apart."""
        scored = [item for item in self.judged if item.score is not None]
        names = dict.fromkeys([*self.metrics, *(item.metric for item in scored)])
        means = {name: [item.score or 0.0 for item in scored if item.metric == name] for name in names}
        record: dict[str, Any] = {
            "predictions": str(self.asked.predictions),
            "judge": self.judge.name if self.judge else None,
            "threshold": self.asked.threshold,
            "samples": len({item.id for item in self.judged if item.metric != PROBE}),
            "questions": self.judge.asked + self.judge.cached if self.judge else 0,
            "cached": self.judge.cached if self.judge else 0,
            "judge_failed": dict(sorted(Counter(item.failure for item in self.judged if item.failure).items())),
            "means": {name: sum(values) / len(values) if values else None for name, values in means.items()},
            "passed": {name: sum(value >= self.limit(name) for value in values) for name, values in means.items()},
            "results": [asdict(item) for item in self.judged],
        }
        write_atomic(self.asked.output, json.dumps(record, ensure_ascii=False, indent=1))


def _probes(path: Path) -> list[Known]:
    found: list[Known] = []
    for item in read_results(path)[0]["results"]:
        case = Case(item["id"], item["question"], item["answer"], None, None, None)
        found.append((case, Judged(case.id, PROBE, float(item["passed"]), item["why"] or "")))
    return found


def _why(case: Case, name: str, score: float, verdict: str | None) -> str:
    if score >= MEASURES[name]:
        return ""
    what = f"{score:.0%} of the keywords" if name == "keyword_presence" else str(verdict).replace("_", " ")
    return f"{what}: expected {case.gold!r}, answered {case.answer!r}"
