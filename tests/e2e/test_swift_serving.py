"""`swift infer` and `swift deploy` with the plugin: answers within the contract, and free where that is asked for."""

import json
import sys

import httpx
import pytest
import yaml

from ontune.task.exporters.json_schema import response_format
from ontune.task.parsing import parse

from .conftest import ROOT, fork, free_port, served
from .test_llamafactory_serving import SCHEMA, answer, body, streamed

pytestmark = pytest.mark.e2e


def swift_main(command: str, recipe: str):
    """`swift infer` or `swift deploy` as its command line starts it."""

    def action() -> None:
        from swift.cli.main import parse_yaml_args
        from swift.pipelines import deploy_main, infer_main

        rest = [recipe]
        parse_yaml_args(rest)
        sys.argv = ["swift", *rest]
        {"infer": infer_main, "deploy": deploy_main}[command]()

    return action


def recipe(world, name: str, **changes) -> str:
    environment = {"ROOT_IMAGE_DIR": "data", "MAX_PIXELS": "12544"} | changes.pop("ENV", {})
    record = {
        "model": str(world.model("qwen2_5_vl")),
        "model_type": "qwen2_5_vl",
        "template": "qwen2_5_vl",
        "external_plugins": str(ROOT / "plugin" / "ontune_swift.py"),
        "torch_dtype": "float32",
        "infer_backend": "transformers",
        "max_new_tokens": 60,
        "temperature": 0,
        "ENV": environment,
    } | changes
    path = world.directory / f"{name}.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in record.items() if value is not None}))
    return str(path)


def test_infer_answers_the_task_of_its_dataset(world, swift_imported, tmp_path) -> None:
    bare = world.directory / "data/sheets/val.jsonl"  # whose entry names the task; the environment counts too
    for name, changes, codes in (
        ("one", {}, []),
        ("batched", {"max_batch_size": 4}, []),
        ("named", {"ENV": {"ONTUNE_TASK": "sheets"}, "val_dataset": str(bare)}, []),
        ("free", {"ENV": {"ONTUNE_EVALUATE": "free"}}, ["invalid_json"]),
    ):
        result = world.directory / f"{name}.jsonl"
        made = recipe(world, name, **{"val_dataset": "sheets_val", "result_path": str(result)} | changes)
        ran = fork(swift_main("infer", made), tmp_path / name)
        assert ran.status == 0, ran.text
        rows = [json.loads(line) for line in result.read_text().splitlines()]
        assert len(rows) == 10
        assert {tuple(parse(world.task, row["response"])[1]) for row in rows} == {tuple(codes)}, name


def test_deploy_holds_each_request_to_what_it_or_the_environment_names(world, swift_imported, tmp_path) -> None:
    port = free_port()
    changes = {"ENV": {"ONTUNE_TASK": "sheets"}, "host": "127.0.0.1", "port": port, "served_model_name": "tiny"}
    made = recipe(world, "deploy", **changes, log_interval=0)
    with served(swift_main("deploy", made), port, tmp_path / "deploy") as url:
        by_environment = answer(url, body(world))
        assert parse(world.task, by_environment)[1] == []
        assert answer(url, body(world, task="sheets")) == by_environment
        assert answer(url, body(world, response_format=response_format(world.task))) == by_environment
        assert streamed(url, body(world)) == by_environment
        assert parse(world.task, answer(url, body(world, response_format={"type": "text"})))[1] == ["invalid_json"]
        other = json.loads(answer(url, body(world, response_format=SCHEMA)))
        assert list(other) == ["n", "s"]
        for extra, expected in (({"task": "shets"}, "shets"), ({"response_format": {"type": "xml"}}, "expected one")):
            reply = httpx.post(f"{url}/v1/chat/completions", json=body(world, **extra), timeout=60)
            assert (reply.status_code, expected in reply.text) == (400, True), reply.text


def test_an_unknown_task_is_named_before_a_model_is_loaded(world, swift_imported, tmp_path) -> None:
    made = recipe(world, "unknown", ENV={"ONTUNE_TASK": "shets"}, model="nowhere/at-all")
    ran = fork(swift_main("infer", made), tmp_path / "unknown")
    assert ran.status != 0
    assert "ontune: " in ran.err
    assert "shets" in ran.err
