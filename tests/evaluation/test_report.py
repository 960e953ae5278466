"""The report: every key always there, numbers that agree with each other, notes on what is not as it should be."""

import json
from dataclasses import replace

import pytest

from evaluation.fixtures import TASKS, predictions
from ontune.errors import InputError
from ontune.evaluation import compute_metrics
from ontune.evaluation.comparison import Run
from ontune.evaluation.estimates import Settings
from ontune.evaluation.goal_values import given_value
from ontune.evaluation.goals import parse_goals
from ontune.evaluation.markdown import summary, to_markdown
from ontune.evaluation.report import Plan, Train, build_report
from ontune.sharegpt import Sample, Turn

FAST = Settings(resamples=100)
KEYS = {
    *("format", "title", "created_with", "task", "ontology", "runs", "metrics", "baselines", "goals", "dimensions"),
    *("labels", "branches", "confusion", "calibration", "risk_coverage", "thresholds", "slices", "absent"),
    *("comparisons", "judge", "probes", "notes"),
}


def report(family="label_sets", *, runs=None, free=(), **plan):
    runs = runs or [Run("A", "a.jsonl", predictions(family, 24))]
    return build_report(TASKS[family], runs, free, Plan(settings=FAST, **plan))


@pytest.fixture(scope="module", params=TASKS)
def full(request):
    """A comparison with a free run beside it, of each family."""
    family = request.param
    runs = [Run("A", "a.jsonl", predictions(family, 24)), Run("B", "b.jsonl", predictions(family, 24, skill=0.95))]
    free = [Run("A free", "a.free.jsonl", predictions(family, 24, decoding="free"))]
    goals = parse_goals(["seconds_p95<=3", "peak_memory_gb<=8"])
    return family, report(family, runs=runs, free=free, goals=goals)


def test_the_form(full) -> None:
    family, found = full
    assert set(found) == KEYS
    assert json.loads(json.dumps(found, allow_nan=False)) == json.loads(json.dumps(found))
    names = ["A", "B", "A free"]
    assert [run["name"] for run in found["runs"]] == names
    for key in (
        "metrics",
        "dimensions",
        "labels",
        "branches",
        "confusion",
        "calibration",
        "risk_coverage",
        "thresholds",
        "slices",
    ):
        assert list(found[key]) == names, key
    assert [(goal["run"], goal["verdict"]) for goal in found["goals"]] == [
        (name, "UNDECIDED") for name in ("A", "A", "B", "B")
    ]
    metrics = compute_metrics(TASKS[family], predictions(family, 24))
    for name, item in found["metrics"]["A"].items():
        assert set(item) == {"value", "low", "high", "n", "method"}
        assert item["value"] == pytest.approx(metrics[name])
    for part in found["slices"]["A"]:
        assert set(part) == {"by", "value", "n", "metrics"}
        assert 0 < part["n"] < 24
    assert [(item["a"], item["b"]) for item in found["comparisons"]] == [("A", "B")]


def test_markdown_and_summary(full) -> None:
    _, found = full
    text = to_markdown(found)
    for title in ("## Goals", "## Metrics", "## B against A", "## Notes"):
        assert title in text
    widths = {line.count("|") for line in text.split("## Metrics")[1].split("##")[0].splitlines() if line}
    assert len(widths) == 1
    assert "UNDECIDED" in summary(found)
    assert "McNemar p = " in summary(found)


def test_the_same_input_gives_the_same_bytes() -> None:
    assert json.dumps(report()) == json.dumps(report())


def test_markup_in_names_does_nothing() -> None:
    rows = [
        replace(row, meta={"group": "g", "x": "<b>|`a`\n# [l](u)" if at else "b"})
        for at, row in enumerate(predictions("label_sets", 4))
    ]
    text = to_markdown(report(runs=[Run("A", "<script>|.jsonl", rows)]))
    assert "<b>" not in text
    assert "<script>" not in text
    assert "&lt;b>\\|\\`a\\` # \\[l\\](u)" in text


def test_training_data_is_named() -> None:
    task = TASKS["label_sets"]
    golds = [task.to_json(task.answer_from_labels(list(task.ontology.by_name)[start:])) for start in (0, 3, 6, 9, 9)]
    turns = [(Turn("human", "q"), Turn("gpt", gold)) for gold in golds]
    samples = [Sample(f"s{at}", pair, meta={"group": "s"}) for at, pair in enumerate(turns)]
    found = report(train=Train("set_train", samples))
    assert any("training data set_train" in note for note in found["notes"])
    assert "training frequency" in {part["by"] for part in found["slices"]["A"]}
    bare = report()
    assert any("these very rows" in note for note in bare["notes"])
    assert "training frequency" in {item["what"] for item in bare["absent"]}
    assert found["baselines"] != bare["baselines"]


