"""The callback in a plain transformers Trainer: which weights' answers are where, and what a failure leaves behind."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)

from ontune.callbacks.ontology_evaluation import OntologyEvaluation
from ontune.callbacks.plan import EvaluationSet
from ontune.callbacks.restored import RestoredWeights
from ontune.callbacks.settings import Settings
from ontune.callbacks.undisturbed import undisturbed
from ontune.errors import InputError
from ontune.evaluation import equal, read_predictions
from ontune.inference.settings import FILE, Generation
from ontune.sharegpt import Sample, Turn
from small import small_task

TASK = small_task()
GOLD = TASK.to_json(TASK.answer_from_labels(["Circle"]))


@dataclass
class Collator:
    """Batches of equal lengths, and the processor beside them, as LLaMA-Factory's collator has it."""

    processor: Any

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        return default_data_collator(rows)


def samples(data: Path, names: str) -> tuple[Sample, ...]:
    made = []
    for name in names:
        values = np.random.default_rng(ord(name)).integers(0, 256, (56, 56, 3), dtype=np.uint8)
        data.mkdir(exist_ok=True)
        Image.fromarray(values).save(data / f"{name}.png")
        turns = (Turn("human", f"<image>\n{TASK.user}"), Turn("gpt", GOLD))
        made.append(Sample(name, turns, TASK.system, (f"{name}.png",), meta={"group": name}))
    return tuple(made)


Run = Callable[..., tuple[Trainer, OntologyEvaluation]]


@pytest.fixture
def run(tiny_model, tmp_path) -> Run:
    """A trainer with our callback first, and the callback; sets by name, each a word whose letters are samples."""
    processor = AutoProcessor.from_pretrained(tiny_model("qwen2_5_vl"))

    def make(sets: dict[str, str] | None = None, evaluate="free", eval_dataset=None, **changes):
        model = AutoModelForImageTextToText.from_pretrained(tiny_model("qwen2_5_vl"), dtype="float32")
        options = {
            "output_dir": str(tmp_path / "run"),
            "use_cpu": True,
            "max_steps": 4,
            "learning_rate": 0.01,
            "eval_strategy": "steps",
            "eval_steps": 2,
            "save_steps": 2,
            "logging_steps": 1,
            "report_to": "none",
            "disable_tqdm": True,
        }
        ids = processor.tokenizer("Which area, which scope? A circle.")["input_ids"]
        rows = [{"input_ids": ids, "attention_mask": [1] * len(ids), "labels": ids}] * 8
        found = [
            EvaluationSet(name, TASK, samples(tmp_path / "data", word))
            for name, word in (sets or {"val": "abc"}).items()
        ]
        settings = Settings.from_block({"evaluate": evaluate})
        callback = OntologyEvaluation(settings, found, Generation(2, 12), tmp_path / "data")
        trainer = Trainer(
            model,
            TrainingArguments(**options | changes),
            train_dataset=rows,
            eval_dataset=eval_dataset(rows) if eval_dataset else rows[:2],
            data_collator=Collator(processor),
            callbacks=[weights := RestoredWeights(), callback],
        )
        weights.trainer = callback.trainer = trainer
        return trainer, callback

    return make


@dataclass
class Stop(TrainerCallback):
    """Ends a run after the checkpoint of a step."""

    at: int

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = state.global_step == self.at


def files(folder: Path) -> set[str]:
    """Our files below a folder, by their paths."""
    names = ("predictions.jsonl", "predictions.free.jsonl", FILE)
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.name in names}


def step_of(folder: Path) -> int:
    return json.loads((folder / FILE).read_text())["step"]


def answers(folder: Path) -> list:
    return read_predictions(folder / "predictions.free.jsonl")


def test_a_save_without_an_evaluation_holds_no_answers(run, tmp_path) -> None:
    trainer, _ = run(save_steps=1, max_steps=9)
    trainer.add_callback(Stop(at=5))
    trainer.train()
    folders = {f"checkpoint-{step}" for step in range(1, 6)}
    assert folders <= {path.name for path in (tmp_path / "run").iterdir()}
    ours = {f"checkpoint-{step}/{name}" for step in (2, 4) for name in (FILE, "predictions.free.jsonl")}
    assert files(tmp_path / "run") == ours | {FILE, "predictions.free.jsonl"}
    assert step_of(tmp_path / "run") == 4, "the last evaluation, one step before the end"
    assert equal(answers(tmp_path / "run"), answers(tmp_path / "run/checkpoint-4"))
    assert not equal(answers(tmp_path / "run"), answers(tmp_path / "run/checkpoint-2")), "training changed nothing"


def equal_weights(model: Any, folder: Path) -> bool:
    saved = AutoModelForImageTextToText.from_pretrained(folder, dtype="float32").state_dict()
    return all(torch.equal(weight, saved[name]) for name, weight in model.state_dict().items())


