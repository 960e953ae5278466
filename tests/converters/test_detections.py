"""Stage 1: what detectors of all kinds give, matched to what is marked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from annotated import reading, region, write
from onnx_files import NAMES, detector
from ontune.errors import InputError, SourceError
from ontune_converters.detections import Seen, look, record
from ontune_converters.matching import by_name, match
from ontune_converters.onnx_detector import letterbox, load_onnx, read_output, suppress
from ontune_converters.recorded_detections import RecordedDetector, read_names
from ontune_converters.regions import BadRegion, Region
from ontune_converters.ultralytics_detector import UltralyticsDetector

BOX = (0.2, 0.2, 0.6, 0.6)
MATCHES = {
    "nothing found": ([], [region("a", *BOX)], []),
    "nothing marked": ([region("a", *BOX)], [], []),
    "another class is matched too": ([region("a", *BOX)], [region("b", *BOX)], [(0, 0)]),
    "exactly the threshold": ([region("a", 0, 0, 0.5, 1)], [region("a", 0, 0, 1, 1)], [(0, 0)]),
    "just below": ([region("a", 0, 0, 0.49, 1)], [region("a", 0, 0, 1, 1)], []),
    "one object, two detections: the surer has it": (
        [Region("a", BOX, "x", confidence=0.4), Region("a", (0.2, 0.2, 0.6, 0.55), "x", confidence=0.9)],
        [region("a", *BOX)],
        [(1, 0)],
    ),
    "one detection, two objects: the better": (
        [region("a", *BOX)],
        [region("a", 0.2, 0.2, 0.6, 0.5), region("b", *BOX)],
        [(0, 1)],
    ),
    "the second takes what is left": (
        [Region("a", BOX, "x", confidence=0.9), Region("a", BOX, "x", confidence=0.8)],
        [region("a", *BOX), region("a", 0.2, 0.2, 0.6, 0.5)],
        [(0, 0), (1, 1)],
    ),
}


@pytest.mark.parametrize("name", MATCHES)
def test_match(name) -> None:
    found, truth, expected = MATCHES[name]
    assert [(one, other) for one, other, _ in match(found, truth, 0.5)] == expected


edges = st.tuples(*[st.floats(0, 0.45)] * 2, *[st.floats(0.5, 1)] * 2)


@given(st.lists(edges, max_size=6), st.lists(edges, max_size=6), st.floats(0.05, 1))
def test_a_match_is_one_to_one_and_shares_enough(found, truth, threshold) -> None:
    pairs = match([region("a", *box) for box in found], [region("b", *box) for box in truth], threshold)
    for side in (0, 1):
        places = [pair[side] for pair in pairs]
        assert len(set(places)) == len(places)
    assert all(threshold <= iou <= 1 + 1e-9 for *_, iou in pairs)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("a/x.jpg", "a/x.jpg"),
        ("a\\x.jpg", "a/x.jpg"),
        ("b/x.txt", "b/x.jpg"),
        ("c/x.txt", None),
        ("", None),
        ("elsewhere/y.png", "y.png"),
        ("y", "y.png"),
        ("x.jpg", None),  # there are two
        ("z.jpg", None),
        ("labels/d_jpg.rf.0a1b.txt", "d_jpg.rf.0a1b.jpg"),
        ("d_jpg.rf.0a1b", "d_jpg.rf.0a1b.jpg"),
        ("d_jpg.rf", None),
    ],
)
def test_by_name(wanted, expected) -> None:
    assert by_name(["a/x.jpg", "b/x.jpg", "y.png", "d_jpg.rf.0a1b.jpg"])(wanted) == expected


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan"), "0.5"])
def test_a_confidence_is_a_share(confidence) -> None:
    with pytest.raises(BadRegion, match=r"expected a number in 0\.\.1"):
        Region("a", BOX, "x", confidence=confidence)


@pytest.fixture
def pictures(tmp_path) -> list[Seen]:
    """Two pictures of 256 by 128 pixels: a red and a blue square, and nothing."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    image = Image.new("RGB", (256, 128), "white")
    image.save(folder / "empty.png")
    pen = ImageDraw.Draw(image)
    pen.rectangle((64, 0, 127, 63), fill=(255, 0, 0))
    pen.rectangle((192, 64, 255, 127), fill=(0, 0, 255))
    image.save(folder / "two.png")
    return look([folder], tmp_path)


def plain(found: list[tuple[Region, ...]]) -> list[list[tuple]]:
    """Class, edges in thousandths and confidence of each region."""
    return [[(one.label, tuple(round(edge * 1000) for edge in one.box), one.confidence) for one in of] for of in found]


