import io
import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from annotated import NAMES, convert, reading, region, roboflow, write
from ontune.dataset_info import load_entries
from ontune.errors import SourceError
from ontune.sharegpt import read_samples
from ontune.task import load_task
from ontune_converters.annotations import read_annotations
from ontune_converters.condition_prompts import VARIANTS, Asking, Scene, prompt
from ontune_converters.conditions import choice_of, crop, framed, oversample
from ontune_converters.coordinates import CONVENTIONS, Coordinates
from ontune_converters.regions import stem

# A slope drain in the middle, a blocked toe drain below it, and one beside that overlaps it.
LINES = "5 0.5 0.3 0.2 0.4\n1 0.5 0.8 0.2 0.2\n8 0.55 0.75 0.2 0.2\n"


@pytest.fixture
def source(tmp_path):
    lines = {"train/a_jpg.rf.00ff": LINES, "train/a_jpg.rf.11ee": "3 0.2 0.2 0.1 0.1", "valid/b": LINES}
    return roboflow(tmp_path / "source", lines)


def test_every_object_becomes_a_sample(source):
    made = convert("yolo_conditions", source)
    assert made.gold() == ["slope drain", "Toe drain- Blocked", "vegetation", "rock toe"]
    row = made.rows()[1]
    assert row["conversations"] == [
        {
            "from": "human",
            "value": "<image>What is the marked object, and in which condition is it?\n"
            "The object is the one at <|box_start|>(400,700),(600,900)<|box_end|>.",
        },
        {"from": "gpt", "value": '{"condition":"Toe drain- Blocked"}'},
    ]
    assert row["meta"] == {
        "box": "0.400000 0.700000 0.600000 0.900000",
        "class": "Toe drain- Blocked",
        "condition": "blocked",
        "group": "a_jpg",
        "object": "toe drain",
        "objects": 3,
        "picture": "train/images/a_jpg.rf.00ff.png",
        "shape": "box",
        "source": "train/labels/a_jpg.rf.00ff.txt:2",
        "split": "train",
    }
    assert len({row["images"][0] for row in made.rows()}) == 2  # a picture is written once, whatever its objects
    assert {row["meta"]["group"] for row in made.rows()} == {"a_jpg"}
    [entry] = [one for name, one in load_entries(source.parent / "info").items() if name == "set_val"]
    assert (entry.task, entry.ontology) == ("conditions", None)
    for split in ("train", "val"):
        samples = read_samples(made.folder / f"{split}.jsonl")
        assert all((made.folder.parent / path).is_file() for sample in samples for path in sample.images)
        task = load_task("conditions")
        assert all(task.refusals(json.loads(sample.gold)) == [] for sample in samples)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train/DJI_0004_W_JPG.rf.6d0d19228324e0d6295ef3e3c6e14fef.jpg", "DJI_0004_W_JPG"),
        ("a_jpg.rf.00ff.jpg", "a_jpg"),
        ("some.rf/a.png", "a"),
        ("a.b.png", "a.b"),
    ],
)
def test_copies_of_a_picture_share_a_group(name, expected):
    assert stem(name) == expected


def test_copies_on_several_sides_are_told(tmp_path):
    source = roboflow(tmp_path / "source", {"train/a_jpg.rf.00ff": LINES, "valid/a_jpg.rf.11ee": LINES})
    made = convert("yolo_conditions", source)
    assert made.account["places"]["picture_on_several_sides"] == ["a_jpg: in train, val"]


WAYS = [
    ("--box", "text"),
    ("--box", "drawn"),
    ("--box", "both", "--crop"),
    ("--coordinates", "qwen2.5-vl"),
    ("--coordinates", "qwen3-vl", "--name-others"),
]


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("variant", VARIANTS)
def test_no_prompt_depends_on_the_class(tmp_path, variant, way):
    """The whole prompt, system text and pictures included, is the same whichever class the object is given."""
    for number in range(3):  # the object whose class changes
        found = set()
        for class_id in range(9):
            lines = LINES.splitlines()
            lines[number] = f"{class_id} {lines[number].split(' ', 1)[1]}"
            root = tmp_path / f"{variant}{number}{class_id}"
            made = convert(
                "yolo_conditions", roboflow(root / "source", {"train/a": "\n".join(lines)}), "--prompt", variant, *way
            )
            row = made.rows()[number]
            pictures = tuple((made.folder.parent / path).read_bytes() for path in row["images"])
            found.add((row["conversations"][0]["value"], row["system"], tuple(row["images"]), row["id"], pictures))
            assert row["conversations"][1]["value"] == json.dumps({"condition": NAMES[class_id]}, separators=(",", ":"))
        assert len(found) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_prompt_contains_a_class_or_what_a_class_stands_for(source, variant):
    """The classes stand in the system text alone, all of them and the same for every sample."""
    made = convert("yolo_conditions", source, "--prompt", variant, "--crop", "--box", "both")
    words = {word for name in NAMES for word in re.findall(r"\w+", name.lower())} | {"normal"}
    for text in made.human():
        assert not words & set(re.findall(r"\w+", text.lower()))
    [system] = {row["system"] for row in made.rows() + made.rows("val")}
    assert all(name in system for name in NAMES)


