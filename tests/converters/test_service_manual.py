"""Questions about manual pages: every form of the source, its pictures wherever they lie, and the split by page."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from ontune.sharegpt import read_samples
from ontune_converters.manual_pictures import tails
from ontune_converters.manual_rows import read_rows
from ontune_converters.manual_split import page_leakage
from pdf_files import Sheet, pdf


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("repo").mkdir()
    return tmp_path


def page(path: str, number: int = 0, size: tuple[int, int] = (640, 480), mode: str = "RGB") -> None:
    """A picture that no other number looks like."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for at in range(12):
        place = ((number * 97 + at * 53) % size[0], (number * 61 + at * 89) % size[1])
        draw.rectangle((*place, place[0] + 60, place[1] + 40), fill=(at * 20, 90, number * 7 % 255))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    image.convert(mode).save(path)


def record(page_id: str, number: int, question: str, answer: str, image: Any = "", **meta: str) -> dict[str, Any]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    seven = {"page_id": page_id, "section_id": "21", "section_name": "Clutch", "source_type": "service_manual"}
    seven |= {"content_type": "procedure", "question_type": "factual", "qa_id": f"{page_id}-q{number:02}"}
    image = f"images/{page_id}.jpg" if image == "" else image
    return {"image": image, "conversations": turns, "metadata": seven | meta}


def write(name: str, *records: object) -> None:
    path = Path("repo") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in records), encoding="utf-8")


@pytest.fixture
def convert(place, cli) -> Callable[..., dict[str, Any]]:
    """The account of a conversion that ends well."""

    def call(*options: str, source: str = "repo") -> dict[str, Any]:
        answer = cli("convert", "service_manual", source, "--out", "data/manual", "--json", *options)
        assert answer.status == 0, answer.err
        account = answer.json()
        assert account["read"] == account["written"] + sum(account["dropped"].values())
        return account

    return call


def samples(split: str = "train") -> dict[str, Any]:
    return {sample.id: sample for sample in read_samples(Path(f"data/manual/{split}.jsonl"))}


def test_the_finished_form(convert):
    page("repo/images/21-1.jpg", 1)
    page("repo/images/54_-_Hood,_Sun_Roof_2.png", 2, mode="RGBA")
    rows = [
        record("21-1", 1, "What torque?", "60 Nm."),
        record("54-2", 1, "Which bolt?", "M8", "images/54_-_Hood,_Sun_Roof_2.png", section_id="", section_name=""),
        record("spec-1", 1, "Which oil?", "10W-40", None),
        record(
            "21-1",
            2,
            "What changes?",
            "The torque: 10 → 60 Nm",
            ["images/21-1.jpg", "images/54_-_Hood,_Sun_Roof_2.png"],
        ),
    ]
    write("vlm_train.jsonl", *rows)
    account = convert("--val", "0")
    assert (account["read"], account["splits"], account["dropped"]) == (4, {"train": 4}, {})
    found = samples()
    first = found["21-1-q01"]
    assert (first.prompt, first.gold) == ("<image>What torque?", '{"answer":"60 Nm."}')
    assert first.system.startswith("You are an expert in vehicle service manuals.")
    assert dict(first.meta) == {
        **rows[0]["metadata"],
        **{"group": "21-1", "page": "21-1", "source": "repo/vlm_train.jsonl:1", "source_split": "train"},
    }
    assert (found["spec-1-q01"].prompt, found["spec-1-q01"].images) == ("Which oil?", ())
    assert found["21-1-q02"].prompt == "<image><image>What changes?"
    assert found["21-1-q02"].images == (*first.images, *found["54-2-q01"].images)
    (flat,) = found["54-2-q01"].images
    assert flat.startswith("manual/media/images/54_-_Hood,_Sun_Roof_2-")
    with Image.open(Path("data", flat)) as image:
        assert image.mode == "RGB"
    assert account["sections"] == {"(none)": {"train": 1}, "21 Clutch": {"train": 3}}
    entries = json.loads(Path("dataset_info/dataset_info.json").read_text())
    assert entries["manual_train"]["task"] == "service_manual"
    assert "ontology" not in entries["manual_train"]


QA = {
    "page_id": "21-03_clutch",
    "image_path": "data_src/21 - Clutch/21-03.jpg",
    **{"section_id": "21", "section_name": "Clutch", "source_type": "service_manual", "content_type": "procedure"},
    "procedures_covered": ["21 21 000"],
    "generation": {"model": "some-model", "timestamp": "2026-01-01T00:00:00Z", "prompt_template": "procedure"},
    "qa_pairs": [
        {"id": "21-03_clutch-q01", "question": "Which tool?", "answer": "21 2 100", "question_type": "tool"},
        {
            **{"id": "21-03_clutch-q02", "question": "Which torque?", "answer": "25 Nm", "question_type": "factual"},
            **{"keywords": ["25", "Nm"], "tolerance": "2 Nm"},
        },
    ],
}


