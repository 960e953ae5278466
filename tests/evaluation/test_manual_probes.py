"""A probe file about a manual, in the form that manuals' probes have: read whole, and decided by number and unit."""

import json

import pytest

from ontune.evaluation.probes import decide, read_probes

FILE = {
    "_comment": "20 to 30 questions that a trained model has to get right.",
    "goal": 0.85,
    "probes": [
        {
            "id": "torque",
            "category": "specification",
            "image": "pages/21-0003.jpg",
            "question": "To which torque are the bolts of the clutch cover tightened?",
            "expected_answer": "25 Nm",
        },
        {
            "id": "clearance",
            "category": "specification",
            "image": "pages/11-0007.jpg",
            "question": "Which valve clearance does a cold engine have?",
            "expected_answer": "0.26 to 0.30 mm",
            "tolerance": "0.005 mm",
        },
        {
            "id": "tool",
            "category": "procedure",
            "image": ["pages/21-0003.jpg", "pages/21-0004.jpg"],
            "question": "What centres the clutch disc?",
            "expected_keywords": ["centring mandrel", "21 2 100"],
        },
        {
            "id": "oil",
            "category": "specification",
            "image": None,
            "question": "How much oil does the engine take with a new filter?",
            "expected_answer": "4.75 l",
            "expected_keywords": ["filter"],
        },
    ],
}

# For each probe answers, and whether they pass.
SAID = {
    "torque": [("They get 25.5 Nm.", True), ("25 mm", False), ("27 Nm", False), ("18 ft lb", True), ("tight", False)],
    "clearance": [("Between 0.26 and 0.30 mm.", True), ("0.26 mm", False), ("0.20 to 0.30 mm", False)],
    "tool": [("The centring mandrel 21 2 100.", True), ("A centring mandrel.", False), ("21 2 100", False)],
    "oil": [("4.75 litres with the filter", True), ("4.75 litres", False), ("4.75 kg with the filter", False)],
}


@pytest.fixture
def probes(tmp_path):
    (tmp_path / "manual_probes.json").write_text(json.dumps(FILE), encoding="utf-8")
    return read_probes(tmp_path / "manual_probes.json")


def test_the_form(probes) -> None:
    assert probes.goal.text == "probe_pass_rate>=0.85"
    assert {probe.category for probe in probes.probes} == {"specification", "procedure"}
    assert [len(probe.images) for probe in probes.probes] == [1, 1, 2, 0]


@pytest.mark.parametrize(("name", "answer", "passes"), [(name, *row) for name, rows in SAID.items() for row in rows])
def test_answers(probes, name, answer, passes) -> None:
    (probe,) = [probe for probe in probes.probes if probe.id == name]
    result = decide(probe, answer)
    assert result.passed is passes, result.why
