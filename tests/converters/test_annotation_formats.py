"""One scene, written in every format, is read as the same objects."""

import json
import subprocess
import sys

import pytest

from annotated import convert, reading, write
from ontune.errors import MissingExtra, SourceError
from ontune_converters.annotations import FORMATS, read_annotations, recognise

SIZE = (200, 100)
BOX, TRIANGLE = ("Toe drain- Blocked", (20, 10, 60, 50)), ("rock toe", ((100, 20), (180, 20), (180, 90)))
(LEFT, UPPER, RIGHT, LOWER), POINTS = BOX[1], TRIANGLE[1]
FLAT = [number for point in POINTS for number in point]
COCO = {
    "images": [{"id": 7, "file_name": "a.png", "width": 200, "height": 100}],
    "categories": [{"id": 3, "name": BOX[0]}, {"id": 1, "name": TRIANGLE[0]}, {"id": 0, "name": "drains"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 3, "bbox": [LEFT, UPPER, RIGHT - LEFT, LOWER - UPPER]},
        {"id": 2, "image_id": 7, "category_id": 1, "bbox": [100, 20, 80, 70], "segmentation": [FLAT]},
    ],
}  # fmt: skip
VOC = f"""<annotation><filename>a.png</filename><size><width>200</width><height>100</height><depth>3</depth></size>
<object><name>{BOX[0]}</name><bndbox><xmin>{LEFT + 1}</xmin><ymin>{UPPER + 1}</ymin><xmax>{RIGHT}</xmax>
<ymax>{LOWER}</ymax></bndbox></object><object><name>{TRIANGLE[0]}</name><bndbox><xmin>101</xmin><ymin>21</ymin>
<xmax>180</xmax><ymax>90</ymax></bndbox><polygon>
{"".join(f"<x{at}>{x + 1}</x{at}><y{at}>{y + 1}</y{at}>" for at, (x, y) in enumerate(POINTS, start=1))}
</polygon></object></annotation>"""
CVAT = f"""<annotations><version>1.1</version><meta/><image id="0" name="a.png" subset="Train" width="200" height="100">
<box label="{BOX[0]}" xtl="{LEFT}" ytl="{UPPER}" xbr="{RIGHT}" ybr="{LOWER}" occluded="0"></box>
<polygon label="{TRIANGLE[0]}" points="{";".join(f"{x},{y}" for x, y in POINTS)}"></polygon></image></annotations>"""
LABELME = {
    "imagePath": "C:\\pictures\\a.png",
    "imageWidth": 200,
    "imageHeight": 100,
    "imageData": None,
    "shapes": [
        {"label": BOX[0], "points": [[RIGHT, LOWER], [LEFT, UPPER]], "group_id": None, "shape_type": "rectangle"},
        {"label": TRIANGLE[0], "points": [list(point) for point in POINTS], "group_id": None, "shape_type": "polygon"},
    ],
}
MEASURES = {"original_width": 200, "original_height": 100, "image_rotation": 0}
RECTANGLE = {"x": 10, "y": 10, "width": 20, "height": 40, "rotation": 0, "rectanglelabels": [BOX[0]]}
OUTLINE = {"points": [[x / 2, y] for x, y in POINTS], "polygonlabels": [TRIANGLE[0]]}
STUDIO = [
    {
        "id": 5,
        "data": {"image": "/data/upload/1/0a1b2c3d-a.png"},
        "annotations": [
            {"was_cancelled": True, "result": []},
            {
                "was_cancelled": False,
                "result": [
                    {"type": "rectanglelabels", "value": RECTANGLE, **MEASURES},
                    {"type": "polygonlabels", "value": OUTLINE, **MEASURES},
                ],
            },
        ],
    }
]
STUDIO_MIN = [
    {"id": 5, "image": "/data/local-files/?d=some/a.png", "label": [RECTANGLE | MEASURES, OUTLINE | MEASURES]},
]
PALIGEMMA = {
    "image": "a.png",
    "prefix": "detect objects",
    "suffix": f"<loc0102><loc0102><loc0512><loc0307> {BOX[0]} ; <loc0205><loc0512><loc0922><loc0922> {TRIANGLE[0]}",
}
QWEN = {
    "image": "a.png",
    "prefix": "detect objects",
    "suffix": json.dumps([{"bbox_2d": BOX[1], "label": BOX[0]}, {"bbox_2d": [100, 20, 180, 90], "label": TRIANGLE[0]}]),
}
YOLO = "1 0.2 0.3 0.2 0.4\n3 " + " ".join(f"{x / 200} {y / 100}" for x, y in POINTS)
FILES = {
    "yolo": {"data.yaml": "names: [a, 'Toe drain- Blocked', b, rock toe]\ntrain: images", "labels/a.txt": YOLO},
    "coco": {"train/_annotations.coco.json": COCO},
    "coco instances": {"annotations/instances_train2017.json": COCO},
    "voc": {"Annotations/a.xml": VOC},
    "cvat": {"annotations.xml": CVAT},
    "label_studio": {"export.json": STUDIO},
    "label_studio min": {"export.json": STUDIO_MIN},
    "labelme": {"a.json": LABELME},
    "roboflow_jsonl": {"train/annotations.jsonl": PALIGEMMA},
    "roboflow_jsonl qwen": {"train/annotations.jsonl": QWEN},
}


