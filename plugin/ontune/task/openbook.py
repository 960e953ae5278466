"""Open-book prompts: definitions beside the question, the same bytes in training (RAFT) and at inference.

After RAFT (Zhang et al. 2024, arXiv:2403.10131): the oracle documents among hard distractors, and a share of samples
without the oracle. At inference there is no gold and, for a picture, no text to search with. So the model answers with
the book closed first; its labels are the query, and stand in for the gold:

    book = OpenBook(task)
    first = closed_book(sample.prompt)                    # a RAFT sample's own definitions hold its gold
    answered = task.labels_of(answer)                     # to the first prompt; empty where there was no answer
    labels = book.inference_documents(sum(answered.values(), []), rng=random.Random(seed))
    second = book.prompt(first, labels)
"""

import random
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Any

from ontune.ontology.closure import children, siblings
from ontune.ontology.model import Concept
from ontune.task.model import Task

__all__ = ["DISTRACTORS", "OpenBook", "closed_book"]

DISTRACTORS = 6  # beside the gold or answered labels, in training and at inference
HEADER = "\n\nDefinitions, not all of which apply:\n"


def closed_book(prompt: str) -> str:
    """The prompt without its definitions; a prompt without any comes back as it is."""
    return prompt.partition(HEADER)[0]


def document(concept: Concept) -> str:
    """The line about one concept: its name, its dimension and, where it has any, its text."""
    text = " ".join((concept.definition or " ".join(concept.examples[:1])).split())
    return f"- {concept.name} ({concept.dimension}): {text}" if text else f"- {concept.name} ({concept.dimension})"


class OpenBook:
    """The definitions of a task's labels: who is near whom, which ones a text is about, and the prompt with them."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.dimensions = tuple(dict.fromkeys(field.dimension for _, field in task.label_fields()))

    def prompt(self, prompt: str, labels: Iterable[str]) -> str:
        """The prompt followed by the labels' definitions, in the order given; earlier definitions give way."""
        lines = [document(self.task.ontology.by_name[label]) for label in labels]
        return closed_book(prompt) + (HEADER + "\n".join(lines) if lines else "")

    def training_documents(
        self, gold: Iterable[str], count: int = DISTRACTORS, *, rng: random.Random, oracle: bool = True
    ) -> list[str]:
        """The labels to define for a training sample, shuffled: the gold and `count` distractors.

        Every dimension gets its share of the distractors: siblings and graph neighbours of the gold first, then any
        other label. Without the oracle more distractors take the gold's places, so that their number tells nothing.
        """
        gold = self._known(gold)
        chosen = gold if oracle else []
        near = sorted(self.near(gold), key=self.task.ontology.position.__getitem__)
        for dimension, quota in self._quotas(gold, count + len(gold) - len(chosen)).items():
            hard = [label for label in near if self._dimension(label) == dimension]
            chosen = [*chosen, *rng.sample(hard, min(quota, len(hard)))]
            if quota > len(hard):
                easy = [label for label in self.task.ontology.labels(dimension) if label not in {*gold, *near}]
                chosen += rng.sample(easy, quota - len(hard))
        return rng.sample(chosen, len(chosen))

    def inference_documents(
        self, answered: Iterable[str], count: int = DISTRACTORS, *, rng: random.Random, text: str = ""
    ) -> list[str]:
        """The labels to define at inference, shuffled: the answered ones and `count` more that they suggest.

        As in `training_documents`, with a ranking instead of chance: neighbours of the answered labels first, the
        best match to their definitions and to `text` (whatever is known in words) leading; roots where nothing matches.
        """
        answered = self._known(answered)
        near = self.near(answered)
        scores = self._scores(" ".join([text, *(self._text(label) for label in answered)]))
        by_name, position = self.task.ontology.by_name, self.task.ontology.position

        def rank(label: str) -> tuple[bool, float, bool, int]:
            return label not in near, -scores[label], bool(by_name[label].parents), position[label]

        chosen = list(answered)
        for dimension, quota in self._quotas(answered, count).items():
            others = [label for label in self.task.ontology.labels(dimension) if label not in answered]
            chosen += sorted(others, key=rank)[:quota]
        return rng.sample(chosen, len(chosen))

    def near(self, labels: Iterable[str]) -> frozenset[str]:
        """Siblings, parents, children and relation neighbours of the labels, without the labels themselves."""
        given = frozenset(labels)
        return frozenset().union(*(self._neighbours[label] for label in given)) - given

    @cached_property
    def _neighbours(self) -> dict[str, set[str]]:
        ontology = self.task.ontology
        beside, below = siblings(ontology), children(ontology)
        found = {name: {*beside[name], *below[name], *item.parents} for name, item in ontology.by_name.items()}
        for relation in ontology.relations:
            found[relation.source].add(relation.target)
            found[relation.target].add(relation.source)
        return found

    def _known(self, labels: Iterable[str]) -> list[str]:
        """The labels that the task can ask for, each once; a closed-book answer may hold unknown ones."""
        known = self.task.ontology.by_name
        return [
            label for label in dict.fromkeys(labels) if label in known and self._dimension(label) in self.dimensions
        ]

    def _dimension(self, label: str) -> str:
        return self.task.ontology.by_name[label].dimension

    def _quotas(self, taken: Collection[str], count: int) -> dict[str, int]:
        """How many of `count` labels each dimension gives: equal shares, as far as it has labels left."""
        labels = self.task.ontology.labels
        used = Counter(map(self._dimension, taken))
        room = {name: len(labels(name)) - used[name] for name in self.dimensions}
        quotas = dict.fromkeys(room, 0)
        for _ in range(min(count, sum(room.values()))):
            poorest = min((name for name in room if quotas[name] < room[name]), key=quotas.__getitem__)
            quotas[poorest] += 1
        return quotas

    @cached_property
    def _labels(self) -> list[str]:
        return [label for name in self.dimensions for label in self.task.ontology.labels(name)]

    def _text(self, label: str) -> str:
        concept = self.task.ontology.by_name[label]
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|_", " ", concept.name)
        return " ".join([words, concept.definition, *concept.examples])

    @cached_property
    def _index(self) -> tuple[Any, Any]:
        from sklearn.feature_extraction.text import TfidfVectorizer  # a second to import: only who ranks pays

        vectorizer = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True)  # noqa: S106 - a regular expression
        return vectorizer, vectorizer.fit_transform([self._text(label) for label in self._labels])

    def _scores(self, query: str) -> dict[str, float]:
        """Each label's cosine similarity to the query; rounded, so that equal texts tie on every computer."""
        vectorizer, matrix = self._index
        scores: Sequence[float] = (matrix @ vectorizer.transform([query]).T).toarray()[:, 0]
        return {label: round(float(score), 9) for label, score in zip(self._labels, scores, strict=True)}