def test_the_intermediate_form(convert):
    page("repo/data_src/21 - Clutch/21-03.jpg", 1)
    for stage in ("qa_raw", "qa_unique", "qa_filtered"):
        write(f"work/{stage}/21-03_clutch.json", QA | {"section_name": stage})
    account = convert("--val", "0")
    assert account["read_from"] == {"repo": "qa_unique (2)"}
    found = samples()
    assert found["21-03_clutch-q02"].prompt == "<image>Which torque?"
    meta = found["21-03_clutch-q02"].meta
    expected = {"section_name": "qa_unique", "generator": "some-model", "keywords": "25;Nm", "tolerance": "2 Nm"}
    assert {key: meta[key] for key in expected} == expected
    assert convert("--val", "0", "--media-root", "repo/data_src", source="repo/work/qa_raw")["written"] == 2
    assert convert("--val", "0", "--media-root", "repo", source="repo/work/qa_raw/21-03_clutch.json")["written"] == 2


def test_links_that_lead_to_another_computer(convert, cli):
    page("moved/data_src/21 - Clutch/21-03.jpg", 1)
    page("moved/data_src/index.jpg", 2)
    Path("repo/images").mkdir()
    links = {"flat_21-03.jpg": "21 - Clutch/21-03.jpg", "flat_index.jpg": "index.jpg", "gone.jpg": "gone/gone.jpg"}
    for name, target in links.items():
        Path("repo/images", name).symlink_to(f"/Users/someone/manual/data_src/{target}")
    rows = [record(f"p{at}", 1, f"What is {at}?", f"{at} Nm", f"images/{name}") for at, name in enumerate(links)]
    write("vlm_train.jsonl", *rows)
    answer = cli("convert", "service_manual", "repo", "--out", "data/manual", "--val", "0")
    assert answer.status == 2
    assert "3 PICTURES ARE MISSING" in answer.err
    assert "a link to /Users/someone/manual/data_src/index.jpg, which is not there: name the folder" in answer.err
    for root in ("moved", "moved/data_src"):
        account = convert("--val", "0", "--media-root", root)
        assert (account["written"], account["dropped"]) == (2, {"missing": 1})
        assert samples()["p0-q01"].images[0].startswith("manual/media/images/flat_21-03-")
    assert "gone/gone.jpg" in account["places"]["missing"][0]
    answer = cli(
        "convert", "service_manual", "repo", "--out", "data/manual", "--media-root", "moved", "--val", "0", "--strict"
    )
    assert (answer.status, "missing" in answer.err) == (1, True)


def test_no_link_leads_out_of_the_media_root(convert):
    page("elsewhere/secret.jpg", 1)
    page("moved/a.jpg", 2)
    Path("moved/b.jpg").symlink_to(Path("elsewhere/secret.jpg").resolve())
    Path("moved/c.jpg").symlink_to("a.jpg")
    write("vlm_train.jsonl", *(record(name, 1, f"What is {name}?", "M8", f"{name}.jpg") for name in "abc"))
    account = convert("--val", "0", "--media-root", "moved")
    assert (sorted(samples()), account["dropped"]) == (["a-q01", "c-q01"], {"path_escape": 1})
    assert account["places"]["path_escape"] == ["repo/vlm_train.jsonl:2: 'b.jpg': a link out of moved"]


def test_the_same_words_about_two_pages_without_pictures_are_two_questions(convert):
    write("vlm_train.jsonl", *(record(name, 1, "Which oil?", "10W-40", None) for name in ("a", "a", "b")))
    account = convert("--val", "0")
    assert (account["written"], account["dropped"]) == (2, {"duplicate": 1})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/Users/a/data_src/21 - Clutch/x.jpg", ["21 - Clutch/x.jpg", "data_src/21 - Clutch/x.jpg"]),
        ("/Users/a/data_src/x.jpg", ["x.jpg", "data_src/x.jpg", "a/data_src/x.jpg"]),
        ("images/x.jpg", ["x.jpg", "images/x.jpg"]),
        ("../../x.jpg", ["x.jpg"]),
        ("a/b/x.jpg", ["b/x.jpg", "a/b/x.jpg"]),
    ],
)
def test_tails(path, expected):
    assert [tail for tail in reversed(tails(path)) if not tail.startswith(("Users", "a/data_src/21"))] == expected


