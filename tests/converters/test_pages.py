"""PDF documents to pages: pictures, texts beside them, an index, and every fault by its name."""

import hashlib
import io
import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from ontune.errors import InputError, SourceError
from ontune.pages import read_pages, read_text
from ontune_converters import pdf as pdf_module
from ontune_converters.page_ranges import parse_ranges
from ontune_converters.pages import find_documents
from pdf_files import Sheet, pdf, with_field

SHEETS = [Sheet([f"Page {number}", f"Bolt A (M8): {number} Nm"]) for number in range(1, 11)]


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A working directory with a manual of ten pages."""
    monkeypatch.chdir(tmp_path)
    Path("manual.pdf").write_bytes(pdf(SHEETS))
    return tmp_path


def content(folder: str) -> dict[str, str]:
    """The hash of every file of a folder."""
    root = Path(folder)
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_pages_with_their_texts(place, cli):
    answer = cli("convert", "pages", "manual.pdf", "--out", "pages/m", "--json")
    assert answer.status == 0, answer.err
    account = answer.json()
    assert (account["read"], account["written"], account["dropped"]) == (10, 10, {})
    assert account["documents"] == {"manual.pdf": {"pages": 10, "taken": 10}}
    pages = read_pages(Path("pages/m"))
    assert [(page.page_id, page.page, page.pages) for page in pages] == [
        (f"manual-{number:04}", number, 10) for number in range(1, 11)
    ]
    third = pages[2]
    assert read_text(Path("pages/m"), third) == "Page 3\nBolt A (M8): 3 Nm"
    assert (third.width, third.height, third.dpi) == (1240, 1755, 150.0)
    with Image.open(place / "pages" / "m" / third.image) as image:
        assert (image.size, image.format, image.mode) == ((1240, 1755), "JPEG", "RGB")
        assert image.convert("L").getextrema()[0] < 60  # it is drawn on
    assert not list(Path("pages").glob(".*"))


@pytest.mark.parametrize(
    ("options", "size", "kind"),
    [
        (["--dpi", "72"], (595, 842), "JPEG"),
        (["--dpi", "36", "--format", "png"], (298, 421), "PNG"),
        (["--longest-side", "500"], (354, 500), "JPEG"),
        (["--dpi", "72", "--quality", "20"], (595, 842), "JPEG"),
    ],
)
def test_sizes_and_formats(place, cli, options, size, kind):
    assert cli("convert", "pages", "manual.pdf", "--out", "p", "--pages", "1", *options).status == 0
    (page,) = read_pages(Path("p"))
    with Image.open(Path("p", page.image)) as image:
        assert (image.size, image.format) == (size, kind)


def test_colours_are_the_documents(place, cli):
    red = io.BytesIO()
    Image.new("RGB", (40, 20), (220, 30, 10)).save(red, "JPEG", quality=95)
    Path("red.pdf").write_bytes(pdf([Sheet(picture=(red.getvalue(), 40, 20))]))
    assert cli("convert", "pages", "red.pdf", "--dpi", "36", "--format", "png", "--out", "p").status == 0
    with Image.open("p/red-0001.png") as image:
        found = image.getpixel((150, 320))
    assert all(abs(value - wanted) < 8 for value, wanted in zip(found, (220, 30, 10), strict=True)), found


def test_values_of_forms_are_drawn(place, cli):
    Path("form.pdf").write_bytes(with_field(pdf([Sheet(["x"], (200, 200))])))
    assert cli("convert", "pages", "form.pdf", "--dpi", "72", "--format", "png", "--out", "p").status == 0
    with Image.open("p/form-0001.png") as image:
        assert image.getpixel((100, 100)) == (0, 0, 0)


def test_words_parted_at_the_end_of_a_line(place, cli):
    """The library's mark for such a hyphen is none that a text should hold."""
    Path("parted.pdf").write_bytes(pdf([Sheet(["Tighten the clut-", "ch bolt"])]))
    assert cli("convert", "pages", "parted.pdf", "--dpi", "30", "--out", "p").status == 0
    assert read_text(Path("p"), *read_pages(Path("p"))) == "Tighten the clut-ch bolt"


def test_same_bytes_whatever_the_number_of_processes(place, cli):
    for out, processes in (("one", "1"), ("two", "2")):
        assert cli("convert", "pages", "manual.pdf", "--out", out, "--dpi", "40", "--processes", processes).status == 0
    assert content("one") == content("two")
    assert len(content("one")) == 22