def test_the_given_data_gives_nothing_away(shared_data, tmp_path):
    for variant in VARIANTS:
        (tmp_path / variant).mkdir()
        link = tmp_path / variant / "source"
        link.symlink_to(shared_data / "yolo" / "synth9_mixed")
        made = convert("yolo_conditions", link, "--prompt", variant)
        assert made.account["splits"] == {"test": 25, "train": 105, "val": 25}
        for split in made.account["splits"]:
            for text, gold in zip(made.human(split), made.gold(split), strict=True):
                assert gold.lower() not in text.lower()


def test_variants_say_where_the_object_lies():
    scene = Scene((0.4, 0.7, 0.6, 0.9), (((0.4, 0.1, 0.6, 0.5), ""), ((0.45, 0.65, 0.65, 0.85), "")), (200, 100))
    texts = {variant: prompt(scene, "What?", Asking(variant)).split("\n")[2:] for variant in VARIANTS}
    box = "<|box_start|>({}),({})<|box_end|>"
    assert texts == {
        "basic": [],
        "spatial": ["2 other objects were found. The object lies across another object (1), below another object (1)."],
        "position": [
            "Its centre lies 50% of the width from the left and 80% of the height from the top, in the lower part. It "
            "is 20% of the picture wide and 20% high, 4.0% of its area."
        ],
        "context": [
            "2 other objects were found:",
            f"- object at {box.format('400,100', '600,500')}: the object lies below it",
            f"- object at {box.format('450,650', '650,850')}: the object overlaps it",
        ],
    }


def test_alone_in_its_picture():
    scene = Scene((0.4, 0.7, 0.6, 0.9), (), (200, 100))
    assert prompt(scene, "What?", Asking("context")).endswith("No other object was found.")
    assert "none of them" in prompt(scene, "What?", Asking("spatial"))


def test_other_objects_are_named_on_purpose_alone(source):
    made = convert("yolo_conditions", source, "--prompt", "context", "--name-others")
    assert "- toe drain at" in made.human()[0]  # the object, never its condition
    assert "- slope drain at" not in made.human()[0]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_boxes_are_written_as_the_model_does(source, convention):
    made = convert("yolo_conditions", source, "--coordinates", convention)
    expected = Coordinates(convention).text((0.4, 0.1, 0.6, 0.5), (200, 100))
    assert made.human()[0].endswith(f"The object is the one at {expected}.")


def test_frames_and_crops(source):
    made = convert("yolo_conditions", source, "--box", "drawn", "--crop")
    row = made.rows()[0]
    assert row["conversations"][0]["value"].startswith("<image><image>What")
    assert "box_start" not in row["conversations"][0]["value"]
    whole, part = (Image.open(made.folder.parent / path) for path in row["images"])
    assert whole.size == (200, 100)
    red = [(x, y) for x in range(200) for y in range(100) if whole.getpixel((x, y)) == (255, 0, 0)]
    # The box is (80, 10, 120, 50): its frame lies around it and hides nothing of it.
    assert (min(red), max(red)) == ((78, 8), (121, 51))
    assert not any(80 <= x < 120 and 10 <= y < 50 for x, y in red)
    assert part.size == (48, 48)  # 40 x 40 pixels and a tenth on each side
    whole.close(), part.close()


@given(
    st.tuples(*[st.integers(0, 99)] * 4), st.sampled_from([(1, 1), (5, 90), (200, 100)]), st.sampled_from([0.0, 0.5, 1])
)
def test_any_box_can_be_drawn_and_cut_out(numbers, size, margin):
    box = (numbers[0] / 100, numbers[1] / 100, (max(numbers[0], numbers[2]) + 1) / 100, (max(numbers[1::2]) + 1) / 100)
    image = Image.new("RGB", size)
    assert framed(image, {"red": box}).size == size
    found = crop(image, box, margin)
    assert found.width >= 1
    assert found.height >= 1


def test_classes_that_the_task_does_not_have(source, tmp_path):
    write(source, {"data.yaml": (source / "data.yaml").read_text().replace("'slope drain'", "'Slope drain'")})
    with pytest.raises(SourceError) as caught:
        convert("yolo_conditions", source, "--leave-out", "no such")
    text = "\n".join(caught.value.faults)
    assert "class 'Slope drain' (2 objects, first at train/labels/a_jpg.rf.00ff.txt:1) is no option of task" in text
    assert "--leave-out 'no such': no object has this class" in text
    made = convert("yolo_conditions", source, "--leave-out", "Slope drain")
    assert made.account["dropped"] == {"left_out": 2}
    assert made.rows()[0]["meta"]["objects"] == 2


