"""Probe files with all their faults, and how answers are decided."""

import json

import pytest

from ontune.errors import InputError
from ontune.evaluation.probes import Probe, decide, pass_rate, probe_record, read_probes, read_results
from ontune.evaluation.significance import wilson

GOOD = """
goal: 0.85
system: Answer shortly.
probes:
  - {id: p1, category: specification, image: page.png, question: 'Which torque?', expected_answer: 40 Nm, tolerance: 2}
  - {id: p2, category: procedure, image: [a.png, b.png], question: 'Which tool?', expected_keywords: [torque wrench]}
  - {id: p3, category: procedure, image: null, question: 'How many?', expected_answer: 4}
"""


@pytest.mark.parametrize(
    ("name", "convert"),
    [("p.yaml", lambda record: GOOD), ("p.json", json.dumps), ("p.json", lambda record: json.dumps(record["probes"]))],
)
def test_forms(tmp_path, name, convert) -> None:
    import yaml

    (tmp_path / name).write_text(convert(yaml.safe_load(GOOD)))
    found = read_probes(tmp_path / name)
    assert [probe.id for probe in found.probes] == ["p1", "p2", "p3"]
    assert [probe.images for probe in found.probes] == [("page.png",), ("a.png", "b.png"), ()]
    assert found.probes[2].expected_answer == "4"
    assert found.probes[1].expected_keywords == ("torque wrench",)
    if "goal" in (tmp_path / name).read_text():
        assert (found.goal.text, found.system) == ("probe_pass_rate>=0.85", "Answer shortly.")


def test_lines(tmp_path) -> None:
    lines = [{"id": f"p{at}", "category": "c", "question": "?", "expected_answer": "x"} for at in range(2)]
    (tmp_path / "p.jsonl").write_text("\n\n".join(map(json.dumps, lines)))
    assert len(read_probes(tmp_path / "p.jsonl").probes) == 2


PROBE = "{id: p, category: c, question: q, expected_answer: x"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("probes: []", ["no probes"]),
        ("hello", ["expected a list of probes"]),
        ("probes: [", ["not readable"]),
        (f"[{PROBE}}}, {PROBE}}}]", ["stands at number 1 already"]),
        (
            "[{}, 3]",
            ["id is None", "category is None", "question is None", "neither expected_answer", "3: expected an"],
        ),
        (f"[{PROBE}, answer: y}}]", ["unknown keys ['answer']"]),
        (f"[{PROBE}, image: ../x.png}}]", ["relative"]),
        (f"[{PROBE}, image: /x.png}}]", ["relative"]),
        (f"[{PROBE}, image: [1]}}]", ["relative"]),
        (f"[{PROBE}, expected_keywords: [1]}}]", ["expected_keywords are [1]"]),
        (f"[{PROBE}, tolerance: much}}]", ["tolerance is 'much'"]),
        ("[{id: p, category: c, question: '<image>q', expected_answer: yes}]", ["media tag", "quote them"]),
        (f"{{probes: [{PROBE}}}], goal: f1>=0.5}}", ["expected one on probe_pass_rate"]),
        (
            f"{{probes: [{PROBE}}}], goal: high, aim: 1, 5: 6, system: 3}}",
            ["unknown key 'aim'", "unknown key 5", "system is 3", "goal 'high'"],
        ),
    ],
)
def test_all_faults_at_once(tmp_path, text, faults) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_probes(tmp_path / "p.yaml")
    assert len(caught.value.faults) == len(faults)
    assert all(any(part in fault for fault in caught.value.faults) for part in faults)
    assert all("p.yaml" in fault for fault in caught.value.faults)


@pytest.mark.parametrize(
    ("probe", "answer", "why"),
    [
        ({"expected_answer": "40 Nm"}, "Tighten it to 40.5 N·m.", None),
        ({"expected_answer": "40 Nm"}, "Tighten it to 42 Nm.", "wrong number"),
        ({"expected_answer": "40 Nm"}, "40 lb-ft", "wrong unit"),
        ({"expected_answer": "40 Nm"}, "I cannot tell", "missing"),
        ({"expected_answer": "Stage 1: 40 Nm, Stage 2: 90°"}, "40 Nm", "missing stage"),
        ({"expected_answer": "Clutch disc"}, " clutch  DISC.", None),
        ({"expected_answer": "Clutch disc"}, "The clutch disc", "expected 'Clutch disc'"),
        ({"expected_keywords": ("torque wrench", "M10")}, "Use a Torque-Wrench on the M10 bolt", None),
        ({"expected_keywords": ("torque wrench", "M10")}, "Use a wrench on the M100", "torque wrench, M10"),
        ({"expected_answer": "40 Nm", "expected_keywords": ("bolt",)}, "40 Nm", "bolt"),
        ({"expected_answer": "40 Nm", "expected_keywords": ("bolt",)}, "bolt: 40 Nm", None),
        ({"expected_answer": "x"}, "", "expected 'x'"),
    ],
)
def test_decided_by_numbers_keywords_or_exact_text(probe, answer, why) -> None:
    found = decide(Probe("p", "c", "?", **probe), answer)
    assert found.passed == (why is None)
    assert why is None or why in found.why


def test_the_rate_its_categories_and_what_was_written(tmp_path) -> None:
    probes = [Probe(f"p{at}", "ab"[at % 2], "?", expected_answer="x") for at in range(20)]
    results = [decide(probe, "x" if at else "y") for at, probe in enumerate(probes)]
    (tmp_path / "g.yaml").write_text("{goal: 0.7, probes: [{id: p, category: c, question: q, expected_answer: x}]}")
    goal = read_probes(tmp_path / "g.yaml").goal
    record = probe_record("p.yaml", "tiny", results, goal)
    rate = record["metrics"]["probe_pass_rate"]
    assert (rate["value"], rate["low"], rate["high"]) == (0.95, *wilson(19, 20))
    assert {name: (part["passed"], part["n"]) for name, part in record["categories"].items()} == {
        "a": (9, 10),
        "b": (10, 10),
    }
    assert record["goal"]["verdict"] == "PASS"
    (tmp_path / "r.json").write_text(json.dumps(record))
    assert read_results(tmp_path / "r.json") == (record, pass_rate(results))
    for bad in ("[]", "{", '{"file": "x", "model": "y", "results": []}'):
        (tmp_path / "r.json").write_text(bad)
        with pytest.raises(InputError, match="no results of"):
            read_results(tmp_path / "r.json")
