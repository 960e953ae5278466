"""The two hooks, on modules of the host's shape: what reaches the host, what is refused, and other hosts."""

import sys
from dataclasses import dataclass, field, make_dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ontune.callbacks.settings import Settings
from ontune.errors import HostVersionError, OntuneError, RecipeError
from ontune.frameworks import llamafactory
from ontune.frameworks.llamafactory import hook_parser, hook_workflow
from ontune.frameworks.plain_errors import show_errors_plainly


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch) -> None:
    """Hooks leave traces in the process: each test begins and ends without."""
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.setattr(llamafactory, "_recipe", llamafactory.Recipe(Settings(), (), ours=False))


def module(name: str, **functions: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(functions)
    return made


def read_args(args: Any = None) -> Any:
    return args


def _parse_args(parser: Any, args: Any = None, allow_extra_keys: bool = False) -> Any:
    return parser.parse(args, allow_extra_keys)


def run_sft(model_args, data_args, training_args, finetuning_args, generating_args, callbacks=None) -> Any:
    return callbacks


class CustomSeq2SeqTrainer:
    def __init__(self, **options: Any) -> None:
        self.options = options


PARSER = {"read_args": read_args, "_parse_args": _parse_args}
WORKFLOW = {"run_sft": run_sft, "CustomSeq2SeqTrainer": CustomSeq2SeqTrainer}


def newer_parse_args(parser, args=None, allow_extra_keys=False, schema=None) -> None: ...
def older_parse_args(parser, args=None) -> None: ...
def newer_run_sft(config, callbacks=None) -> None: ...
def read_args_of_a_file(path) -> None: ...


HOSTS = {
    "parser": (hook_parser, PARSER, None),
    "workflow": (hook_workflow, WORKFLOW, None),
    "newer parser": (
        hook_parser,
        PARSER | {"_parse_args": newer_parse_args},
        "takes ['parser', 'args', 'allow_extra_keys', 'schema'], not ['parser', 'args', 'allow_extra_keys']",
    ),
    "older parser": (hook_parser, PARSER | {"_parse_args": older_parse_args}, "_parse_args takes ['parser', 'args']"),
    "another reader": (hook_parser, PARSER | {"read_args": read_args_of_a_file}, "read_args takes ['path']"),
    "no parser": (hook_parser, {"read_args": read_args}, "_parse_args is not there"),
    "no reader": (hook_parser, {"_parse_args": _parse_args}, "read_args is not there"),
    "newer workflow": (hook_workflow, WORKFLOW | {"run_sft": newer_run_sft}, "run_sft takes ['config', 'callbacks']"),
    "no workflow": (hook_workflow, {}, "run_sft is not there"),
    "no trainer": (hook_workflow, {"run_sft": run_sft}, "CustomSeq2SeqTrainer is not there"),
}


@pytest.mark.parametrize("name", HOSTS)
def test_another_host_is_named_with_the_versions_that_work(name) -> None:
    hook, functions, expected = HOSTS[name]
    host = module("llamafactory.some", **functions)
    if expected is None:
        hook(host)
        return
    with pytest.raises(HostVersionError) as caught:
        hook(host)
    assert expected in str(caught.value)
    assert "this LLaMA-Factory's llamafactory.some." in str(caught.value)
    assert "ontune works with llamafactory 0.9.5; TORCH_DEVICE_BACKEND_AUTOLOAD=0 runs it without" in str(caught.value)
    assert {key: value for key, value in vars(host).items() if key in functions} == functions


class Strategy(Enum):
    STEPS = "steps"
    NO = "no"


@dataclass
class ModelArguments:
    model_name_or_path: str = "model"
    image_max_pixels: int = 20000
    image_min_pixels: int = 1024
    video_fps: float = 2.0
    video_maxlen: int = 128
    video_max_pixels: int = 65536
    video_min_pixels: int = 256


@dataclass
class DataArguments:
    eval_dataset: list[str] | None = None
    dataset_dir: str = "dataset_info"
    media_dir: str = "data"
    val_size: float = 0.0
    cutoff_len: int = 512
    eval_on_each_dataset: bool = False


@dataclass
class TrainingArguments:
    do_eval: bool = True
    do_predict: bool = False
    predict_with_generate: bool = False
    eval_strategy: Strategy = Strategy.STEPS
    metric_for_best_model: str | None = None


@dataclass
class FinetuningArguments:
    stage: str = "sft"
    use_hyper_parallel: bool = False
    use_mca: bool = False


@dataclass
class Parser:
    """Hands out arguments as the host's parser does, and remembers what it was given."""

    parsed: tuple[Any, ...]
    given: list[Any] = field(default_factory=list)

    def parse(self, args: Any, allow_extra_keys: bool) -> tuple[Any, ...]:
        self.given.append((args, allow_extra_keys))
        return self.parsed


def parser(**changes: Any) -> Parser:
    kinds = (ModelArguments, DataArguments, TrainingArguments, FinetuningArguments)
    made = []
    for kind in kinds:
        names = kind.__dataclass_fields__
        made.append(kind(**{key: value for key, value in changes.items() if key in names}))
    return Parser((*made, SimpleNamespace()))


def hooked() -> Any:
    host = module("llamafactory.hparams.parser", **PARSER)
    hook_parser(host)
    return vars(host)["_parse_args"]


BLOCK = {"ontune": {"evaluate": False}}
INFER = make_dataclass("GeneratingArguments", [])

PARSED = {
    "a recipe": ({"a": 1, **BLOCK}, {"a": 1}),
    "without a block": ({"a": 1}, {"a": 1}),
    "a command line": (["--stage", "sft"], ["--stage", "sft"]),
}


@pytest.mark.parametrize("name", PARSED)
def test_the_host_never_sees_the_block(name) -> None:
    args, expected = PARSED[name]
    before = repr(args)
    host = parser()
    assert hooked()(host, args) == host.parsed
    assert hooked()(host, args, allow_extra_keys=True) == host.parsed
    assert host.given == [(expected, False), (expected, True)]
    assert repr(args) == before


def test_export_and_chat_pass_with_a_block() -> None:
    host = Parser((ModelArguments(), DataArguments(), FinetuningArguments(), INFER()))
    assert hooked()(host, {"ontune": {"evaluate": "both"}, "b": 2}) == host.parsed
    assert host.given == [({"b": 2}, False)]


F1 = {"metric_for_best_model": "eval_ontology_f1"}
ALONE = "evaluates in LLaMA-Factory's own stage sft alone, and stage is"
EXPORT = {"adapter_name_or_path": "no/adapter"}
REFUSED = {
    "no mapping": (None, {}, "ontune: is None: expected a mapping"),
    "unknown key": ({"tsk": 1}, {}, "ontune: key 'tsk'"),
    "no set": ({"evaluate": "both"}, {}, "names no evaluation dataset"),
    "a split": ({"evaluate": "both"}, {"val_size": 0.1}, "cuts an evaluation set that no file holds"),
    "no task": ({"evaluate": "both"}, {"eval_dataset": ["plain"]}, "'plain' has no task"),
    "off": ({"evaluate": False}, F1, "cannot be computed: evaluate is false"),
    "no block": ("absent", F1, "cannot be computed: no evaluation dataset has a task"),
    "does not evaluate": ("absent", F1 | {"do_eval": False, "eval_strategy": Strategy.NO}, "the run does not evaluate"),
    "missing model": ({"run_first": ["a"]}, {}, "model no/model is not there yet. Run first:\n  a"),
    "missing adapter": ({"run_first": ["a"]}, EXPORT, "adapter no/adapter is not there yet. Run first:\n  a"),
    "another stage": ({"evaluate": "both"}, {"stage": "dpo"}, f"{ALONE} dpo"),
    "another way of the stage": ({"task": "x"}, {"use_hyper_parallel": True}, f"{ALONE} sft"),
    "another stage's metric": ("absent", F1 | {"stage": "kto"}, "cannot be computed: evaluate is false"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused(tmp_path, monkeypatch, name) -> None:
    monkeypatch.chdir(tmp_path)
    block, changes, expected = REFUSED[name]
    args = {"model_name_or_path": "no/model"} | ({} if block == "absent" else {"ontune": block})
    args |= {key: changes[key] for key in changes if key in EXPORT}
    with pytest.raises(RecipeError) as caught:
        hooked()(parser(**changes), args)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("block", "changes", "expected"),
    [
        (None, {}, []),
        (None, {"eval_dataset": ["plain"]}, []),
        (None, {"stage": "dpo"}, []),
        ({"run_first": ["a"]}, {"stage": "dpo"}, []),
        ({"evaluate": False}, {"stage": "rm"}, []),
        ({"evaluate": "both"}, {"do_eval": False, "eval_strategy": Strategy.NO}, ["RestoredWeights"]),
        ({}, {"eval_dataset": ["plain"]}, ["RestoredWeights"]),
        ({"evaluate": False}, {"val_size": 0.1}, ["RestoredWeights"]),
    ],
)
def test_what_asks_for_nothing_passes(tmp_path, monkeypatch, block, changes, expected) -> None:
    monkeypatch.chdir(tmp_path)
    args = {"model_name_or_path": str(tmp_path)} | ({} if block is None else {"ontune": block})
    hooked()(parser(**changes), args)
    host = module("llamafactory.train.sft.workflow", **WORKFLOW)
    hook_workflow(host)
    names = [type(item).__name__ for item in vars(host)["run_sft"](ModelArguments(), DataArguments(), *[None] * 3)]
    assert names == expected
    assert vars(host)["run_sft"](ModelArguments(), DataArguments(), *[None] * 3, ["theirs"])[-1] == "theirs"


def raised(error: BaseException) -> tuple[type, BaseException, Any]:
    try:
        raise error
    except BaseException:
        return sys.exc_info()  # pyright: ignore[reportReturnType]


def test_our_errors_alone_are_shown_plainly(monkeypatch, capsys) -> None:
    shown = []
    monkeypatch.setattr(sys, "excepthook", lambda *caught: shown.append(caught))
    show_errors_plainly()
    show_errors_plainly()
    sys.excepthook(*raised(OntuneError(["a", "b\n  c"])))
    assert capsys.readouterr() == ("", "ontune: a\nontune: b\n  c\n")
    assert shown == []
    other = raised(ValueError("theirs"))
    sys.excepthook(*other)
    assert shown == [other]
    assert capsys.readouterr() == ("", "")


def test_hooking_the_parser_shows_them_so(capsys) -> None:
    hooked()
    sys.excepthook(*raised(RecipeError("a")))
    assert capsys.readouterr().err == "ontune: a\n"
    assert Path(__file__).name not in capsys.readouterr().err
