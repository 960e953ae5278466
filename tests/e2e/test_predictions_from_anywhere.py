"""The hosts' own servers answer `ontune predict`, and what the hosts write themselves is imported."""

import json
import sys

import pytest
import yaml

from ontune.dataset_info import Entry, register
from ontune.evaluation import read_predictions
from ontune.inference.prompts import Pictures
from ontune.inference.settings import Generation, Precision, write_settings
from ontune.sharegpt import read_samples

from .conftest import ROOT, fork, free_port, served

pytestmark = pytest.mark.e2e

LIMITS = {"image_max_pixels": 12544, "do_sample": False, "repetition_penalty": 1.0, "max_new_tokens": 24}


def check_import(world, ontune, source: str, file, raws: list[str]) -> None:
    """The rows of a host, as predictions of the samples that they are about."""
    out = world.directory / f"{source}.jsonl"
    ran = ontune("import", str(file), "--data", "sheets_val", "-o", str(out), "--json")
    assert ran.status == 0, ran.text
    record = json.loads(ran.out)
    assert (record["from"], record["read"], record["written"], record["missing"]) == (source, 10, 10, 0)
    samples = read_samples(world.directory / "data/sheets/val.jsonl")
    found = {item.id: item for item in read_predictions(out)}
    assert [found[sample.id].raw for sample in samples] == raws
    assert [found[sample.id].images for sample in samples] == [sample.images for sample in samples]
    assert len(set(raws)) > 1, "every answer is the same: their order would prove little"


def check_server(world, ontune, url: str, rule: str, offline: list[str]) -> None:
    """The server answers as the same model has offline: it is shown the same pictures, and asked in the same words."""
    like = world.directory / "run"
    like.mkdir()
    generation = Generation(max_new_tokens=24, pictures=Pictures(rule, 12544, 1024))
    write_settings(like, generation, Precision(), "", 1)
    out = world.directory / "served.jsonl"
    options = ["--url", url, "--data", "sheets_val", "--decoding", "free", "--like", str(like), "--retries", "1"]
    ran = ontune("predict", *options, "-o", str(out), "--json")
    assert ran.status == 0, ran.text
    record = json.loads(ran.out)
    assert (record["written"], record["speed"]["answered"]) == (10, 10)
    assert 0 < record["speed"]["latency_p50"] <= record["speed"]["latency_p95"]
    found = {item.id: item for item in read_predictions(out)}
    assert {item.model for item in found.values()} == {"sheets"}, "the name that the server gives"
    assert not any("not_encoded" in item.errors for item in found.values())
    assert all(0 < item.tokens <= 25 for item in found.values())
    samples = read_samples(world.directory / "data/sheets/val.jsonl")
    assert [found[sample.id].raw for sample in samples] == offline


def free_dataset(world) -> None:
    """The same samples by a name without a task: the plugin leaves the host alone."""
    register([Entry("bare_val", world.directory / "data/sheets/val.jsonl")], world.directory / "dataset_info")


def test_llamafactory(world, llamafactory, ontune, tmp_path, monkeypatch) -> None:
    free_dataset(world)
    shared = {"model_name_or_path": str(world.model("qwen2_5_vl")), **LIMITS, "ontune": None}
    predicting = {
        "do_train": None,
        "do_eval": None,
        "eval_strategy": None,
        "do_predict": True,
        "eval_dataset": "bare_val",
    }
    recipe = world.recipe("offline", **shared, **predicting, predict_with_generate=True, dataset=None)
    ran = llamafactory("train", str(recipe))
    assert ran.status == 0, ran.text
    file = world.directory / "saves/offline/generated_predictions.jsonl"
    raws = [json.loads(line)["predict"] for line in file.read_text().splitlines()]
    check_import(world, ontune, "llamafactory", file, raws)

    serving = world.directory / "serve.yaml"
    serving.write_text(
        yaml.safe_dump({"template": "qwen2_vl", **LIMITS, "model_name_or_path": shared["model_name_or_path"]})
    )

    def action() -> None:
        from llamafactory.cli import main

        sys.argv = ["llamafactory-cli", "api", str(serving)]
        main()

    port = free_port()
    names = {"API_HOST": "127.0.0.1", "API_PORT": str(port), "API_VERBOSE": "0", "API_MODEL_NAME": "sheets"}
    with served(action, port, tmp_path / "api", **names) as url:
        check_server(world, ontune, url, "llamafactory", raws)
        ran = ontune("predict", "--url", url, "--data", "sheets_val", "-o", "constrained.jsonl")
        assert ran.status == 0, ran.text
        assert "break the contract" not in ran.err
        assert not any(item.errors for item in read_predictions(world.directory / "constrained.jsonl"))


def test_swift(world, swift_imported, ontune, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MAX_PIXELS", "12544")
    monkeypatch.setenv("ROOT_IMAGE_DIR", "data")
    monkeypatch.setenv("ONTUNE_EVALUATE", "free")
    kind = ["--model_type", "qwen2_5_vl", "--template", "qwen2_5_vl", "--torch_dtype", "float32"]
    shared = ["--model", str(world.model("qwen2_5_vl")), *kind, "--max_new_tokens", "24", "--temperature", "0"]
    shared += ["--external_plugins", str(ROOT / "plugin/ontune_swift.py"), "--infer_backend", "transformers"]
    file = world.directory / "infer.jsonl"
    data = ["--val_dataset", "sheets_val", "--result_path", str(file)]

    def infer() -> None:
        from swift.pipelines import infer_main

        infer_main([*shared, *data, "--max_batch_size", "1", "--load_from_cache_file", "false"])

    ran = fork(infer, tmp_path / "infer")
    assert ran.status == 0, ran.text
    raws = [json.loads(line)["response"] for line in file.read_text().splitlines()]
    check_import(world, ontune, "swift", file, raws)

    port = free_port()

    def deploy() -> None:
        from swift.pipelines import deploy_main

        deploy_main([*shared, "--port", str(port), "--host", "127.0.0.1", "--served_model_name", "sheets"])

    with served(deploy, port, tmp_path / "deploy") as url:
        check_server(world, ontune, url, "qwen_vl_utils", raws)
        fault = ontune("predict", "--url", url, "--model", "other", "--data", "sheets_val", "-o", "other.jsonl")
        assert fault.status == 2
        assert "HTTP 400: `other` is not in the model_list" in fault.err
