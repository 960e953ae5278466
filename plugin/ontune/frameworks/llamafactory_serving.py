"""Constrained answers from `llamafactory-cli api` and `chat`: three modules of LLaMA-Factory 0.9.5 are hooked.

A request's `task` and `response_format`, which the host drops, travel from its protocol through its handlers to its
engine, where they become a logits processor; where a request says nothing, the recipe's `ontune:` block decides.
"""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ontune.callbacks.settings import Settings
from ontune.errors import InputError, RecipeError
from ontune.frameworks.constraint import Constraint, Constraints
from ontune.frameworks.expected import expect
from ontune.resources import DATASET_INFO

__all__ = ["hook_chat", "hook_engine", "hook_protocol", "serve"]

REQUEST = ["request", "chat_model"]
HUGGINGFACE = "huggingface"
KEY, WHOLE = "ontune", "ontune_whole"  # the second: no streamer follows

_constraints = Constraints()  # of the recipe that was parsed last: an engine follows in the same process


def serve(settings: Settings, dataset_dir: str, backend: Any) -> None:
    """Takes the task of the `ontune:` block, unless it wants free answers.

    Raises RecipeError where there is no task of that name, or another engine than ours would answer past it.
    """
    global _constraints
    task = settings.task if settings.evaluate in ("both", "constrained") else None
    name = str(getattr(backend, "value", backend or HUGGINGFACE))
    if task and name != HUGGINGFACE:
        raise RecipeError(f"ontune: infer_backend is {name}: answers are constrained with {HUGGINGFACE}")
    folder = Path(dataset_dir)
    known = folder if (folder / "dataset_info.json").is_file() or (folder / "tasks").is_dir() else DATASET_INFO
    try:
        _constraints = Constraints(task, known)
    except InputError as error:
        raise RecipeError([f"ontune: {fault}" for fault in error.faults]) from None


def hook_protocol(module: ModuleType) -> None:
    """Lets a request name a task, and keeps its `response_format`."""
    original: type[Any] = expect(module, "ChatCompletionRequest")

    class ChatCompletionRequest(original):
        response_format: dict[str, Any] | None = None
        task: str | None = None

    setattr(module, "ChatCompletionRequest", ChatCompletionRequest)  # noqa: B010


def hook_chat(module: ModuleType) -> None:
    """Hands what a request asks for to the engine; refuses it, before an answer begins, where it cannot be honoured."""
    whole = expect(module, "create_chat_completion_response", REQUEST)
    stream = expect(module, "create_stream_chat_completion_response", REQUEST)

    @functools.wraps(whole)
    async def create_chat_completion_response(request: Any, chat_model: Any) -> Any:
        return await whole(request, _Asked(chat_model, request))

    @functools.wraps(stream)
    def create_stream_chat_completion_response(request: Any, chat_model: Any) -> Any:
        return stream(request, _Asked(chat_model, request))

    setattr(module, "create_chat_completion_response", create_chat_completion_response)  # noqa: B010
    setattr(module, "create_stream_chat_completion_response", create_stream_chat_completion_response)  # noqa: B010


class _Asked:
    """The host's chat model for one request: its calls carry the constraint. Raises the host's 400."""

    def __init__(self, chat_model: Any, request: Any) -> None:
        from fastapi import HTTPException

        try:
            constraint = _constraints.asked({"task": request.task, "response_format": request.response_format})
            name = str(getattr(chat_model.engine.name, "value", chat_model.engine.name))
            if constraint and name != HUGGINGFACE:
                raise InputError(f"infer_backend is {name}: answers are constrained with {HUGGINGFACE}")
            if constraint:
                _constraints.prepare(constraint, *_words(chat_model.engine.tokenizer, chat_model.engine.template))
        except InputError as error:
            raise HTTPException(400, str(error)) from None
        self._chat_model = chat_model
        self._options = {KEY: constraint}

    @property
    def engine(self) -> Any:
        return self._chat_model.engine

    def achat(self, *args: Any, **options: Any) -> Any:
        return self._chat_model.achat(*args, **options, **self._options)

    def astream_chat(self, *args: Any, **options: Any) -> Any:
        return self._chat_model.astream_chat(*args, **options, **self._options)


def hook_engine(module: ModuleType) -> None:
    """Adds the constraint to what the engine hands to `generate`; `chat` on the command line gets the recipe's."""
    engine = expect(module, "HuggingfaceEngine")
    original: Callable[..., Any] = expect(engine, "_process_args", PROCESS_ARGS)
    chat: Callable[..., Any] = expect(engine, "_chat", PROCESS_ARGS)
    signature = inspect.signature(original)

    @functools.wraps(original)
    def process_args(*args: Any, **options: Any) -> tuple[dict[str, Any], int]:
        bound = signature.bind(*args, **options)
        given = bound.arguments.get("input_kwargs") or {}
        constraint: Constraint | None = given.pop(KEY, _constraints.default)
        whole = given.pop(WHOLE, False)
        arguments, length = original(*bound.args, **bound.kwargs)
        if constraint:
            words = _words(bound.arguments["tokenizer"], bound.arguments["template"])
            config = arguments["generation_config"] if whole else None
            arguments |= _constraints.masked(constraint, words, bound.arguments["model"], length, config)
        return arguments, length

    @functools.wraps(chat)
    def chat_whole(*args: Any, **options: Any) -> Any:
        bound = signature.bind(*args, **options)
        bound.arguments["input_kwargs"] = (bound.arguments.get("input_kwargs") or {}) | {WHOLE: True}
        return chat(*bound.args, **bound.kwargs)

    setattr(engine, "_process_args", staticmethod(process_args))  # noqa: B010
    setattr(engine, "_chat", staticmethod(chat_whole))  # noqa: B010


PROCESS_ARGS = [
    "model", "tokenizer", "processor", "template", "generating_args", "messages", "system", "tools", "images",
    "videos", "audios", "input_kwargs",
]  # fmt: skip


def _words(tokenizer: Any, template: Any) -> tuple[Any, list[int]]:
    """The tokenizer, and the ids that end a turn."""
    return tokenizer, template.get_stop_token_ids(tokenizer)
