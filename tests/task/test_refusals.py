import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ontune.task import Choice, Constant, Group, Labels, Text
from ontune.task.refusals import CODES
from random_answers import BLUEPRINT, NESTED, PLAIN, TASKS, answers
from small import CONCEPTS, RELATIONS

DIMENSION = {concept.name: concept.dimension for concept in CONCEPTS}
PARENTS = {concept.name: concept.parents for concept in CONCEPTS}


def obeys(task, answer):
    """Whether an answer obeys the contract, worked out without `ontune`'s closures and walks."""
    if not isinstance(answer, dict):
        return False
    if task is BLUEPRINT and answer.get("error") is not None:
        return list(answer.items()) == [("error", "UnsupportedMaterial"), ("labels", None)]
    if task is not BLUEPRINT and task.error.key in answer:
        return list(answer) == [task.error.key] and answer[task.error.key] in list(task.error.values)
    return obeys_fields(task.fields, task.rules, answer)


def obeys_fields(fields, rules, answer):
    if not isinstance(answer, dict) or list(answer) != [field.name for field in fields]:
        return False
    return all(obeys_field(field, rules, answer[field.name]) for field in fields)


def obeys_field(field, rules, value):
    match field:
        case Group():
            return obeys_fields(field.fields, rules, value)
        case Choice():
            return isinstance(value, str) and value in set(field.options)
        case Constant():
            return value is field.value
        case Text():
            return isinstance(value, str) and len(value) <= field.max_chars
        case Labels():
            return isinstance(value, list) and obeys_labels(field, rules, value)


def obeys_labels(field, rules, labels):
    if not all(isinstance(label, str) and DIMENSION.get(label) == field.dimension for label in labels):
        return False
    if len(labels) < field.min or (field.max is not None and len(labels) > field.max):
        return False
    if rules.unique and len(set(labels)) < len(labels):
        return False
    if rules.exclude_ancestors and any(is_below(a, b) for a in labels for b in labels):
        return False
    return not (rules.exclude_contradictions and any(contradict(a, b) for a in labels for b in labels))


def is_below(label, ancestor):
    return any(parent == ancestor or is_below(parent, ancestor) for parent in PARENTS[label])


def implied(label):
    return {label}.union(
        *(implied(edge.target) for edge in RELATIONS if edge.type == "implies" and edge.source == label)
    )


def contradict(a, b):
    pairs = [{edge.source, edge.target} for edge in RELATIONS if edge.type == "contradicts"]
    return any({x, y} in pairs for x in implied(a) for y in implied(b))


@settings(max_examples=500)
@given(st.sampled_from(TASKS).flatmap(lambda task: st.tuples(st.just(task), answers(task))))
def test_refused_exactly_when_a_rule_is_broken(pair):
    task, answer = pair
    found = task.refusals(answer)
    event(f"{task.name} {'refused' if found else 'obeys'}")
    assert (not found) == obeys(task, answer)
    assert all(refusal.code in CODES and refusal.detail for refusal in found)


def nested(topics=("Disc",), level="low", limits=(), does=(), why=""):
    page = {"limits": list(limits), "learner": {"does": list(does), "why": why}}
    return {"topics": list(topics), "level": level, "page": page}


@pytest.mark.parametrize(
    ("task", "answer", "expected"),
    [
        (PLAIN, {"Area": ["Addition", "Arithmetic"], "Scope": ["OddNumbers", "EvenNumbers"], "Ability": []}, {}),
        (PLAIN, {"Error": "UnsupportedMaterial"}, {}),
        (PLAIN, {"Error": "Unsupported"}, {"invalid_json": "expected 'Error' alone with one of"}),
        (PLAIN, {"Error": "UnsupportedMaterial", "Area": []}, {"invalid_json": "expected 'Error' alone"}),
        (PLAIN, ["Addition"], {"invalid_json": "list: expected one JSON object"}),
        (PLAIN, {"Scope": [], "Area": [], "Ability": []}, {"invalid_json": "'Ability'] in this order"}),
        (PLAIN, {"Area": ["Adition"], "Scope": [], "Ability": []}, {"unknown_label": "nearest: ['Addition'"}),
        (PLAIN, {"Area": ["Clock"], "Scope": [], "Ability": []}, {"wrong_dimension": "'Clock' is in Scope"}),
        (PLAIN, {"Area": ["Disc"] * 2, "Scope": [], "Ability": []}, {"duplicate": "Area: ['Disc']"}),
        (
            PLAIN,
            {"Area": ["Disc"] * 9, "Scope": [], "Ability": []},
            {"invalid_json": "9 labels: expected 0 to 8", "duplicate": "Disc"},
        ),
        (PLAIN, {"Area": [None], "Scope": [], "Ability": []}, {"invalid_json": "expected a list of labels"}),
        (NESTED, nested(), {}),
        (NESTED, nested(topics=[]), {"invalid_json": "topics has 0 labels: expected 1 to 3"}),
        (NESTED, nested(level="mid"), {"invalid_json": "level is 'mid': expected one of ['low', 'high']"}),
        (NESTED, nested(why="x" * 13), {"invalid_json": "page.learner.why"}),
        (NESTED, nested(topics=["Disc", "Geometry"]), {"ancestor": "topics: [('Disc', 'Geometry')]"}),
        (NESTED, nested(limits=["OddNumbers", "EvenNumbers"]), {"contradiction": "('EvenNumbers', 'OddNumbers')"}),
        (NESTED, nested(does=["Clock"]), {"wrong_dimension": "page.learner.does: 'Clock' is in Scope"}),
        (NESTED, nested() | {"page": []}, {"invalid_json": "page is []: expected an object"}),
        (BLUEPRINT, {"error": None, "labels": {"Areas": ["Disc"], "Scopes": [], "Abilities": []}}, {}),
        (BLUEPRINT, {"error": "UnsupportedMaterial", "labels": None}, {}),
        (BLUEPRINT, {"labels": None, "error": "UnsupportedMaterial"}, {"invalid_json": "among the keys ['error'"}),
        (BLUEPRINT, {"error": "UnsupportedMaterial"}, {"invalid_json": "the others null, with one of ['Unsupp"}),
        (BLUEPRINT, {"error": None, "labels": None}, {"invalid_json": "labels is None: expected an object"}),
        (BLUEPRINT, {"labels": {"Areas": [], "Scopes": [], "Abilities": []}}, {"invalid_json": "keys ['labels']:"}),
    ],
)  # fmt: skip
def test_refusals(task, answer, expected):
    found = {refusal.code: refusal.detail for refusal in task.refusals(answer)}
    assert list(found) == list(expected)
    assert all(expected[code] in detail for code, detail in found.items())
