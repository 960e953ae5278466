import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune.task.parsing import parse
from random_answers import NESTED, PLAIN, TASKS, answers

GOOD = '{"Area":["Addition"],"Scope":[],"Ability":[]}'


@given(st.sampled_from(TASKS).flatmap(lambda task: st.tuples(st.just(task), answers(task))))
def test_what_is_written_is_read(pair):
    task, answer = pair
    parsed, codes = parse(task, task.to_json(answer))
    assert parsed == task.canonical(answer)
    assert list(parsed) == list(task.canonical(answer))
    assert codes == list(dict.fromkeys(refusal.code for refusal in task.refusals(parsed)))


@pytest.mark.parametrize(
    ("raw", "answer", "codes"),
    [
        (GOOD, {"Area": ["Addition"], "Scope": [], "Ability": []}, []),
        (f"\n {GOOD}\n", {"Area": ["Addition"], "Scope": [], "Ability": []}, []),  # the template's newline
        ('{"Error":"UnsupportedMaterial"}', {"Error": "UnsupportedMaterial"}, []),
        ("", None, ["invalid_json"]),
        (GOOD[:-1], None, ["invalid_json"]),
        (GOOD + GOOD, None, ["invalid_json"]),
        (f"```json\n{GOOD}\n```", None, ["invalid_json"]),
        ("[]", None, ["invalid_json"]),
        ("null", None, ["invalid_json"]),
        ('{"Area":NaN}', None, ["invalid_json"]),
        ('{"Area":[-Infinity]}', None, ["invalid_json"]),
        ('{"Area":["\\ud800"]}', None, ["invalid_json"]),
        ('{"Area":["\\ud83d\\ude00"]}', {"Area": ["😀"]}, ["invalid_json", "unknown_label"]),
        ("[" * 100_000, None, ["invalid_json"]),
        ("1" * 5000, None, ["invalid_json"]),
        ('{"Area":["Disc"],"Area":[],"Scope":[],"Ability":[]}', None, ["invalid_json"]),
        (
            '{"Area":["Zoo","Zebra","Clock","Disc","Disc"],"Scope":["Yak"],"Ability":[]}',
            {"Area": ["Zoo", "Zebra", "Clock", "Disc", "Disc"], "Scope": ["Yak"], "Ability": []},
            ["unknown_label", "wrong_dimension", "duplicate"],
        ),
    ],
)
def test_parse(raw, answer, codes):
    assert parse(PLAIN, raw) == (answer, codes)


@given(st.text() | st.builds(lambda text, at: text[:at], st.just(GOOD), st.integers(0, len(GOOD))))
def test_any_text(raw):
    answer, codes = parse(PLAIN, raw)
    if answer is None:
        assert codes == ["invalid_json"]
    else:
        assert json.loads(raw) == answer


def test_codes_of_a_nested_answer():
    raw = (
        '{"topics":["Addition","Arithmetic"],"level":"low","page":{"limits":["EvenNumbers","OddNumbers"],"learner":{}}}'
    )
    assert parse(NESTED, raw)[1] == ["ancestor", "contradiction", "invalid_json"]
