"""The options that `deepeval test run` lacks: whose answers, which judge, how many samples, where results go.

deepeval test run "$(ontune path deepeval-tests)" --predictions p.jsonl --judge http://127.0.0.1:8000/v1 \
    --max-samples 20 --output judged.json
"""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ontune.commands.judge_options import JudgeOptions
from ontune.commands.report_options import load_runs, load_task_of
from ontune.errors import InputError
from ontune.evaluation.judge import METRICS, THRESHOLD, CachedJudge, Case, Judged
from ontune.files import write_atomic
from ontune.resources import DATASET_INFO

os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] = "1"  # before the session starts, which is when DeepEval would report

OPTIONS = {
    "--predictions": "answers that are there: a file of ontune predict",
    "--model": "or the model that is to answer first: a folder, or its name at --url",
    "--url": "server of --model",
    "--data": "dataset or samples file that --model answers",
    "--task": "task of the answers",
    "--judge": "who judges: anthropic, openai, an address, anthropic:ADDRESS, local:FOLDER",
    "--judge-model": "the judge's name there",
    "--judge-key-env": "environment variable with its key",
    "--judge-data": "samples whose own words were asked",
    "--judge-cache": "file of the judge's answers (default: beside --output)",
    "--judge-extra": "JSON that is merged into each request",
    "--media-root": "what media paths are relative to",
    "--output": "file for the results (default: judged.json)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ontune")
    for name, text in OPTIONS.items():
        group.addoption(name, help=text)
    group.addoption("--judge-blind", action="store_true", help="without pictures")
    group.addoption("--judge-metric", action="append", choices=list(METRICS), help="several times")
    group.addoption("--dataset-info", type=Path, default=DATASET_INFO)
    group.addoption("--max-samples", type=int, help="samples to judge, evenly spread")
    group.addoption("--threshold", type=float, default=THRESHOLD, help="score from which an answer passes")


class Session:
    """The cases, the judge, and what it has said so far."""

    def __init__(self, config: pytest.Config) -> None:
        read: Any = config.getoption
        given: dict[str, Any] = {name: read(f"--{name.replace('_', '-')}") for name in NAMES}
        if not given["judge"]:
            raise InputError("--judge is missing: who judges")
        options = JudgeOptions(
            judge_metric=tuple(read("--judge-metric") or ()),
            judge_max_samples=read("--max-samples"),
            judge_blind=read("--judge-blind"),
            **given,
        )
        self.threshold: float = read("--threshold")
        self.output = Path(read("--output") or "judged.json")
        info: Path = read("--dataset-info")
        media = Path(read("--media-root") or info.absolute().parent / "data")
        self.predictions = Path(read("--predictions") or _predicted(config, self.output))
        run = load_runs([("A", self.predictions)])
        task = load_task_of(run, read("--task"), None, info)
        self.cases: list[Case] = options.cases(task, run[0].predictions, media, info)
        self.metrics = options.metrics(task)
        cache = Path(read("--judge-cache") or self.output.with_name("judge-cache.jsonl"))
        self.judge: CachedJudge = options.open(cache)
        self.judged: list[Judged] = []

    def write(self) -> None:
        """The results as they are, failures of the judge apart."""
        scored = [item for item in self.judged if item.score is not None]
        means = {name: [item.score or 0.0 for item in scored if item.metric == name] for name in self.metrics}
        record: dict[str, Any] = {
            "predictions": str(self.predictions),
            "judge": self.judge.name,
            "threshold": self.threshold,
            "samples": len({item.id for item in self.judged}),
            "questions": self.judge.asked + self.judge.cached,
            "cached": self.judge.cached,
            "judge_failed": dict(sorted(Counter(item.failure for item in self.judged if item.failure).items())),
            "means": {name: sum(values) / len(values) if values else None for name, values in means.items()},
            "passed": {name: sum(value >= self.threshold for value in values) for name, values in means.items()},
            "results": [asdict(item) for item in self.judged],
        }
        write_atomic(self.output, json.dumps(record, ensure_ascii=False, indent=1))


NAMES = ("judge", "judge_model", "judge_key_env", "judge_data", "judge_extra")
SESSION = pytest.StashKey[Session]()


def _predicted(config: pytest.Config, output: Path) -> Path:
    """The answers of --model to --data, asked now by `ontune predict`; they stay beside the output."""
    read: Any = config.getoption
    if not (read("--model") and read("--data")):
        raise InputError("expected --predictions FILE, or --model and --data")
    out = output.with_name(f"{output.stem}-predictions.jsonl")
    options = {"--model": read("--model"), "--data": read("--data"), "--url": read("--url"), "--task": read("--task")}
    options |= {"--max-samples": read("--max-samples"), "--dataset-info": read("--dataset-info"), "--out": out}
    given = [str(part) for name, value in options.items() if value is not None for part in (name, value)]
    ran = subprocess.run([sys.executable, "-m", "ontune", "predict", *given], check=False)  # noqa: S603 - our own
    if ran.returncode:
        raise InputError(f"ontune predict {' '.join(given)}: exit status {ran.returncode}")
    return out


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each row and metric."""
    config = metafunc.config
    if SESSION not in config.stash:
        try:
            config.stash[SESSION] = Session(config)
        except InputError as error:
            pytest.exit("\n".join(f"error: {fault}" for fault in error.faults), returncode=2)
    session = config.stash[SESSION]
    pairs = [(case, name) for case in session.cases for name in session.metrics]
    metafunc.parametrize(("case", "metric"), pairs, ids=[f"{case.id}-{name}" for case, name in pairs])


@pytest.fixture
def session(request: pytest.FixtureRequest) -> Session:
    return request.config.stash[SESSION]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the results. A run in which the judge gave no score at all has shown nothing: exit status 1."""
    found = session.config.stash.get(SESSION, None)
    if found is None:
        return
    found.write()
    if not any(item.score is not None for item in found.judged):
        session.exitstatus = 1
