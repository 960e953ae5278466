"""vLLM's own interface as its documentation has it: what is handed over, and what becomes of what comes back.

vLLM cannot be installed beside the hosts, so a package of that name stands in for it: with the signatures of its
`LLM`, `SamplingParams`, `StructuredOutputsParams` and `LoRARequest`, and their refusals.
"""

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from ontune.errors import InputError
from ontune.evaluation import Prediction, read_predictions
from ontune.inference.settings import Generation
from ontune.inference.vllm_engine import VllmEngine, load_vllm
from ontune.ontology import write_snapshot
from ontune.sharegpt import Sample, Turn, write_samples
from small import ONTOLOGY, small_task

TASK = small_task()
GOLD = TASK.to_json(TASK.answer_from_labels(["Circle"]))
STAND_IN = {
    "__init__.py": """
from types import SimpleNamespace as Record
calls, made = [], []
class LLM:
    def __init__(self, model, *, dtype="auto", quantization=None, seed=0, tensor_parallel_size=1, **engine):
        unknown = set(engine) - {"enable_lora", "max_lora_rank", "max_model_len", "gpu_memory_utilization"}
        if unknown:
            raise TypeError(f"EngineArgs got an unexpected keyword argument {sorted(unknown)}")
        self.made = dict(model=model, dtype=dtype, quantization=quantization, seed=seed, **engine)
        made.append(self.made)
    def chat(self, messages, sampling_params=None, use_tqdm=True, lora_request=None, chat_template=None):
        calls.append((messages, sampling_params, lora_request))
        if any("long" in str(chat) for chat in messages):
            raise ValueError("The decoder prompt (length 99) is longer than the maximum model length of 10.")
        return [Record(outputs=[self.answer(chat)]) for chat in messages]
    def answer(self, chat):
        content = chat[-1]["content"]
        text = content if isinstance(content, str) else content[-1]["text"]
        reason = "length" if "cut" in text else "stop"
        return Record(text=text.partition("?")[2], token_ids=[1, 2, 3], finish_reason=reason)
""",
    "sampling_params.py": """
from dataclasses import dataclass
@dataclass
class StructuredOutputsParams:
    json: object = None
    regex: object = None
    disable_any_whitespace: bool = False
@dataclass
class SamplingParams:
    repetition_penalty: float = 1.0
    temperature: float = 1.0
    seed: object = None
    max_tokens: int = 16
    structured_outputs: object = None
""",
    "lora/__init__.py": "",
    "lora/request.py": """
from dataclasses import dataclass
@dataclass
class LoRARequest:
    lora_name: str
    lora_int_id: int
    lora_path: str
""",
}


@pytest.fixture
def vllm(tmp_path, monkeypatch):
    """The stand-in, imported."""
    for name, code in STAND_IN.items():
        path = tmp_path / "site/vllm" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    monkeypatch.syspath_prepend(tmp_path / "site")
    import vllm

    yield vllm
    for name in [name for name in sys.modules if name.partition(".")[0] == "vllm"]:
        del sys.modules[name]


def sample(name: str, answer: str = GOLD, image: str | None = None) -> Sample:
    tag, images = ("<image>", (image,)) if image else ("", ())
    return Sample(name, (Turn("human", f"{tag}{name}?{answer}"), Turn("gpt", GOLD)), "S", images, (), {"group": "g"})


def ask(vllm, root: Path, samples: list[Sample], decoding: str = "constrained", **options) -> list[Prediction]:
    llm, lora = load_vllm("model", options.pop("adapter", None), {"seed": 4})
    return VllmEngine(llm, "model", TASK, Generation(8, 32), root, 4, lora=lora).answer(samples, decoding)


def test_answers_and_sampling(vllm, tmp_path) -> None:
    Image.new("RGB", (60, 60)).save(tmp_path / "a.png")
    constrained = ask(vllm, tmp_path, [sample("a", image="a.png"), sample("b", "no JSON"), sample("cut")])
    ask(vllm, tmp_path, [sample("a")], "free")
    assert [(item.id, item.raw, item.errors) for item in constrained] == [
        ("a", GOLD, ()),
        ("b", "no JSON", ("invalid_json",)),
        ("cut", GOLD, ()),
    ]
    assert [item.meta.get("finish_reason") for item in constrained] == [None, None, "length"]
    assert {item.tokens for item in constrained} == {3}
    (messages, sampling, lora), (_, free, _) = vllm.calls
    assert [part["type"] for part in messages[0][-1]["content"]] == ["image_url", "text"]
    assert messages[0][-1]["content"][0]["image_url"]["url"].startswith("data:image/png;base64,")
    assert (sampling.temperature, sampling.seed, sampling.max_tokens, sampling.repetition_penalty) == (0.0, 4, 32, 1.0)
    assert sampling.structured_outputs.disable_any_whitespace
    assert "Circle" in json.dumps(sampling.structured_outputs.json)
    assert (lora, free.structured_outputs) == (None, None)


def test_one_that_does_not_fit_and_one_that_cannot_be_read(vllm, tmp_path) -> None:
    found = ask(vllm, tmp_path, [sample("a"), sample("long"), sample("c", image="gone.png"), sample("d")])
    assert [item.errors for item in found] == [(), ("not_encoded",), ("not_encoded",), ()]
    assert found[1].meta["not_encoded"].startswith("vllm: The decoder prompt (length 99) is longer")
    assert found[2].meta["not_encoded"].startswith("gone.png: not a readable picture")


def test_an_adapter(vllm, tmp_path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"r": 64}')
    llm, lora = load_vllm("model", tmp_path, {"dtype": "bfloat16"})
    assert (llm.made["enable_lora"], llm.made["max_lora_rank"], llm.made["dtype"]) == (True, 64, "bfloat16")
    assert lora.lora_path == str(tmp_path)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"no adapter_config\.json with a rank"):
        load_vllm("model", tmp_path, {})


def test_the_command(vllm, cli, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_snapshot(ONTOLOGY, Path("dataset_info/ontologies/small-1.json"))
    write_samples(Path("data/set/val.jsonl"), [sample("a"), sample("long")])
    options = ["--engine", "vllm", "--model", "org/model", "--extra", '{"max_model_len": 99}', "--load-in-4bit"]
    tasked = ["--task", "edugraph", "--ontology", "small-1", "--seed", "3", "-o", "out.jsonl", "--json"]
    ran = cli("predict", *options, "--data", "data/set/val.jsonl", *tasked)
    assert ran.status == 0, ran.err
    assert ran.json()["metrics"]["not_encoded_rate"] == 0.5
    assert {item.model for item in read_predictions(Path("out.jsonl"))} == {"org/model"}
    made = {"model": "org/model", "dtype": "auto", "quantization": "bitsandbytes", "seed": 3, "max_model_len": 99}
    assert vllm.made == [made]


def test_vllm_is_not_here() -> None:
    with pytest.raises(InputError, match="pip install vllm ontune"):
        load_vllm("model", None, {})
