"""What is measured on: tasks of each size, a tokenizer of Qwen's width, and answers in its tokens."""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from decoding.synthetic import WORDS, qwen_like_tokenizer, synthetic_ontology, synthetic_task
from ontune.decoding.mask import TokenMask
from ontune.demo.tiny_model import make_tokenizer
from ontune.ontology.reader import read_ontology
from ontune.task import Rules, Task
from ontune.task.exporters.json_schema import json_schema

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
WIDTH = 151_936
STRICT = Rules(exclude_ancestors=True, exclude_contradictions=True)
NINE = {"Area": 3, "Scope": 4, "Ability": 2}
# The real vocabulary cannot be had without a hub. So many entries, learned from the words of the labels, split EduGraph
# as it does: 2.98 tokens a label for 3.11, nine-label answers of 45 tokens for 46.
LEARNED = 1500


@dataclass(frozen=True)
class World:
    """A task with its tokenizer, and label sets that its rules allow, as lists of labels."""

    name: str
    task: Task
    tokenizer: Any
    labels: Sequence[Sequence[str]]

    @cached_property
    def mask(self) -> TokenMask:
        return TokenMask(self.task, self.tokenizer)

    @cached_property
    def schema(self) -> str:
        """The contract as libraries take it."""
        return json.dumps(json_schema(self.task), ensure_ascii=False)

    def of_length(self, count: int) -> list[Sequence[str]]:
        return [labels for labels in self.labels if len(labels) == count]

    def tokens(self, labels: Sequence[str], spaced: bool = False) -> list[int]:
        """The answer with these labels, and the end of the turn."""
        answer = self.task.answer_from_labels(list(labels))
        text = json.dumps(answer, ensure_ascii=False) if spaced else self.task.to_json(answer)
        return [*self.tokenizer(text, add_special_tokens=False)["input_ids"], self.tokenizer.eos_token_id]

    def fresh_task(self) -> Task:
        """The same task with nothing remembered from a compilation before."""
        return replace(self.task, ontology=replace(self.task.ontology))


def edugraph() -> World:
    """EduGraph with the label sets of its exercises where the data is there, otherwise as many synthetic labels."""
    if not DATA.is_dir():
        return synthetic(729)
    task = synthetic_task(read_ontology(sorted((DATA / "ontology").glob("*.ttl")), "edugraph", "0.21.0"), STRICT)
    files = [DATA / "edugraph-exercises" / split / "metadata.jsonl" for split in ("train", "validation")]
    rows = [json.loads(line)["tags"] for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    sets = sorted({tuple(sorted(labels, key=task.ontology.position.__getitem__)) for labels in rows})
    allowed = [labels for labels in sets if not task.refusals(task.answer_from_labels(list(labels)))]
    names = [concept.name for concept in task.ontology.concepts]
    return World("edugraph", task, _tokenizer(names), random.Random(0).sample(allowed, len(allowed)))


def _tokenizer(names: Sequence[str]) -> Any:
    words = dict.fromkeys(word for name in names for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name))
    return make_tokenizer([*words, *words, *_json(list(words))], LEARNED, True)


def _json(words: Sequence[str]) -> list[str]:
    """Answers as a learner of merges should see them: what stands between words, often."""
    chance = random.Random(0)
    lists = ['{"Area":["' + '","'.join(chance.choices(words, k=3)) + '"],"Scope":[],"Ability":["' for _ in range(300)]
    spaced = ['{"Error": "x"} {"Area": ["a", "b"], "Scope": [], "Ability": ["c"]}'] * 50
    return [*lists, *spaced, *['"]}', '{"Error":"UnsupportedMaterial"}'] * 5, *WORDS[:1]]


def synthetic(labels: int, answers: int = 300) -> World:
    """So many synthetic labels, and random answers of nine that obey the rules."""
    task = synthetic_task(synthetic_ontology(labels, contradictions=labels // 20), STRICT)
    world = World(f"synthetic-{labels}", task, qwen_like_tokenizer(), ())
    chance, found = random.Random(1), list[list[str]]()
    while len(found) < answers:
        drawn = [label for name, count in NINE.items() for label in chance.sample(task.ontology.labels(name), count)]
        if not any(_near(task, one, drawn) for one in drawn):
            found.append(drawn)
    return replace(world, labels=found)


def _near(task: Task, name: str, others: Sequence[str]) -> bool:
    """Whether a label stands above another one, or contradicts it; synthetic labels imply nothing."""
    above, stack = set[str](), [*task.ontology.by_name[name].parents]
    while stack:
        label = stack.pop()
        above.add(label)
        stack += task.ontology.by_name[label].parents
    pairs = {(relation.source, relation.target) for relation in task.ontology.relations if name == relation.source}
    return bool(above & set(others)) or any((name, other) in pairs for other in others)