def test_a_task_of_ones_own(source, tmp_path):
    classes = {name: None if at else {"object": "drain"} for at, name in enumerate(NAMES)}
    record = {
        "name": "mine",
        "ontology": "none",
        "user": "Well?",
        "fields": [{"name": "in", "kind": "group", "fields": [{"name": "kind", "kind": "choice", "options": classes}]}],
    }
    write(tmp_path, {"mine.yaml": yaml.safe_dump(record, sort_keys=False)})
    made = convert("yolo_conditions", source, "--task", tmp_path / "mine.yaml")
    row = made.rows()[0]
    assert row["conversations"][1]["value"] == '{"in":{"kind":"slope drain"}}'
    assert "object" not in row["meta"]
    record["fields"] *= 2
    record["fields"][1] = {"name": "x", "kind": "choice", "options": ["a"]}
    write(tmp_path, {"two.yaml": yaml.safe_dump(record | {"name": "two"})})
    with pytest.raises(SourceError, match="task two has 2 fields of kind choice: expected one"):
        convert("yolo_conditions", source, "--task", tmp_path / "two.yaml", out="other")


def test_oversampled_training_split(source):
    plain = convert("yolo_conditions", source)
    made = convert("yolo_conditions", source, "--oversample", "--weights-from", "train", out="more")
    # In train each class stands once: no class weight is above 1, but normal stands three times, blocked once.
    assert made.account["copies"] == 2
    assert made.account["splits"] == {"train": 6, "val": 3}
    assert made.gold("val") == plain.gold("val")
    assert made.gold().count("Toe drain- Blocked") == 3
    assert len({row["id"] for row in made.rows()}) == 6


def test_oversampling_takes_the_counts_it_is_given(source):
    samples = read_samples(convert("yolo_conditions", source).folder / "train.jsonl")
    found = oversample(samples, {"slope drain": 1, "vegetation": 5}, {})
    assert [sample.id.rsplit("-", 1)[-1] for sample in found if "slope" in sample.gold] == [
        "01", "copy02", "copy03", "copy04", "copy05",
    ]  # fmt: skip


def test_patterns_join_the_system_text(source, tmp_path):
    write(tmp_path, {"analysis.json": {"patterns": [{"text": "In 80% of 12 pairs, …"}]}, "none.json": {"patterns": []}})
    made = convert("yolo_conditions", source, "--patterns", tmp_path / "analysis.json")
    assert made.rows()[0]["system"].endswith("\nUsual in these pictures: In 80% of 12 pairs, …")
    plain = convert("yolo_conditions", source, "--patterns", tmp_path / "none.json", out="plain")
    assert plain.rows()[0]["system"] == load_task("conditions").system
    write(tmp_path, {"bad.json": []})
    with pytest.raises(SourceError, match=r"expected analysis\.json"):
        convert("yolo_conditions", source, "--patterns", tmp_path / "bad.json", out="bad")


def test_the_same_input_gives_the_same_bytes(source):
    first = convert("yolo_conditions", source, "--box", "drawn", "--crop").files()
    assert convert("yolo_conditions", source, "--box", "drawn", "--crop").files() == first


def test_the_source_stays_untouched(source):
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    convert("yolo_conditions", source, "--crop")
    assert {path: path.read_bytes() for path in source.rglob("*") if path.is_file()} == before


def test_regions_are_checked_when_made():
    assert region("a", 0.1, 0.2, 0.3, 0.6).center == pytest.approx((0.2, 0.4))
    assert region("a", 0.1, 0.2, 0.3, 0.6).area == pytest.approx(0.08)
    for box in ((0.1, 0.2, 0.1, 0.6), (0.1, 0.2, 0.3, 1.6), (float("nan"), 0, 1, 1)):
        with pytest.raises(Exception, match="expected"):
            region("a", *box)


def test_turned_and_transparent_pictures(tmp_path):
    source = roboflow(tmp_path / "source", {"train/a": LINES})
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (100, 200)).save(buffer, "PNG", exif=exif)
    write(source, {"train/images/a.png": buffer.getvalue()})
    [picture] = read_annotations(source, reading())
    assert picture.size == (200, 100)  # as a person sees it
    made = convert("yolo_conditions", source, "--coordinates", "qwen2.5-vl")
    assert '"bbox_2d": [78, 11, 118, 56]' in made.human()[0]  # of 196 x 112
    assert choice_of(load_task("conditions"))[0] == ("condition",)
