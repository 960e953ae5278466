"""`llamafactory-cli api`, `chat` and `train` with the host's own generation: answers within the contract."""

import base64
import io
import json
import sys

import httpx
import pytest
import yaml
from PIL import Image

from ontune.dataset_info import Entry, register
from ontune.sharegpt import read_samples
from ontune.task.exporters.json_schema import response_format
from ontune.task.parsing import parse

from .conftest import free_port, served

pytestmark = pytest.mark.e2e

OTHER = {"type": "object", "properties": {"n": {"enum": [1, 2]}, "s": {"type": "string", "maxLength": 3}}}
OTHER |= {"required": ["n", "s"], "additionalProperties": False}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "other", "schema": OTHER}}


def serving_recipe(world, **changes) -> str:
    record = {
        "model_name_or_path": str(world.model("qwen2_5_vl")),
        "template": "qwen2_vl",
        "dataset_dir": "dataset_info",
        "image_max_pixels": 12544,
        "do_sample": False,
        "max_new_tokens": 60,
        "ontune": {"task": "sheets"},
    } | changes
    path = world.directory / "serve.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in record.items() if value is not None}))
    return str(path)


def llamafactory_main(*arguments: str):
    def action() -> None:
        from llamafactory.cli import main

        sys.argv = ["llamafactory-cli", *arguments]
        main()

    return action


def picture(colour: str) -> dict:
    file = io.BytesIO()
    Image.new("RGB", (112, 112), colour).save(file, "png")
    return {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"},
    }


def body(world, **extra) -> dict:
    content = [picture("red"), {"type": "text", "text": world.task.user}]
    messages = [{"role": "system", "content": world.task.system}, {"role": "user", "content": content}]
    return {"model": "tiny", "messages": messages, **extra}


def answer(url: str, sent: dict) -> str:
    reply = httpx.post(f"{url}/v1/chat/completions", json=sent, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()["choices"][0]["message"]["content"]


def streamed(url: str, sent: dict) -> str:
    """The pieces of a streamed answer, put together."""
    pieces: list[str] = []
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=sent | {"stream": True}, timeout=60) as reply:
        for line in reply.iter_lines():
            if line.startswith("data: {"):
                pieces.append(json.loads(line[6:])["choices"][0]["delta"].get("content") or "")
    return "".join(pieces)


def test_the_api_holds_each_request_to_what_it_or_the_recipe_names(
    world, llamafactory_imported, tmp_path, monkeypatch
) -> None:
    port = free_port()
    environment = {"API_HOST": "127.0.0.1", "API_PORT": str(port), "API_VERBOSE": "0"}
    with served(llamafactory_main("api", serving_recipe(world)), port, tmp_path / "api", **environment) as url:
        by_recipe = answer(url, body(world))
        assert parse(world.task, by_recipe)[1] == []
        assert answer(url, body(world, task="sheets")) == by_recipe
        assert answer(url, body(world, response_format=response_format(world.task))) == by_recipe
        assert answer(url, body(world, response_format={"type": "json_object"})) == by_recipe
        assert streamed(url, body(world)) == by_recipe
        sampled = body(world, do_sample=True, temperature=2.0, n=3)
        replies = httpx.post(f"{url}/v1/chat/completions", json=sampled, timeout=60).json()["choices"]
        assert [parse(world.task, reply["message"]["content"])[1] for reply in replies] == [[], [], []]
        free = answer(url, body(world, response_format={"type": "text"}))
        assert parse(world.task, free)[1] == ["invalid_json"]  # the weights are random
        other = json.loads(answer(url, body(world, response_format=SCHEMA)))
        assert list(other) == ["n", "s"]
        assert other["n"] in (1, 2)
        assert json.loads(streamed(url, body(world, response_format=SCHEMA))) == other
        for extra, expected in REFUSED:
            reply = httpx.post(f"{url}/v1/chat/completions", json=body(world, **extra), timeout=60)
            assert (reply.status_code, expected in reply.text) == (400, True), reply.text


REFUSED = [
    ({"task": "shets"}, "shets"),
    ({"task": "shets", "stream": True}, "shets"),
    ({"task": "../secret"}, "expected a task's name"),
    ({"response_format": {"type": "xml"}}, "expected one of"),
    ({"response_format": {"type": "json_schema"}}, "expected a JSON schema"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "nonsense"}}}}, "nonsense"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "array", "uniqueItems": True}}}},
        "uniqueItems",
    ),
    ({"task": "sheets", "response_format": {"type": "text"}}, "expected one of both"),
]