def test_slices_by_field() -> None:
    found = report(by=["generator"])
    assert {part["by"] for part in found["slices"]["A"]} == {"generator"}
    assert sum(part["n"] for part in found["slices"]["A"]) == 24
    with pytest.raises(InputError, match=r"--by sort: no such field: expected one of .*'generator'"):
        report(by=["sort", "generator"])


def test_absent_scores() -> None:
    rows = [replace(row, scores=None) for row in predictions("label_sets", 24)]
    found = report(runs=[Run("A", "a.jsonl", rows)])
    assert found["calibration"]["A"] is found["risk_coverage"]["A"] is found["thresholds"]["A"] is None
    assert {"what": "calibration", "why": "no row has scores"} in found["absent"]
    scored = report()
    assert set(scored["calibration"]["A"]) == {"Area", "Scope", "Ability"}
    assert {"bins", "ece", "brier", "temperature"} <= set(scored["calibration"]["A"]["Area"])


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"task_sha256": "0" * 64}, "24 of 24 answers were asked with another task or ontology"),
        ({"gold": None}, "24 of 24 rows have no gold"),
        ({"meta": {}}, "24 of 24 rows have no group"),
        ({"decoding": "free"}, None),
        ({}, "no unconstrained predictions are beside a.jsonl"),
    ],
)
def test_notes(change, note) -> None:
    rows = [replace(row, **change) for row in predictions("label_sets", 24)]
    notes = report(runs=[Run("A", "a.jsonl", rows)])["notes"]
    if note is None:
        assert not any("unconstrained" in item for item in notes)
    else:
        assert len([item for item in notes if note in item]) == 1


def test_how_intervals_were_made_is_said() -> None:
    assert "percentile bootstrap of 6 groups of 24 rows" in report()["notes"][0]
    assert "So few groups" in report()["notes"][0]
    own = [Run("A", "a.jsonl", predictions("label_sets", 24, per_group=1))]
    assert "Wilson for rates" in report(runs=own)["notes"][0]


def test_rows_that_the_free_run_lacks_are_counted() -> None:
    free = [Run("A free", "f.jsonl", predictions("label_sets", 20, decoding="free"))]
    assert any("A free: other samples than the constrained run, 4" in note for note in report(free=free)["notes"])


def test_goals_of_a_comparison() -> None:
    runs = [Run("A", "a.jsonl", predictions("choice", 40)), Run("B", "b.jsonl", predictions("choice", 40))]
    goals = parse_goals(["accuracy_retention>=0.5", "accuracy>=0.1", "mine>=3"])
    found = report("choice", runs=runs, goals=goals, given={"mine": given_value(4)})["goals"]
    assert [(item["goal"], item["run"], item["verdict"]) for item in found] == [
        ("accuracy>=0.1", "A", "PASS"),
        ("accuracy_retention>=0.5", "B", "PASS"),
        ("accuracy>=0.1", "B", "PASS"),
        ("mine>=3", "B", "PASS"),
    ]


def test_a_misspelled_goal_costs_no_time(monkeypatch) -> None:
    monkeypatch.setattr("ontune.evaluation.report.details", None)
    with pytest.raises(InputError, match="nearest"):
        report(goals=parse_goals(["exact_mach>=1"]))


def test_judge_and_probes_stand_as_they_were_found() -> None:
    found = report(judge={"model": "j", "faithfulness": 0.8}, probes={"passed": 3})
    assert found["judge"] == {"model": "j", "faithfulness": 0.8}
    text = to_markdown(found)
    assert "## Judge" in text
    assert "* faithfulness: 0.8" in text
    assert "* passed: 3" in text


def test_the_level_is_said_as_it_was_given() -> None:
    rows = [Run("A", "a.jsonl", predictions("label_sets", 24))]
    goals = parse_goals(["exact_match>=0.7"])
    found = build_report(TASKS["label_sets"], rows, (), Plan(goals=goals, settings=Settings(100, level=0.995)))
    assert any(note.startswith("99.5% intervals") for note in found["notes"])
    assert "at 99.5%, on" in found["goals"][0]["why"]