@pytest.mark.parametrize("form", FILES)
def test_every_format_tells_the_same_objects(tmp_path, form):
    source = write(tmp_path / "source", {**FILES[form], "images/a.png": SIZE})
    assert recognise(source) == form.split()[0]
    account = reading()
    [picture] = read_annotations(source, account)
    one, other = picture.regions
    near = 0.002 if "PALI" in str(FILES[form]) or form == "roboflow_jsonl" else 1e-6
    assert (one.label, one.box) == (BOX[0], pytest.approx((0.1, 0.1, 0.3, 0.5), abs=near))
    assert (other.label, other.box) == (TRIANGLE[0], pytest.approx((0.5, 0.2, 0.9, 0.9), abs=near))
    assert other.shape == ("box" if "roboflow" in form else "polygon")
    assert (picture.split, picture.name, account.read) == ("train", "images/a.png", 2)
    assert (account.dropped, account.warnings) == ({}, {})
    assert all(region.where.startswith(next(iter(FILES[form]))) or form == "yolo" for region in picture.regions)


def changed(record, *path, value):
    """A copy of a JSON record with one value changed."""
    copy = json.loads(json.dumps(record))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


FIRST = (0, "annotations", 1, "result", 0)
TURNED = {**RECTANGLE, "x": 50, "y": 20, "width": 10, "height": 40, "rotation": 90}