def test_every_row_is_counted(convert):
    page("repo/images/a.jpg", 1)
    Path("repo/images/bad.jpg").write_bytes(b"no picture")
    write(
        "vlm_train.jsonl",
        record("a", 1, "Which torque?", "60 Nm"),
        record("a", 2, " ", "60 Nm"),
        record("a", 3, "Which bolt?", ""),
        record("bad", 1, "Which bolt?", "M8"),
        record("none", 1, "Which bolt?", "M8"),
        record("a", 4, "Which torque?", "60 Nm"),
        record("a", 1, "Which other torque?", "70 Nm"),
        record("a", 1, "Which third torque?", "80 Nm", qa_id="a-q01~2"),
        record("long", 1, "Which bolt?", "M8", f"images/{'x' * 300}.jpg"),
        record("a", 5, "<image>\nWhich long one?", "x" * 601),
        record("up", 1, "Which bolt?", "M8", "../../etc/passwd"),
    )
    account = convert("--val", "0")
    drops = {"duplicate": 1, "empty_answer": 1, "empty_question": 1, "missing": 1, "path_escape": 1, "unreadable": 2}
    assert account["dropped"] == drops
    assert {kind: account["warnings"][kind] for kind in ("repeated_id", "refused_invalid_json")} == {
        **{"repeated_id": 2, "refused_invalid_json": 1}
    }
    assert sorted(samples()) == ["a-q01", "a-q01~2", "a-q01~2~2", "a-q05"]
    assert samples()["a-q05"].prompt == "<image>Which long one?"


def test_all_faults_at_once(place, cli):
    page("repo/images/a.jpg", 1)
    good = record("a", 1, "Which torque?", "60 Nm")
    write(
        "vlm_train.jsonl",
        good | {"metadata": {"page_id": "a", "qa_id": ""}},
        good | {"conversations": good["conversations"][:1]},
        good | {"image": 3},
        ["no object"],
        {"image": None},
        good | {"conversations": [1, 2]},
        good | {"metadata": ["a"]},
        QA | {"qa_pairs": None},
        QA | {"qa_pairs": ["Which tool?"]},
        record("a", 2, "Which <video>?", "60 Nm"),
        {key: value for key, value in good.items() if key != "image"},
        good | {"image": ["images/a.jpg", ""]},
    )
    with Path("repo/vlm_train.jsonl").open("a") as file:
        file.write(json.dumps(record("a", 3, "Which half \ud83d?", "60 Nm")))
    answer = cli("convert", "service_manual", "repo", "--out", "data/manual", "--json")
    faults = answer.json()["error"]
    lines = [fault.split(": ")[0].removeprefix("repo/vlm_train.jsonl:") for fault in faults]
    assert (answer.status, sorted(lines, key=int)) == (2, [*"1111112345", *map(str, range(6, 14))])
    for fault in (
        *("conversations has the roles ['human']: expected user and assistant", "neither conversations nor qa_pairs"),
        *("conversations is [1, 2]: expected a list of objects", "metadata is ['a']: expected an object"),
        *("qa_pairs is None: expected a list of objects", "qa_pairs is ['Which tool?']: expected a list of objects"),
        *("no 'image'", "image is ['images/a.jpg', '']: expected a name, a list of names, or null"),
        *("expected no tag of a video", "half of a surrogate pair, which no file can hold: '\\\\ud83d'"),
    ):
        assert fault in answer.out
    Path("repo/vlm_train.jsonl").unlink()
    answer = cli("convert", "service_manual", "repo", "--out", "data/manual")
    assert (answer.status, "no vlm_*.jsonl" in answer.err) == (2, True)
    answer = cli("convert", "service_manual", "repo", "--out", "data/manual", "--task", "conditions")
    assert (answer.status, "only field is a text" in answer.err) == (2, True)


def many(pages: int = 40, questions: int = 5) -> None:
    """A set as upstream splits it: by question, so that every validation page is in train too."""
    train, val = [], []
    for at in range(pages):
        name = f"{at % 4}-{at:03}"
        page(f"repo/images/{name}.jpg", at)
        rows = [record(name, n, f"What is {n}?", f"{at} {n} Nm", section_id=str(at % 4)) for n in range(questions)]
        val += rows[:1]
        train += rows[1:]
    write("vlm_train.jsonl", *train)
    write("vlm_val.jsonl", *val)


