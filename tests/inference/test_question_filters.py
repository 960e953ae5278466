"""Which drafts stay: each limit on both its sides, and that every draft is either kept or counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune.inference.question_filters import REASONS, Draft, Sieve

TYPES = ("factual", "procedural")
TEXT = "Tighten to 60 Nm. Clearance 0.50 mm."


def reasons(question: str, answer: str, text: str = TEXT) -> list[str]:
    return [reason for reason, _ in Draft(question, answer, "factual").faults(TYPES, text)]


EDGES = [
    ("Which torque??", "It has 60 Nm.", ["short_question"]),
    ("Which torques??", "It has 60 Nm.", []),
    ("どのトルクで締め付ければよいですか？", "It has 60 Nm.", []),
    ("Which torque has the bolt", "It has 60 Nm.", ["no_question_mark"]),
    ("Which torque has the bolt?", "It is 60.", ["short_answer"]),
    ("Which torque has the bolt?", "It's 60 Nm", []),
    ("Which torque has the bolt?", "wheel nut " * 50, []),
    ("Which torque has the bolt?", "wheel nut " * 50 + ".", ["long_answer"]),
    ("Which torque is shown in the image?", "It has 60 Nm.", ["self_referential"]),
    ("According to the manual page, what is it?", "It has 60 Nm.", ["self_referential"]),
    ("Which torque has the bolt?", "It is listed in the table: 60 Nm.", ["self_referential"]),
    ("Which torque has this bolt?", "It has 60 Nm.", ["vague_reference"]),
    ("What is the clearance of the valve?", "The valve clearance.", ["circular_answer"]),
    ("What clearance has the valve?", "It is 0,5 mm.", []),
    ("What clearance has the valve?", "It is 0.55 mm.", ["number_not_on_page"]),
    ("Which torque has the bolt?", "It has 6 Nm.", ["number_not_on_page"]),
]


@pytest.mark.parametrize(("question", "answer", "expected"), EDGES)
def test_limits(question, answer, expected) -> None:
    assert reasons(question, answer) == expected


def test_without_a_text_layer_no_number_is_looked_for() -> None:
    assert reasons("Which torque has the bolt?", "It has 6 Nm.", " \n") == []


def draft(question: str, answer: str = "It takes 60 Nm.") -> dict[str, str]:
    return {"question": question, "answer": answer, "question_type": "factual"}


# Pairs of questions on one page, and why the second is dropped.
PAIRS = [
    (draft("Which torque has the bolt M8?"), draft("which  torque has the bolt M8?", "It is 60 Nm."), "duplicate"),
    (draft("Which torque has the bolt M8?"), draft("What torque has bolt M8?", "It is 60 Nm."), "near_duplicate"),
    (draft("Which torque has the bolt M8?"), draft("Which torque have the M8 bolts?"), "near_duplicate"),
    (draft("How tight is the upper hose clamp?"), draft("How tight is the uper hose clamp?"), "near_duplicate"),
    (draft("Which torque has the bolt M8?"), draft("Which torque has the bolt M10?"), None),
    (
        draft("How much torque is needed for the bolts of the upper control arm?"),
        draft("How much torque is needed for the bolts of the lower control arm?"),
        None,
    ),
    (
        draft("How much torque is needed for the bolts of the control arm?"),
        draft("How much torque is needed for all the bolts of the control arm?"),
        "near_duplicate",
    ),
    (
        draft("How tight is the upper hose clamp?"),
        draft("How tight is the lower hose clamp?", "A gap of 0.5 mm stays."),
        None,
    ),
]


@pytest.mark.parametrize(("one", "other", "reason"), PAIRS)
def test_what_asks_the_same(one, other, reason) -> None:
    sieve = Sieve()
    kept = sieve.keep("p", [one, other], TYPES, TEXT)
    assert dict(sieve.dropped) == ({reason: 1} if reason else {})
    assert len(kept) == 2 - bool(reason)


def test_the_same_on_two_pages_stays_once_but_with_another_answer_twice() -> None:
    sieve = Sieve()
    sieve.know("old", "Which torque has the nut?", "It takes 60 Nm.")
    assert sieve.keep("a", [draft("Which torque has the nut?"), draft("Which torque has the bolt?")], TYPES, TEXT)
    assert sieve.keep("b", [draft("Which torque has the bolt?", "Tighten it to 60 Nm.")], TYPES, TEXT)
    assert dict(sieve.dropped) == {"duplicate": 1}
    assert sieve.examples == {
        "duplicate": ["a number 1: stands at page old: 'Which torque has the nut?' → 'It takes 60 Nm.'"]
    }


items = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.dictionaries(st.sampled_from(["question", "answer", "question_type", "x"]), st.text(max_size=40)),
    st.builds(draft, st.sampled_from([pair["question"] for row in PAIRS for pair in row[:2]]), st.text(max_size=30)),
)


@given(st.lists(st.lists(items, max_size=6), max_size=4))
def test_every_draft_is_kept_or_counted(pages) -> None:
    sieve = Sieve()
    kept = [sieve.keep(f"p{at}", page, TYPES, TEXT) for at, page in enumerate(pages)]
    assert sieve.read == sum(map(len, pages))
    assert sieve.kept == sum(map(len, kept))
    assert sieve.read == sieve.kept + sum(sieve.dropped.values())
    assert set(sieve.dropped) <= set(REASONS)
    again = Sieve()
    assert [again.keep(f"p{at}", page, TYPES, TEXT) for at, page in enumerate(pages)] == kept
