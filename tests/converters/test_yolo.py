import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from annotated import NAMES, YAML, convert, reading, roboflow, write
from ontune.errors import CheckFailed, SourceError
from ontune_converters.annotations import read_annotations
from ontune_converters.regions import BadRegion
from ontune_converters.yolo import parse_data_yaml, parse_line

CLASSES = dict(enumerate(NAMES))
TRIANGLE = "3 0.1 0.1 0.5 0.1 0.5 0.9 0.1 0.1"  # closed, as Roboflow writes polygons


@pytest.mark.parametrize(
    ("line", "options", "expected"),
    [
        ("0 0.5 0.5 0.2 0.4", {}, ("box", (0.4, 0.3, 0.6, 0.7))),
        ("0 0.5 0.5 1 1", {}, ("box", (0, 0, 1, 1))),
        ("0.0\t0.5 0.5  0.2 0.4 ", {}, ("box", (0.4, 0.3, 0.6, 0.7))),
        (TRIANGLE, {}, ("polygon", (0.1, 0.1, 0.5, 0.9))),
        ("3 0.1 0.1 0.5 0.1 0.5 0.9", {}, ("polygon", (0.1, 0.1, 0.5, 0.9))),
        ("3 0.1 0.1 0.5 0.1 0.5 0.9 0.1 0.9", {}, ("polygon", (0.1, 0.1, 0.5, 0.9))),
        ("3 0.1 0.1 0.5 0.1 0.5 0.9 0.1 0.9", {"oriented": True}, ("oriented", (0.1, 0.1, 0.5, 0.9))),
        (TRIANGLE, {"oriented": True}, ("polygon", (0.1, 0.1, 0.5, 0.9))),
        (TRIANGLE + " 0.1 0.1", {"oriented": True}, ("polygon", (0.1, 0.1, 0.5, 0.9))),
        ("0 0.5 0.5 0.2 0.4 0.87", {"confidences": True}, ("box", (0.4, 0.3, 0.6, 0.7))),
        ("3 -0.005 0 0.5 0 0.5 1.004", {}, ("polygon", (0, 0, 0.5, 1))),  # a slip, moved to the edge
        ("9 0.5 0.5 0.2 0.4", {}, "unknown_class: class 9, but 9 classes (0..8) are named"),
        ("-1 0.5 0.5 0.2 0.4", {}, "unknown_class: class -1"),
        ("1.5 0.5 0.5 0.2 0.4", {}, "unknown_class: class 1.5"),
        ("0 1.5 0.5 0.2 0.4", {}, "out_of_range: box 1.5 0.5"),
        ("0 320 240 100 50", {}, "out_of_range: box 320"),
        ("3 0.1 0.1 1.5 0.1 0.5 0.9", {}, "out_of_range: coordinate 1.5"),
        ("3 0.1 0.1 nan 0.1 0.5 0.9", {}, "not_a_number: coordinate nan"),
        ("0 nan 0.5 0.2 0.4", {}, "out_of_range: box nan"),
        ("0 0.5 0.5 0 0.4", {}, "no_area: box (0.5, 0.3, 0.5, 0.7)"),
        ("3 0.1 0.1 0.1 0.1 0.1 0.1", {}, "no_area: outline of 1 different points"),
        ("3 0.1 0.1 0.3 0.1 0.5 0.1", {}, "no_area: box"),
        ("0 0.5 0.5 0.2", {}, "malformed: 3 coordinates: expected 4 (box) or an even number from 6"),
        ("0 0.5 0.5 0.2 0.4 0.87", {}, "malformed: 5 coordinates"),
        ("0", {}, "malformed: 0 coordinates"),
        ("Toe drain 0.5 0.5 0.2 0.4", {}, "malformed: 'Toe drain 0.5 0.5 0.2 0.4': expected numbers alone"),
        ("inf 0.5 0.5 0.2 0.4", {}, "malformed"),
    ],
)
def test_a_line(line, options, expected):
    if isinstance(expected, str):
        with pytest.raises(BadRegion, match=re.escape(expected)):
            parse_line(line, "a.txt:1", CLASSES, reading(), **options)
        return
    found = parse_line(line, "a.txt:1", CLASSES, reading(), **options)
    assert (found.shape, found.box) == (expected[0], pytest.approx(expected[1]))
    assert found.label == NAMES[int(line[0])]
    assert found.confidence == (0.87 if "confidences" in options else None)
    assert not found.points or found.points[0] != found.points[-1]


def test_points_moved_to_the_edge_are_told():
    account = reading()
    parse_line("3 -0.005 0 0.5 0 0.5 1", "a.txt:4", CLASSES, account)
    parse_line("0 0.05 0.5 0.1 0.4", "a.txt:5", CLASSES, account)  # touches the edge, rounding aside
    assert account.warnings == {"moved_to_edge": ["a.txt:4: by 0.0050 of the picture"]}


edge = st.integers(0, 1000)


