"""The scenes: the frame decides, held-out layouts are nowhere else, pictures that differ, an export that reads back."""

import json

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ontune.dataset_info import load_entries
from ontune.demo.conditions.drawing import SIDE, draw
from ontune.demo.conditions.scenes import CLASSES, SLOTS, Scene, Thing, held_out_layouts, make_scenes
from ontune.demo.conditions.sources import COUNTS, write_blank, write_sources
from ontune.demo.conditions.tasks import RELATIONS, TASK, write_tasks
from ontune.sharegpt import Sample, Turn, read_samples, write_samples
from ontune.task import load_task
from ontune_converters.account import Account
from ontune_converters.annotations import read_annotations


def layout(scene):
    """The slots that a scene fills, by the centres of its boxes."""
    found = []
    for left, upper, right, lower in (thing.box for thing in scene.things):
        bank = "upper" if (upper + lower) / 2 < 0.58 else "lower"
        found.append((bank, int((left + right) / 2 * 3)))
    return tuple(found)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_a_scene_alone_does_not_give_the_answer(seed, held_out) -> None:
    scene = next(make_scenes(1, seed, held_out))
    assert len(set(names(scene))) == len(names(scene)) in {2, 3, 4}
    assert all(0 < left < right < 1 and 0 < upper < lower < 1 for left, upper, right, lower in boxes(scene))
    assert not any(overlap(one, other) for one in boxes(scene) for other in boxes(scene) if one != other)


def names(scene):
    return [thing.name for thing in scene.things]


def boxes(scene):
    return [thing.box for thing in scene.things]


def overlap(one, other) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_held_out_layouts_are_in_no_other_scene() -> None:
    seen = {held: {layout(scene) for scene in make_scenes(600, 1, held)} for held in (False, True)}
    assert seen[True] == held_out_layouts()
    assert not seen[False] & seen[True]
    assert {len(found) for found in seen[True]} == {2, 3, 4}


def test_a_place_says_nothing_of_what_stands_there() -> None:
    scenes = [*make_scenes(400, 1, held_out=True), *make_scenes(1200, 2)]
    found = {pair for scene in scenes for pair in zip(layout(scene), names(scene), strict=True)}
    assert found == {(slot, name) for slot in SLOTS for name in CLASSES}


def test_what_is_called_test_is_held_out_and_no_seed_is_used_twice(tmp_path, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(
        "ontune.demo.conditions.sources.make_scenes", lambda count, **options: asked.append(options) or []
    )
    write_sources(tmp_path / "sources")
    assert [options.get("held_out", False) for options in asked] == [True, False, False, False, False]
    assert len({options["seed"] for options in asked}) == len(asked) == len(COUNTS)


def test_the_same_scene_gives_the_same_pixels_and_another_one_others() -> None:
    scenes = [*make_scenes(20, 7), *make_scenes(20, 7, easy=True)]
    pictures = [np.asarray(draw(scene)) for scene in scenes]
    assert all((np.asarray(draw(scene)) == picture).all() for scene, picture in zip(scenes, pictures, strict=True))
    assert {picture.shape for picture in pictures} == {(SIDE, SIDE, 3)}
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_shows_inside_its_box_and_nowhere_else(name) -> None:
    box = (0.4, 0.25, 0.66, 0.55)
    empty, drawn = (np.asarray(draw(Scene(things, True, 3))).astype(int) for things in ((), (Thing(name, box, 5),)))
    changed = np.abs(empty - drawn).max(axis=2) > 40
    rows, columns = np.nonzero(changed)
    left, upper, right, lower = (edge * SIDE for edge in box)
    assert left - 4 <= columns.min() < columns.max() <= right + 4
    assert upper - 4 <= rows.min() < rows.max() <= lower + 4
    assert changed.sum() > 200


def test_red_is_left_to_frames() -> None:
    for scene in make_scenes(60, 9):
        red, green, blue = np.moveaxis(np.asarray(draw(scene)).astype(int), 2, 0)
        assert not ((red > 200) & (green < 90) & (blue < 90)).any()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small export of each kind, and the tasks."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ontune.demo.conditions.sources.COUNTS", dict.fromkeys(COUNTS, 12))
        write_sources(folder / "sources")
    write_tasks(folder / "dataset_info")
    return folder


@pytest.mark.parametrize(("name", "splits"), [("clear", ["train", "val"]), ("scenes", ["test", "train", "val"])])
def test_the_export_is_read_as_it_was_drawn(made, name, splits) -> None:
    account = Account("test")
    found = read_annotations(made / "sources" / name, account)
    assert (account.drops(), account.warnings) == ([], {})
    assert sorted({picture.split for picture in found}) == splits
    assert len({picture.group for picture in found}) == len(found) == 12 * len(splits)
    if name == "scenes":
        test = [picture for picture in found if picture.split == "test"]
        scenes = list(make_scenes(12, seed=5, held_out=True))
        for picture, scene in zip(test, scenes, strict=True):
            assert [region.label for region in picture.regions] == names(scene)
            assert np.allclose([region.box for region in picture.regions], boxes(scene), atol=1e-5)


def test_detections_name_objects_never_conditions_and_some_are_wrong(made) -> None:
    found = json.loads((made / "sources/detections.json").read_text())
    assert {one["class"] for item in found for one in item["detections"]} <= {kind.object for kind in CLASSES.values()}
    scenes = list(make_scenes(12, seed=5, held_out=True))
    assert [item["image"] for item in found] == [f"test-{at:04}.jpg" for at in range(12)]
    exact = [[edge * SIDE for edge in thing.box] for scene in scenes for thing in scene.things]
    given = [one["box"] for item in found for one in item["detections"]]
    assert not any(np.allclose(box, other, atol=0.05) for box in given for other in exact)
    assert all(0 <= left < right <= SIDE and 0 <= upper < lower <= SIDE for left, upper, right, lower in given)


def test_a_class_is_an_option_of_the_task_with_object_and_condition(made) -> None:
    task = load_task(TASK, dataset_info=made / "dataset_info")
    field = task.fields[0]
    assert {name: field.about(name) for name in field.options} == {
        name: {"object": kind.object, "condition": kind.condition} for name, kind in CLASSES.items()
    }
    assert load_task(RELATIONS, dataset_info=made / "dataset_info").fields[0].options == ("yes", "no")


def test_blank_samples_ask_the_same_of_a_white_picture_without_a_frame(tmp_path) -> None:
    turns = (Turn("human", "<image>Which?"), Turn("gpt", '{"condition":"rock toe"}'))
    samples = [Sample(name, turns, "s", (f"scenes/media/{name}.jpg",), meta={"group": name}) for name in "ab"]
    write_samples(tmp_path / "data/scenes/test.jsonl", samples)
    write_blank(tmp_path / "data", tmp_path / "info")
    blank = list(read_samples(tmp_path / "data/blank/test.jsonl"))
    assert [(one.id, one.prompt, one.gold, one.meta) for one in blank] == [
        (one.id, one.prompt, one.gold, one.meta) for one in samples
    ]
    with Image.open(tmp_path / "data" / blank[0].images[0]) as picture:
        assert (picture.size, picture.convert("L").getextrema()) == ((SIDE, SIDE), (255, 255))
    entry = load_entries(tmp_path / "info")["blank_test"]
    assert (entry.path, entry.task) == (tmp_path / "data/blank/test.jsonl", TASK)


def test_classes_are_numbered_as_data_yaml_says(made) -> None:
    record = yaml.safe_load((made / "sources/scenes/data.yaml").read_text())
    assert (record["nc"], record["names"]) == (len(CLASSES), list(CLASSES))