def test_a_stopped_run_goes_on(place, cli, monkeypatch):
    call = ["convert", "pages", "manual.pdf", "--dpi", "40", "--out"]
    assert cli(*call, "whole").status == 0
    drawn: list[int] = []
    true_write = pdf_module._write

    def write(job, number, *rest):
        drawn.append(number)
        if len(drawn) == 5:
            raise KeyboardInterrupt
        return true_write(job, number, *rest)

    monkeypatch.setattr(pdf_module, "_write", write)
    assert cli(*call, "p").status == 130
    assert not Path("p").exists()
    assert cli(*call, "p").status == 0
    assert drawn == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]
    assert content("p") == content("whole")


def test_pages_of_other_settings_do_not_stay(place, cli):
    waiting = Path(".p.part")
    assert cli("convert", "pages", "manual.pdf", "--dpi", "30", "--out", "p").status == 0
    Path("p").rename(waiting)
    assert cli("convert", "pages", "manual.pdf", "--dpi", "40", "--out", "p", "--pages", "2-3").status == 0
    assert sorted(content("p")) == [
        *("account.json", "manual-0002.jpg", "manual-0002.json", "manual-0003.jpg", "manual-0003.json", "pages.jsonl"),
    ]
    assert {page.dpi for page in read_pages(Path("p"))} == {40.0}


def test_replaces_pages_and_nothing_else(place, cli):
    assert cli("convert", "pages", "manual.pdf", "--dpi", "30", "--out", "p").status == 0
    assert cli("convert", "pages", "manual.pdf", "--dpi", "30", "--out", "p", "--pages", "1").status == 0
    assert [page.page for page in read_pages(Path("p"))] == [1]
    Path("p/notes.txt").write_text("mine")
    answer = cli("convert", "pages", "manual.pdf", "--out", "p")
    assert (answer.status, "notes.txt" in answer.err) == (2, True)
    answer = cli("convert", "pages", "manual.pdf", "--out", ".")
    assert (answer.status, "in or around" in answer.err) == (2, True)


def test_folders_and_several_documents(place, cli):
    for name in ("scans/a/Clutch, 21.PDF", "scans/b/clutch.v2.pdf"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(pdf([SHEETS[0], Sheet()]))
    answer = cli("convert", "pages", "scans", "manual.pdf", "--dpi", "30", "--out", "p", "--json")
    assert answer.status == 0, answer.err
    pages = read_pages(Path("p"))
    assert [page.page_id for page in pages][:4] == [
        *("a/Clutch, 21-0001", "a/Clutch, 21-0002", "b/clutch.v2-0001", "b/clutch.v2-0002"),
    ]
    assert pages[0].document == "a/Clutch, 21.PDF"
    assert answer.json()["warnings"] == {"no_text": 2}


def test_all_faults_at_once(place, cli):
    Path("locked.pdf").write_bytes(pdf(SHEETS[:2], locked_with="secret"))
    Path("hole.pdf").write_bytes(pdf(SHEETS[:4], broken_page=2))
    Path("huge.pdf").write_bytes(pdf([SHEETS[0], Sheet(["x"], (14400, 14400)), Sheet(["x"], (200000, 200000))]))
    Path("junk.pdf").write_bytes(b"no document")
    Path("cut.pdf").write_bytes(pdf(SHEETS)[:900])
    Path("empty.pdf").write_bytes(pdf([]))
    answer = cli("convert", "pages", *map(str, sorted(place.glob("*.pdf"))), "--out", "p", "--json")
    assert answer.status == 2
    faults = [fault.removeprefix(f"{place}/") for fault in answer.json()["error"]]
    expected = [
        *("cut.pdf: broken", "empty.pdf: broken", "hole.pdf: page 3: broken", "huge.pdf: page 2: huge: 14400 x 14400"),
        *("huge.pdf: page 3: huge: 200000 x 200000", "junk.pdf: broken", "locked.pdf: encrypted: name its password"),
    ]
    assert len(faults) == len(expected)
    assert [fault for fault, start in zip(faults, expected, strict=True) if not fault.startswith(start)] == []
    assert not Path("p").exists()


def test_huge_pages_by_other_measures(place, cli):
    Path("huge.pdf").write_bytes(pdf([Sheet(["plan"], (14400, 7200))]))
    assert cli("convert", "pages", "huge.pdf", "--longest-side", "600", "--out", "p").status == 0
    assert [(page.width, page.height) for page in read_pages(Path("p"))] == [(600, 300)]
    answer = cli("convert", "pages", "manual.pdf", "--max-pixels", "1000", "--out", "q", "--pages", "1")
    assert (answer.status, "page 1: huge: 595 x 842 points" in answer.err) == (2, True)
    Path("strip.pdf").write_bytes(pdf([Sheet(["strip"], (3, 14400))]))
    call = ["convert", "pages", "strip.pdf", "--longest-side", "65501", "--out", "q"]
    answer = cli(*call)
    assert (answer.status, "page 1: huge: 14 x 65501 pixels, but no side of a JPEG" in answer.err) == (2, True)
    assert cli(*call, "--format", "png").status == 0


@pytest.mark.parametrize(
    ("variable", "value", "status", "said"),
    [
        ("PDF_PASSWORD", "secret", 0, ""),
        ("PDF_PASSWORD", "wrong", 2, "encrypted: the given password does not open it"),
        ("PDF_PASSWORD", "", 2, "--password-env PDF_PASSWORD: no such environment variable"),
        (None, "", 2, "encrypted: name its password: --password-env VARIABLE"),
    ],
)
def test_passwords_come_from_the_environment(place, cli, monkeypatch, variable, value, status, said):
    Path("locked.pdf").write_bytes(pdf(SHEETS[:2], locked_with="secret"))
    monkeypatch.setenv("PDF_PASSWORD", value)
    options = ["--password-env", variable] if variable else []
    answer = cli("convert", "pages", "locked.pdf", "--out", "p", "--dpi", "30", *options)
    assert (answer.status, said in answer.err) == (status, True), answer.err
    if not status:
        assert read_text(Path("p"), read_pages(Path("p"))[1]) == "Page 2\nBolt A (M8): 2 Nm"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("1-3,7,9-", [1, 2, 3, 7, 9, 10]),
        (" 10 , 2-2", [2, 10]),
        ("10-", [10]),
        ("0", "'0'"),
        ("11-", "'11-': manual.pdf has the pages 1 to 10"),
        ("3-2", "'3-2'"),
        ("7-11", "'7-11'"),
        ("-3", "'-3': expected a page or a range"),
        ("1,,x", "''.*\n.*'x'"),
    ],
)
def test_ranges(text, expected):
    if isinstance(expected, list):
        assert parse_ranges(text, 10, "manual.pdf") == expected
    else:
        with pytest.raises(SourceError, match=expected):
            parse_ranges(text, 10, "manual.pdf")


