"""What a request asks for, and what is refused: one table, good and bad in it; vLLM's part of ms-swift's hook."""

import functools
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from decoding.synthetic import qwen_like_tokenizer
from ontune.callbacks.settings import Settings
from ontune.errors import InputError, RecipeError
from ontune.frameworks import llamafactory_serving
from ontune.frameworks.constraint import Constraint, Constraints
from ontune.frameworks.swift_generation import _hold, _parse, _run
from ontune.ontology import write_snapshot
from ontune.task import load_task
from ontune.task.exporters.json_schema import export_json_schema, json_schema, response_format
from small import ONTOLOGY, small_task

TASK = small_task()
FORM = response_format(TASK)
NAMED = {"type": "json_schema", "json_schema": {"name": "small", "schema": json_schema(TASK)}}
EXPORTED = {
    "type": "json_schema",
    "json_schema": {"name": "small", "schema": json.loads(export_json_schema(TASK).text)},
}
OTHER = {"type": "json_schema", "json_schema": {"name": "small", "schema": {"type": "object"}}}
ANY = Constraint(schema='{"type":"object"}')
SMALL = Constraint("small")


@pytest.fixture
def info(tmp_path: Path) -> Path:
    folder = tmp_path / "dataset_info"
    write_snapshot(ONTOLOGY, folder / "ontologies" / "small-1.json")
    shipped = Path(__file__).parents[2] / "dataset_info/tasks/edugraph.yaml"
    record = yaml.safe_load(shipped.read_text()) | {"name": "small", "ontology": "small-1"}
    (folder / "tasks").mkdir()
    for name in ("small", "other"):
        (folder / "tasks" / f"{name}.yaml").write_text(yaml.safe_dump(record | {"name": name}, sort_keys=False))
    return folder


@pytest.mark.parametrize(
    ("default", "request_", "expected"),
    [
        (None, {}, None),
        ("small", {}, SMALL),
        ("small", {"task": None, "response_format": None}, SMALL),
        ("small", {"task": "other"}, Constraint("other")),
        (None, {"task": "small"}, SMALL),
        (None, {"task": "small", "response_format": {"type": "json_object"}}, SMALL),
        ("small", {"response_format": {"type": "text"}}, None),
        (None, {"response_format": {"type": "json_object"}}, ANY),
        (None, {"response_format": NAMED}, SMALL),
        ("other", {"response_format": FORM}, Constraint("other")),  # the task at hand comes first
        (None, {"response_format": FORM}, Constraint(schema=None)),  # no file is called as the task there
        ("small", {"response_format": OTHER}, Constraint(schema='{"type": "object"}')),
        (None, {"task": "absent"}, "absent"),
        (None, {"task": "../small"}, "expected a task's name"),
        (None, {"task": "recipe.yaml"}, "expected a task's name"),  # it would be read as a path
        (None, {"task": "n" * 300}, "expected a task's name"),
        (None, {"task": ""}, "expected a task's name"),
        (None, {"task": 7}, "task is 7"),
        (None, {"response_format": EXPORTED}, SMALL),
        (None, {"response_format": "json"}, "response_format.type is None"),
        (None, {"response_format": {"type": "grammar"}}, "response_format.type is 'grammar'"),
        (None, {"response_format": {"type": "json_schema", "json_schema": {}}}, "expected a JSON schema"),
        (None, {"task": "small", "response_format": {"type": "text"}}, "expected one of both"),
    ],
)
def test_a_request_gets_its_constraint_or_a_named_refusal(info, default, request_, expected) -> None:
    constraints = Constraints(default, info)
    if isinstance(expected, str):
        with pytest.raises(InputError, match=re.escape(expected)):
            constraints.asked(request_)
    elif expected and expected.schema is None:
        found = constraints.asked(request_)
        assert found
        assert found.schema
        assert not found.task
    else:
        assert constraints.asked(request_) == expected


