"""A report and samples to show, made on the spot: the form is that of report.json, the counts are the predictions'."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from ontune.evaluation import Prediction, compute_metrics
from ontune.evaluation.per_label import confused_pairs, per_branch, per_label
from ontune.task import Task, task_sha256


def empty_report(task: Task, runs: Sequence[str], title: str = "Report") -> dict[str, Any]:
    """Every key of the form, with nothing in it."""
    keys = ("metrics", "dimensions", "labels", "branches", "confusion", "calibration", "risk_coverage", "thresholds")
    return {
        "format": 1,
        "title": title,
        "created_with": "ontune 0.1.0",
        "task": {"name": task.name, "sha256": task_sha256(task), "metrics": list(task.metrics)},
        "ontology": {"name": task.ontology.name, "version": task.ontology.version, "sha256": "0" * 64},
        "runs": [_run(name) for name in runs],
        **{key: {} for key in keys},
        "baselines": {"majority": {}, "most_common_set": {}},
        "goals": [],
        "slices": {},
        "absent": [],
        "comparisons": [],
        "judge": None,
        "probes": None,
        "notes": [],
    }


def _run(name: str) -> dict[str, Any]:
    seconds, tokens = {"p50": 0.41, "p95": 0.66}, {"mean": 38.2}
    decoding = "free" if name.endswith("free") else "constrained"
    about = {"name": name, "file": f"saves/{name}.jsonl", "model": "Qwen2.5-VL-7B", "decoding": decoding}
    return {**about, "samples": 0, "seconds": seconds, "tokens": tokens, "errors": {}}


def report_of(task: Task, runs: Mapping[str, Sequence[Prediction]], title: str = "Report") -> dict[str, Any]:
    """A report in which every part of the page has something to show."""
    report = empty_report(task, list(runs), title)
    values = {name: _metrics(task, rows) for name, rows in runs.items()}
    for place, (name, rows) in enumerate(runs.items()):
        errors = Counter(code for row in rows for code in row.errors)
        report["runs"][place] |= {"samples": len(rows), "errors": dict(sorted(errors.items()))}
        report["metrics"][name] = {metric: _estimate(value, len(rows)) for metric, value in values[name].items()}
        if "label_sets" in task.metrics:
            _add_labels(report, task, name, rows)
        if rows[0].scores:
            _add_scores(report, name, rows)
        report["slices"][name] = list(_slices(task, rows))
    first = next(iter(runs))
    report["baselines"]["majority"] = {metric: value * 0.4 for metric, value in values[first].items() if value <= 1}
    report["baselines"]["most_common_set"] = {metric: v * 0.5 for metric, v in values[first].items() if v <= 1}
    report["goals"] = _goals(report, first)
    others = [name for name in list(runs)[1:] if not name.endswith("free")]
    report["comparisons"] = [_comparison(first, other, runs) for other in others]
    report["notes"] = ["3 samples of the file have no gold: they take no part in the scores."]
    report["absent"] = [{"what": "slices by training frequency", "why": "no --train was given"}]
    return report


def _metrics(task: Task, rows: Sequence[Prediction]) -> dict[str, float]:
    """The task's own metrics for label sets; for others the share of right answers, which is enough to show."""
    if "label_sets" in task.metrics:
        return compute_metrics(task, rows)
    return {"accuracy": sum(row.answer == row.gold for row in rows) / len(rows), "invalid_rate": 0.0}


def _estimate(value: float, count: int) -> dict[str, Any]:
    half = min(0.2, 1 / max(1, count) ** 0.5)
    if value > 1:
        return {"value": value, "low": None, "high": None, "n": count, "method": None}
    low, high = max(0.0, value - half), min(1.0, value + half)
    return {"value": value, "low": low, "high": high, "n": count, "method": "bootstrap"}


def _add_labels(report: dict[str, Any], task: Task, name: str, rows: Sequence[Prediction]) -> None:
    def parents(label: str) -> list[str]:
        concept = task.ontology.by_name.get(label)
        return list(concept.parents) if concept else []

    for key, scores in (("labels", per_label(task, rows)), ("branches", per_branch(task, rows))):
        report[key][name] = [asdict(score) | {"parents": parents(score.label)} for score in scores]
    where = {concept.name: concept.dimension for concept in task.ontology.concepts}
    pairs = [
        {"gold": gold, "predicted": given, "dimension": where.get(gold, "?"), "count": number}
        for gold, given, number in confused_pairs(task, rows)
    ]
    report["confusion"][name] = {"pairs": pairs, "matrices": {}}
    values = _metrics(task, rows)
    report["dimensions"][name] = {
        dimension: {metric: values[f"{dimension.lower()}_{metric}"] for metric in ("exact_match", "f1", "macro_f1")}
        for dimension in task.ontology.dimensions
    }