def found_by(one, pictures, account=None) -> list[list[tuple]]:
    return plain([found.regions for found in one.find(pictures, account or reading())])


SQUARES = [[], [("rock toe", (250, 0, 500, 500), 1.0), ("Toe drain", (750, 500, 1000, 1000), 1.0)]]


def test_look_names_every_fault(tmp_path, pictures) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "broken.png").write_bytes(b"no picture")
    wanted = [tmp_path / "pictures", tmp_path / "pictures/two.png", tmp_path / "none", tmp_path / "broken.png"]
    assert [seen.name for seen in look(wanted[:2], tmp_path)] == ["empty.png", "two.png"], (
        "named twice is looked at once"
    )
    write(tmp_path, {"other/two.png": (9, 9)})
    with pytest.raises(SourceError) as caught:
        look([*wanted, tmp_path / "other/two.png"], tmp_path)
    assert len(caught.value.faults) == 3
    assert "has the name 'two.png' of" in str(caught.value)


def test_a_turned_picture_is_looked_at_upright(tmp_path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), "red").save(tmp_path / "turned.jpg", exif=exif)
    (seen,) = look([tmp_path / "turned.jpg"], tmp_path)
    assert seen.size == (20, 40)
    with Image.open(seen.file) as image:
        assert image.size == (20, 40)


@pytest.mark.parametrize("options", [{}, {"done": True}, {"dynamic": True}, {"metadata": {"task": "detect"}}])
def test_onnx(tmp_path, pictures, options) -> None:
    path = detector(tmp_path / "colours.onnx", **options)
    names = NAMES if "metadata" in options else None
    account = reading()
    assert found_by(load_onnx(path, names, 0.25, 0.7), pictures, account) == SQUARES
    assert (account.read, dict(account.dropped)) == (2, {})
    assert found_by(load_onnx(path, names, 1.0, 0.7), pictures) == SQUARES, "as sure as asked for"


BAD_ONNX = {
    "no model": (lambda path: path.write_bytes(b"nothing"), "no ONNX model that can be loaded"),
    "no names": (lambda path: detector(path, metadata={}), "name a file that has them with --names"),
    "another task": (
        lambda path: detector(path, metadata={"names": str(NAMES), "task": "pose"}),
        "expected detect or segment",
    ),
    "no size": (lambda path: detector(path, dynamic=True, metadata={"names": str(NAMES)}), "or imgsz beside it"),
}


@pytest.mark.parametrize("name", BAD_ONNX)
def test_bad_onnx(tmp_path, name) -> None:
    make, expected = BAD_ONNX[name]
    make(tmp_path / "bad.onnx")
    with pytest.raises(SourceError, match=expected):
        load_onnx(tmp_path / "bad.onnx", None, 0.25, 0.7)


def test_other_classes_than_the_models(tmp_path, pictures) -> None:
    one = load_onnx(detector(tmp_path / "a.onnx"), {0: "a", 1: "b"}, 0.25, 0.7)
    with pytest.raises(SourceError, match=r"output is \[1, 7, 16\], of 2 classes: expected \[1, 6, boxes\]"):
        found_by(one, pictures)


@pytest.mark.parametrize(
    ("shape", "classes", "end_to_end", "done"),
    [
        ((1, 6, 20), 2, False, False),
        ((1, 20, 6), 2, False, True),
        ((1, 6, 6), 2, False, False),
        ((1, 6, 6), 2, True, True),
    ],
)
def test_the_form_of_the_output(shape, classes, end_to_end, done) -> None:
    boxes, scores, numbers, is_done = read_output(np.zeros(shape, dtype=np.float32), classes, 0, end_to_end)
    assert is_done == done
    assert boxes.shape == (len(scores), 4) == (len(numbers), 4)


@pytest.mark.parametrize(
    ("size", "inner"), [((100, 50), (64, 32)), ((50, 100), (32, 64)), ((7, 7), (64, 64)), ((640, 9), (64, 1))]
)
def test_letterbox(size, inner) -> None:
    pixels = np.full((size[1], size[0], 3), 255, dtype=np.uint8)
    planes, scale, offset = letterbox(pixels, (64, 64))
    assert planes.shape == (1, 3, 64, 64)
    assert planes.dtype == np.float32
    assert np.allclose(scale, [inner[0] / size[0], inner[1] / size[1]])
    assert (planes[0, 0] == 1).sum() == inner[0] * inner[1]
    left, upper = (int(place) for place in offset)
    assert [left, upper] == [(64 - side) // 2 for side in inner], "in the middle, the odd line behind"
    assert (planes[0, :, upper : upper + inner[1], left : left + inner[0]] == 1).all()
    assert np.isclose(planes.min(), 114 / 255) or inner == (64, 64)


def test_suppression_is_within_a_class() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 9], [20, 20, 30, 30], [0, 0, 10, 5]], dtype=np.float32)
    scores = np.array([0.5, 0.9, 0.8, 0.4, 0.3], dtype=np.float32)
    classes = np.array([0, 0, 1, 0, 0])
    assert suppress(boxes, scores, classes, 0.7).tolist() == [1, 2, 3, 4]
    assert suppress(boxes, scores, classes, 0.5).tolist() == [1, 2, 3]
    assert suppress(boxes[:0], scores[:0], classes[:0], 0.5).tolist() == []


