"""The demo of EduGraph, and the command of all demos."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from ontune.demo.bounds import Bound, Results
from ontune.demo.edugraph.pipeline import examples, steps

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "demo/edugraph"
HOSTS = ["llamafactory", "swift"]


def test_commands_are_the_real_ones_as_a_user_would_type_them() -> None:
    lines = {step.name: shlex.join(step.command) for host in HOSTS for step in steps(host, FOLDER)}
    assert lines["llamafactory-edugraph_stage2"] == "llamafactory-cli train ../../recipes/demo/edugraph_stage2.yaml"
    assert lines["llamafactory-edugraph_export"] == "llamafactory-cli export ../../recipes/demo/edugraph_export.yaml"
    assert lines["swift-edugraph_stage2"] == "swift sft ../../recipes/demo/swift/edugraph_stage2.yaml"
    assert lines["swift-edugraph_export"] == "swift export ../../recipes/demo/swift/edugraph_export.yaml"
    assert "--decoding free" in lines["llamafactory-after"]
    elsewhere = {step.name: step.command for step in steps("swift", Path("/somewhere/else"))}["swift-edugraph_stage2"]
    assert elsewhere[-2] == "--external_plugins"
    assert (Path("/somewhere/else") / elsewhere[-1]).resolve() == ROOT / "plugin/ontune_swift.py"


def test_examples_are_one_of_each_kind() -> None:
    assert len({Path(path).name.split("-")[0] for path in examples()}) == len(examples()) == 9


@pytest.mark.parametrize("kept", [True, False])
def test_command_prints_one_object_and_ends_with_1_where_a_bound_is_missed(kept, monkeypatch) -> None:
    from ontune.commands import demo
    from ontune.demo import systems

    results = Results("table", [Bound("exact match", 0.5, "≥", 0.4 if kept else 0.6)], {"rows": []})
    shown = systems.System(lambda *_: [], lambda *_: results)
    monkeypatch.setattr("ontune.demo.runner.run_steps", lambda *_: [])
    monkeypatch.setattr(systems, "SYSTEMS", {"edugraph": shown})
    for options, expected in (([], "table"), (["--json"], '"rows": []')):
        result = CliRunner().invoke(demo.command, options, standalone_mode=True)
        assert result.exit_code == (0 if kept else 1)
        assert expected in result.output