@pytest.mark.parametrize(("share", "pages"), [("0.1", 4), ("0.15", 6)])
def test_no_page_is_on_two_sides(convert, share, pages):
    many()
    account = convert("--val", share, "--near", "0", "--strict")
    leak = {"samples": 40, "samples_of_train_pages": 40, "pages": 40, "pages_in_train": 40}
    assert account["pages_shared_in_source_split"] == {"val": leak}
    clean = {"samples": 5 * pages, "samples_of_train_pages": 0, "pages": pages, "pages_in_train": 0}
    assert account["pages_shared"] == {"val": clean}
    assert account["leakage"]["identical"] == 0
    val = [section.get("val", 0) for section in account["sections"].values()]
    assert (sum(val), len(val)) == (5 * pages, 4)
    assert max(val) - min(val) <= 5
    first = Path("data/manual/val.jsonl").read_bytes()
    convert("--val", share, "--near", "0")
    assert Path("data/manual/val.jsonl").read_bytes() == first
    convert("--val", share, "--near", "0", "--seed", "7")
    assert Path("data/manual/val.jsonl").read_bytes() != first


def test_a_dataset_is_split_again_by_section(convert, cli):
    many(20)
    convert("--val", "0")
    call = ["convert", "split", "data/manual", "--by", "page", "--val", "0.2", "--seed", "3", "--near", "0", "--json"]
    answer = cli(*call, "--stratify", "section_id")
    assert answer.status == 0, answer.err
    sections = [sample.meta["section_id"] for sample in samples("val").values()]
    assert {section: sections.count(section) for section in "0123"} == dict.fromkeys("0123", 5)


def test_keeping_the_sources_own_split_tells_what_it_leaks(convert, cli):
    many(6)
    account = convert("--keep-splits")
    assert account["splits"] == {"train": 24, "val": 6}
    assert account["warnings"]["page_across_splits"] == 1
    assert account["places"]["page_across_splits"] == ["val: 6 of 6 pages are in train too"]
    call = ["convert", "service_manual", "repo", "--out", "data/manual", "--keep-splits"]
    assert cli(*call, "--strict").status == 1
    answer = cli(*call, "--val", "0.2")
    assert (answer.status, "--keep-splits and --val: give one of them" in answer.err) == (2, True)
    Path("repo/vlm_train.jsonl").rename("repo/vlm_all.jsonl")
    account = convert("--keep-splits")
    assert (account["splits"], account["warnings"]["no_source_split"]) == ({"train": 24, "val": 6}, 24)
    Path("repo/vlm_val.jsonl").unlink()
    answer = cli(*call)
    assert (answer.status, "the source names no split" in answer.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--val", "0.7", "--test", "0.6"], "--test 0.6 and --val 0.7: more than all"),
        (["--val", "1"], "is left for train"),
        (["--quality", "data/manual/quality.json"], "in --out data/manual, which holds the dataset alone"),
        (["--stratify", "chapter"], "--stratify chapter: no sample has it; meta has ['content_type',"),
    ],
)
def test_wrong_options(place, cli, options, said):
    many(6)
    answer = cli("convert", "service_manual", "repo", "--out", "data/manual", *options)
    assert (answer.status, said in answer.err) == (2, True), answer.err
    assert not Path("data").exists()


def test_nothing_is_left(place, cli):
    write("vlm_train.jsonl", record("a", 1, "Which torque?", "60 Nm"))
    answer = cli("convert", "service_manual", "repo", "--out", "data/manual")
    assert (answer.status, "no row is left of 1 read" in answer.err) == (2, True), answer.err


def test_pages_beside_their_questions(convert, cli):
    """The texts in a folder of pages are no questions: it may lie in the source."""
    Path("manual.pdf").write_bytes(pdf([Sheet(["Clutch disc: 25 Nm"])]))
    assert cli("convert", "pages", "manual.pdf", "--dpi", "72", "--out", "repo/pages").status == 0
    write("qa/1.json", QA | {"page_id": "manual-0001", "image_path": "pages/manual-0001.jpg"})
    account = convert("--val", "0", "--pages", "repo/pages")
    assert (account["written"], account["quality"]["with_page_text"]) == (2, 2)


def test_pages_of_one_question_stay_together(convert):
    for at in range(12):
        page(f"repo/images/p{at}.jpg", at)
    rows = [record(f"p{at}", n, f"What is {n}?", f"{at} {n}") for at in range(12) for n in range(3)]
    pairs = [
        record(f"p{at}", 9, "What differs?", f"{at}", [f"images/p{at}.jpg", f"images/p{at + 6}.jpg"]) for at in range(6)
    ]
    write("vlm_train.jsonl", *rows, *pairs)
    account = convert("--val", "0.3", "--near", "0", "--strict")
    assert (account["groups"], account["joined"]) == (12, 6)
    sides = [{image for sample in samples(split).values() for image in sample.images} for split in ("train", "val")]
    assert not sides[0] & sides[1]
    assert len(sides[1]) % 2 == 0