def _add_scores(report: dict[str, Any], name: str, rows: Sequence[Prediction]) -> None:
    rng = random.Random(name)
    fields = list(rows[0].scores or {})
    bins = []
    for at in range(10):
        near = min(1.0, max(0.0, at / 10 + 0.05 + rng.uniform(-0.08, 0.04)))
        low, high = at / 10, (at + 1) / 10
        bins.append({"low": low, "high": high, "confidence": low + 0.05, "accuracy": near, "count": at * at + 1})
    report["calibration"][name] = {
        field: {"bins": bins, "ece": 0.034, "brier": 0.121, "temperature": 1.31} for field in fields
    }
    points = [{"coverage": at / 100, "risk": (at / 100) ** 2 * 0.4} for at in range(1, 101)]
    report["risk_coverage"][name] = {"points": points, "area": 0.133}
    report["thresholds"][name] = {field: dict.fromkeys(values, 0.5) for field, values in rows[0].scores.items()}
    gold = [row.gold for row in rows if isinstance(row.gold, dict)]
    choices = [field for field in fields if isinstance(gold[0].get(field), str)]
    matrices = {}
    for field in choices:
        classes = sorted(rows[0].scores[field])
        given = Counter((row.gold[field], (row.answer or {}).get(field)) for row in rows)
        matrices[field] = {"classes": classes, "counts": [[given[one, other] for other in classes] for one in classes]}
    report["confusion"].setdefault(name, {"pairs": [], "matrices": {}})["matrices"] = matrices


def _slices(task: Task, rows: Sequence[Prediction]):
    for key in sorted({key for row in rows for key in row.meta} - {"group", "split"}):
        parts: dict[str, list[Prediction]] = {}
        for row in rows:
            parts.setdefault(str(row.meta.get(key)), []).append(row)
        for value, part in sorted(parts.items()):
            found = _metrics(task, part)
            metrics = {
                metric: _estimate(found[metric], len(part))
                for metric in ("exact_match", "accuracy", "f1")
                if metric in found
            }
            yield {"by": key, "value": value, "n": len(part), "metrics": metrics}


def _goals(report: dict[str, Any], run: str) -> list[dict[str, Any]]:
    found = []
    verdicts = (("PASS", 0.9, None), ("FAIL", 1.3, None), ("UNDECIDED", 1.02, 1890))
    metrics = [metric for metric, value in report["metrics"][run].items() if 0 < value["value"] < 1][:3]
    for metric, (verdict, times, needed) in zip(metrics, verdicts, strict=False):
        estimate = report["metrics"][run][metric]
        bound = round(min(0.99, estimate["value"] * times), 3)
        goal = {"goal": f"{metric}>={bound}", "metric": metric, "run": run, "verdict": verdict, "needed": needed}
        found.append({**goal, **{key: estimate[key] for key in ("value", "low", "high")}, "why": None})
    return found


def _comparison(one: str, other: str, runs: Mapping[str, Sequence[Prediction]]) -> dict[str, Any]:
    right = {name: {row.id for row in runs[name] if row.answer == row.gold} for name in (one, other)}
    ids = {row.id for row in runs[one]}
    return {
        "a": one,
        "b": other,
        "won": sorted(right[other] - right[one]),
        "lost": sorted(right[one] - right[other]),
        "both_right": len(right[one] & right[other]),
        "both_wrong": len(ids - right[one] - right[other]),
        "mcnemar_p": 0.0132,
        "permutation_p": {"f1": 0.021},
        "differences": {"f1": {"value": 0.041, "low": 0.004, "high": 0.078}},
    }


def draw_pictures(media: Path, names: Sequence[str], seed: int = 0) -> None:
    """Worksheets of a kind, each another; a name that is there already stays."""
    rng = random.Random(seed)
    for name in sorted(set(names)):
        path = media / name
        if path.exists() or path.suffix == ".mp4":
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (360, 300), (252, 251, 246))
        draw = ImageDraw.Draw(image)
        draw.rounded_rectangle((8, 8, 351, 291), 12, outline=(90, 110, 140), width=3)
        for row in range(4):
            colour = tuple(rng.randrange(40, 200) for _ in range(3))
            draw.ellipse((30, 30 + 65 * row, 70, 70 + 65 * row), fill=colour)
            draw.text(
                (95, 38 + 65 * row), f"{rng.randrange(99)} + {rng.randrange(99)} = ____", (30, 40, 60), font_size=26
            )
        image.save(path)
