"""Which engine answers, and the options of each: a folder loaded here, a server, vLLM."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

import click

from ontune.commands.model_options import LOADING, ModelOptions
from ontune.console import FOLDER
from ontune.errors import InputError
from ontune.inference.engine import Engine
from ontune.inference.settings import Generation, read_settings
from ontune.task import Task

__all__ = ["EngineOptions", "ServerOptions", "VllmOptions", "engine_options", "options_of"]

Command = TypeVar("Command", bound=Callable[..., Any])
VLLM_BATCH = 512  # vLLM makes its own batches; this many answers are kept at a time


class EngineOptions(Protocol):
    """What `predict` asks of the options, whatever the engine."""

    @property
    def workers(self) -> int:
        """How many batches are asked at once."""
        ...

    @property
    def again(self) -> bool:
        """Whether what could not be asked is asked again after a stop."""
        ...

    def engine(self, task: Task, media_root: Path) -> Engine:
        """The engine, ready to be asked about the task."""
        ...

    def identity(self) -> object:
        """What answers must share to belong together."""
        ...


@dataclass(frozen=True)
class ServerOptions:
    """An endpoint, and how to ask it."""

    url: str
    model: str | None
    generation: Generation
    seed: int
    patch_size: int
    extra: dict[str, Any]
    api_key_env: str | None
    workers: int
    retries: int
    timeout: float
    again: bool = True

    def engine(self, task: Task, media_root: Path) -> Engine:
        from ontune.inference.endpoint import Endpoint
        from ontune.inference.server_engine import ServerEngine

        key = os.environ[self.api_key_env] if self.api_key_env else None
        endpoint = Endpoint(self.url, key, self.timeout, self.retries)
        name = self.model or _only(endpoint.models(), self.url)
        return ServerEngine(endpoint, name, task, self.generation, media_root, self.seed, self.patch_size, self.extra)

    def identity(self) -> object:
        return (self.url, self.model, self.generation, self.seed, self.patch_size, sorted(self.extra.items()))


@dataclass(frozen=True)
class VllmOptions:
    """What vLLM loads, and how to ask it."""

    model: str
    adapter: Path | None
    generation: Generation
    seed: int
    patch_size: int
    extra: dict[str, Any]
    workers: int = 1
    again: bool = False

    def engine(self, task: Task, media_root: Path) -> Engine:
        from ontune.inference.vllm_engine import VllmEngine, load_vllm

        llm, lora = load_vllm(self.model, self.adapter, {"seed": self.seed} | self.extra)
        name = f"{self.model}+{self.adapter}" if self.adapter else self.model
        return VllmEngine(llm, name, task, self.generation, media_root, self.seed, self.patch_size, lora)

    def identity(self) -> object:
        return ("vllm", self)


def engine_options(command: Command) -> Command:
    """Adds the options of all engines; the command is given their values under their own names."""
    own = [
        click.option(
            "--engine",
            type=click.Choice(["transformers", "server", "vllm"]),
            help="transformers: loaded here. server: any OpenAI-compatible one. vllm: in an environment that has it.  "
            "[default: server with --url, else transformers]",
        ),
        click.option("--model", help="Folder: base or merged. Server: its name there.  [default: the only one there]"),
        click.option("--score-labels", is_flag=True, help="transformers: every label's log-probability, as `scores`."),
        click.option("--url", help="Server: its address, http://127.0.0.1:8000/v1 say."),
        click.option("--api-key-env", metavar="VARIABLE", help="Server: the environment variable that holds the key."),
        click.option("--concurrency", type=click.IntRange(1), help="Server: requests at once.  [default: 8]"),
        click.option("--retries", type=click.IntRange(0), help="Server: after a failed request.  [default: 5]"),
        click.option("--timeout", type=click.FloatRange(1), help="Server: seconds for one answer.  [default: 600]"),
        click.option(
            "--extra",
            metavar="JSON",
            help='Server: merged into each request, {"repetition_penalty": 1.0} say; null takes a key out. '
            'vllm: arguments of vllm.LLM, {"tensor_parallel_size": 2} say.',
        ),
        click.option("--like", type=FOLDER, help="Server, vllm: ask as the run of this checkpoint did (ontune.json)."),
        click.option(
            "--patch-size",
            type=click.Choice(["14", "16"]),
            help="Server, vllm: 14 for Qwen2-VL and 2.5, 16 for Qwen3-VL.  [default: that of --like, else 14]",
        ),
    ]
    for option in reversed([*own, *LOADING]):
        command = option(command)
    return command


def options_of(seed: int, values: Mapping[str, Any]) -> EngineOptions:
    """The options of the engine that was chosen. Raises InputError with every value that it cannot use."""
    given = {key: value for key, value in values.items() if value is not None and value is not False}
    engine = str(given.pop("engine", "server" if "url" in given else "transformers"))
    InputError.check(list(_faults(engine, given)))
    if engine == "transformers":
        values = given | {"model": Path(given["model"])}
        return ModelOptions(**values)
    generation = _generation(engine, given)
    patch_size = int(given.get("patch_size") or _patch_size(given.get("like")))
    extra = cast("dict[str, Any]", json.loads(given.get("extra", "{}")))
    if engine == "vllm":
        named = {"dtype": given.get("dtype"), "quantization": "bitsandbytes" if "load_in_4bit" in given else None}
        extra = {key: value for key, value in named.items() if value} | extra
        return VllmOptions(given["model"], given.get("adapter"), generation, seed, patch_size, extra)
    return ServerOptions(
        _address(given["url"]),
        given.get("model"),
        generation,
        seed,
        patch_size,
        extra,
        given.get("api_key_env"),
        given.get("concurrency", 8),
        given.get("retries", 5),
        given.get("timeout", 600.0),
    )


SHARED = {"model", "max_new_tokens", "image_max_pixels"}
OWN = {
    "transformers": {"adapter", "batch_size", "dtype", "load_in_4bit", "score_labels"},
    "server": {"url", "api_key_env", "concurrency", "retries", "timeout", "extra", "like", "patch_size"},
    "vllm": {"adapter", "batch_size", "dtype", "load_in_4bit", "extra", "like", "patch_size"},
}


def _faults(engine: str, given: Mapping[str, Any]) -> list[str]:
    wrong = sorted(given.keys() - SHARED - OWN[engine])
    faults = [f"--{key.replace('_', '-')} is not for --engine {engine}" for key in wrong]
    needed = "url" if engine == "server" else "model"
    if needed not in given:
        faults.append(f"Missing option '--{needed}' for --engine {engine}")
    elif engine == "server":
        faults += _url_faults(given["url"])
    elif engine == "transformers" and not Path(given["model"]).is_dir():
        faults.append(f"--model: no folder {given['model']}")
    variable = given.get("api_key_env")
    if variable and not os.environ.get(variable):
        faults.append(f"--api-key-env: the environment has no {variable}")
    return faults + _extra_faults(given.get("extra", "{}"))


def _url_faults(url: str) -> list[str]:
    parts = urlsplit(url)
    if parts.username or parts.password:
        return ["--url holds a password: give a key as --api-key-env"]  # without the address: it would be shown
    known = parts.scheme in ("http", "https") and parts.hostname
    return [] if known else [f"--url is {url!r}: expected http://… or https://…"]


def _extra_faults(extra: str) -> list[str]:
    try:
        record = json.loads(extra)
    except ValueError as error:
        return [f"--extra is {extra!r}: not JSON: {error}"]
    return [] if isinstance(record, dict) else [f"--extra is {extra!r}: expected a JSON object"]


def _address(url: str) -> str:
    """The address with `/v1`, which every such server has, where none is given."""
    return url.rstrip("/") if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/v1"


def _generation(engine: str, given: Mapping[str, Any]) -> Generation:
    generation, _ = read_settings(given.get("like"), given.get("adapter"))
    pictures = generation.pictures
    if "image_max_pixels" in given:
        pictures = replace(pictures, max_pixels=given["image_max_pixels"])
    size = given.get("batch_size", VLLM_BATCH) if engine == "vllm" else 1
    new_tokens = given.get("max_new_tokens", generation.max_new_tokens)
    return replace(generation, batch_size=size, max_new_tokens=new_tokens, pictures=pictures)


def _patch_size(folder: Path | None) -> int:
    """The patch of the model whose processor lies beside a checkpoint; Qwen2.5-VL's where none does."""
    for name in ("preprocessor_config.json", "processor_config.json"):
        if folder and (path := folder / name).is_file():
            record = json.loads(path.read_text(encoding="utf-8"))
            return int(record.get("image_processor", record).get("patch_size", 14))
    return 14


def _only(names: list[str], url: str) -> str:
    if len(names) != 1:
        raise InputError(f"{url} has {len(names)} models, {sorted(names)[:20]}: name one with --model")
    return names[0]
