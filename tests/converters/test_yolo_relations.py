import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from annotated import convert, region, roboflow, write
from ontune.dataset_info import load_entries
from ontune.errors import CheckFailed, SourceError
from ontune_converters.account import Account
from ontune_converters.regions import AnnotatedPicture
from ontune_converters.relations import holds
from ontune_converters.yolo_relations import balanced, limited, questions

# A slope drain above a toe drain; and the other way round.
DOWN = "5 0.5 0.2 0.2 0.2\n1 0.5 0.8 0.2 0.2"
UP = "7 0.5 0.8 0.2 0.2\n0 0.5 0.2 0.2 0.2"
LEVEL = "5 0.2 0.5 0.2 0.2\n0 0.8 0.52 0.2 0.2"


@pytest.fixture
def source(tmp_path):
    return roboflow(tmp_path / "source", {"train/a": DOWN, "train/b": UP, "train/c": LEVEL, "valid/d": DOWN})


def asked(made, split="train"):
    return dict(zip(made.human(split), made.gold(split), strict=True))


def test_questions_without_marks(source):
    made = convert("yolo_relations", source, "--box", "unique", "--balance", "off", "--relation", "below")
    texts = Counter(zip(made.human(), made.gold(), strict=True))
    one, other = "<image>Is the slope drain below the toe drain?", "<image>Is the toe drain below the slope drain?"
    end = " Answer yes or no."
    assert texts == {(one + end, "no"): 1, (one + end, "yes"): 1, (other + end, "yes"): 1, (other + end, "no"): 1}
    below = next(
        row
        for row in made.rows()
        if row["meta"]["picture"].endswith("a.png") and '"yes"' in row["conversations"][1]["value"]
    )
    # y grows downwards: in a.png the toe drain, whose y is larger, is below.
    assert below["conversations"][0]["value"] == other + end
    assert below["meta"] == {
        "group": "a",
        "picture": "train/images/a.png",
        "reference": "slope drain",
        "relation": "below",
        "source": "train/labels/a.txt:2, train/labels/a.txt:1",
        "split": "train",
        "subject": "toe drain",
    }
    assert made.account["dropped"] == {"within_threshold": 2}
    assert made.account["thresholds"] == {"below": 0.05}
    [entry] = [one for name, one in load_entries(source.parent / "info").items() if name == "set_train"]
    assert entry.task == "relations"


def test_both_orders_and_both_relations_in_frames(source):
    made = convert("yolo_relations", source, "--balance", "answer")
    assert made.account["splits"] == {"train": 8, "val": 4}
    for split in ("train", "val"):
        assert Counter(made.gold(split)) == {"yes": len(made.gold(split)) / 2, "no": len(made.gold(split)) / 2}
    row = made.rows()[0]
    assert "the slope drain in the red frame above the toe drain in the blue frame" in row["conversations"][0]["value"]
    with Image.open(made.folder.parent / row["images"][0]) as image:
        colors = {color for _, color in image.getcolors()}
        reds = [y for y in range(100) for x in range(200) if image.getpixel((x, y)) == (255, 0, 0)]
        blues = [y for y in range(100) for x in range(200) if image.getpixel((x, y)) == (0, 0, 255)]
    assert {(255, 0, 0), (0, 0, 255)} < colors
    assert (max(reds) < min(blues)) == (made.gold()[0] == "yes")


def test_each_question_as_it_is_worded_is_balanced(source):
    made = convert("yolo_relations", source, "--box", "unique")
    for text in set(made.human()):
        golds = [gold for human, gold in zip(made.human(), made.gold(), strict=True) if human == text]
        assert golds.count("yes") == golds.count("no")
    assert made.account["dropped"] == {"balance": 4, "within_threshold": 4}  # the picture of val alone tells nothing


def test_boxes_in_the_text(source):
    made = convert("yolo_relations", source, "--box", "text", "--balance", "off")
    assert any("the slope drain at <|box_start|>(400,100),(600,300)<|box_end|> above" in text for text in made.human())


def test_several_of_a_kind(tmp_path):
    source = roboflow(tmp_path / "source", {"train/a": DOWN + "\n5 0.1 0.2 0.1 0.1\n3 0.9 0.5 0.1 0.1"})
    made = convert("yolo_relations", source, "--box", "unique", "--balance", "off", "--relation", "below")
    assert made.account["read"] == 12
    assert made.account["dropped"] == {"several": 10}
    assert set(asked(made)) == {
        "<image>Is the toe drain below the rock toe? Answer yes or no.",
        "<image>Is the rock toe below the toe drain? Answer yes or no.",
    }
    few = convert("yolo_relations", source, "--balance", "off", "--pairs", "1", "--relation", "below", out="few")
    assert few.account["written"] == 2  # both orders of one pair


