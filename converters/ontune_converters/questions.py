"""What an ontology states, as facts that can be asked in several phrasings: one function a family."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ontune.errors import TaskError
from ontune.ontology import Concept, Relation, closure
from ontune.task import Task

__all__ = ["LABEL_FAMILIES", "PHRASINGS", "Fact", "Statement", "all_facts"]

Statement = tuple[str, ...]  # what of the ontology a fact teaches: ("concept", name), ("parent", child, parent) …

# Every family in at least four phrasings: one of them is kept from training where the fact is asked in validation.
PHRASINGS: dict[str, tuple[str, ...]] = {
    "definition": (
        "Which concept is this? {text}",
        "Name the {dimension} concept with this definition: {text}",
        "{text}\nWhich label of the ontology stands for this?",
        "Label this description: {text}",
    ),
    "example": (
        "Which concept do these notes describe? {text}",
        "{text}\nThis explains a concept of the ontology: which one?",
        "Name the {dimension} concept that this illustrates: {text}",
        "Label these notes: {text}",
    ),
    "naming": (
        "What is {name}?",
        "Define the {dimension} concept {name}.",
        "What does the label {name} stand for?",
        "Give the definition of {name}.",
    ),
    "dimension": (
        "To which dimension does {name} belong: {dimensions}?",
        "Is {name} one of {dimensions}? Say which.",
        "{name}: {dimensions}?",
        "Under which key of an answer does the label {name} stand?",
    ),
    "parents": (
        "What are the parents of {name}?",
        "Which concepts are directly above {name}?",
        "List everything that the {dimension} concept {name} is directly a part of.",
        "{name} is filed under which concepts?",
    ),
    "children": (
        "What are the children of {name}?",
        "Which concepts are directly below {name}?",
        "List the parts of the {dimension} concept {name}.",
        "Which concepts are filed under {name}?",
    ),
    "relation": (
        "{name} {verb} which concepts?",
        "List every concept that {name} {verb}.",
        "Complete with all concepts that fit: {name} {verb} …",
        "According to the ontology, {name} {verb} what?",
    ),
    "statement": (
        "{statement} Yes or no?",
        "Is this right? {statement}",
        "True in the ontology or not: {statement}",
        "{statement} Do you agree?",
    ),
    "ready": ("{text}",),  # a row of a ready-made file: asked as it stands, in train alone
}
# Families whose answers have the task's form.
LABEL_FAMILIES = frozenset({"definition", "example", "parents", "children", "relation", "ready"})

# How a relation reads from its source and from its target.
VERBS = {
    "contradicts": ("contradicts", "contradicts"),
    "expands": ("expands", "is expanded by"),
    "implies": ("implies", "is implied by"),
    "integrates": ("integrates", "is integrated by"),
    "inverts": ("inverts", "is inverted by"),
    "related": ("is related to", "is related to"),
    "translates": ("translates", "is translated by"),
}
# EduGraph's schema: who inverts something also expands it; some relations hold in both directions, whoever states them.
NARROWER = {"expands": {"inverts"}, "integrates": {"translates"}}
SYMMETRIC = {"contradicts", "inverts", "related", "translates"}


@dataclass(frozen=True)
class Fact:
    """Something to ask: its family and key, what fills the family's phrasings, the answer as JSON, what it teaches."""

    family: str
    key: str
    slots: Mapping[str, str]
    answer: str
    teaches: tuple[Statement, ...] = ()

    def question(self, phrasing: int) -> str:
        """The question in one of the family's phrasings."""
        return PHRASINGS[self.family][phrasing].format(**self.slots)


def all_facts(task: Task, rng: random.Random) -> list[Fact]:
    """All facts of the task's ontology, by family and in ontology order; `rng` picks the false statements.

    Raises TaskError where the ontology has a dimension that no field of the task asks for.
    """
    asked = {labels.dimension for _, labels in task.label_fields()}
    if missing := [dimension for dimension in task.ontology.dimensions if dimension not in asked]:
        raise TaskError(f"task {task.name} has no labels field for {missing} of {task.ontology.name}: it cannot answer")
    about_concepts = (definitions, examples, namings, dimensions, parents, children, relations)
    about_statements = (part_of_statements, relation_statements, definition_statements)
    found = [fact for family in about_concepts for fact in family(task)]
    return found + [fact for family in about_statements for fact in family(task, rng)]


