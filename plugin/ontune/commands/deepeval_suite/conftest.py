"""The options that `deepeval test run` lacks: whose answers, which judge, how many samples, where results go.

deepeval test run "$(ontune path deepeval-tests)" --predictions p.jsonl --judge http://127.0.0.1:8000/v1 \
    --max-samples 20 --output judged.json

Tests are chosen with -k or -m: by what they look at (judge, numeric, keywords, probes, goals), by a metric, by the
content type of a row, and `quick` for a part of the rows: -k "numeric and specification", -m "quick and not judge".
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontune.commands.deepeval_suite.session import Asked, Session
from ontune.commands.judge_options import JudgeOptions, spread_rows
from ontune.errors import InputError
from ontune.evaluation.judge import METRICS, THRESHOLD
from ontune.evaluation.probes import METRIC
from ontune.resources import DATASET_INFO

os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] = "1"  # before the session starts, which is when DeepEval would report

OPTIONS = {
    "--predictions": "answers that are there: a file of ontune predict",
    "--model": "or the model that is to answer first: a folder, or its name at --url",
    "--url": "server of --model",
    "--data": "dataset or samples file that --model answers",
    "--task": "task of the answers",
    "--probes": "results of ontune probe, each of which has to have passed",
    "--goals": "goals file, or its name (default: the task's own goals)",
    "--judge": "who judges: anthropic, openai, an address, anthropic:ADDRESS, local:FOLDER (default: nobody)",
    "--judge-model": "the judge's name there",
    "--judge-key-env": "environment variable with its key",
    "--judge-data": "samples whose own words were asked",
    "--judge-cache": "file of the judge's answers (default: beside --output)",
    "--judge-extra": "JSON that is merged into each request",
    "--media-root": "what media paths are relative to",
    "--output": "file for the results (default: judged.json)",
}
NAMES = ("judge", "judge_model", "judge_key_env", "judge_data", "judge_extra")
SESSION = pytest.StashKey[Session]()
QUICK = 50  # of the rows, evenly spread
MARKS = {"numeric_exact_match": "numeric", "keyword_presence": "keywords", METRIC: "probes"}
# Marks that pytest acts upon: a content type of such a name must not skip its rows.
PYTEST = {"filterwarnings", "parametrize", "skip", "skipif", "tryfirst", "trylast", "usefixtures", "xfail"}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ontune")
    for name, text in OPTIONS.items():
        group.addoption(name, help=text)
    group.addoption("--judge-blind", action="store_true", help="without pictures")
    group.addoption("--judge-metric", action="append", choices=list(METRICS), help="several times")
    group.addoption("--dataset-info", type=Path, default=DATASET_INFO)
    group.addoption("--max-samples", type=int, help="samples to look at, evenly spread")
    group.addoption("--threshold", type=float, default=THRESHOLD, help="score from which a judged answer passes")


def _asked(config: pytest.Config) -> Asked:
    """What the options name; answers are asked for now where --model is to give them."""
    read: Any = config.getoption
    given: dict[str, Any] = {name: read(f"--{name.replace('_', '-')}") for name in NAMES}
    given |= {"judge_metric": tuple(read("--judge-metric") or ()), "judge_blind": read("--judge-blind")}
    output, info = Path(read("--output") or "judged.json"), Path(read("--dataset-info"))
    return Asked(
        predictions=Path(read("--predictions") or _predicted(config, output)),
        output=output,
        threshold=read("--threshold"),
        judge=JudgeOptions(**given),
        cache=Path(read("--judge-cache") or output.with_name("judge-cache.jsonl")),
        media=Path(read("--media-root") or info.absolute().parent / "data"),
        dataset_info=info,
        task=read("--task"),
        probes=Path(read("--probes")) if read("--probes") else None,
        goals=read("--goals"),
        max_samples=read("--max-samples"),
    )


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
    """A test for each row and metric, each probe, each goal."""
    config = metafunc.config
    if SESSION not in config.stash:
        try:
            config.stash[SESSION] = Session.open(_asked(config))
        except InputError as error:
            pytest.exit("\n".join(f"error: {fault}" for fault in error.faults), returncode=2)
    session = config.stash[SESSION]
    names, tests = TESTS[metafunc.function.__name__]
    metafunc.parametrize(names, list(tests(session, _marks_of_rows(session, config))))


def _marks_of_rows(session: Session, config: pytest.Config) -> dict[str, list[str]]:
    """The marks of each row by its id: its content type, and whether it is one of the quick ones."""
    quick = {row.id for row in spread_rows(session.rows, QUICK)}
    found = {row.id: ["quick"] * (row.id in quick) for row in session.rows}
    for row in session.rows:
        name = re.sub(r"\W+", "_", str(row.meta.get("content_type", ""))).strip("_")
        if name and name not in PYTEST:
            found[row.id].append(name)
    for name in sorted({name for names in found.values() for name in names} - {"quick"}):
        config.addinivalue_line("markers", f"{name}: rows of this content type")
    return found


Rows = Mapping[str, list[str]]


def _answers(session: Session, rows: Rows) -> Iterable[Any]:
    for case in session.cases:
        for name in session.metrics:
            yield _test(f"{case.id}-{name}", (case, name), ["judge", name, *rows[case.id]])


def _measures(session: Session, rows: Rows) -> Iterable[Any]:
    for case, known in session.measured():
        yield _test(f"{case.id}-{known.metric}", (case, known), [MARKS[known.metric], *rows[case.id]])


def _probes(session: Session, rows: Rows) -> Iterable[Any]:
    return (_test(case.id, (case, known), ["probes"]) for case, known in session.probes)


def _goals(session: Session, rows: Rows) -> Iterable[Any]:
    for goal in session.goals:
        about = ["judge", goal.metric] if goal.metric in METRICS else [MARKS.get(goal.metric, goal.metric)]
        yield _test(goal.text, (goal,), ["goals", *about])


def _test(name: str, values: tuple[Any, ...], marks: Iterable[str]) -> Any:
    return pytest.param(*values, id=name, marks=[getattr(pytest.mark, mark) for mark in marks])


# The parameters of each test, and what makes their values.
TESTS: Mapping[str, tuple[str, Callable[[Session, Rows], Iterable[Any]]]] = {
    "test_answer": ("case,metric", _answers),
    "test_measure": ("case,known", _measures),
    "test_probe": ("case,known", _probes),
    "test_goal": ("goal", _goals),
}


@pytest.fixture
def session(request: pytest.FixtureRequest) -> Session:
    return request.config.stash[SESSION]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the results. A run that has shown nothing, since nothing was judged or measured, has exit status 1."""
    found = session.config.stash.get(SESSION, None)
    if found is None or session.config.option.collectonly:
        return
    found.write()
    asked = [item for item in found.judged if item.metric in METRICS]
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    decided = any(reporter.stats.get(outcome) for outcome in ("passed", "failed"))
    if (asked and all(item.score is None for item in asked)) or (not decided and not session.exitstatus):
        session.exitstatus = 1
