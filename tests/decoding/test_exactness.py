"""The automaton accepts exactly the answers that no rule refuses: all answers of small random tasks, one by one."""

import itertools
import json
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ontune.decoding.exclusion import Exclusion, Rulebook
from ontune.decoding.mask import TokenMask
from ontune.demo.tiny_model import make_tokenizer
from ontune.errors import TaskError
from ontune.ontology import Concept, Ontology, Relation
from ontune.task import Choice, Constant, ErrorAnswer, Field, Group, Labels, Rules, Task

NAMES = {"Art": ("Add", "Addition", "Ring", "Ähre 1"), "Size": ("10", "100", "1000")}
LEVELS = range(4)


@cache
def tokenizer():
    texts = [f'{{"{name}":["' + '","'.join(labels) + '"]}' for name, labels in NAMES.items()]
    return make_tokenizer([*texts, '{"Error":"no"}', '{"Sure":"yes","More":{"Size":[]}}'] * 3, 360)


@st.composite
def ontologies(draw) -> Ontology:
    concepts: list[Concept] = []
    relations: set[Relation] = set()
    for dimension, names in NAMES.items():
        shuffled = draw(st.permutations(names))  # parents come first in it: no cycle
        for at, name in enumerate(shuffled):
            parents = draw(st.sets(st.sampled_from(shuffled[:at]), max_size=2)) if at else set()
            concepts.append(Concept(name, dimension, parents=tuple(sorted(parents))))
        pairs = [tuple(sorted(pair)) for pair in itertools.combinations(names, 2)]
        relations |= {Relation("contradicts", *pair) for pair in draw(st.sets(st.sampled_from(pairs), max_size=3))}
        relations |= {Relation("implies", *pair) for pair in draw(st.sets(st.sampled_from(pairs), max_size=1))}
    order = {name: place for place, name in enumerate(NAMES)}
    concepts.sort(key=lambda concept: (order[concept.dimension], concept.name))
    return Ontology("random", "1", tuple(NAMES), tuple(concepts), tuple(sorted(relations)))


def labels(dimension: str) -> st.SearchStrategy[Labels]:
    return st.builds(Labels, st.just(dimension), st.just(dimension), st.integers(0, 3), st.integers(0, 3))


@st.composite
def tasks(draw) -> Task:
    sizes = draw(labels("Size"))
    fields: list[Field] = [draw(labels("Art")), Choice("Sure", ("yes", "no")), Group("More", (sizes,))]
    fields = draw(st.permutations([*fields, *draw(st.sampled_from([[], [Constant("Error", None)]]))]))
    error = draw(st.sampled_from([None, ErrorAnswer("Error", ("no", "none"))]))
    rules = draw(st.builds(Rules, st.booleans(), st.booleans(), st.booleans()))
    return Task("random", draw(ontologies()), tuple(fields), error=error, rules=rules)


def values(task: Task, field: Field) -> list[object]:
    match field:
        case Labels():
            names = task.ontology.labels(field.dimension)
            return [list(found) for count in range(4) for found in itertools.product(names, repeat=count)]
        case Choice():
            return list(field.options)
        case Constant():
            return [field.value]
        case Group():
            return list(records(task, field.fields))
    raise AssertionError(field)


def records(task: Task, fields: tuple[Field, ...]) -> Iterator[dict[str, object]]:
    """All answers in field order whose every field would be let through alone: fewer to check as a whole."""
    choices = []
    for field in fields:
        alone = Task("alone", task.ontology, (field,), rules=task.rules)
        choices.append([value for value in values(task, field) if not alone.refusals({field.name: value})])
    for chosen in itertools.product(*choices):
        yield {field.name: value for field, value in zip(fields, chosen, strict=True)}


def every_answer(task: Task) -> list[dict[str, object]]:
    errors = [task.error_answer(value) for value in task.error.values] if task.error else []
    return [answer for answer in [*records(task, task.fields), *errors] if not task.refusals(answer)]


def written(automaton: TokenMask) -> list[list[int]]:
    """Every token sequence that the mask lets through, without the end of the turn."""
    done: list[list[int]] = []
    stack = [(automaton.start, list[int]())]
    while stack:
        state, ids = stack.pop()
        if automaton.is_done(state):
            done.append(ids[:-1])
            continue
        following = automaton.next_tokens(state).tolist()
        assert following, f"dead end after {tokenizer().decode(ids)!r}"
        assert len(set(following)) == len(following)
        stack += [(automaton.advance(state, token), [*ids, token]) for token in following]
    return sorted(done)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tasks(), st.sampled_from(["free", "canonical"]))
def test_the_automaton_accepts_an_answer_where_no_rule_refuses_it(task, order):
    answers = every_answer(task)
    if order == "canonical":
        answers = [answer for answer in answers if task.canonical(answer) == answer]
    if not any(not task.is_error(answer) for answer in answers):
        with pytest.raises(TaskError, match=r"may stand together|at least . and at most"):
            TokenMask(task, tokenizer(), order=order)
        return
    expected = tokenizer()([task.to_json(a) if order == "canonical" else compact(a) for a in answers])["input_ids"]
    assert written(TokenMask(task, tokenizer(), order=order)) == sorted(expected)


def compact(answer: object) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


# --------------------------------------------------------------------------------------------- the minimum looked ahead
def best(exclusion: Exclusion, left: list[int]) -> int:
    """The most labels that may stand together, by trying all."""
    if not left:
        return 0
    first, *others = left
    return max(best(exclusion, others), 1 + best(exclusion, [n for n in others if n not in exclusion.conflicts(first)]))


@settings(max_examples=150)
@given(st.data())
def test_the_search_for_labels_that_may_stand_together_is_exact(data):
    names = [f"L{at:02}" for at in range(data.draw(st.integers(1, 9)))]
    concepts = [
        Concept(name, "D", parents=tuple(sorted(data.draw(st.sets(st.sampled_from(names[at + 1 :]), max_size=2)))))
        if at + 1 < len(names)
        else Concept(name, "D")
        for at, name in enumerate(names)
    ]
    pairs = list(itertools.combinations(names, 2))
    against = data.draw(st.sets(st.sampled_from(pairs), max_size=len(pairs))) if pairs else set()
    relations = tuple(sorted(Relation("contradicts", *pair) for pair in against))
    rules = Rules(True, data.draw(st.booleans()), data.draw(st.booleans()))
    field = Labels("D", "D")
    task = Task("t", Ontology("o", "1", ("D",), tuple(concepts), relations), (field,), rules=rules)
    exclusion = Exclusion(Rulebook(task), field, data.draw(st.booleans()))
    closed = frozenset(data.draw(st.sets(st.integers(0, len(names) - 1))))
    floor = data.draw(st.integers(-1, len(names) - 1)) if exclusion.canonical else -1
    left = [number for number in range(floor + 1, len(names)) if number not in closed]
    most = best(exclusion, left)
    assert [exclusion.can_hold(count, closed, floor) for count in range(most + 3)] == [True] * (most + 1) + [False] * 2
    if rules.exclude_ancestors or rules.exclude_contradictions:
        for needed in range(4):
            expected = {label for label in left if best(exclusion, after(label, left, exclusion)) < needed}
            assert exclusion.hopeless(needed, closed, floor) == expected


def after(label: int, left: list[int], exclusion: Exclusion) -> list[int]:
    """What may follow a label."""
    least = label if exclusion.canonical else -1
    return [number for number in left if number > least and number not in exclusion.conflicts(label)]
