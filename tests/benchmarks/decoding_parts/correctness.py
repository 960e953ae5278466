"""What must hold however a model behaves: answers under adversaries, and tokens that do not depend on the method."""

import random
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from benchmarks.decoding_parts.children import Report
from benchmarks.decoding_parts.world import STRICT, WIDTH
from decoding.adversaries import borders, check, runs
from decoding.identity import Reference, differences, step_by_step
from decoding.pictured import PICTURE, encode, greedy
from decoding.synthetic import WORDS, synthetic_ontology, synthetic_task
from ontune.decoding.generate import generate
from ontune.decoding.mask import Order, TokenMask
from ontune.demo.tiny_model import Size, make_tiny_model
from ontune.task import Task

FAST = ("jump_forward", "label_tree")
PRESSED = synthetic_ontology(60, seed=3, contradictions=60)
SMALL: Mapping[str, tuple[Task, Order]] = {
    "pressed": (synthetic_task(PRESSED, STRICT, 4, 5), "free"),
    "ordered": (synthetic_task(PRESSED, STRICT, 3, 4), "canonical"),
    "loose": (synthetic_task(synthetic_ontology(729, seed=4), most=6), "free"),
}
TEXTS = [*WORDS, '{"Area":["a","b"],"Scope":[],"Ability":["c"]}', '{"Error":"UnsupportedMaterial"}', '"]}'] * 3


def adversarial(task: Task, tokenizer: Any, order: Order, adversary: str, count: int, report: Report) -> None:
    """So many answers of an adversary, from borders of the task's rules on and from nothing: how many break what."""
    mask = TokenMask(task, tokenizer, order=order)
    begun = [[], *borders(mask, count=max(8, count // 20))]
    found: Counter[str] = Counter(runs=0, violations=0, invalid=0, non_canonical=0)
    for ids in runs(mask, adversary, count, WIDTH, begun=begun):
        wrong = check(task, tokenizer, ids)
        found += Counter(runs=1, violations=wrong.violations, invalid=wrong.invalid, non_canonical=wrong.non_canonical)
    report({"borders": len(begun) - 1, **{name: found[name] for name in ("runs", *WRONG)}})


WRONG = ("violations", "invalid", "non_canonical")


def identity(dtype: str, seed: int, rows: int, report: Report) -> None:
    """So many random rows of a random model alone, and as many by eights: by each method and step by step.

    `outside` counts differences at steps whose two best allowed logits are more than two ulps apart, `ulps` is the
    furthest.
    """
    with tempfile.TemporaryDirectory() as folder:
        size = Size(initializer_range=0.3)
        made = make_tiny_model(Path(folder) / "model", "qwen2_5_vl", TEXTS, 900, seed=seed, size=size)
        model = AutoModelForImageTextToText.from_pretrained(made, dtype=dtype).eval()
        processor = AutoProcessor.from_pretrained(made)
    masks = [TokenMask(task, processor.tokenizer, order=order) for task, order in SMALL.values()]
    chance = random.Random(f"{dtype} {seed}")
    found: Counter[str] = Counter()
    furthest = 0.0
    while found["rows"] < 2 * rows:
        count = 1 if found["rows"] < rows else min(8, 2 * rows - found["rows"])
        inputs = encode(processor, [_prompt(chance) for _ in range(count)], chance.randrange(2**31))
        mask, config = chance.choice(masks), greedy(processor)
        reference = step_by_step(model, inputs, mask, config)
        found += Counter(rows=count, steps=sum(map(len, reference.rows)))
        for method in FAST:
            ulps = _ulps(reference, generate(model, inputs, mask, config, method))
            found += Counter({method: count - len(ulps), "outside": sum(one > 2 for one in ulps)})
            furthest = max([furthest, *ulps])
    report({name: found[name] for name in ("rows", "steps", "outside", *FAST)} | {"ulps": furthest})


def _prompt(chance: random.Random) -> str:
    return PICTURE * chance.randrange(3) + " ".join(chance.choices(("Which?", "Look.", "Name it all, please."), k=4))


def _ulps(reference: Reference, rows: list[list[int]]) -> list[float]:
    with torch.no_grad():
        return [one.ulps for one in differences(reference, rows)]
