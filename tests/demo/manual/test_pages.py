"""The manuals: numbers that the supplement has alone, PDF that reads back, questions of the upstream's form, probes."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ontune.demo.manual import sources
from ontune.demo.manual.drawing import SIZE, draw
from ontune.demo.manual.pdf import words, write_pdf
from ontune.demo.manual.sheets import COLOURS, NUMBERS, SECTIONS, held_out, make_sheets, questions
from ontune.demo.manual.sources import MANUALS, PROBES, TASK, write_blank, write_sources, write_task
from ontune.evaluation.probes import decide, read_probes
from ontune.sharegpt import read_samples


def read(data):
    """The text layer and the picture of each page."""
    with pypdfium2.PdfDocument(data) as document:
        return [(page.get_textpage().get_text_range(), page.render(rev_byteorder=True).to_numpy()) for page in document]


def document(sheets):
    return write_pdf((draw(sheet, number, "A (small) manual") for number, sheet in enumerate(sheets, start=1)), SIZE)


def test_numbers_of_the_supplement_are_in_no_other_manual() -> None:
    seen = {name: {sheet.number for sheet in manual.sheets()} for name, manual in MANUALS.items()}
    assert not seen["supplement"] & (seen["ant"] | seen["bumblebee"])
    assert seen["ant"] | seen["bumblebee"] == {number for number in NUMBERS if not held_out(number)}
    assert len(seen["supplement"]) == 18
    for place in (0, 1):  # each digit of theirs stands in that place elsewhere
        assert {str(number)[place] for number in seen["supplement"]} <= {str(number)[place] for number in seen["ant"]}
    assert len({manual.seed for manual in MANUALS.values()}) == len(MANUALS)


def test_neither_section_nor_question_tells_the_answer() -> None:
    sheets = list(make_sheets(8000, 1))
    for section in SECTIONS:
        of_section = [sheet for sheet in sheets if sheet.section == section]
        for drawn, count in (
            (Counter(sheet.number for sheet in of_section), 72),
            (Counter(sheet.colour for sheet in of_section), 6),
        ):
            share = len(of_section) / count
            assert len(drawn) == count
            assert all(abs(found - share) < 5 * share**0.5 for found in drawn.values())
    for part in ("piston", "horn"):
        assert len({sheet.number for sheet in sheets if sheet.part == part}) == 72


def test_questions_are_as_long_as_each_other_and_answers_stand_on_the_page() -> None:
    sheets = list(make_sheets(24, 3, test=True))
    pages = read(document(sheets))
    for number, (sheet, (text, _)) in enumerate(zip(sheets, pages, strict=True), start=1):
        for question in questions(sheet):
            assert len(question.text.split()) == 7
            assert sheet.part in question.text
            assert set(question.answer.split()) <= set(text.split()), text
        assert f"A (small) manual - {number}" in text
        assert sheet.part.capitalize() in text


@given(st.integers(0, 2**32), st.booleans())
def test_the_same_pages_give_the_same_bytes_and_others_other_pictures(seed, clean) -> None:
    sheets = list(make_sheets(4, seed, clean=clean))
    assert document(sheets) == document(sheets)
    first, second = (read(document([sheet]))[0][1] for sheet in (sheets[0], replace(sheets[0], seed=seed + 1)))
    assert (first != second).any()
    assert first.shape[:2] == (SIZE[1], SIZE[0])


def test_clean_pages_are_straight() -> None:
    margins = {
        clean: [read(document([sheet]))[0][1][:, :9] for sheet in make_sheets(20, 1, clean=clean)]
        for clean in (True, False)
    }
    assert all(len(np.unique(margin.reshape(-1, 3), axis=0)) == 1 for margin in margins[True])
    assert not all(len(np.unique(margin.reshape(-1, 3), axis=0)) == 1 for margin in margins[False])


def test_colours_show() -> None:
    (sheet,) = make_sheets(1, 1)
    for name, colour in COLOURS.items():
        picture = read(document([replace(sheet, colour=name)]))[0][1]
        near = np.abs(picture / 255 - colour).max(axis=2) < 0.03
        assert near.sum() > 1000, name


@pytest.mark.parametrize("text", ["plain", "(round)", "back\\slash", "a) (b"])
def test_words_read_back(text) -> None:
    (page,) = read(write_pdf([words(20, 20, text, 0, 12)], (200, 60)))
    assert page[0].strip() == text
    assert page[1].min() < 50


@pytest.fixture
def made(tmp_path, monkeypatch) -> Path:
    """A folder with short manuals and the task."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "MANUALS", {name: replace(manual, pages=40) for name, manual in MANUALS.items()})
    write_sources(Path("sources"))
    write_task(Path("dataset_info"))
    return tmp_path


def test_the_converters_take_all_of_it(made, cli) -> None:
    assert cli("convert", "pages", "sources", "--dpi", "72", "--out", "pages").status == 0
    options = ("--pages", "pages", "--task", TASK, "--smallest", "200", "--strict", "--json")
    source = "sources/questions/bumblebee"
    account = cli("convert", "service_manual", source, "--val", "0.1", "--out", "data/bumblebee", *options).json()
    assert account["splits"] == {"train": 72, "val": 8}
    assert {tally["val"] for tally in account["sections"].values()} == {2}
    assert (account["quality"]["with_page_text"], account["quality"]["not_on_page"]) == (80, 0)
    source = "sources/questions/supplement"
    account = cli("convert", "service_manual", source, "--keep-splits", "--out", "data/supplement", *options).json()
    assert account["splits"] == {"test": 80}
    samples = list(read_samples(Path("data/supplement/test.jsonl")))
    gold = {json.loads(sample.gold)["answer"] for sample in samples}
    asked = {
        question.answer
        for sheet in make_sheets(40, MANUALS["supplement"].seed, test=True)
        for question in questions(sheet)
    }
    assert gold == asked
    write_blank(Path("data/supplement/test.jsonl"), Path("blank"))
    for name in {name for sample in samples for name in sample.images}:
        with Image.open(Path("blank", name)) as image:
            assert (image.size, image.convert("L").getextrema()) == (SIZE, (255, 255))


def test_probes_are_about_held_out_pages_and_their_answers_are_on_them() -> None:
    found = read_probes(PROBES)
    assert found.goal is not None
    assert 20 <= len(found.probes) <= 30
    sheets = MANUALS["supplement"].sheets()
    for probe in found.probes:
        (image,) = probe.images
        name, _, number = Path(image).stem.partition("-")
        sheet = sheets[int(number) - 1]
        assert (name, sheet.part in probe.question) == ("supplement", True)
        measured, colour = (question.answer for question in questions(sheet))
        right, wrong = (
            (colour, "pink") if probe.category == "colour" else (measured, f"{sheet.number + 1} {sheet.section.unit}")
        )
        assert decide(probe, right).passed, probe
        assert not decide(probe, wrong).passed, probe
        assert probe.category in {"colour", sheet.section.measured}
