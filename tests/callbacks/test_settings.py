"""The `ontune:` block and its form as environment: the same settings, and every fault of one input at once."""

import os

import pytest
import yaml

from ontune.callbacks.settings import Settings
from ontune.errors import RecipeError

KEYS = "expected one of ['batch_size', 'evaluate', 'instead', 'max_new_tokens', 'max_samples', 'run_first', 'task']"
EVALUATE = "expected constrained, free, both or false"
COUNT = "expected a whole number above 0"

# Each block as a recipe has it (YAML): an unquoted off is a truth value there.
BLOCKS = [
    ("{}", Settings()),
    ("{task: edugraph, max_samples: 500}", Settings("edugraph", max_samples=500)),
    ("{evaluate: off}", Settings(evaluate=False)),
    ("{evaluate: no}", Settings(evaluate=False)),
    ("{evaluate: free, batch_size: 1, max_new_tokens: 9}", Settings(evaluate="free", batch_size=1, max_new_tokens=9)),
    ("{run_first: [a b, c], instead: d}", Settings(run_first=("a b", "c"), instead="d")),
    ("{run_first: a b}", Settings(run_first=("a b",))),
    ("{max_samples: null, task: null, evaluate: null}", Settings()),
    ("", ["ontune: is None: expected a mapping with the keys"]),
    ("both", ["ontune: is 'both': expected a mapping"]),
    ("{evalute: both, 7: 8}", [f"ontune: key '7': {KEYS}", f"ontune: key 'evalute': {KEYS}"]),
    ("{evalute: null}", [f"ontune: key 'evalute': {KEYS}"]),
    ("{given: [task]}", [f"ontune: key 'given': {KEYS}"]),
    ("{evaluate: 'off'}", [f"ontune: evaluate is 'off': {EVALUATE}"]),
    ("{evaluate: on}", [f"ontune: evaluate is True: {EVALUATE}"]),
    ("{evaluate: 0}", [f"ontune: evaluate is 0: {EVALUATE}"]),
    ("{evaluate: [free]}", [f"ontune: evaluate is ['free']: {EVALUATE}"]),
    ("{max_samples: '500'}", [f"ontune: max_samples is '500': {COUNT}"]),
    ("{batch_size: true, max_samples: 0}", [f"max_samples is 0: {COUNT}", f"batch_size is True: {COUNT}"]),
    ("{max_new_tokens: 2.5}", [f"max_new_tokens is 2.5: {COUNT}"]),
    ("{task: 7, instead: [a]}", ["task is 7: expected a text", "instead is ['a']: expected a text"]),
    ("{run_first: [a, 7]}", ["run_first is ['a', 7]: expected a list of commands"]),
    ("{run_first: {a: b}}", ["run_first is {'a': 'b'}: expected a list of commands"]),
    (
        "{evaluate: x, batch_size: -1, tsk: y}",
        [f"key 'tsk': {KEYS}", f"evaluate is 'x': {EVALUATE}", "batch_size is -1"],
    ),
]


def faults_of(call) -> tuple[str, ...]:
    with pytest.raises(RecipeError) as caught:
        call()
    return caught.value.faults


def assert_faults(found: tuple[str, ...], expected: list[str]) -> None:
    assert len(found) == len(expected), found
    for fault, words in zip(found, expected, strict=True):
        assert words in fault


@pytest.mark.parametrize(("block", "expected"), BLOCKS)
def test_block(block, expected) -> None:
    record = yaml.safe_load(block)
    if isinstance(expected, list):
        assert_faults(faults_of(lambda: Settings.from_block(record)), expected)
    else:
        assert Settings.from_block(record) == expected


ENVIRONMENTS = [
    ({}, Settings()),
    ({"PATH": "/bin", "ONTUNE_DATASET_INFO": "x", "ONTUNE_SYSTEM_PACKAGES": "1", "ONTUNE": "x"}, Settings()),
    ({"ONTUNE_TASK": "edugraph", "ONTUNE_EVALUATE": "both"}, Settings("edugraph", "both")),
    (
        {"ONTUNE_TASK": "off", "ONTUNE_INSTEAD": "swift sft x.yaml: now"},
        Settings("off", instead="swift sft x.yaml: now"),
    ),
    ({"ONTUNE_TASK": "7"}, Settings("7")),
    ({"ONTUNE_EVALUATE": "off"}, Settings(evaluate=False)),
    ({"ONTUNE_EVALUATE": "False"}, Settings(evaluate=False)),  # as ms-swift exports an unquoted off
    ({"ONTUNE_EVALUATE": ""}, Settings()),
    ({"ONTUNE_MAX_SAMPLES": "500", "ONTUNE_BATCH_SIZE": "2"}, Settings(max_samples=500, batch_size=2)),
    ({"ONTUNE_RUN_FIRST": "[a b, c]"}, Settings(run_first=("a b", "c"))),
    ({"ONTUNE_RUN_FIRST": str(["a b", "c"])}, Settings(run_first=("a b", "c"))),  # as ms-swift exports a list
    ({"ONTUNE_RUN_FIRST": "swift export x.yaml"}, Settings(run_first=("swift export x.yaml",))),
    ({"ONTUNE_RUN_FIRST": "[swift export"}, Settings(run_first=("[swift export",))),  # no YAML: a text
    ({"ONTUNE_MAX_SAMPLES": "many"}, [f"ONTUNE_*: max_samples is 'many': {COUNT}"]),
    ({"ONTUNE_BATCH_SIZE": "[2"}, [f"ONTUNE_*: batch_size is '[2': {COUNT}"]),
    ({"ONTUNE_EVALUATE": "maybe", "ONTUNE_BATCH_SIZE": "0"}, ["evaluate is 'maybe'", "batch_size is 0"]),
    (
        {"ONTUNE_MAXSAMPLES": "5", "ONTUNE_TASKS": "x"},
        ["ONTUNE_MAXSAMPLES is no setting: did you mean ONTUNE_MAX_SAMPLES?", "did you mean ONTUNE_TASK?"],
    ),
]


@pytest.mark.parametrize(("environment", "expected"), ENVIRONMENTS)
def test_environment(environment, expected) -> None:
    if isinstance(expected, list):
        assert_faults(faults_of(lambda: Settings.from_environment(environment)), expected)
    else:
        assert Settings.from_environment(environment) == expected


def test_the_environment_of_this_process_is_read_as_it_is(monkeypatch) -> None:
    monkeypatch.setenv("ONTUNE_BATCH_SIZE", "3")
    assert Settings.from_environment(os.environ).batch_size == 3


@pytest.mark.parametrize(
    ("block", "decodings", "asks"),
    [
        ({}, ("constrained", "free"), False),
        ({"run_first": ["a"], "instead": "b"}, ("constrained", "free"), False),
        ({"max_samples": 5}, ("constrained", "free"), True),
        ({"evaluate": "free"}, ("free",), True),
        ({"task": "x", "evaluate": "constrained"}, ("constrained",), True),
        ({"task": "x", "evaluate": False}, (), False),
    ],
)
def test_what_settings_ask_for(block, decodings, asks) -> None:
    settings = Settings.from_block(block)
    assert (settings.decodings, settings.asks) == (decodings, asks)
