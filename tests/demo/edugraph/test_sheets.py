"""The sheets: labels that the ontology has, held-out values and layouts that are nowhere else, pictures that differ."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontune.demo.edugraph.drawing import SIDE, draw
from ontune.demo.edugraph.ontology import NAME, VERSION, write_ontology, write_task
from ontune.demo.edugraph.sheets import KINDS, held_out_layouts, labels, make_sheets
from ontune.demo.edugraph.sources import COUNTS, write_sources
from ontune.ontology import write_snapshot
from ontune.ontology.reader import read_ontology
from ontune.task import load_task

TRAINING = [(kind, held) for kind in ("easy", "sheets") for held in ("train", "validation")]


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    info = tmp_path_factory.mktemp("info")
    ontology = read_ontology([write_ontology(info / "worksheets.ttl")], NAME, VERSION)
    write_snapshot(ontology, info / "ontologies" / f"{NAME}-{VERSION}.json")
    write_task(info)
    return load_task(NAME, dataset_info=info)


def seen(count, seed, **options):
    """The values and the layouts of so many sheets."""
    sheets = list(make_sheets(count, seed, **options))
    return {(sheet.kind, value) for sheet in sheets for value in sheet.values}, {sheet.layout for sheet in sheets}


def test_values_and_layouts_of_held_out_sheets_are_in_no_other() -> None:
    values, layouts = seen(3000, 1, held_out=True)
    for options in ({}, {"easy": True}):
        other_values, other_layouts = seen(9000, 2, **options)
        assert not values & other_values
        assert not layouts & other_layouts
    assert layouts == held_out_layouts()
    assert {kind for kind, _ in values} == set(KINDS)


def test_what_is_called_test_is_held_out_and_the_rest_is_not(tmp_path, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(
        "ontune.demo.edugraph.sources.make_sheets", lambda count, **options: asked.append(options) or []
    )
    write_sources(tmp_path / "sources")
    found = {name: options.get("held_out", False) for name, options in zip(COUNTS, asked, strict=True)}
    assert found == {name: name.endswith("/test") for name in COUNTS}
    seeds = [options["seed"] for options in asked]
    assert len(set(seeds)) == len(seeds) - 1
    assert seeds[-1] == seeds[-2]  # the blank pictures have the test's labels
    assert COUNTS["sheets/test"] >= 300


def test_each_kind_has_both_details_in_both_parts() -> None:
    for held_out in (False, True):
        found = {(sheet.kind, labels(sheet)[1]) for sheet in make_sheets(900, 3, held_out)}
        assert found == {(name, scope) for name, kind in KINDS.items() for scope in kind.scope}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_every_answer_obeys_the_task(task, seed, held_out, easy) -> None:
    for sheet in make_sheets(len(KINDS), seed, held_out, easy):
        answer = task.answer_from_labels(list(labels(sheet)))
        assert task.refusals(answer) == []
        assert sum(map(len, answer.values())) == len(labels(sheet))
        assert [len(answer["Area"]), len(answer["Ability"])] == [1, 1]


def test_every_label_of_a_sheet_says_something(task) -> None:
    """No label is on every sheet: those would be left out of the scores."""
    found = [set(labels(sheet)) for sheet in make_sheets(900, 3)]
    assert not set.intersection(*found)
    assert set.union(*found) < set(task.ontology.by_name)


@pytest.mark.parametrize("easy", [True, False])
def test_the_same_sheet_gives_the_same_pixels_and_another_one_others(easy) -> None:
    sheets = list(make_sheets(2 * len(KINDS), 7, easy=easy))
    pictures = [np.asarray(draw(sheet)) for sheet in sheets]
    assert all((np.asarray(draw(sheet)) == picture).all() for sheet, picture in zip(sheets, pictures, strict=True))
    assert {picture.shape for picture in pictures} == {(SIDE, SIDE, 3)}
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_ink_and_colour_show() -> None:
    for sheet in make_sheets(180, 9):
        picture = np.asarray(draw(sheet)).astype(int)
        assert (picture.min(axis=2) < 130).sum() > 40, sheet  # ink
        chroma = np.median(picture.max(axis=2) - picture.min(axis=2))
        assert (chroma > 10) == sheet.coloured, sheet


def test_a_source_holds_pictures_and_a_row_for_each(tmp_path, monkeypatch) -> None:
    import json

    from PIL import Image

    monkeypatch.setattr("ontune.demo.edugraph.sources.COUNTS", dict.fromkeys(COUNTS, 9))
    write_sources(tmp_path / "sources")
    rows = {name: (tmp_path / "sources" / name / "metadata.jsonl").read_text().splitlines() for name in COUNTS}
    assert rows["sheets/test"] == rows["blank/test"]
    assert rows["sheets/train"] != rows["sheets/validation"]
    for name, lines in rows.items():
        assert len(lines) == 9
        for line in lines:
            with Image.open(tmp_path / "sources" / name / json.loads(line)["file_name"]) as picture:
                assert (picture.convert("L").getextrema() == (255, 255)) == name.startswith("blank")
