import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotated import NAMES, reading, region, roboflow, write
from ontune.task import load_task
from ontune_converters.analysis import Names, analyse, suspected_crop
from ontune_converters.annotations import read_annotations
from ontune_converters.regions import AnnotatedPicture

SLOPE, TOE = (0.4, 0.1, 0.6, 0.3), (0.4, 0.7, 0.6, 0.9)


def names():
    return Names(load_task("conditions"))


def picture(name, *regions, split="train", size=(640, 640)):
    return AnnotatedPicture(name, split, None, size, tuple(regions))


def test_counts_and_statistics():
    found = analyse(
        [
            picture("a", region("slope drain", *SLOPE), region("Toe drain- Blocked", *TOE)),
            picture("b", region("Toe drain", *TOE), region("slope drain", *SLOPE), split="val", size=(320, 200)),
            picture("c"),
        ],
        names(),
    )
    assert found["splits"]["train"]["classes"] == {"Toe drain- Blocked": 1, "slope drain": 1}
    assert found["all"]["conditions"] == {"blocked": 1, "normal": 3}
    assert found["all"]["object_types"] == {"slope drain": 2, "toe drain": 2}
    assert found["all"]["resolutions"] == {"640x640": 2, "320x200": 1}
    assert found["all"]["objects_a_picture"] == {"mean": 2.0, "std": 0.0, "min": 2, "max": 2}
    assert (found["all"]["pictures"], found["all"]["without_objects"]) == (3, 1)
    boxes = found["boxes"]["classes"]["slope drain"]
    assert (boxes["count"], boxes["top"], boxes["bottom"], boxes["y"]["mean"]) == (2, 1.0, 0.0, 0.2)
    assert boxes["area"] == {"mean": 0.04, "std": 0.0, "min": 0.04, "max": 0.04}
    assert found["cooccurrence"]["slope drain"] == {"Toe drain": 1, "Toe drain- Blocked": 1, "slope drain": 2}
    assert found["imbalance"]["ratio"] == 2.0
    assert (found["imbalance"]["verdict"], found["imbalance"]["data"]) == ("mild", "low")


def test_relations_have_one_sign_whatever_the_order_in_the_file():
    for regions in ((region("slope drain", *SLOPE), region("Toe drain", *TOE)),) * 2:
        for order in (regions, regions[::-1]):
            found = analyse([picture("a", *order)], names())["relations"]
            [row] = found["classes"]
            assert (row["one"], row["other"], row["pairs"]) == ("Toe drain", "slope drain", 1)
            assert (row["below"], row["above"], row["aligned"], row["distance"]) == (1.0, 0.0, 1.0, 0.6)
            [row] = found["objects"]
            assert (row["one"], row["other"], row["below"]) == ("slope drain", "toe drain", 0.0)


def test_patterns_need_pairs_and_a_majority():
    pair = (region("slope drain", *SLOPE), region("Toe drain", *TOE))
    turned = (region("slope drain", *TOE), region("Toe drain", *SLOPE))
    many = [picture(f"{at}", *pair) for at in range(10)]
    assert [row["text"] for row in analyse(many, names())["patterns"]] == [
        "In 100% of 10 pairs, a slope drain lies above a toe drain."
    ]
    assert analyse(many[:9], names())["patterns"] == []
    mixed = many + [picture(f"x{at}", *turned) for at in range(9)]
    assert analyse(mixed, names())["patterns"] == []
    held_out = [picture(f"v{at}", *turned, split="val") for at in range(90)]
    assert len(analyse(many + held_out, names())["patterns"]) == 1  # of the training split alone


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (picture("a", region("a", 0.02, 0.02, 0.98, 0.98)), "its only object takes 92% of it"),
        (picture("a", region("a", 0.02, 0.02, 0.98, 0.98), region("b", 0, 0, 1, 1)), ""),
        (picture("a", region("a", 0.2, 0.2, 0.5, 0.5)), ""),
        (picture("a", region("a", 0.2, 0.2, 0.5, 0.5), size=(100, 100)), "100x100: less than 25%"),
        (picture("a", size=(0, 0)), ""),
    ],
)
def test_suspected_crops(found, expected):
    assert suspected_crop(found, 640 * 640).startswith(expected)
    assert bool(suspected_crop(found, 640 * 640)) == bool(expected)


