"""Engines behind one interface: set up, compile, and step by step along given answers."""

import ctypes
import gc
import importlib
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from benchmarks.decoding_parts.children import Record, Report, cpu, memory
from benchmarks.decoding_parts.world import WIDTH, World
from ontune.decoding.mask import TokenMask
from ontune.decoding.processor import OntologyLogitsProcessor

COMPACT, SPACED = (",", ":"), (", ", ": ")
MOST_SECONDS = 40.0  # of stepping along answers


class Engine(Protocol):
    """`start` begins an answer; `fill` finds the tokens that may come next, `accept` takes one."""

    def __init__(self, world: World) -> None: ...
    def compile(self, world: World, separators: tuple[str, str] = COMPACT) -> None: ...
    def start(self) -> None: ...
    def fill(self) -> object: ...
    def accept(self, token: int) -> object: ...


class Ontune:
    def __init__(self, world: World) -> None:
        self._tokenizer = world.tokenizer

    def compile(self, world: World, separators: tuple[str, str] = COMPACT) -> None:
        self.mask = TokenMask(world.task, self._tokenizer, spaced=separators == SPACED)

    def start(self) -> None:
        self._state = self.mask.start

    def fill(self) -> object:
        return self.mask.next_tokens(self._state)

    def accept(self, token: int) -> object:
        self._state = self.mask.advance(self._state, token)
        return self._state

    def processor(self, prompt_length: int) -> Any:
        return OntologyLogitsProcessor(self.mask, prompt_length)


class XGrammar:
    def __init__(self, world: World) -> None:
        self._library = importlib.import_module("xgrammar")
        stop = [world.tokenizer.eos_token_id]
        info = self._library.TokenizerInfo.from_huggingface(world.tokenizer, vocab_size=WIDTH, stop_token_ids=stop)
        self._compiler = self._library.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        self._words = self._library.allocate_token_bitmask(1, WIDTH)

    def compile(self, world: World, separators: tuple[str, str] = COMPACT) -> None:
        options = {"any_whitespace": False, "separators": separators}
        self._compiled = self._compiler.compile_json_schema(world.schema, **options)

    def start(self) -> None:
        self._matcher = self._library.GrammarMatcher(self._compiled)

    def fill(self) -> object:
        return self._matcher.fill_next_token_bitmask(self._words)

    def accept(self, token: int) -> object:
        return self._matcher.accept_token(token)

    def processor(self, _: int) -> Any:
        return importlib.import_module("xgrammar.contrib.hf").LogitsProcessor(self._compiled)


