"""The same answers of the same model by every way of decoding: passes, and time a sample."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch

from benchmarks.decoding_parts.children import Record, Report, cpu
from benchmarks.decoding_parts.engines import COMPACT, ENGINES, SPACED
from benchmarks.decoding_parts.models import greedy, make_inputs, make_model, oracle
from benchmarks.decoding_parts.world import World
from ontune.decoding.generate import METHODS, generate
from ontune.decoding.mask import TokenMask

Way: TypeAlias = Callable[[Any], list[list[int]]]  # inputs to answers
FAST = ("jump_forward", "label_tree")


def end_to_end(world: World, libraries: Sequence[str], count: int, repeats: int, report: Report) -> None:
    """Passes and milliseconds a sample of each way, for nine-label answers in compact and in spaced JSON."""
    model = make_model("tiny")
    answers = world.of_length(9)[:count]
    report({"samples": len(answers)})
    for name, separators in (("compact", COMPACT), ("spaced", SPACED)):
        targets = [world.tokens(labels, separators == SPACED) for labels in answers]
        ways = make_ways(model, world, libraries, separators)
        report({name: compare(model, world.tokenizer, ways, targets, cpu, repeats)})


def make_ways(
    model: Any, world: World, libraries: Sequence[str], separators: tuple[str, str] = COMPACT
) -> Mapping[str, Way]:
    """Plain `generate`, each library's logits processor in it, and our methods."""
    config = greedy(world.tokenizer)
    mask = TokenMask(world.task, world.tokenizer, spaced=separators == SPACED)

    def plain(inputs: Any, **options: Any) -> list[list[int]]:
        return model.generate(**inputs, generation_config=config, **options)[:, inputs["input_ids"].shape[1] :].tolist()

    ways: dict[str, Way] = {"plain": plain}
    for name in libraries:
        engine = ENGINES[name](world)
        engine.compile(world, separators)
        ways[name] = lambda inputs, engine=engine: plain(inputs, logits_processor=[engine.processor(0)])
    for method in METHODS:
        ways[method] = lambda inputs, method=method: generate(model, inputs, mask, config, method)
    return ways


def compare(
    model: Any,
    tokenizer: Any,
    ways: Mapping[str, Way],
    targets: Sequence[Sequence[int]],
    clock: Callable[[], float],
    repeats: int,
) -> Record:
    """For each way: `ms` a sample (of each sample the fastest repeat), and forward `passes`.

    Ways take turns, so that what else the computer does falls on all alike. Raises ValueError where one does not write
    the targets.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    passes: dict[str, int] = dict.fromkeys(ways, 0)
    for place, target in enumerate(targets):
        inputs = make_inputs(model, tokenizer, seed=place)
        with oracle(model, inputs, [target]) as push:
            if not place:
                for way in ways.values():  # what is compiled or cached at the first call
                    _run(push, way, inputs, [target])
            taken: dict[str, list[float]] = {name: [] for name in ways}
            for turn in range(repeats):
                for name, way in ways.items():
                    started = clock()
                    _run(push, way, inputs, [target])
                    taken[name].append(clock() - started)
                    if not turn:
                        passes[name] += push.passes
        for name, values in taken.items():
            seconds[name].append(min(values))
    count = len(targets)
    return {
        name: {
            "ms": round(1e3 * sum(seconds[name]) / count, 2),
            "passes": round(passes[name] / count, 2),
        }
        for name in ways
    }


def _run(push: Any, way: Way, inputs: Any, targets: Sequence[Sequence[int]]) -> None:
    push.passes, push.rows = 0, list(range(len(inputs["input_ids"])))
    with torch.no_grad():
        rows = way(inputs)
    if rows != [list(target) for target in targets]:
        raise ValueError("the oracle's answers were not written")


def batch(
    world: World,
    rows: int,
    repeats: int,
    report: Report,
    model: Any = None,
    clock: Callable[[], float] = cpu,
) -> None:
    """How much faster so many rows are in one batch than one by one; their answers have one to nine labels."""
    model, config = model or make_model("tiny"), greedy(world.tokenizer)
    chance = random.Random(0)
    sets = [chance.choice([s for s in world.labels if len(s) >= length])[:length] for length in _lengths(rows)]
    targets = [world.tokens(labels) for labels in sets]
    report({"rows": rows, "tokens": [len(target) for target in targets]})
    whole = make_inputs(model, world.tokenizer, rows)
    singles = [_row(whole, row) for row in range(rows)]
    for method in FAST:
        way: Way = lambda inputs, method=method: generate(model, inputs, world.mask, config, method)  # noqa: E731
        together, alone = list[float](), list[float]()
        with oracle(model, whole, targets) as push:
            _timed(push, way, whole, targets, clock)  # what is slow at the first call
        for _ in range(repeats):
            with oracle(model, whole, targets) as push:
                together.append(_timed(push, way, whole, targets, clock))
            spent = 0.0
            for inputs, target in zip(singles, targets, strict=True):
                with oracle(model, inputs, [target]) as push:
                    spent += _timed(push, way, inputs, [target], clock)
            alone.append(spent)
        report({method: round(min(alone) / min(together), 2), f"{method}_ms": round(1e3 * min(together), 1)})


def _lengths(rows: int) -> list[int]:
    return [1 + row % 9 for row in range(rows)]


def _row(inputs: Mapping[str, torch.Tensor], row: int) -> dict[str, torch.Tensor]:
    """One row of a batch, without its padding."""
    real = inputs["attention_mask"][row].bool()
    patches = int(inputs["image_grid_thw"][0].prod())
    texts = {name: inputs[name][row][real][None] for name in ("input_ids", "attention_mask", "mm_token_type_ids")}
    pixels = inputs["pixel_values"][row * patches : (row + 1) * patches]
    return {**texts, "pixel_values": pixels, "image_grid_thw": inputs["image_grid_thw"][row : row + 1]}


def _timed(push: Any, way: Way, inputs: Any, targets: Sequence[Sequence[int]], clock: Callable[[], float]) -> float:
    started = clock()
    _run(push, way, inputs, targets)
    return clock() - started