@pytest.mark.parametrize(
    ("file", "content", "reason", "text"),
    [
        ("a.json", changed(COCO, "annotations", 0, "category_id", value=9), "unknown_class", "category 9"),
        ("a.json", changed(COCO, "annotations", 0, "image_id", value=9), "unknown_image", "annotation 1: no image 9"),
        ("a.json", changed(COCO, "annotations", 0, "bbox", value=[1, 2, -3, 4]), "malformed", "Invalid box extent"),
        ("a.json", changed(COCO, "annotations", 0, "bbox", value=None), "no_area", "neither bbox nor a polygon"),
        ("a.json", changed(COCO, "annotations", 0, "bbox", value=[150, 2, 300, 4]), "out_of_range", "coordinate 2.25"),
        ("a.xml", VOC.replace("<xmin>21</xmin>", ""), "malformed", "Missing 'xmin'"),
        ("a.xml", VOC.replace(f"<name>{BOX[0]}</name>", "", 1), "malformed", "name"),
        ("a.xml", CVAT.replace("<box", "<ellipse", 1).replace("</box", "</ellipse"), "other_shape", "ellipse"),
        ("a.xml", CVAT.replace("100,20;", "100;", 1), "malformed", "ValueError"),
        ("a.json", changed(LABELME, "shapes", 0, "shape_type", value="circle"), "other_shape", "circle: expected"),
        ("a.json", changed(LABELME, "shapes", 0, "points", value=[[1, 2]]), "malformed", "expected at least 2"),
        ("a.json", changed(STUDIO, *FIRST, "type", value="x"), "", ""),
        ("a.json", changed(STUDIO, *FIRST, "value", value={"choices": ["x"]}), "other_shape", "labels []"),
        ("a.json", changed(COCO, "annotations", 0, value="x"), "malformed", "item 1 of annotations: 'x'"),
        ("a.json", changed(COCO, "annotations", 0, "image_id", value=[7]), "malformed", "item 1 of annotations"),
        ("a.json", changed(LABELME, "shapes", 0, value="x"), "malformed", "shape 1"),
        ("a.json", changed(STUDIO, *FIRST, value=None), "malformed", "task 5: result 1"),
        ("a.json", changed(STUDIO, 0, "annotations", 0, "result", value=[{}]), "cancelled", "annotation 1: result 1"),
        (
            "a.json",
            changed(STUDIO, 0, "annotations", value=[*STUDIO[0]["annotations"], {"result": [{}]}]),
            "other_annotation",
            "task 5: annotation 3: result 1",
        ),
        ("a.json", changed(STUDIO_MIN, 0, "more", value=[{"brushlabels": ["x"]}]), "other_shape", "brushlabels"),
        ("a.jsonl", changed(PALIGEMMA, "suffix", value="<loc0102> x ; "), "malformed", "four <loc…> tokens"),
        ("a.jsonl", changed(QWEN, "suffix", value="[1"), "malformed", "four <loc…> tokens"),
    ],
)  # fmt: skip
def test_bad_records_are_counted_and_named(tmp_path, file, content, reason, text):
    source = write(tmp_path / "source", {file: content, "images/a.png": SIZE})
    account = reading()
    read_annotations(source, account)
    if not reason:
        assert account.dropped == {}
        return
    assert list(account.dropped) == [reason]
    assert account.dropped[reason][0].startswith(file)
    assert text in account.dropped[reason][0]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"a.xml": "<annotation>"}, "a.xml: not XML"),
        ({"a.xml": "<!DOCTYPE a [<!ENTITY x 'y'>]><annotation>&x;</annotation>"}, "a.xml: "),
        ({"annotations.jsonl": '{"image": "a", "suffix": "", "prefix": ""}\n{'}, "annotations.jsonl:2: not JSON"),
        ({"a.json": {"images": [{}], "annotations": [], "categories": []}}, "a.json: images or categories lack 'id'"),
        ({"a.json": COCO, "b.xml": VOC}, "files of coco and voc: name one with --format"),
        ({"a.json": {}, "b.json": "["}, "no annotations that are known"),
        ({"a.xml": CVAT.replace("<image", "<track/><image")}, "tracks of a video"),
        ({"a.json": COCO, "train/b.json": COCO}, "images/a.png: annotated 2 times, for train: "),
        ({"a.json": "["}, "no annotations that are known; a.json is not JSON"),
        ({"a.json": changed(COCO, "annotations", value=None)}, "a.json: annotations is None: expected a list"),
        (
            {"a.json": changed(COCO, "categories", 1, "id", value=3)},
            "categories: 3 is 'Toe drain- Blocked' and 'rock toe'",
        ),
        (
            {"a.json": changed(COCO, "images", value=[*COCO["images"], {"id": 7, "file_name": "b.png"}])},
            "images: 7 is 'a.png' and 'b.png'",
        ),
        ({"a.json": changed(COCO, "images", 0, "width", value="wide")}, "a.json: a.png: size 'wide' x 100"),
        ({"a.json": changed(LABELME, "imageWidth", value="wide")}, "a.json: a.png: size 'wide' x 100"),
        ({"a.json": changed(LABELME, "shapes", value=None)}, "a.json: shapes is None: expected a list"),
        ({"a.json": changed(STUDIO, *FIRST, "original_width", value="wide")}, "size 'wide' x 100"),
        ({"a.xml": VOC.replace("<width>200", "<width>wide")}, "a.xml: a.png: size 'wide' x '100'"),
        ({"a.xml": CVAT.replace('width="200"', 'width="wide"')}, "a.xml: a.png: size 'wide' x '100'"),
        ({"a.jsonl": json.dumps(QWEN) + '\n{"image": "a.png"}'}, r"a.jsonl:2: expected the keys \['image'"),
        ({"a.jsonl": json.dumps(QWEN).encode() + b"\n\xff"}, "a.jsonl: not UTF-8"),
    ],
)
def test_sources_that_cannot_be_read(tmp_path, content, fault):
    source = write(tmp_path / "source", {**content, "images/a.png": SIZE})
    with pytest.raises(SourceError, match=fault):
        read_annotations(source, reading())


def test_a_line_ends_at_a_line_feed_alone(tmp_path):
    prompt = "x\u2028y\x85z"
    text = "\n".join(json.dumps(row | {"prefix": prompt}, ensure_ascii=False) for row in (QWEN,))
    source = write(tmp_path / "source", {"annotations.jsonl": text, "a.png": SIZE})
    assert len(read_annotations(source, reading())[0].regions) == 2


def test_lines_of_one_picture_are_one(tmp_path):
    parts = PALIGEMMA["suffix"].split(" ; ")
    rows = [PALIGEMMA | {"prefix": f"detect {number}", "suffix": part} for number, part in enumerate(parts)]
    rows.append(PALIGEMMA | {"prefix": "detect all"})
    source = write(tmp_path / "source", {"annotations.jsonl": "\n".join(map(json.dumps, rows)), "a.png": SIZE})
    account = reading()
    [picture] = read_annotations(source, account)
    assert [region.where for region in picture.regions] == [f"annotations.jsonl:{at}: object 1" for at in (1, 2)]
    assert account.dropped == {
        "duplicate": [
            f"annotations.jsonl:3: object {at}: the object of annotations.jsonl:{at}: object 1" for at in (1, 2)
        ]
    }


