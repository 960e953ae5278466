import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune.task.openbook import DISTRACTORS, HEADER, OpenBook, closed_book
from small import ONTOLOGY, small_task

BOOK = OpenBook(small_task())
NAMES = list(ONTOLOGY.by_name)
LABELS = st.lists(st.sampled_from(NAMES), unique=True, max_size=8)
SEEDS = st.integers(0, 2**32)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([], "<image>Label it."),
        (["Addition"], f"<image>Label it.{HEADER}- Addition (Area): Joins two amounts into one."),
        # A line break in a definition would start a document of its own.
        (["Shapes"], f"<image>Label it.{HEADER}- Shapes (Area): Figures with a boundary."),
        (["Multiplication"], f"<image>Label it.{HEADER}- Multiplication (Area)"),
        (["Recall"], f"<image>Label it.{HEADER}- Recall (Ability): Says the times table by heart."),
        (
            ["Clock", "Disc"],
            f"<image>Label it.{HEADER}- Clock (Scope): Involves a clock face.\n- Disc (Area): A round figure.",
        ),
    ],
)
def test_prompt(labels, expected):
    assert BOOK.prompt("<image>Label it.", labels) == expected


@given(st.text().filter(lambda text: HEADER not in text), LABELS, LABELS)
def test_prompt_replaces_earlier_definitions(prompt, before, labels):
    assert BOOK.prompt(BOOK.prompt(prompt, before), labels) == BOOK.prompt(prompt, labels)
    assert closed_book(BOOK.prompt(prompt, labels)) == prompt


@given(LABELS, st.integers(0, 30), SEEDS, st.booleans())
def test_training_documents(gold, count, seed, oracle):
    labels = BOOK.training_documents(gold, count, rng=random.Random(seed), oracle=oracle)
    others = set(labels) - set(gold)
    assert labels == BOOK.training_documents(gold, count, rng=random.Random(seed), oracle=oracle)
    assert len(set(labels)) == len(labels)
    assert set(labels) - others == (set(gold) if oracle else set())
    # The number of documents does not tell whether the oracle is among them.
    room = len(NAMES) - len(gold)
    assert len(labels) == (len(gold) + min(count, room) if oracle else min(count + len(gold), room))
    assert_hard_first(gold, others)


def assert_hard_first(gold, others):
    """Within a dimension, an easy distractor is there only when every hard one is."""
    for dimension in ONTOLOGY.dimensions:
        near = BOOK.near(gold) & set(ONTOLOGY.labels(dimension))
        chosen = others & set(ONTOLOGY.labels(dimension))
        assert chosen <= near or near <= chosen


@given(LABELS, st.integers(0, 30), SEEDS, st.text(max_size=20))
def test_inference_documents(answered, count, seed, text):
    labels = BOOK.inference_documents(answered, count, rng=random.Random(seed), text=text)
    assert labels == BOOK.inference_documents(answered, count, rng=random.Random(seed), text=text)
    assert len(set(labels)) == len(labels) == len(answered) + min(count, len(NAMES) - len(answered))
    assert set(answered) <= set(labels)
    assert_hard_first(answered, set(labels) - set(answered))


def test_documents_are_dealt_over_the_dimensions():
    labels = BOOK.training_documents(["Addition", "Subtraction"], 6, rng=random.Random(1))
    counts = [sum(label in ONTOLOGY.labels(dimension) for label in labels) for dimension in ONTOLOGY.dimensions]
    assert counts == [4, 2, 2]


def test_order_tells_nothing_about_the_gold():
    first = [BOOK.training_documents(["Addition"], 3, rng=random.Random(seed))[0] for seed in range(400)]
    assert 60 < first.count("Addition") < 140  # a quarter of 400


def test_inference_ranks_by_similarity_then_roots():
    rng = random.Random(1)
    assert set(BOOK.inference_documents([], 6, rng=rng)) == {
        *("Arithmetic", "Geometry"),
        *("IntegerNumbers", "Measures"),
        *("Applying", "Knowing"),
    }
    clock = BOOK.inference_documents([], 3, rng=rng, text="a clock face and a round figure, by heart")
    assert set(clock) == {"Clock", "Circle", "Recall"}
    # Neighbours of the answered labels come before better matches elsewhere.
    assert set(BOOK.inference_documents(["OddNumbers"], 3, rng=rng)) & set(ONTOLOGY.labels("Scope")) == {
        "OddNumbers",
        "EvenNumbers",
    }


def test_inference_forgives_a_bad_answer():
    labels = BOOK.inference_documents(["Adition", "Addition", "Addition"], DISTRACTORS, rng=random.Random(1))
    assert labels.count("Addition") == 1
    assert len(labels) == 1 + DISTRACTORS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("numbers that two does not divide", {"OddNumbers"}),
        ("make ten", {"AdditionMakeTen"}),  # found by the parts of its name
        ("times table", {"Recall"}),  # by its example
        ("round figure", {"Circle"}),  # Disc is as near: a tie keeps ontology order
        ("zebra", {"Arithmetic", "IntegerNumbers", "Applying"}),
        ("", {"Arithmetic", "IntegerNumbers", "Applying"}),
    ],
)
def test_inference_documents_for_words_alone(text, expected):
    assert expected <= set(BOOK.inference_documents([], 3, rng=random.Random(1), text=text))


def test_import_stays_light():
    code = "import sys, ontune.task.openbook; sys.exit(any(m in sys.modules for m in ('sklearn', 'torch', 'rdflib')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