def _label_fact(
    task: Task, family: str, key: str, slots: Mapping[str, str], labels: Iterable[str], teaches: Iterable[Statement]
) -> Fact:
    """A fact whose answer has the task's form: all fields in order, empty lists included."""
    answer = task.answer_from_labels(list(labels))
    return Fact(family, f"{family}:{key}", slots, task.to_json(answer), tuple(teaches))


def _own(key: str, value: str) -> str:
    """An answer that is none of the task's: one key of its own, so that nobody takes it for labels."""
    return json.dumps({key: value}, ensure_ascii=False, separators=(",", ":"))


def _slots(concept: Concept) -> dict[str, str]:
    return {"name": concept.name, "dimension": concept.dimension}


def definitions(task: Task) -> Iterator[Fact]:
    """From a definition to its concept, or to all that share it."""
    return _described(task, "definition", ((concept, concept.definition) for concept in task.ontology.concepts))


def examples(task: Task) -> Iterator[Fact]:
    """From examples to their concept."""
    pairs = ((concept, text) for concept in task.ontology.concepts for text in concept.examples)
    return _described(task, "example", pairs)


def _described(task: Task, family: str, texts: Iterable[tuple[Concept, str]]) -> Iterator[Fact]:
    by_text: defaultdict[str, list[Concept]] = defaultdict(list)
    for concept, text in texts:
        by_text[text].append(concept)
    by_text.pop("", None)
    asked = Counter[str]()
    for text, concepts in by_text.items():
        names = list(dict.fromkeys(concept.name for concept in concepts))
        asked[key := "+".join(names)] += 1
        slots = {"text": text, "dimension": " or ".join(dict.fromkeys(concept.dimension for concept in concepts))}
        yield _label_fact(task, family, f"{key}:{asked[key]}", slots, names, ((family, name, text) for name in names))


def namings(task: Task) -> Iterator[Fact]:
    """From a concept to its definition."""
    for concept in task.ontology.concepts:
        if text := concept.definition:
            taught = (("definition", concept.name, text),)
            yield Fact("naming", f"naming:{concept.name}", _slots(concept), _own("Definition", text), taught)


def dimensions(task: Task) -> Iterator[Fact]:
    """The dimension of every concept, with text or without."""
    names = " or ".join(task.ontology.dimensions)
    for concept in task.ontology.concepts:
        slots, taught = _slots(concept) | {"dimensions": names}, (("concept", concept.name),)
        yield Fact("dimension", f"dimension:{concept.name}", slots, _own("Dimension", concept.dimension), taught)


def parents(task: Task) -> Iterator[Fact]:
    """All parents of every concept; a root's answer is empty."""
    for concept in task.ontology.concepts:
        taught = [("parent", concept.name, parent) for parent in concept.parents] or [("root", concept.name)]
        yield _label_fact(task, "parents", concept.name, _slots(concept), concept.parents, taught)


def children(task: Task) -> Iterator[Fact]:
    """All children of every concept that has any."""
    for name, below in closure.children(task.ontology).items():
        if below:
            taught = (("parent", child, name) for child in below)
            yield _label_fact(task, "children", name, _slots(task.ontology.by_name[name]), below, taught)


def relations(task: Task) -> Iterator[Fact]:
    """What a concept stands in each relation to, asked from its source and from its target."""
    for (kind, name, verb), ends in sorted(_ends(task).items()):
        slots = {"name": name, "verb": verb}
        taught = (("relation", kind, edge.source, edge.target) for _, edge in ends)
        yield _label_fact(task, "relation", f"{name} {verb}", slots, (other for other, _ in ends), taught)