def test_the_regular_expression_is_the_tasks(info) -> None:
    pattern = re.compile(Constraints("small", info).regex(SMALL))
    task = load_task("small", dataset_info=info)
    assert pattern.fullmatch(task.to_json(task.answer_from_labels(["Circle", "Clock"])))
    assert not pattern.fullmatch('{"Area":["Blob"],"Scope":[],"Ability":[]}')


def arguments(backend: str, regex: str | None = None, val_dataset: tuple[str, ...] = ()) -> SimpleNamespace:
    return SimpleNamespace(infer_backend=backend, structured_outputs_regex=regex, val_dataset=list(val_dataset))


@pytest.mark.parametrize(
    ("backend", "given", "constraint", "expected"),
    [
        ("vllm", None, SMALL, "ours"),
        ("vllm", "yes|no", SMALL, "yes|no"),
        ("vllm", None, ANY, InputError),
        ("sglang", None, SMALL, InputError),
    ],
)
def test_vllm_is_given_the_regular_expression_and_other_backends_are_refused(
    info, backend, given, constraint, expected
) -> None:
    """vLLM cannot be installed beside the hosts: the arguments that ms-swift hands to it stand in."""
    constraints, args = Constraints("small", info), arguments(backend, given)
    if expected is InputError:
        with pytest.raises(InputError, match=backend):
            _hold(args, constraints, constraint, backend)
    else:
        _hold(args, constraints, constraint, backend)
        assert args.structured_outputs_regex == (constraints.regex(SMALL) if expected == "ours" else expected)


def test_a_request_to_vllm_carries_the_regular_expression_and_one_to_transformers_the_constraint(info) -> None:
    constraints = Constraints(None, info)
    for backend, expected in (("vllm", constraints.regex(SMALL)), ("transformers", None)):
        config = arguments(backend)
        assert _parse(lambda config=config: ("request", config), constraints, SMALL, backend) == ("request", config)
        assert (config.ontune, config.structured_outputs_regex) == (SMALL, expected)


def test_a_pipeline_starts_with_what_its_arguments_say(info) -> None:
    pipeline = SimpleNamespace(args=arguments("vllm"), template=SimpleNamespace())
    start = functools.partial(_run, Constraints("small", info), info)
    assert start(lambda self: "ran", pipeline) == "ran"
    assert pipeline.template.ontune[1] == SMALL
    assert pipeline.args.structured_outputs_regex
    free = SimpleNamespace(args=arguments("vllm"), template=SimpleNamespace())
    assert _run(Constraints(None, info), None, lambda self: "ran", free) == "ran"
    assert (free.template.ontune[1], free.args.structured_outputs_regex) == (None, None)


@pytest.mark.parametrize(
    ("settings", "backend", "expected"),
    [
        (Settings(task="small"), "huggingface", SMALL),
        (Settings(task="small"), None, SMALL),
        (Settings(task="small", evaluate="free"), "vllm", None),
        (Settings(task="small", evaluate=False), "huggingface", None),
        (Settings(), "sglang", None),
        (Settings(task="small"), "vllm", "infer_backend is vllm"),
        (Settings(task="smal"), "huggingface", "smal"),
    ],
)
def test_llamafactory_serves_what_the_block_names_or_refuses_to_start(info, settings, backend, expected) -> None:
    if isinstance(expected, str):
        with pytest.raises(RecipeError, match=expected):
            llamafactory_serving.serve(settings, str(info), backend)
    else:
        llamafactory_serving.serve(settings, str(info), backend)
        assert llamafactory_serving._constraints.default == expected


def test_a_task_that_the_tokenizer_cannot_write_is_refused_before_an_answer_begins(info, tmp_path) -> None:
    path = info / "tasks/other.yaml"
    field = {"name": "f", "kind": "choice", "options": ["<|im_end|>"]}
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"fields": [field], "metrics": ["choice"]}))
    constraints = Constraints(None, info)
    tokenizer = qwen_like_tokenizer()
    with pytest.raises(InputError, match="cannot write"):
        constraints.prepare(Constraint("other"), tokenizer, [tokenizer.eos_token_id])
    constraints.prepare(SMALL, tokenizer, [tokenizer.eos_token_id])
