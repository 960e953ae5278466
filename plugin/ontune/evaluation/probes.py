"""Probes: a few questions that have to come right, each decided without a judge; what they come to, by category."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from ontune.errors import DatasetError, InputError
from ontune.evaluation.estimates import Estimate
from ontune.evaluation.goals import Goal
from ontune.evaluation.goals import judge as judge_goal
from ontune.evaluation.manuals import keyword_share
from ontune.evaluation.quantities import TORQUE, Tolerance, compare_quantities
from ontune.evaluation.significance import wilson
from ontune.evaluation.text_overlap import exact_match

__all__ = ["METRIC", "Probe", "Probes", "Result", "decide", "pass_rate", "probe_record", "read_probes", "read_results"]

METRIC = "probe_pass_rate"
KEYS = {"id", "category", "image", "question", "expected_answer", "expected_keywords", "tolerance"}
TOP = {"probes", "goal", "system", "_comment"}


@dataclass(frozen=True)
class Probe:
    """One question, and what its answer must have: the numbers or the text of `expected_answer`, all the keywords."""

    id: str
    category: str
    question: str
    images: tuple[str, ...] = ()
    expected_answer: str | None = None
    expected_keywords: tuple[str, ...] = ()
    tolerance: Tolerance = TORQUE


@dataclass(frozen=True)
class Probes:
    """A file of probes with its goal for the share that passes, and a system prompt for all."""

    probes: tuple[Probe, ...]
    goal: Goal | None = None
    system: str = ""


@dataclass(frozen=True)
class Result:
    """One probe's answer, whether it passes, and why not."""

    id: str
    category: str
    question: str
    answer: str
    passed: bool
    why: str | None = None


def decide(probe: Probe, answer: str) -> Result:
    """The result: a deterministic one, of the same comparisons that the metrics of manuals make.

    An expected answer with numbers is compared by them and their units, within the tolerance (1 Nm for torques where
    none is stated); one without as exact text without case. Keywords have to be there as whole words, all of them.
    """
    why = _answer_fault(probe, answer) or _keyword_fault(probe, answer)
    return Result(probe.id, probe.category, probe.question, answer, why is None, why)


def _answer_fault(probe: Probe, answer: str) -> str | None:
    if probe.expected_answer is None:
        return None
    verdict = compare_quantities(probe.expected_answer, answer, probe.tolerance)
    if verdict is None:
        same = exact_match(probe.expected_answer, answer)
        return None if same else f"expected {probe.expected_answer!r}"
    return None if verdict == "right" else f"{verdict.replace('_', ' ')}: expected {probe.expected_answer!r}"


def _keyword_fault(probe: Probe, answer: str) -> str | None:
    missing = [word for word in probe.expected_keywords if keyword_share([word], answer) < 1]
    return f"missing keywords: {', '.join(missing)}" if missing else None


def pass_rate(results: Sequence[Result], level: float = 0.95) -> Estimate:
    """The share that passes, with its Wilson interval."""
    n, passed = len(results), sum(result.passed for result in results)
    return Estimate(passed / n, *wilson(passed, n, level), n, n, "wilson")


def probe_record(
    file: str, model: str, results: Sequence[Result], goal: Goal | None = None, level: float = 0.95
) -> dict[str, Any]:
    """The `probes` of report.json: the pass rate as a whole and by category, the verdict on the goal, every result."""
    found = pass_rate(results, level)
    names = sorted({result.category for result in results})
    by_category = {name: [result for result in results if result.category == name] for name in names}
    return {
        "file": file,
        "model": model,
        "probes": len(results),
        "passed": sum(result.passed for result in results),
        "metrics": {METRIC: found.to_record()},
        "categories": {
            name: pass_rate(rows, level).to_record() | {"passed": sum(row.passed for row in rows)}
            for name, rows in by_category.items()
        },
        "goal": judge_goal(goal, found, model, level).to_record() if goal else None,
        "results": [asdict(result) for result in results],
    }