@given(edge, edge, edge, edge)
def test_a_printed_box_is_read_again(a, b, c, d):
    left, right, upper, lower = min(a, b) / 1000, (max(a, b) + 1) / 1001, min(c, d) / 1000, (max(c, d) + 1) / 1001
    if not (left < right and upper < lower):
        return
    line = f"4 {(left + right) / 2} {(upper + lower) / 2} {right - left} {lower - upper}"
    assert parse_line(line, "a", CLASSES, reading()).box == pytest.approx((left, upper, right, lower), abs=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("names: [a, 'B- c']\ntrain: x", {0: "a", 1: "B- c"}),
        ("names: {0: a, 1: 'B- c'}\ntrain: x", {0: "a", 1: "B- c"}),
        ("names: {1: a, 7: b}\ntrain: x", {1: "a", 7: "b"}),
        ("names: {'0': a}\nnc: 1\ntrain: x", {0: "a"}),
        ("names: [a]\nnc: 2", ["nc is 2, but names has 1 classes"]),
        ("names: [a, yes]", ["names has 1: True: expected a number and a quoted name"]),
        ("names: {a: b}\ntrain: [1]", ["names has 'a': 'b'", "train is [1]: expected a path"]),
        ("train: x", ["names is None: expected a list of class names, or a mapping"]),
        ("names: [a]\ntrain: x\nkpt_shape: [17, 3]", ["kpt_shape is [17, 3]: key points are not read"]),
        ("- a", ["expected a mapping with names"]),
        ("a: [", ["not YAML"]),
    ],
)
def test_data_yaml(text, expected):
    if isinstance(expected, dict):
        assert parse_data_yaml(text, "data.yaml").names == expected
        return
    with pytest.raises(SourceError) as caught:
        parse_data_yaml(text, "data.yaml")
    assert len(caught.value.faults) == len(expected)
    for fault, part in zip(caught.value.faults, expected, strict=True):
        assert fault.startswith("data.yaml: ")
        assert part in fault