class LLGuidance:
    def __init__(self, world: World) -> None:
        self._library = importlib.import_module("llguidance")
        self._torch = importlib.import_module("llguidance.torch")
        self._tokenizer = importlib.import_module("llguidance.hf").from_tokenizer(world.tokenizer, n_vocab=WIDTH)
        self._words = self._torch.allocate_token_bitmask(1, WIDTH)

    def compile(self, world: World, separators: tuple[str, str] = COMPACT) -> None:
        names = ("item_separator", "key_separator")
        overrides = {"whitespace_flexible": False, **dict(zip(names, separators, strict=True))}
        self._grammar = self._library.LLMatcher.grammar_from_json_schema(world.schema, overrides=overrides)
        self.start()

    def start(self) -> None:
        self._matcher = self._library.LLMatcher(self._tokenizer, self._grammar)
        if self._matcher.is_error():
            raise ValueError(self._matcher.get_error())

    def fill(self) -> object:
        return self._torch.fill_next_token_bitmask(self._matcher, self._words)

    def accept(self, token: int) -> object:
        return self._matcher.consume_token(token)

    def processor(self, _: int) -> Any:
        self.start()
        fresh = True

        def masked(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            nonlocal fresh
            if not fresh:
                self.accept(int(ids[0, -1]))
            fresh = False
            self.fill()
            self._torch.apply_token_bitmask_inplace(scores, self._words.to(scores.device))
            return scores

        return masked


class OutlinesLLGuidance(LLGuidance):
    """Outlines' own processor around llguidance, since its own engine cannot hold this contract."""

    def processor(self, _: int) -> Any:
        make = importlib.import_module("outlines.backends.llguidance").LLGuidanceLogitsProcessor
        return make(self._grammar, self._tokenizer, "torch")


class Outlines:
    def __init__(self, world: World) -> None:
        self._core = importlib.import_module("outlines_core")
        self._kernels = importlib.import_module("outlines_core.kernels.torch")
        make = importlib.import_module("outlines.backends.outlines_core").OutlinesCoreBackend
        tokenizer = world.tokenizer
        ends = (tokenizer.eos_token_id, tokenizer.eos_token)
        text = lambda token: tokenizer.convert_tokens_to_string([token])  # noqa: E731
        self._vocabulary = make.create_outlines_core_vocabulary(tokenizer.get_vocab(), *ends, text)
        self._words = self._kernels.allocate_token_bitmask(WIDTH)

    def compile(self, world: World, separators: tuple[str, str] = COMPACT) -> None:
        space = " " if separators == SPACED else ""
        expression = self._core.json_schema.build_regex_from_schema(world.schema, space)
        self._index = self._core.Index(expression, self._vocabulary)

    def start(self) -> None:
        self._guide = self._core.Guide(self._index)

    def fill(self) -> object:
        return self._kernels.fill_next_token_bitmask(self._guide, self._words)

    def accept(self, token: int) -> object:
        if not self._guide.is_finished():
            return self._guide.advance(token_id=token, return_tokens=False)
        return None


class LMFormatEnforcer:
    def __init__(self, world: World) -> None:
        self._library = importlib.import_module("lmformatenforcer")
        make = importlib.import_module("lmformatenforcer.integrations.transformers")
        self._data = make.build_token_enforcer_tokenizer_data(world.tokenizer, vocab_size=WIDTH)

    def compile(self, world: World, separators: tuple[str, str] = COMPACT) -> None:
        self._parser = self._library.JsonSchemaParser(json.loads(world.schema))

    def start(self) -> None:
        self._enforcer = self._library.TokenEnforcer(self._data, self._parser)
        self._written: list[int] = []

    def fill(self) -> object:
        return self._enforcer.get_allowed_tokens(self._written)

    def accept(self, token: int) -> object:
        return self._written.append(token)


ENGINES: dict[str, type[Any]] = {
    "ontune": Ontune,
    "xgrammar": XGrammar,
    "llguidance": LLGuidance,
    "outlines": Outlines,
    "outlines-llguidance": OutlinesLLGuidance,
    "lm-format-enforcer": LMFormatEnforcer,
}


def measure(name: str, world: World, repeats: int, report: Report) -> None:
    """Milliseconds of setting up and compiling, mebibytes, and microseconds of each step along the world's answers.

    `compile_first_ms` is the first compilation in the process, `compile_ms` the median of so many; `mb` the most memory
    that the first one took at a time beyond what the process held.
    """
    answers = [world.tokens(labels) for labels in world.labels]
    try:
        engine, setup = _timed(lambda: ENGINES[name](world))
    except ImportError as error:
        raise ValueError(f"cannot be imported: {error}") from None
    report({"setup_ms": round(setup * 1e3, 1)})
    times = list[float]()
    for _ in range(repeats):
        again = World(world.name, world.fresh_task(), world.tokenizer, ())
        _ = again.schema  # made once a task, for all libraries
        with Peak() as peak:
            times.append(_timed(lambda again=again: engine.compile(again))[1])
        if len(times) == 1:
            report({"compile_first_ms": round(times[0] * 1e3, 2), "mb": round(peak.megabytes, 1)})
    report({"compile_ms": round(statistics.median(times) * 1e3, 2)})
    report(_steps(engine, answers))


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What work returns, and its processor time in seconds."""
    before = cpu()
    found = work()
    return found, cpu() - before


class Peak:
    """The most resident memory inside the block beyond that before it, in mebibytes."""

    megabytes = 0.0

    def __enter__(self) -> "Peak":
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what was freed before must be asked for again
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        self._before = memory("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.megabytes = memory("VmHWM") - self._before


def _steps(engine: Engine, answers: Sequence[Sequence[int]]) -> Record:
    """Each step is seen once: what an engine prepares when it is first asked is its time as well."""
    clock = time.thread_time_ns
    fills, accepts, whole = list[int](), list[int](), list[int]()
    began = cpu()
    for answer in answers:
        if cpu() - began > MOST_SECONDS:
            break
        engine.start()
        first = len(fills)
        for token in answer:
            start = clock()
            engine.fill()
            middle = clock()
            engine.accept(token)
            accepts.append(clock() - middle)
            fills.append(middle - start)
        whole.append(sum(fills[first:]) + sum(accepts[first:]))
    both = [fill + accept for fill, accept in zip(fills, accepts, strict=True)]
    return {
        "mask_us": spread(fills),
        "accept_us": spread(accepts),
        "step_us": spread(both),
        "answer_ms": round(statistics.mean(whole) / 1e6, 3),
        "steps": len(fills),
    }


def spread(nanoseconds: Sequence[int]) -> Record:
    """The median, the 99th percentile and the maximum, in microseconds."""
    values = np.array(nanoseconds) / 1e3
    found = {"median": np.median(values), "p99": np.percentile(values, 99), "max": values.max()}
    return {key: round(float(value), 2) for key, value in found.items()}