def test_an_api_without_a_block_answers_freely_and_takes_a_task_from_the_request(
    world, llamafactory_imported, tmp_path
) -> None:
    port = free_port()
    environment = {"API_HOST": "127.0.0.1", "API_PORT": str(port), "API_VERBOSE": "0"}
    recipe = serving_recipe(world, ontune=None)
    with served(llamafactory_main("api", recipe), port, tmp_path / "api", **environment) as url:
        assert parse(world.task, answer(url, body(world)))[1] == ["invalid_json"]
        assert parse(world.task, answer(url, body(world, task="sheets")))[1] == []
        # random weights write on and on: to the last of their tokens
        assert answer(url, body(world, response_format={"type": "json_object"})).startswith('{"')


def test_a_block_with_an_unknown_task_ends_the_server_before_a_model_is_loaded(world, llamafactory) -> None:
    ran = llamafactory("api", serving_recipe(world, ontune={"task": "shets"}, model_name_or_path="nowhere"))
    assert ran.status != 0
    assert "ontune: " in ran.err
    assert "shets" in ran.err
    assert "Traceback" not in ran.err


def test_chat_answers_within_the_contract(world, llamafactory, monkeypatch) -> None:
    question = world.directory / "question.txt"
    question.write_text("Which shape?\nexit\n")
    with question.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        ran = llamafactory("chat", serving_recipe(world))
    assert ran.status == 0, ran.text
    said = ran.out.split("Assistant: ")[1].split("\n")[0]
    assert parse(world.task, said)[1] == []


GENERATING = {"predict_with_generate": True, "do_sample": False, "max_new_tokens": 40}


def test_its_own_evaluation_while_training_is_padded_on_the_left_and_constrained(world, llamafactory) -> None:
    recipe = world.recipe("own", model_name_or_path=str(world.model("qwen2_5_vl")), **GENERATING)
    seen = world.directory / "seen.jsonl"
    ran = llamafactory_with_a_witness(world, str(recipe), seen)
    assert ran.status == 0, ran.text
    rows = [json.loads(line) for line in seen.read_text().splitlines()]
    assert {row["padded"] for row in rows} == {"left"}
    assert any(row["unequal"] for row in rows)
    answers = [text for row in rows for text in row["answers"]]
    assert len(answers) >= 20  # two evaluations of ten samples
    assert [parse(world.task, text)[1] for text in answers] == [[]] * len(answers)


def llamafactory_with_a_witness(world, recipe: str, seen):
    """Runs `train` in a fork that writes down what the trainer's `prediction_step` was given and gave."""
    from .conftest import fork

    def action() -> None:
        from llamafactory.train.sft.trainer import CustomSeq2SeqTrainer

        original = CustomSeq2SeqTrainer.prediction_step

        def prediction_step(self, model, inputs, *args, **options):
            mask, ids = inputs["attention_mask"], inputs["input_ids"]
            found = original(self, model, inputs, *args, **options)
            row = {
                "padded": "right" if (mask[:, -1] == 0).any() else "left",
                "unequal": bool((mask == 0).any()),
                "answers": self.processing_class.batch_decode(found[1][:, ids.shape[1] :], skip_special_tokens=True),
            }
            with seen.open("a") as file:
                file.write(json.dumps(row) + "\n")
            return found

        CustomSeq2SeqTrainer.prediction_step = prediction_step
        llamafactory_main("train", recipe)()

    return fork(action, world.directory / "witness")


def test_do_predict_writes_constrained_answers_and_free_ones_on_demand(world, llamafactory) -> None:
    register([Entry("bare_val", world.directory / "data/sheets/val.jsonl")], world.directory / "dataset_info")
    model = str(world.model("qwen2_5_vl"))
    changes = {"do_train": None, "do_eval": None, "eval_strategy": None, "do_predict": True, "stage": "sft"}
    for name, block, codes in (("both", {"task": "sheets"}, []), ("free", {"evaluate": "free"}, ["invalid_json"])):
        recipe = world.recipe(name, model_name_or_path=model, **changes, **GENERATING, ontune=block)
        ran = llamafactory("train", str(recipe))
        assert ran.status == 0, ran.text
        lines = (world.directory / f"saves/{name}/generated_predictions.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        gold = [sample.gold for sample in read_samples(world.directory / "data/sheets/val.jsonl")]
        assert [row["label"].strip() for row in rows] == gold
        assert {tuple(parse(world.task, row["predict"])[1]) for row in rows} == {tuple(codes)}