@pytest.mark.parametrize(
    ("relation", "lines", "expected"),
    [
        ("left", "5 0.2 0.5 0.1 0.1\n0 0.8 0.5 0.1 0.1", {"Is the slope drain to the left of the toe drain?": "yes"}),
        ("right", "5 0.2 0.5 0.1 0.1\n0 0.8 0.5 0.1 0.1", {"Is the slope drain to the right of the toe drain?": "no"}),
        ("overlaps", "5 0.5 0.5 0.4 0.4\n0 0.6 0.5 0.4 0.4", {"Does the slope drain overlap the toe drain?": "yes"}),
        ("contains", "5 0.5 0.5 0.9 0.9\n0 0.5 0.5 0.1 0.1", {"Does the slope drain contain the toe drain?": "yes"}),
        ("contains", "5 0.2 0.5 0.1 0.1\n0 0.8 0.5 0.1 0.1", {"Does the slope drain contain the toe drain?": "no"}),
    ],
)
def test_every_relation(tmp_path, relation, lines, expected):
    source = roboflow(tmp_path / "source", {"train/a": lines})
    made = convert("yolo_relations", source, "--box", "unique", "--balance", "off", "--relation", relation)
    found = {
        text.removeprefix("<image>").removesuffix(" Answer yes or no."): gold for text, gold in asked(made).items()
    }
    assert expected.items() <= found.items()


number = st.integers(0, 19)


@given(st.lists(st.tuples(st.sampled_from("abc"), number, number), max_size=6), st.integers(0, 5), st.integers(1, 9))
def test_questions_are_accounted_for_and_answered_by_the_boxes(objects, seed, pairs):
    regions = [region(name, x / 20, y / 20, (x + 1) / 20, (y + 1) / 20) for name, x, y in objects]
    picture = AnnotatedPicture("a.png", "train", None, (9, 9), tuple(regions))
    account = Account("test")
    names = [one.label for one in regions]
    found = list(questions(picture, names, ("below", "left"), "drawn", account))
    kept = balanced(limited(found, pairs, seed, account), "question", seed, account)
    assert account.read == 2 * len(objects) * max(len(objects) - 1, 0)
    assert account.read == len(kept) + sum(map(len, account.dropped.values()))
    assert len({tuple(sorted(one.numbers)) for one in kept}) <= pairs
    for one in found:
        assert one.answer == holds(one.relation, *one.boxes)
    counts = Counter((one.kind, one.answer) for one in kept)
    assert all(counts[kind, True] == counts[kind, False] for kind, _ in counts)


def test_objects_that_are_dropped_are_told(source):
    write(source, {"train/labels/a.txt": DOWN + "\n9 0.5 0.5 0.1 0.1", "train/images/b.png": "no picture"})
    made = convert("yolo_relations", source, "--balance", "off", "--leave-out", "slope drain damaged")
    assert made.account["objects"] == {"read": 9, "left_out": 1, "unknown_class": 1, "unreadable": 1}
    assert made.account["warnings"]["object_unknown_class"] == 1
    with pytest.raises(CheckFailed, match="unknown_class"):
        convert("yolo_relations", source, "--strict", out="strict")
    with pytest.raises(SourceError, match="--leave-out 'Vegetation': no object has this class"):
        convert("yolo_relations", source, "--leave-out", "Vegetation")


def test_the_same_seed_gives_the_same_bytes(source):
    first = convert("yolo_relations", source, "--balance", "answer").files()
    assert convert("yolo_relations", source, "--balance", "answer").files() == first


def test_a_task_without_yes_and_no(source):
    with pytest.raises(SourceError, match="expected yes and no"):
        convert("yolo_relations", source, "--task", "conditions")


def test_given_data(shared_data, tmp_path):
    link = tmp_path / "source"
    link.symlink_to(shared_data / "yolo" / "synth9_mixed")
    made = convert("yolo_relations", link)
    assert made.account["objects"] == {"read": 155}
    assert made.account["written"] > 100
    for split in made.account["splits"]:
        assert made.gold(split).count("yes") == made.gold(split).count("no")
        boxes = json.dumps(made.rows(split))
        assert "Is the" in boxes