def test_names_that_would_collide(place):
    Path("other").mkdir()
    Path("other/MANUAL.pdf").write_bytes(b"")
    Path("none").mkdir()
    with pytest.raises(SourceError) as caught:
        find_documents([Path("manual.pdf"), Path("other"), Path("none")])
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["none", "manual.pdf and other/MANUAL.pdf"]


def test_what_is_no_folder_of_pages(place, cli):
    with pytest.raises(InputError, match="ontune convert pages"):
        read_pages(place)
    assert cli("convert", "pages", "manual.pdf", "--dpi", "30", "--out", "p", "--pages", "1-2").status == 0
    Path("p/manual-0002.jpg").unlink()
    first = json.loads(Path("p/pages.jsonl").read_bytes().splitlines()[0])
    with Path("p/pages.jsonl").open("ab") as index:
        index.write(b'{"page": 1}\n\xff\n' + json.dumps(first | {"image": 5, "width": "wide"}).encode() + b"\n")
    with pytest.raises(InputError) as caught:
        read_pages(Path("p"))
    assert [fault.split(": ")[0] for fault in caught.value.faults] == [
        *("p/pages.jsonl:3", "p/pages.jsonl:4", "p/pages.jsonl:5", "p/pages.jsonl"),
    ]
    assert "image is 5: expected a text; width is 'wide': expected a number" in str(caught.value)


def test_names_of_files(place, cli):
    """A name may hold what ends a line elsewhere; one that UTF-8 cannot hold is refused before anything is drawn."""
    Path("manual.pdf").rename("a\u2028b.pdf")
    assert cli("convert", "pages", "a\u2028b.pdf", "--dpi", "30", "--out", "p", "--pages", "1").status == 0
    assert [page.page_id for page in read_pages(Path("p"))] == ["a\u2028b-0001"]
    Path("a\u2028b.pdf").rename(os.fsdecode(b"caf\xe9.pdf"))
    answer = cli("convert", "pages", os.fsdecode(b"caf\xe9.pdf"), "--out", "q")
    assert (answer.status, "is no UTF-8: rename it" in answer.err) == (2, True), answer.err
    assert not list(place.glob(".*"))


def test_the_extra_is_named(place, cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    answer = cli("convert", "pages", "manual.pdf", "--out", "p")
    assert (answer.status, "pip install 'ontune[pdf]'" in answer.err) == (2, True)


def test_one_measure_of_size(place, cli):
    answer = cli("convert", "pages", "manual.pdf", "--out", "p", "--dpi", "40", "--longest-side", "40", "--json")
    assert (answer.status, json.loads(answer.out)["error"]) == (2, ["--dpi and --longest-side: give one of them"])