OWN = [
    {
        "image": "some/where/two.png",
        "detections": [
            {"class": "rock toe", "confidence": 0.9, "box": [64, 0, 128, 64]},
            {"class": "Toe drain", "confidence": 0.5, "bbox": [224, 96, 64, 64]},
            {"class": "Toe drain", "confidence": 0.1, "box": [0, 0, 9, 9]},
        ],
    }
]
COCO = {
    "images": [{"id": 7, "file_name": "two.png", "width": 256, "height": 128}],
    "categories": [{"id": 1, "name": "rock toe"}, {"id": 3, "name": "Toe drain"}],
    "annotations": [],
}
RESULTS = [
    {"image_id": 7, "category_id": 3, "bbox": [192, 64, 64, 64], "score": 0.5},
    {"image_id": 7, "category_id": 1, "bbox": [64, 0, 64, 64], "score": 0.9},
    {"image_id": 7, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.1},
]
TEXT = "2 0.875 0.75 0.25 0.5 0.5\n0 0.375 0.25 0.25 0.5 0.9\n0 0.1 0.1 0.1 0.1 0.1"
YAML = "train: images\nnames: [rock toe, slope drain, Toe drain]\n"
RECORDED = {
    "own JSON": ({"r.json": OWN}, "r.json", ""),
    "COCO with scores": ({"r.json": {**COCO, "annotations": [{"id": 1, **one} for one in RESULTS]}}, "r.json", ""),
    "COCO results": ({"r.json": RESULTS, "coco.json": COCO}, "r.json", "coco.json"),
    "YOLO text": ({"labels/two.txt": TEXT, "labels/gone.txt": "", "data.yaml": YAML}, "labels", "data.yaml"),
    "a YOLO export": (
        {"set/labels/two.txt": TEXT, "set/data.yaml": YAML, "set/images/two.png": (256, 128)},
        "set",
        "",
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded(tmp_path, pictures, name) -> None:
    files, place, names = RECORDED[name]
    root = write(tmp_path / "given", files)
    account = reading()
    one = RecordedDetector(root / place, root / names if names else None, 0.25)
    expected = [[], [("rock toe", (250, 0, 500, 500), 0.9), ("Toe drain", (750, 500, 1000, 1000), 0.5)]]
    assert found_by(one, pictures, account) == expected
    assert (account.read, {reason: len(rows) for reason, rows in account.dropped.items()}) == (3, {"low_confidence": 1})
    assert len(account.warnings["nothing_recorded"]) == 1, "the picture without a record is named"


def test_a_picture_is_known_by_its_file_before_its_name(tmp_path) -> None:
    files = {"set/data.yaml": "train: train/images\nval: valid/images\nnames: [a, b]\n"}
    for number, split in enumerate(("train", "valid")):
        files |= {f"set/{split}/images/x.png": (9, 9), f"set/{split}/labels/x.txt": f"{number} 0.5 0.5 0.5 0.5 0.9"}
    root = write(tmp_path, files) / "set"
    for split, label in (("train", "a"), ("valid", "b")):
        found = found_by(RecordedDetector(root, None, 0.25), look([root / split / "images"], tmp_path))
        assert [one[0] for one in found[0]] == [label]


def test_what_is_recorded_is_read_again(tmp_path, pictures) -> None:
    found = [one.regions for one in load_onnx(detector(tmp_path / "a.onnx"), None, 0.25, 0.7).find(pictures, reading())]
    path = tmp_path / "detections.json"
    path.write_text(json.dumps(record(pictures, found)))
    again = [one.regions for one in RecordedDetector(path, None, 0.25).find(pictures, reading())]
    assert [[(one.label, one.box, one.confidence) for one in of] for of in again] == [
        [(one.label, one.box, one.confidence) for one in of] for of in found
    ]


def test_nothing_recorded_is_lost_in_silence(tmp_path, pictures) -> None:
    bad = [
        {"image": "two.png", "detections": [
            {"class": "a", "confidence": 0.9}, "text", {"class": "a", "confidence": "high", "box": [1, 1, 9, 9]},
            {"confidence": 0.9, "box": [1, 1, 9, 9]}, {"class": "a", "confidence": 0.9, "box": [9, 9, 9, 9]},
            {"class": "a", "box": [1, 1, 9, 9]}, {"class": "a", "confidence": 0.9, "box": [-50, 1, 999, 9]},
        ]},
        {"image": "unknown.png", "detections": [{"class": "a", "box": [1, 1, 9, 9]}]},
        {"image": "two.png", "detections": [{"class": "a", "box": [1, 1, 9, 9]}]},
    ]  # fmt: skip
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(bad))
    account = reading()
    found = found_by(RecordedDetector(path, None, 0.25), pictures, account)
    dropped = {reason: len(rows) for reason, rows in account.dropped.items()}
    assert dropped == {
        "not_a_number": 1,
        "unknown_class": 2,
        "bad_confidence": 1,
        "no_area": 1,
        "unknown_picture": 1,
        "picture_twice": 1,
    }
    assert [one[0] for one in found[1]] == ["a", "a"]
    assert found[1][0][1][0::2] == (4, 35), "no confidence counts as sure"
    assert found[1][1][1][0::2] == (0, 1000), "cut off at the picture's edge"
    assert account.read == 9 == sum(dropped.values()) + len(found[1])


@pytest.mark.parametrize(
    ("files", "place", "expected"),
    [
        ({"labels/two.txt": TEXT}, "labels", "name a file with the classes with --names"),
        ({"r.json": RESULTS}, "r.json", "expected --names with the COCO file"),
        ({"r.json": "{"}, "r.json", "not JSON"),
        ({"r.json": [OWN[0] | {"width": "256"}]}, "r.json", r"r.json: two.png: size \('256', 128\): expected pixels"),
        ({"r.json": []}, "r.json", "no annotations that are known"),
    ],
)
def test_bad_recorded(tmp_path, pictures, files, place, expected) -> None:
    with pytest.raises(InputError, match=expected):
        found_by(RecordedDetector(write(tmp_path, files) / place, None, 0.25), pictures)


@pytest.mark.parametrize(("file", "content"), [("d.yaml", YAML), ("c.txt", "rock toe\nslope drain\nToe drain\n")])
def test_names(tmp_path, file, content) -> None:
    assert read_names(write(tmp_path, {file: content}) / file) == NAMES
    assert read_names(write(tmp_path, {"c.json": COCO}) / "c.json") == {1: "rock toe", 3: "Toe drain"}
    with pytest.raises(SourceError, match="expected a COCO file with categories"):
        read_names(write(tmp_path, {"e.json": []}) / "e.json")


def test_a_python_without_ultralytics(tmp_path, pictures) -> None:
    weights = tmp_path / "any.pt"
    weights.write_bytes(b"")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    one = UltralyticsDetector(weights, tmp_path / "bare/bin/python", 0.25, 0.7)
    with pytest.raises(SourceError, match=r"ended with status 1: .*No module named 'ultralytics'"):
        found_by(one, pictures)


MAKE = """
import sys, torch
from ultralytics import YOLO
torch.manual_seed(0)
model = YOLO("yolo11n.yaml")
for branch in model.model.model[-1].cv3:
    torch.nn.init.normal_(branch[-1].weight, 0, 0.5)  # scores that differ: nothing is learnt
    torch.nn.init.zeros_(branch[-1].bias)
model.save(sys.argv[1])
"""


@pytest.fixture
def ultralytics(tmp_path, monkeypatch) -> Path:
    """A Python that has Ultralytics: of ONTUNE_ULTRALYTICS_PYTHON, else this one."""
    python = os.environ.get("ONTUNE_ULTRALYTICS_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import ultralytics"], capture_output=True, check=False).returncode:
        pytest.skip(f"Ultralytics is not installed in {python}: name a Python with ONTUNE_ULTRALYTICS_PYTHON")
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    return Path(python)


def test_real_ultralytics(tmp_path, pictures, ultralytics) -> None:
    weights = tmp_path / "yolo.pt"
    subprocess.run([ultralytics, "-c", MAKE, weights], check=True, capture_output=True)
    account = reading()
    found = list(UltralyticsDetector(weights, ultralytics, 0.25, 0.7).find(pictures, account))
    assert account.read > 0
    assert sum(len(one.regions) for one in found) + sum(map(len, account.dropped.values())) == account.read
    assert all(one.seconds > 0 for one in found)
    assert account.facts["ultralytics"]
    sure = [region.confidence for one in found for region in one.regions]
    assert min(sure) >= 0.25
