"""The shipped recipes of a system on tiny models, shortened by the command line: what the systems' tests share."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ontune.demo.tiny_model import Kind, Size, make_tiny_model
from ontune.evaluation import Prediction, equal, read_predictions
from ontune.inference.settings import Precision, read_settings
from ontune.sharegpt import read_samples
from ontune.task import Task

from .conftest import ROOT, Ran

# Beyond these, and what a test says of sizes, the recipes run as they are shipped.
SHORT: dict[str, object] = {
    "max_steps": 40,  # enough to learn the form of the answers
    "eval_steps": 20,
    "save_steps": 20,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "learning_rate": 0.003,
    "use_cpu": "true",
    "dataloader_num_workers": 0,
}
FILES = {"constrained": "predictions.jsonl", "free": "predictions.free.jsonl"}
PIXELS = 112 * 112  # of a picture: 16 tokens
Run = Callable[..., Ran]


def open_clone(directory: Path) -> None:
    """Puts the recipes and the plugin file at their places in an empty working directory."""
    shutil.copytree(ROOT / "recipes", directory / "recipes")
    (directory / "plugin").mkdir()
    shutil.copy(ROOT / "plugin/ontune_swift.py", directory / "plugin")


def tiny(kind: Kind, *datasets: str, spread: float = 0.02) -> str:
    """A model of random weights, with a tokenizer of the words of these datasets.

    Weights that are spread wide learn little in a few steps, but give each picture another answer.
    """
    files = [path for name in datasets for path in sorted(Path(f"data/{name}").glob("*.jsonl"))]
    samples = [sample for path in files for sample in read_samples(path)]
    texts = [text for sample in samples for text in (sample.system, *(turn.value for turn in sample.conversations))]
    return str(make_tiny_model(Path(kind), kind, texts, vocab_size=1024, size=Size(initializer_range=spread)))


def ok(ran: Ran, status: int = 0) -> Ran:
    assert ran.status == status, ran.text
    return ran


def record_of(ran: Ran, status: int = 0) -> dict[str, Any]:
    """What a command printed with --json."""
    return json.loads(ok(ran, status).out)


@dataclass(frozen=True)
class Trained:
    """A run's folders, and what chose its checkpoint."""

    checkpoints: Path
    adapter: Path  # that the export takes
    metric: str
    max_samples: int
    new_tokens: int

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.checkpoints / "checkpoint-40/trainer_state.json").read_text())

    def check(self, tasks: Mapping[str, Task]) -> None:
        """The metric chose the checkpoint, and answers to each dataset are there: within its task, and free."""
        state = self.state
        logged = {entry["step"]: entry[self.metric] for entry in state["log_history"] if self.metric in entry}
        assert sorted(logged) == [20, 40]
        best = Path(state["best_model_checkpoint"])
        assert (state["best_metric"], best.name) == (max(logged.values()), f"checkpoint-{max(logged, key=logged.get)}")
        for name, task in tasks.items():
            folder = Path(name if len(tasks) > 1 else ".")
            constrained, free = (read_predictions(self.adapter / folder / file) for file in FILES.values())
            assert [item.id for item in constrained] == [item.id for item in free]
            assert 0 < len(constrained) <= self.max_samples
            assert_within(task, constrained, self.new_tokens)
            assert equal(constrained, read_predictions(best / folder / FILES["constrained"]))


def assert_within(task: Task, predictions: Sequence[Prediction], new_tokens: int) -> None:
    """Every answer is one that the task allows; of free text, some may end where tokens do."""
    whole = [item for item in predictions if item.tokens < new_tokens]
    wrong = [item for item in whole if item.errors or task.refusals(item.answer)]
    assert whole
    assert not wrong, wrong
    assert {item.errors for item in predictions if item not in whole} <= {("invalid_json",)}


def train_llamafactory(
    llamafactory: Run, recipe: str, model: str, max_samples: int = 8, new_tokens: int = 128, **changes: object
) -> Trained:
    """Trains with `recipes/RECIPE.yaml`, shortened."""
    written = yaml.safe_load(Path(f"recipes/{recipe}.yaml").read_text())
    ours = {"ontune.evaluate": "both", "ontune.max_samples": max_samples, "ontune.max_new_tokens": new_tokens}
    short = SHORT | {"preprocessing_num_workers": 1, "model_name_or_path": model} | ours | changes
    ok(llamafactory("train", f"recipes/{recipe}.yaml", *(f"{key}={value}" for key, value in short.items())))
    folder = Path(written["output_dir"])
    return Trained(folder, folder, written["metric_for_best_model"], max_samples, new_tokens)


def train_swift(
    swift: Run, recipe: str, model: str, max_samples: int = 8, new_tokens: int = 128, env: Mapping[str, object] = {},
    **changes: object,
) -> Trained:  # fmt: skip
    """Trains with `recipes/swift/RECIPE.yaml`, shortened; no command line reaches `ENV:`, which is changed in place."""
    path = Path(f"recipes/swift/{recipe}.yaml")
    written = yaml.safe_load(path.read_text())
    ours = {"ONTUNE_EVALUATE": "both", "ONTUNE_MAX_SAMPLES": max_samples, "ONTUNE_MAX_NEW_TOKENS": new_tokens}
    assert {*ours, *env} <= {*written["ENV"]}
    written["ENV"] |= ours | env
    path.write_text(yaml.safe_dump(written, sort_keys=False))
    short = SHORT | {"model": model} | changes
    ok(swift("sft", str(path), *(word for key, value in short.items() for word in (f"--{key}", str(value)))))
    folder = Path(written["output_dir"])
    return Trained(folder, folder / "best", written["metric_for_best_model"], max_samples, new_tokens)


def assert_asked_as_trained(merged: Path, adapter: Path) -> None:
    """A merged model is asked with the pictures and lengths of its run; its weights are held as they were saved."""
    (merged_way, precision), (way, _) = read_settings(merged), read_settings(adapter)
    assert (adapter / "ontune.json").is_file()
    assert merged_way == way
    assert precision == Precision()