def read_results(path: Path, level: float = 0.95) -> tuple[dict[str, Any], Estimate]:
    """What `ontune probe` has written, and its pass rate as it is now counted. Raises InputError for another file."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        results = [Result(**item) for item in record["results"]]
        names, estimate = (record["file"], record["model"]), pass_rate(results, level)
        goal = Goal.parse(record["goal"]["goal"]) if record.get("goal") else None
    except (OSError, ValueError, LookupError, TypeError, ZeroDivisionError, AttributeError, InputError) as error:
        raise InputError(f"{path}: no results of `ontune probe`: {error!r}") from None
    return probe_record(*names, results, goal, level), estimate


def read_probes(path: Path) -> Probes:
    """The probes of a YAML, JSON or JSONL file. Raises InputError with all faults at once."""
    top, items = _items(path)
    faults = [f"{path}: unknown key {key!r}: expected {sorted(TOP)}" for key in sorted(top.keys() - TOP, key=repr)]
    found: list[Probe] = []
    places: dict[str, int] = {}
    for number, item in enumerate(items, start=1):
        wrong = list(_faults(item))
        if not wrong:
            probe = _probe(cast("Mapping[str, Any]", item))
            if first := places.get(probe.id):
                wrong = [f"stands at number {first} already"]
            places.setdefault(probe.id, number)
            found.append(probe)
        name = cast("dict[str, Any]", item).get("id") if isinstance(item, dict) else None
        faults += [f"{path}: probe {number} ({name!r}): {fault}" for fault in wrong]
    if not items:
        faults.append(f"{path}: no probes")
    goal, goal_faults = _goal(top.get("goal"), str(path))
    system = top.get("system", "")
    if not isinstance(system, str):
        faults.append(f"{path}: system is {system!r}: expected a text")
    InputError.check([*faults, *goal_faults])
    return Probes(tuple(found), goal, system)


def _items(path: Path) -> tuple[dict[str, Any], list[Any]]:
    """What stands beside the probes, and the probes, unchecked."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            record: Any = [json.loads(line) for line in text.split("\n") if line.strip()]
        else:
            record = yaml.safe_load(text)  # JSON is YAML
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable: {error}") from None
    top: dict[str, Any] = cast("dict[str, Any]", record) if isinstance(record, dict) else {"probes": record}
    if not isinstance(top.get("probes"), list):
        raise InputError(f"{path}: expected a list of probes, or an object with the list `probes`")
    return top, top["probes"]


def _goal(value: object, where: str) -> tuple[Goal | None, list[str]]:
    """`0.85`, or a whole goal: `probe_pass_rate>0.85`."""
    if value is None:
        return None, []
    try:
        goal = Goal.parse(value if isinstance(value, str) else f"{METRIC}>={value}")
    except InputError as error:
        return None, [f"{where}: {fault}" for fault in error.faults]
    wrong = goal.metric != METRIC
    return goal, [f"{where}: goal {goal.text!r}: expected one on {METRIC}, or a number"] * wrong


def _faults(item: object) -> Iterator[str]:
    if not isinstance(item, dict):
        yield f"{item!r}: expected an object with {sorted(KEYS)}"
        return
    record = cast("dict[str, Any]", item)
    if unknown := sorted(map(str, record.keys() - KEYS)):
        yield f"unknown keys {unknown}: expected {sorted(KEYS)}"
    for key in ("id", "category", "question"):
        value = record.get(key)
        if not isinstance(value, str) or not value.strip():
            yield f"{key} is {value!r}: expected a text"
        elif "<image>" in value or "<video>" in value:
            yield f"{key} has a media tag: pictures stand under image"
    images = _texts(record.get("image"))
    if images is None or any(Path(name).is_absolute() or ".." in Path(name).parts for name in images):
        yield f"image is {record.get('image')!r}: expected null, a path or a list of paths, relative, without '..'"
    yield from _expectation_faults(record)


def _expectation_faults(record: Mapping[str, Any]) -> Iterator[str]:
    answer, words = record.get("expected_answer"), _texts(record.get("expected_keywords"))
    if isinstance(answer, bool) or not isinstance(answer, int | float | str | None) or answer == "":
        yield f"expected_answer is {answer!r}: expected a text (YAML reads yes and no as true and false: quote them)"
    if words is None:
        yield f"expected_keywords are {record.get('expected_keywords')!r}: expected a list of texts"
    if answer is None and words == []:
        yield "neither expected_answer nor expected_keywords"
    if record.get("tolerance") is not None:
        try:
            Tolerance.read(record["tolerance"], "probe")
        except DatasetError as error:
            yield str(error).removeprefix("probe: ")


def _texts(value: object) -> list[str] | None:
    """A text as a list of one, null as an empty list; None for what is neither these nor a list of texts."""
    values: list[Any] = [] if value is None else [value] if isinstance(value, str) else cast("list[Any]", value)
    good = isinstance(values, list) and all(isinstance(part, str) and part.strip() for part in values)  # pyright: ignore[reportUnnecessaryIsInstance]
    return values if good else None


def _probe(record: Mapping[str, Any]) -> Probe:
    answer, tolerance = record.get("expected_answer"), record.get("tolerance")
    probe = Probe(
        record["id"],
        record["category"],
        record["question"],
        tuple(_texts(record.get("image")) or ()),
        None if answer is None else str(answer),
        tuple(_texts(record.get("expected_keywords")) or ()),
    )
    return probe if tolerance is None else replace(probe, tolerance=Tolerance.read(tolerance, f"probe {probe.id!r}"))
