"""What is wrong with questions and answers, from their texts alone."""

import pytest

from ontune.page_questions import circular, content_words, missing_numbers, self_reference, vague_reference
from ontune_converters.manual_quality import KINDS, Question, counts, find_faults, quality_record


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is shown in the image?", "in the image"),
        ("What does this diagram show?", "does this diagram"),
        ("Which bolt is labelled above?", "labelled above"),
        ("According to the document, what is the gap?", "According to the document"),
        ("In the exploded view drawing, what is 3?", "In the exploded view drawing"),
        ("What are the parts depicted\nhere?", "depicted here"),
        ("What is on these pages?", "on these pages"),
        ("What torque is required for bolt E?", None),
        ("On which page is the clutch described?", None),
        ("Which section describes the brakes?", None),
        ("What is in the engine?", None),
    ],
)
def test_self_reference(question, expected):
    assert self_reference(question) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [("How is this bolt tightened?", "this"), ("Thistle?", None), ("Which of These?", "These"), ("The bolt?", None)],
)
def test_vague_reference(question, expected):
    assert vague_reference(question) == expected


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("What is the 25% limited slip diff?", "… is 25% Limited Slip Diff .", True),
        ("What is the torque of the bolts?", "It is the torque of the bolt.", True),
        ("What is the torque?", "60 Nm", False),
        ("Is bolt A or bolt B longer?", "Bolt B", False),
        ("Is it removed?", "Yes.", False),
        ("What is it?", "…", False),
    ],
)
def test_circular(question, answer, expected):
    assert circular(question, answer) == expected


@pytest.mark.parametrize(
    ("answer", "text", "expected"),
    [
        ("60 Nm", "bolt: 60 Nm", []),
        ("1,50 mm", "1.5 mm", []),
        ("0.8", "gap ,8 mm 00,8", []),
        ("M10 x 1.25", "M10x1,25", []),
        ("47-51 Nm", "47 … 51 Nm", []),
        ("100", "1000", ["100"]),
        ("40 + 5 Nm, 5", "45", ["40", "5"]),
        ("none", "", []),
        ("10", "10.0", []),
        ("1000 rpm", "1,000 rpm", []),
        ("1,000 rpm", "1000 rpm", []),
        ("12500 km", "12.500 km", []),
        ("12 500 km", "12,500 km", []),
        ("12500 km", "12 500 km", []),
        ("12,500 km", "12500.5", ["12,500"]),
        ("tool 21 2 100", "21 2 100", []),
        ("1 000 of 2 000", "1000", ["2", "000"]),
    ],
)
def test_missing_numbers(answer, text, expected):
    assert missing_numbers(answer, text) == expected


def test_content_words_are_without_plurals_and_the_commonest():
    assert content_words("The bolts of the clutch-disc: glass, Ω 6") == {"bolt", "clutch-disc", "glass", "ω", "6"}


def kinds(*pairs: tuple[str, str, str]) -> list[list[str]]:
    """The kinds of finding of each (page, question, answer)."""
    questions = [Question(str(at), *pair) for at, pair in enumerate(pairs)]
    findings = find_faults(questions)
    return [[finding.kind for finding in findings if finding.id == item.id] for item in questions]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("What is the torque of the clutch bolts?", "60 Nm"), ("What's the torque for a clutch bolt?", "60"), False),
        (("What is the torque of the clutch bolts?", "60 Nm"), ("What is the torque for a clutch bolt?", "60"), True),
        (("Which tool removes the seal?", "21 2 100"), ("Which tool removed the seals?", "21 2 100"), True),
        (("Which tool removes the seal?", "21 2 100"), ("Which tool removed the seals?", "21 2 200"), False),
        (("What torque is required for bolt E?", "60 Nm"), ("What torque is required for bolt F?", "60 Nm"), False),
        (("What thread has bolt 3?", "M8"), ("What thread has bolt 13?", "M8"), False),
        (("How are the front brakes bled?", "x"), ("How are the rear brakes bled?", "y"), False),
        (("How tight is the upper hose clamp?", "6 Nm"), ("How tight is the lower hose clamp?", "6 Nm"), False),
    ],
)
def test_near_duplicates_of_a_page(one, other, expected):
    assert kinds(("p", *one), ("p", *other)) == [[], ["near_duplicate"] if expected else []]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The lever lifts its bolt upwards.", []),
        ("The lever turns its bolt.", ["1 of 3 words on the page"]),
        ("Nobody turns its bolt.", ["0 of 3 words on the page"]),
        ("The lever turns 7 seals.", ["7 not on the page"]),
    ],
)
def test_half_of_an_answers_words_stand_on_its_page(answer, expected):
    found = find_faults([Question("1", "p", "What does it do?", answer, "A lever lifts the seal")])
    assert [finding.detail for finding in found] == expected


def test_repeats_on_other_pages():
    found = kinds(("p", "Which oil?", "10W-40"), ("q", "which  oil?", "10w-40"), ("q", "Which oil?", "5W-30"))
    assert found == [[], ["repeated_elsewhere"], ["near_duplicate"]]


def test_a_dropped_question_takes_no_duplicate_with_it():
    questions = [
        Question("1", "p", "Which bolt is shown in the image?", "M8"),
        Question("2", "p", "Which bolt is shown in an image?", "M8"),
        Question("3", "p", "Which bolt?", "M8", "M8 and M10", "icon.png has 16 x 16 pixels"),
    ]
    found = [(finding.id, finding.kind) for finding in find_faults(questions)]
    assert found == [
        *(("1", "self_referential"), ("2", "self_referential"), ("2", "near_duplicate"), ("3", "tiny_picture")),
    ]
    dropped = find_faults(questions, {"self_referential"})
    assert [(finding.id, finding.kind) for finding in dropped] == [
        *(("1", "self_referential"), ("2", "self_referential"), ("3", "tiny_picture")),
    ]
    tally = counts(dropped, questions)
    assert (tally["questions"], tally["with_page_text"], tally["faultless"], tally["self_referential"]) == (3, 1, 0, 2)
    assert quality_record(dropped, questions)["kinds"].keys() == KINDS.keys()
