import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from random_answers import NESTED, PLAIN, TASKS, answers
from small import ONTOLOGY

TASK_AND_ANSWER = st.sampled_from(TASKS).flatmap(lambda task: st.tuples(st.just(task), answers(task)))


def contents(value):
    """What an answer says, whatever its order: lists as sets of their items, objects as sets of their pairs."""
    if isinstance(value, list):
        return frozenset(map(contents, value))
    if isinstance(value, dict):
        return frozenset((key, contents(item)) for key, item in value.items())
    return json.dumps(value)


@given(TASK_AND_ANSWER)
def test_canonical(pair):
    task, answer = pair
    before = json.dumps(answer)
    canonical = task.canonical(answer)
    assert json.dumps(task.canonical(canonical)) == json.dumps(canonical)
    assert contents(canonical) == contents(answer)
    assert json.dumps(answer) == before  # the views of an answer are kept apart


@given(TASK_AND_ANSWER)
def test_to_json(pair):
    task, answer = pair
    text = task.to_json(answer)
    assert json.loads(text) == task.canonical(answer)
    assert text == task.to_json(json.loads(text))
    assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize(
    ("task", "answer", "expected"),
    [
        (PLAIN, {}, "{}"),
        (
            PLAIN,
            {"Ability": [], "Scope": ["OddNumbers", "Clock", "OddNumbers"], "Area": ["Zoo", "Disc", "Addition"]},
            '{"Area":["Addition","Disc","Zoo"],"Scope":["Clock","OddNumbers"],"Ability":[]}',
        ),
        (PLAIN, {"Extra": 1, "Area": "Disc"}, '{"Area":"Disc","Extra":1}'),
        (PLAIN, {"Error": "UnsupportedMaterial"}, '{"Error":"UnsupportedMaterial"}'),
        (PLAIN, {"Error": "é", "Area": []}, '{"Area":[],"Error":"é"}'),
        (
            NESTED,
            {"page": {"learner": {"why": "b a", "does": ["Recall", "Applying"]}, "limits": [1, "OddNumbers"]}},
            '{"page":{"limits":["OddNumbers",1],"learner":{"does":["Applying","Recall"],"why":"b a"}}}',
        ),
    ],
)
def test_canonical_json(task, answer, expected):
    assert task.to_json(answer) == expected


@given(st.sampled_from(TASKS), st.lists(st.sampled_from(list(ONTOLOGY.by_name))))
def test_answer_from_labels(task, labels):
    answer = task.answer_from_labels(labels)
    found = task.labels_of(answer)
    assert [label for group in found.values() for label in group] == sorted(
        set(labels), key=list(ONTOLOGY.by_name).index
    )
    assert all(ONTOLOGY.by_name[label].dimension == dimension for dimension, group in found.items() for label in group)
    assert answer == task.canonical(answer)


@given(TASK_AND_ANSWER)
def test_labels_of_any_answer(pair):
    task, answer = pair
    found = task.labels_of(answer)
    assert list(found) == ["Area", "Scope", "Ability"]
    assert all(isinstance(label, str) for labels in found.values() for label in labels)


@pytest.mark.parametrize(
    ("task", "answer", "expected"),
    [
        (PLAIN, None, [[], [], []]),
        (PLAIN, {"Error": "UnsupportedMaterial"}, [[], [], []]),
        (PLAIN, {"Area": ["Zoo", 1, "Disc", "Clock"], "Scope": "Clock"}, [["Zoo", "Disc", "Clock"], [], []]),
        (NESTED, {"topics": ["Disc"], "page": {"learner": {"does": ["Recall"]}}}, [["Disc"], [], ["Recall"]]),
        (NESTED, {"page": {"learner": []}}, [[], [], []]),
    ],
)
def test_labels_of(task, answer, expected):
    assert list(task.labels_of(answer).values()) == expected


def test_label_fields():
    assert [(path, field.name) for path, field in NESTED.label_fields()] == [
        (("topics",), "topics"),
        (("page", "limits"), "limits"),
        (("page", "learner", "does"), "does"),
    ]