def _ends(task: Task) -> dict[tuple[str, str, str], list[tuple[str, Relation]]]:
    """For each relation type, concept and verb: the concepts at the other end, with the relation."""
    found: defaultdict[tuple[str, str, str], list[tuple[str, Relation]]] = defaultdict(list)
    for edge in task.ontology.relations:
        active, passive = _verbs(edge.type)
        found[edge.type, edge.source, active].append((edge.target, edge))
        found[edge.type, edge.target, passive].append((edge.source, edge))
    return found


def _verbs(kind: str) -> tuple[str, str]:
    return VERBS.get(kind, (f"has the relation {kind} to", f"has the relation {kind} from"))


def _statement(key: str, sentence: str, taught: Statement | None = None) -> Fact:
    """A true statement, or a false one where it teaches nothing."""
    answer = _own("Answer", "yes" if taught else "no")
    return Fact("statement", f"statement:{key}", {"statement": sentence}, answer, (taught,) if taught else ())


def part_of_statements(task: Task, rng: random.Random) -> Iterator[Fact]:
    """Each parent edge, and as many false ones: to siblings of the concept or of its parents, never to an ancestor."""
    beside = closure.siblings(task.ontology)
    for concept in task.ontology.concepts:
        name = concept.name
        near = {*beside[name]}.union(*(beside[parent] for parent in concept.parents)) - task.ancestors[name] - {name}
        for parent in concept.parents:
            yield _statement(f"{name} in {parent}", f"{name} is part of {parent}.", ("parent", name, parent))
        for other in _contrast(rng, near, len(concept.parents)):
            yield _statement(f"{name} in {other}", f"{name} is part of {other}.")


def relation_statements(task: Task, rng: random.Random) -> Iterator[Fact]:
    """Each relation, and as many false ones: to siblings of the targets, never to what a relation may lead to."""
    beside = closure.siblings(task.ontology)
    reached = {kind: _reached(task, kind) for kind in {edge.type for edge in task.ontology.relations}}
    for (kind, name, verb), ends in sorted(_ends(task).items()):
        if verb != _verbs(kind)[0]:
            continue
        others = [other for other, _ in ends]
        near = {sibling for other in others for sibling in beside[other]} - {*others, name}
        near = near.difference(*(reached[kind][above] for above in {name, *task.ancestors[name]}))
        for other, edge in ends:
            sentence = f"{name} {verb} {other}"
            yield _statement(sentence, f"{sentence}.", ("relation", kind, edge.source, edge.target))
        for other in _contrast(rng, near, len(others)):
            yield _statement(f"{name} {verb} {other}", f"{name} {verb} {other}.")


def _reached(task: Task, kind: str) -> Mapping[str, Collection[str]]:
    """What each concept stands in the relation to by its own edges and all that they lead to.

    Callers add the ancestors', for a part inherits the relations of its whole. Rather too much than too little: what
    is in here is no false statement, but none of it is asked as a true one.
    """
    found: dict[str, set[str]] = {name: set() for name in task.ontology.by_name}
    if kind == "contradicts":
        for one, other in task.incompatible:
            found[one].add(other)
            found[other].add(one)
        return found
    for edge in task.ontology.relations:
        if edge.type in {kind, *NARROWER.get(kind, ())}:
            found[edge.source].add(edge.target)
            if edge.type in SYMMETRIC:
                found[edge.target].add(edge.source)
    reach = closure.closure(found)  # of each itself, too: hence over the targets
    return {name: set().union(*(reach[target] for target in targets)) for name, targets in found.items()}


def definition_statements(task: Task, rng: random.Random) -> Iterator[Fact]:
    """Each definition, and beside it a sibling's."""
    beside, by_name = closure.siblings(task.ontology), task.ontology.by_name
    for concept in task.ontology.concepts:
        if not (text := concept.definition):
            continue
        name = concept.name
        yield _statement(f"{name} as {name}", f"{name} means: {text}", ("definition", name, text))
        near = [other for other in beside[name] if by_name[other].definition not in {"", text}]
        for other in _contrast(rng, near, 1):
            yield _statement(f"{name} as {other}", f"{name} means: {by_name[other].definition}")


def _contrast(rng: random.Random, near: Collection[str], count: int) -> list[str]:
    return rng.sample(sorted(near), min(count, len(near)))