BOX = "0 0.5 0.5 0.2 0.4"
PAIR = "names: {0: Toe drain, 1: rock toe}\n"
LAYOUTS = {
    "Roboflow": {"data.yaml": YAML, "train/images/a.png": (9, 9), "train/labels/a.txt": BOX},
    "folders beside": {
        "set/data.yaml": YAML,
        "train/images/a.png": (9, 9),
        "train/labels/a.txt": BOX,
    },
    "Ultralytics": {
        "coco8.yaml": f"path: datasets/coco8\ntrain: images/train\nval: images/val\n{PAIR}",
        "images/train/a.png": (9, 9),
        "labels/train/a.txt": BOX,
    },
    "Ultralytics with path": {
        "set.yaml": f"path: coco8\ntrain: images/train\n{PAIR}",
        "coco8/images/train/a.png": (9, 9),
        "coco8/labels/train/a.txt": BOX,
    },
    "several folders": {
        "data.yaml": f"train: [one/images, two/images]\n{PAIR}",
        "one/images/a.png": (9, 9),
        "one/labels/a.txt": BOX,
        "two/images/b.png": (9, 9),
    },
    "CVAT": {
        "data.yaml": f"path: ./\ntrain: train.txt\n{PAIR}",
        "train.txt": "data/images/train/a.png\n",
        "images/train/a.png": (9, 9),
        "labels/train/a.txt": BOX,
    },
    "Label Studio": {"classes.txt": "Toe drain\nrock toe\n", "images/a.png": (9, 9), "labels/a.txt": BOX},
    "labels beside pictures": {
        "data.yaml": f"train: train\n{PAIR}",
        "train/a.png": (9, 9),
        "train/a.txt": BOX,
    },
    "a folder above is called images": {
        "images/data.yaml": f"train: train\n{PAIR}",
        "images/train/a.png": (9, 9),
        "images/train/a.txt": BOX,
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path, layout):
    root = write(tmp_path / "source", LAYOUTS[layout])
    top = {"folders beside": root / "set", "a folder above is called images": root / "images"}.get(layout, root)
    account = reading()
    pictures = read_annotations(top, account)
    [found] = [region for picture in pictures for region in picture.regions]
    assert (found.label, found.box, account.read) == ("Toe drain", pytest.approx((0.4, 0.3, 0.6, 0.7)), 1)
    assert found.where.endswith("a.txt:1")
    assert {picture.split for picture in pictures} == {"train"}
    assert all(picture.path for picture in pictures)


def test_splits_that_are_listed_but_missing_are_told_and_none_at_all_is_an_error(tmp_path):
    source = roboflow(tmp_path / "source", {"train/a": BOX, "valid/b": BOX})
    made = convert("yolo_conditions", source)
    assert made.account["splits"] == {"train": 1, "val": 1}
    assert made.account["places"]["missing_split"] == ["test: ../test/images is named, but is not there"]
    write(tmp_path / "empty", {"data.yaml": YAML})
    with pytest.raises(SourceError, match="none of the splits is there"):
        convert("yolo_conditions", tmp_path / "empty")


def test_files_that_are_no_text_are_named(tmp_path):
    source = roboflow(tmp_path / "source", {"train/a": b"0 0.5 0.5 \xff"})
    with pytest.raises(SourceError, match=r"train/labels/a\.txt: not UTF-8"):
        convert("yolo_conditions", source)
    write(source, {"data.yaml": YAML.replace("../train/images", "train.txt"), "train.txt": b"\xff\xfe"})
    with pytest.raises(SourceError, match=r"train\.txt: not UTF-8"):
        convert("yolo_conditions", source)


def test_every_bad_line_is_named_with_its_place(tmp_path):
    lines = [BOX, TRIANGLE, "", BOX, "9 0.5 0.5 0.2 0.4", "0 1.5 0.5 0.2 0.4", "0 0.5", "4 0.5 0.5 0.2 0.4"]
    text = b"\xef\xbb\xbf" + "\r\n".join(lines).encode()  # a byte-order mark, and no newline at the end
    source = roboflow(tmp_path / "source", {"train/a": text, "train/empty": "", "train/blank": "\n\n"})
    write(source, {"train/labels/lost.txt": BOX, "train/images/bare.png": (9, 9), "train/images/broken.png": "no"})
    write(source, {"train/labels/broken.txt": f"{BOX}\n{TRIANGLE}"})
    made = convert("yolo_conditions", source)
    assert made.account["places"] == {
        "duplicate": ["train/labels/a.txt:4: the object of train/labels/a.txt:1"],
        "malformed": ["train/labels/a.txt:7: 1 coordinates: expected 4 (box) or an even number from 6 (polygon)"],
        "missing": ["train/labels/lost.txt:1: no picture for train/labels/lost.txt"],
        "missing_split": made.account["places"]["missing_split"],
        "no_label_file": ["train/images/bare.png: taken as a picture without objects"],
        "out_of_range": ["train/labels/a.txt:6: box 1.5 0.5 0.2 0.4: expected 0..1 of the picture"],
        "same_box": [
            "train/labels/a.txt:8: rock toe damaged, but train/labels/a.txt:1 has the same box: Toe drain",
        ],
        "unknown_class": ["train/labels/a.txt:5: class 9, but 9 classes (0..8) are named"],
        "unreadable": made.account["places"]["unreadable"],
    }
    assert len(made.account["places"]["unreadable"]) == 2
    assert (made.account["read"], made.account["written"], made.account["without_objects"]) == (10, 3, 3)
    assert [row["meta"]["shape"] for row in made.rows()] == ["box", "polygon", "box"]
    assert [row["meta"]["source"] for row in made.rows()] == [f"train/labels/a.txt:{at}" for at in (1, 2, 8)]
    with pytest.raises(CheckFailed, match=r"unknown_class: train/labels/a\.txt:5"):
        convert("yolo_conditions", source, "--strict", out="strict")


@given(st.lists(st.sampled_from([BOX, TRIANGLE, "9 1 1 1 1", "x", "", "0 2 2 2 2", "5 0.2 0.2 0.1 0.1"]), max_size=9))
def test_nothing_gets_lost(tmp_path_factory, lines):
    source = roboflow(tmp_path_factory.mktemp("lines") / "source", {"train/a": "\n".join(lines), "train/b": BOX})
    made = convert("yolo_conditions", source)  # checks read = written + dropped
    assert made.account["read"] == sum(line != "" for line in lines) + 1


# The given data.


def counted(folder):
    return sum(len(path.read_text().splitlines()) for path in folder.rglob("labels/*.txt"))


@pytest.mark.parametrize(
    ("name", "splits", "empty"),
    [
        ("real4_polygon", {"train": 231, "val": 82}, 3),
        ("synth9_mixed", {"train": 105, "val": 25, "test": 25}, 2),
    ],
)
def test_given_data_is_read_whole(shared_data, name, splits, empty):
    account = reading()
    pictures = read_annotations(shared_data / "yolo" / name, account)
    found = dict.fromkeys(splits, 0)
    for picture in pictures:
        found[picture.split] += len(picture.regions)
    assert found == splits
    assert account.read == counted(shared_data / "yolo" / name) == sum(splits.values())
    assert account.dropped == {}
    assert sum(not picture.regions for picture in pictures) == empty
    assert len(pictures) == len(list((shared_data / "yolo" / name).rglob("*.jpg")))


def test_boxes_are_those_of_another_reader(shared_data):
    supervision = pytest.importorskip("supervision")
    root = shared_data / "yolo" / "synth9_mixed"
    theirs = supervision.DetectionDataset.from_yolo(
        str(root / "train/images"), str(root / "train/labels"), str(root / "data.yaml")
    )
    ours = {picture.path: picture for picture in read_annotations(root, reading()) if picture.split == "train"}
    assert len(theirs) == len(ours)
    for path, _, detections in theirs:
        picture = next(one for one in ours.values() if one.path.name == path.rsplit("/", 1)[-1])
        assert [theirs.classes[at] for at in detections.class_id] == [region.label for region in picture.regions]
        with Image.open(picture.path) as image:
            sides = (*image.size, *image.size)
        for box, found in zip(detections.xyxy, picture.regions, strict=True):
            scaled = [share * side for share, side in zip(found.box, sides, strict=True)]
            assert scaled == pytest.approx(box.tolist(), abs=1.5)  # theirs are rounded to pixels for polygons