def test_predictions_are_no_annotations(tmp_path):
    tasks = changed(STUDIO, 0, value={"id": 5, "data": STUDIO[0]["data"], "annotations": [], "predictions": [{}]})
    account = reading()
    read_annotations(write(tmp_path / "source", {"a.json": tasks, "a.png": SIZE}), account)
    assert list(account.warnings) == ["predictions_alone"]


def test_one_format_of_several_is_named(tmp_path):
    source = write(tmp_path / "source", {"a.json": COCO, "b.xml": VOC, "images/a.png": SIZE})
    for form in ("coco", "voc"):
        assert len(read_annotations(source, reading(), form)) == 1
        assert form in FORMATS


def test_turned_boxes(tmp_path):
    studio = changed(STUDIO, *FIRST, "value", value=TURNED)
    rotated = CVAT.replace(f'xtl="{LEFT}"', f'rotation="90" xtl="{LEFT}"')
    # 20 x 40 pixels at (100, 20), turned by 90 degrees about that corner: 40 to the left, 20 down.
    for file, content, expected in (
        ("a.json", studio, (60 / 200, 20 / 100, 100 / 200, 40 / 100)),
        ("a.xml", rotated, (0.1, 0.1, 0.3, 0.5)),  # a square about its centre
    ):
        source = write(tmp_path / file, {file: content, "images/a.png": SIZE})
        [picture] = read_annotations(source, reading())
        assert picture.regions[0].shape == "oriented"
        assert picture.regions[0].box == pytest.approx(expected, abs=1e-6)


def test_masks_sizes_and_groups_are_told(tmp_path):
    rle = changed(COCO, "annotations", 1, "segmentation", value={"counts": [0, 5], "size": [100, 200]})
    other = changed(rle, "images", 0, "width", value=400)
    account = reading()
    [picture] = read_annotations(write(tmp_path / "one", {"a.json": other, "images/a.png": SIZE}), account)
    assert [region.shape for region in picture.regions] == ["box", "box"]
    assert picture.regions[0].box == pytest.approx((0.05, 0.1, 0.15, 0.5))  # of the stated 400 pixels
    assert set(account.warnings) == {"mask_left_out", "other_size"}
    shapes = [shape | {"group_id": 1, "label": BOX[0]} for shape in LABELME["shapes"]]
    grouped = {**LABELME, "shapes": shapes}
    [picture] = read_annotations(write(tmp_path / "two", {"a.json": grouped, "images/a.png": SIZE}), reading())
    assert [region.box for region in picture.regions] == [pytest.approx((0.1, 0.1, 0.9, 0.9))]


def test_splits_are_those_of_folders_and_names(tmp_path):
    files = {f"{name}/_annotations.coco.json": COCO for name in ("train", "valid", "test")}
    pictures = {f"{name}/a.png": SIZE for name in ("train", "valid", "test")}
    found = read_annotations(write(tmp_path / "source", {**files, **pictures}), reading())
    assert [(one.split, one.name) for one in found] == [
        ("test", "test/a.png"),
        ("train", "train/a.png"),
        ("val", "valid/a.png"),
    ]


def test_missing_pictures_and_leading_out_of_the_source(tmp_path):
    write(tmp_path, {"secret.png": SIZE})
    for name in ("gone.png", "../secret.png", "../../secret.png"):
        record = changed(COCO, "images", 0, "file_name", value=name)
        source = write(tmp_path / "source", {"a.json": record, "b.png": SIZE})
        [picture] = read_annotations(source, reading())
        assert picture.path is None
    with pytest.raises(SourceError, match=r"missing: a\.json: annotation 1"):
        convert("yolo_conditions", source)


def test_standard_output_is_the_result_alone(tmp_path):
    source = write(tmp_path / "source", {"a.json": COCO, "images/a.png": SIZE})
    start = [sys.executable, "-m", "ontune_converters", "yolo_conditions", str(source), "--out", "data/x", "--json"]
    run = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout)["written"] == 2


@pytest.mark.parametrize(("package", "form"), [("supervision.dataset.formats", "coco"), ("defusedxml", "cvat")])
def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch, package, form):
    source = write(tmp_path / "source", {**FILES[form], "images/a.png": SIZE})
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r"pip install 'ontune\[detection\]'"):
        read_annotations(source, reading())
