"""Constrained answers from `swift infer` and `swift deploy`, by the task of ONTUNE_TASK, the dataset or a request.

With the transformers backend a logits processor holds the model to the whole contract; vLLM is given the exported
regular expression, which lacks some rules. Training, and its own evaluation, answer as they did.
"""

import asyncio
import functools
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ontune.callbacks.settings import Settings
from ontune.console import message
from ontune.dataset_info import load_entries
from ontune.errors import InputError
from ontune.frameworks.constraint import Constraint, Constraints

__all__ = ["constrain_inference"]

KEY = "ontune"
TRANSFORMERS, VLLM = "transformers", "vllm"


def constrain_inference(settings: Settings, dataset_info: Path) -> None:
    """Hooks the two pipelines, the engine that carries a constraint, and the template that hands it to `generate`.

    It is called while a pipeline reads its arguments: a task that is none is named before a model is loaded.
    With ONTUNE_EVALUATE free or false, requests alone can ask for a constraint.
    """
    from swift.infer_engine import TransformersEngine
    from swift.pipelines.infer.deploy import SwiftDeploy
    from swift.pipelines.infer.infer import SwiftInfer
    from swift.template import Template

    free = settings.evaluate in ("free", False)
    constraints = Constraints(None if free else settings.task, dataset_info)
    start = functools.partial(_run, constraints, None if free else dataset_info)
    _wrap(SwiftInfer, "run", start)
    _wrap(SwiftDeploy, "run", start)
    _wrap(SwiftDeploy, "create_chat_completion", _create_chat_completion, asynchronous=True)
    _wrap(TransformersEngine, "_prepare_generation_config", _prepare_generation_config)
    _wrap(Template, "prepare_generate_kwargs", _prepare_generate_kwargs)


def _wrap(owner: Any, name: str, ours: Callable[..., Any], asynchronous: bool = False) -> None:
    """Replaces a method by ours, which is given the original first."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **options: Any) -> Any:
        return ours(original, self, *args, **options)

    @functools.wraps(original)
    async def coroutine(self: Any, *args: Any, **options: Any) -> Any:
        return await ours(original, self, *args, **options)

    setattr(owner, name, coroutine if asynchronous else method)


def _run(constraints: Constraints, dataset_info: Path | None, original: Callable[..., Any], self: Any) -> Any:
    if dataset_info and not constraints.default:
        constraints = Constraints(_task_of_data(self.args.val_dataset, dataset_info), dataset_info)
    self.ontune = constraints
    self.template.ontune = (constraints, constraints.default)
    if constraints.default and self.args.infer_backend != TRANSFORMERS:
        _hold(self.args, constraints, constraints.default, self.args.infer_backend)
    elif constraints.default:
        tokenizer = self.template.tokenizer
        constraints.prepare(constraints.default, tokenizer, [tokenizer.eos_token_id])
    return original(self)


def _task_of_data(names: list[str], dataset_info: Path) -> str | None:
    """The task of the datasets to answer, where they have one in common."""
    entries = load_entries(dataset_info)
    tasks = {entries[name].task if name in entries else None for name in (name.split("#")[0] for name in names)}
    if len(tasks) > 1:
        message(f"ontune: answers are not constrained: the datasets have the tasks {sorted(map(str, tasks))}")
    return tasks.pop() if len(tasks) == 1 else None


async def _create_chat_completion(
    original: Callable[..., Any], self: Any, request: Any, raw_request: Any, **options: Any
) -> Any:
    if fault := self._check_api_key(raw_request):  # before anything is told about tasks, or compiled
        return self.create_error_response(400, fault)
    try:
        constraint = self.ontune.asked(await raw_request.json())
        if constraint and self.args.infer_backend == TRANSFORMERS:
            words = self.template.tokenizer, [self.template.tokenizer.eos_token_id]
            await asyncio.to_thread(self.ontune.prepare, constraint, *words)
        parse = functools.partial(_parse, request.parse, self.ontune, constraint, self.args.infer_backend)
        request.parse = parse
    except InputError as error:
        return self.create_error_response(400, str(error))
    return await original(self, request, raw_request, **options)


def _parse(
    original: Callable[[], tuple[Any, Any]], constraints: Constraints, constraint: Constraint | None, backend: str
) -> tuple[Any, Any]:
    """The two halves of a request; equal configurations share a batch, so the constraint is in that half."""
    infer_request, config = original()
    config.ontune = constraint
    if constraint and backend != TRANSFORMERS:
        _hold(config, constraints, constraint, backend)
    return infer_request, config


def _hold(config: Any, constraints: Constraints, constraint: Constraint, backend: str) -> None:
    """Gives vLLM the task's regular expression, unless the user has given another."""
    if backend != VLLM or not constraint.task:
        raise InputError(f"infer_backend is {backend}: answers of {constraint} are constrained with {TRANSFORMERS}")
    config.structured_outputs_regex = config.structured_outputs_regex or constraints.regex(constraint)


def _prepare_generation_config(original: Callable[..., Any], self: Any, request_config: Any) -> Any:
    config = original(self, request_config)
    constraints, default = getattr(self.template, KEY, (None, None))
    constraint = getattr(request_config, KEY, default)
    config.ontune = asdict(constraint) if constraints and constraint else None  # plain: the host logs it as JSON
    return config


def _prepare_generate_kwargs(
    original: Callable[..., dict[str, Any]], self: Any, generate_kwargs: dict[str, Any], *, model: Any = None
) -> dict[str, Any]:
    arguments = original(self, generate_kwargs, model=model)
    record = getattr(arguments["generation_config"], KEY, None)
    if record:
        constraints, _ = self.ontune
        words, length = (self.tokenizer, [self.tokenizer.eos_token_id]), arguments["input_ids"].shape[1]
        # The host asks for a dictionary of results, which the faster methods do not give.
        ours = constraints.masked(Constraint(**record), words, model, length, None)["logits_processor"]
        arguments["logits_processor"] = [*ours, *arguments.get("logits_processor", [])]
    return arguments