labels = st.lists(st.sampled_from([*NAMES, "another"]), max_size=5)


@given(st.lists(st.tuples(st.sampled_from(["train", "val"]), labels), max_size=5))
def test_sums_agree(rows):
    pictures = [
        picture(f"{at}", *(region(label, *SLOPE) for label in found), split=split)
        for at, (split, found) in enumerate(rows)
    ]
    found = analyse(pictures, names())
    total = sum(len(labels) for _, labels in rows)
    assert sum(found["all"]["classes"].values()) == sum(found["all"]["object_types"].values()) == total
    assert sum(record["objects"] for record in found["splits"].values()) == found["all"]["objects"] == total
    assert sum(box["count"] for box in found["boxes"]["classes"].values()) == total
    known = sum(label != "another" for _, labels in rows for label in labels)
    assert sum(found["all"]["conditions"].values()) == known
    assert found["unknown_classes"] == ["another"] * (known < total)


class Page(HTMLParser):
    """What a page shows and where its parts come from."""

    def __init__(self, text):
        super().__init__()
        self.sources, self.tags, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for key, value in attrs if key in {"src", "href"}]

    def handle_data(self, data):
        self.text += data


def test_the_command(cli, tmp_path):
    name = "<b>a&jpg"
    lines = {f"train/{name}": "5 0.5 0.3 0.2 0.4\n3 0.1 0.1 0.5 0.1 0.5 0.9 0.1 0.1\n9 0 0 1 1", "valid/b": ""}
    source = roboflow(tmp_path / "source", lines)
    write(source, {"train/images/broken.png": "no", "train/labels/broken.txt": "0 0.5 0.5 0.1 0.1"})
    out = tmp_path / "out"
    answer = cli("analyze", str(source), "--out", str(out), "--json")
    assert answer.status == 0
    found = json.loads((out / "analysis.json").read_text())
    assert {key: value for key, value in answer.json().items() if key != "files"} == found
    assert found["annotations"]["dropped"] == {"unknown_class": 1}
    assert found["all"]["shapes"] == {"box": 2, "polygon": 1}
    page = Page((out / "analysis.html").read_text())
    assert page.tags.count("img") == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert name in page.text  # escaped: it is text, not markup
    assert "unreadable: broken.png" in page.text
    assert "1 annotations cannot be used (unknown_class 1)" in page.text
    text = (out / "analysis.md").read_text()
    assert "| slope drain | 1 | 0 | 1 |" in text
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert cli("analyze", str(source), "--out", str(out)).status == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert cli("analyze", str(source), "--out", str(out), "--strict").status == 1
    assert cli("analyze", str(tmp_path / "gone")).status == 2
    write(source, {"train/labels/broken.txt": "9 0.5 0.5 0.1 0.1\n" * 7})
    assert "… 3 more in analysis.json" in cli("analyze", str(source), "--out", str(out)).out
    misspelt = cli("analyze", str(source), "--out", str(out), "--leave-out", "Rock toe")
    assert (misspelt.status, "--leave-out 'Rock toe': no object has this class" in misspelt.err) == (2, True)


def test_every_number_of_the_page_has_a_head(tmp_path, cli):
    source = roboflow(tmp_path / "source", {"train/a": "5 0.5 0.3 0.2 0.4\n0 0.5 0.8 0.2 0.2"})
    cli("analyze", str(source), "--out", str(tmp_path / "out"))
    for table in re.split(r"\n## ", (tmp_path / "out" / "analysis.md").read_text())[1:]:
        rows = [line.count("|") for line in table.splitlines() if line.startswith("|")]
        assert len(set(rows)) <= 1


@pytest.mark.parametrize(
    ("name", "pictures", "objects", "boxes"),
    [("real4_polygon", (90, 30), (231, 82), 0), ("synth9_mixed", (22, 6), (105, 25), 1)],
)
def test_given_data(shared_data, name, pictures, objects, boxes):
    found = analyse(read_annotations(shared_data / "yolo" / name, reading()), names())
    splits = [found["splits"][split] for split in ("train", "val")]
    assert tuple(split["pictures"] for split in splits) == pictures
    assert tuple(split["objects"] for split in splits) == objects
    assert found["all"]["shapes"].get("box", 0) == boxes
    assert len(found["all"]["resolutions"]) == 1