# The greater loss is that of the first evaluation: the best weights are not the last ones.
BEST = {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss", "greater_is_better": True}


def test_beside_the_best_weights_lie_their_answers(run, tmp_path) -> None:
    trainer, _ = run(**BEST)
    trainer.train()
    folder = tmp_path / "run"
    assert trainer.state.best_model_checkpoint == str(folder / "checkpoint-2")
    assert equal_weights(trainer.model, folder / "checkpoint-2"), "the host puts none of a whole Qwen2.5-VL back"
    assert step_of(folder) == 2
    assert (folder / "predictions.free.jsonl").read_bytes() == (
        folder / "checkpoint-2/predictions.free.jsonl"
    ).read_bytes()
    assert step_of(folder / "checkpoint-4") == 4
    (folder / "predictions.free.jsonl").unlink()
    trainer.evaluate()
    assert equal(answers(folder), answers(folder / "checkpoint-2"))


def test_best_weights_of_before_the_plugin_have_no_answers(run, tmp_path) -> None:
    trainer, _ = run(**BEST)
    trainer.train()
    for path in (tmp_path / "run").rglob("predictions*"):
        path.unlink()
    for path in (tmp_path / "run").rglob(FILE):
        path.unlink()
    trainer, _ = run(**BEST, max_steps=6)
    trainer.train(resume_from_checkpoint=True)
    assert trainer.state.best_model_checkpoint == str(tmp_path / "run/checkpoint-2")
    assert files(tmp_path / "run") == {f"checkpoint-6/{name}" for name in (FILE, "predictions.free.jsonl")}


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(run, tmp_path) -> None:
    run(max_steps=6)[0].train()
    whole = {name: (tmp_path / "run" / name).read_bytes() for name in files(tmp_path / "run") if FILE in name}
    expected = answers(tmp_path / "run/checkpoint-6")
    (tmp_path / "run").rename(tmp_path / "whole")

    trainer, _ = run(max_steps=6)
    trainer.add_callback(Stop(at=4))
    trainer.train()
    kept = (tmp_path / "run/checkpoint-4/predictions.free.jsonl").stat()
    trainer, _ = run(max_steps=6)
    trainer.train(resume_from_checkpoint=True)
    assert trainer.state.global_step == 6
    assert (tmp_path / "run/checkpoint-4/predictions.free.jsonl").stat() == kept, "not evaluated again, not written"
    assert {name: (tmp_path / "run" / name).read_bytes() for name in whole} == whole
    assert equal(answers(tmp_path / "run"), expected)
    steps = [entry["step"] for entry in trainer.state.log_history if "eval_ontology_free_f1" in entry]
    assert steps == [2, 4, 6]


def test_a_run_that_is_over_writes_nothing_when_resumed(run, tmp_path) -> None:
    run()[0].train()
    before = {name: (tmp_path / "run" / name).stat() for name in files(tmp_path / "run")}
    run()[0].train(resume_from_checkpoint=True)
    assert {name: (tmp_path / "run" / name).stat() for name in files(tmp_path / "run")} == before


def test_evaluation_alone_leaves_its_answers_in_the_runs_folder(run, tmp_path) -> None:
    trainer, _ = run(evaluate="both")
    metrics = trainer.evaluate()
    assert files(tmp_path / "run") == {"predictions.jsonl", "predictions.free.jsonl", FILE}
    assert {"eval_loss", "eval_ontology_f1", "eval_ontology_free_f1"} <= metrics.keys()
    assert json.loads((tmp_path / "run" / FILE).read_text())["precision"]["dtype"] == "float32"


SETS = {"one": "abc", "two": "cd"}
F1 = "ontology_free_f1"


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        (None, {f"eval_one_{F1}", f"eval_two_{F1}", f"eval_{F1}"}),
        (lambda rows: {"one": rows[:2], "two": rows[:1]}, {f"eval_one_{F1}", f"eval_two_{F1}"}),
    ],
)
def test_several_datasets(run, tmp_path, each, expected) -> None:
    trainer, _ = run(SETS, eval_dataset=each, metric_for_best_model=f"eval_two_{F1}", greater_is_better=True)
    trainer.train()
    names = {f"{name}/predictions.free.jsonl" for name in SETS} | {FILE}
    for folder in ("run", "run/checkpoint-2", "run/checkpoint-4"):
        assert names <= files(tmp_path / folder)
    for name, word in SETS.items():
        assert [item.id for item in answers(tmp_path / "run/checkpoint-4" / name)] == [*word]
    logged = [key for entry in trainer.state.log_history for key in entry if key.endswith(F1)]
    assert sorted(logged) == sorted([*expected] * 2), "each value once an evaluation and dataset"
    assert trainer.state.best_metric is not None
    trainer.evaluate()
    assert equal(answers(tmp_path / "run/two"), answers(tmp_path / "run/checkpoint-4/two"))