def test_page_leakage_counts_pages_and_samples():
    pages = {"a": "1", "b": "1", "c": "2", "d": "3"}
    splits = {"a": "train", "b": "val", "c": "val", "d": "test"}
    assert page_leakage(pages, splits) == {
        "test": {"samples": 1, "samples_of_train_pages": 0, "pages": 1, "pages_in_train": 0},
        "val": {"samples": 2, "samples_of_train_pages": 1, "pages": 2, "pages_in_train": 1},
    }


def test_tiny_pictures_are_reported_and_dropped_by_choice(convert):
    page("repo/images/favicon.jpg", 1, (192, 192))
    page("repo/images/a.jpg", 2)
    rows = [record("favicon", n, f"Which model is {n}?", f"{n}") for n in (1, 2)]
    write("vlm_train.jsonl", record("a", 1, "Which torque?", "60 Nm"), *rows)
    account = convert("--val", "0")
    assert account["places"]["tiny_picture"] == ["images/favicon.jpg has 192 x 192 pixels"]
    assert account["quality"]["tiny_picture"] == 2
    account = convert("--val", "0", "--drop", "tiny_picture")
    assert (account["written"], account["dropped"]) == (1, {"tiny_picture": 2})
    assert [path.name.split("-")[0] for path in Path("data/manual/media/images").iterdir()] == ["a"]
    assert "tiny_picture" not in convert("--val", "0", "--smallest", "100")["warnings"]


def test_answers_are_held_against_the_text_layer_of_their_pages(convert, cli):
    Path("manual.pdf").write_bytes(
        pdf([Sheet(["Clutch disc", "Tighten bolt A to 25 Nm."]), Sheet(["Brakes", "Use DOT 4."]), Sheet()])
    )
    assert cli("convert", "pages", "manual.pdf", "--dpi", "72", "--out", "pages").status == 0

    def asked(number: int, *pairs: tuple[str, str], image: Any = "") -> dict[str, Any]:
        name = f"manual-{number:04}"
        each = [
            {"id": f"{name}-q{at}", "question": question, "answer": answer, "question_type": "factual"}
            for at, (question, answer) in enumerate(pairs)
        ]
        return QA | {"page_id": name, "image_path": image or f"{name}.jpg", "qa_pairs": each}

    write("1.json", asked(1, ("Which torque has bolt A?", "25 Nm"), ("Which torque has bolt B?", "26 Nm")))
    write(
        "2.json", asked(2, ("Which fluid?", "Use DOT 4."), ("What is checked?", "Remove the hood and its bonnet cable"))
    )
    write("3.json", asked(3, ("Which colour?", "Blue 7")))
    both = ["manual-0001.jpg", "manual-0002.jpg"]
    write("4.json", asked(1, ("What do both have?", "25 Nm and DOT 4"), ("And which number?", "99"), image=both))
    scan = ["manual-0001.jpg", "manual-0003.jpg"]  # the second has no text, and may have any number on it
    write("5.json", asked(1, ("What has the scan besides?", "77"), image=scan))
    account = convert("--val", "0", "--pages", "pages", "--quality", "quality.json")
    assert account["written"] == 8
    report = json.loads(Path("quality.json").read_text())
    assert (report["questions"], report["with_page_text"], report["kinds"]["not_on_page"]["count"]) == (8, 6, 3)
    found = {(item["answer"], item["detail"]) for item in report["findings"] if item["kind"] == "not_on_page"}
    assert found == {
        *{("26 Nm", "26 not on the page"), ("99", "99 not on the page")},
        ("Remove the hood and its bonnet cable", "0 of 4 words on the page"),
    }
    account = convert("--val", "0", "--pages", "pages", "--drop", "not_on_page")
    assert account["dropped"] == {"not_on_page": 3}


def test_the_given_sample(shared_data, place, cli):
    source = str(shared_data / "manual" / "synthetic")
    answer = cli("convert", "service_manual", source, "--out", "data/manual", "--json")
    account = answer.json()
    assert (account["read"], account["written"], account["dropped"]) == (67, 67, {})
    assert account["pages_shared_in_source_split"]["val"]["pages_in_train"] == 7
    assert account["pages_shared"]["val"]["pages_in_train"] == 0
    _, rows = read_rows(Path(source), [])
    assert sum(not row.images for row in rows) == 1
    assert all(sample.gold.startswith('{"answer":') for sample in samples("val").values())