def test_values_are_logged_once_and_reach_the_choice_of_the_best(run) -> None:
    trainer, _ = run(evaluate="both", metric_for_best_model="eval_ontology_f1", greater_is_better=True)
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "eval_ontology_f1" in entry]
    assert [entry["step"] for entry in logged] == [2, 4]
    assert all("eval_loss" not in entry for entry in logged)
    assert trainer.state.best_metric == max(entry["eval_ontology_f1"] for entry in logged)
    assert {key for key in logged[0] if "free" not in key and key.startswith("eval_ontology_")} == {
        key.replace("free_", "") for key in logged[0] if "free" in key
    }


def test_the_host_may_lay_its_hooks_aside(run) -> None:
    entered: list[str] = []

    @contextmanager
    def generating() -> Iterator[None]:
        entered.append("in")
        yield
        entered.append("out")

    trainer, callback = run()
    callback.generating = generating
    trainer.train()
    assert entered == ["in", "out"] * 2


def disturb(model: torch.nn.Module) -> None:
    """What a generation may do before it ends or fails."""
    model.train()
    random.random()
    np.random.random()
    torch.rand(1)


@pytest.mark.parametrize("fails", [True, False])
def test_training_does_not_notice(run, fails) -> None:
    trainer, _ = run()
    trainer.model.train()
    trainer.model.model.visual.eval()
    before = [module.training for module in trainer.model.modules()]
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(5)
    expected = random.random(), np.random.random(), torch.rand(1).item()
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(5)
    try:
        with undisturbed(trainer) as model:
            assert not any(module.training for module in model.modules())
            disturb(model)
            if fails:
                raise RuntimeError("out of memory")
    except RuntimeError:
        assert fails
    assert [module.training for module in trainer.model.modules()] == before
    assert (random.random(), np.random.random(), torch.rand(1).item()) == expected


def test_a_failed_evaluation_keeps_no_half_results(run, tmp_path) -> None:
    trainer, callback = run()
    callback.sets = [replace(callback.sets[0], samples=(1,))]  # fails while answering
    with pytest.raises(AttributeError):
        trainer.train()
    assert files(tmp_path / "run") == set()


@dataclass
class SayFsdp(TrainerCallback):
    """Lets the trainer say that it runs under FSDP, which takes several processes to be true."""

    trainer: Trainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.trainer.is_fsdp_enabled = True


REFUSED: dict[str, tuple[Callable[[Trainer], None], str]] = {
    "FSDP": (
        lambda trainer: trainer.callback_handler.callbacks.insert(0, SayFsdp(trainer)),
        "cannot evaluate under FSDP",
    ),
    "a model of text alone": (
        lambda trainer: setattr(trainer.data_collator, "processor", None),
        "this model has no processor for pictures",
    ),
    "a tokenizer as processor": (
        lambda trainer: setattr(trainer.data_collator, "processor", trainer.data_collator.processor.tokenizer),
        "this model has no processor for pictures",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_evaluation_cannot_work_with_ends_the_run_at_its_start(run, name) -> None:
    change, expected = REFUSED[name]
    trainer, _ = run()
    change(trainer)
    with pytest.raises(InputError, match=expected):
        trainer.train()
    assert trainer.state.global_step == 0


@pytest.mark.parametrize(("flags", "expected"), [({}, None), ({"bf16": True}, "bfloat16"), ({"fp16": True}, None)])
def test_precision_of_the_run(run, tmp_path, flags, expected) -> None:
    """A CPU has no fp16: accelerate trains in 32 bits there, whatever the arguments say."""
    trainer, _ = run(**flags)
    trainer.train()
    record = json.loads((tmp_path / "run" / FILE).read_text())
    assert record["precision"]["autocast"] == expected


def test_what_a_person_should_know_is_said_once_or_each_time(run, tmp_path, capsys) -> None:
    trainer, callback = run({"val": "abcd"}, evaluate="both")
    odd = replace(callback.sets[0].samples[3], system="Other.")
    callback.sets = [replace(callback.sets[0], samples=(*callback.sets[0].samples[:3], odd))]
    (tmp_path / "data/b.png").write_bytes(b"no picture")
    trainer.train()
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ontune:")]
    assert lines[0] == (
        "ontune: val: 1 of 4 samples ask in other words than task edugraph, and are asked in their own: d"
    )
    assert len(lines) == 3
    assert all("sample b was not asked: b.png: not a readable picture" in line for line in lines[1:])
    assert [item.errors for item in answers(tmp_path / "run")][1] == ("not_encoded",)


def test_the_board_finds_what_it_reads_in_the_last_line(run, tmp_path) -> None:
    trainer, callback = run()
    callback.progress_log = True
    trainer.train()
    trainer.evaluate()
    lines = [json.loads(line) for line in (tmp_path / "run/trainer_log.jsonl").read_text().splitlines()]
    assert [(line["current_steps"], line["total_steps"], line["percentage"]) for line in lines] == [
        (2, 4, 50.0),
        (4, 4, 100.0),
        (4, 4, 100.0),
    ]
    board = {"current_steps", "total_steps", "epoch", "percentage", "elapsed_time", "remaining_time"}
    assert all(board <= line.keys() for line in lines)
    assert all(f"eval_{F1}" in line for line in lines)
