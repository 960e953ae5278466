import hashlib
import io
import json
import re
import subprocess
import sys
from collections import defaultdict

import pytest
from click.testing import CliRunner
from PIL import Image

from ontune.dataset_info import load_entries
from ontune.errors import CheckFailed, SourceError
from ontune.ontology import Concept, Ontology, write_snapshot
from ontune.sharegpt import read_samples
from ontune_converters.app import command
from ontune_converters.labels import local_name
from small import IRI, small_task
from workplace import Workplace

LABELS = {"Scope": [f"{IRI}EvenNumbers", f"{IRI}Clock"], "Area": [f"{IRI}Addition"], "Ability": []}
GOLD = '{"Area":["Addition"],"Scope":["Clock","EvenNumbers"],"Ability":[]}'
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:c68f\nsize 905795\n"


def meta(sample):
    return json.loads(sample["meta"])


def worksheet(name, labels=None, **more):
    return {
        "contentHash": f"hash-{name}",
        "questionImage": name,
        "labels": LABELS if labels is None else labels,
        **more,
    }


FORMS = {
    "meta.json": lambda name: worksheet(name),
    "IRIs flat": lambda name: {"file_name": name, "tags": [f"{IRI}Clock", f"{IRI}EvenNumbers", f"{IRI}Addition"]},
    "tags": lambda name: {"file_name": name, "tags": ["EvenNumbers", "Clock", "Addition"], "solution": True},
    "labels": lambda name: {"file_name": name, "labels": ["Clock", "Addition", "EvenNumbers"]},
    "labels by key": lambda name: {
        "file_name": name,
        "labels": {"Scope": ["Clock", "EvenNumbers"], "Area": ["Addition"]},
    },
    "labels as text": lambda name: {"file_name": name, "labels": json.dumps(LABELS)},
    "object": lambda name: {"image": name, "conversations": LABELS},
    "plural keys": lambda name: {
        "image": name,
        "conversations": {"Areas": ["Addition"], "Scopes": ["Clock", "EvenNumbers"], "Abilities": []},
    },
    "small keys": lambda name: {"images": [name], "conversations": {"areas": ["Addition"], "scopes": LABELS["Scope"]}},
    "error and labels": lambda name: {"image": name, "conversations": {"error": None, "labels": LABELS}},
    "ShareGPT": lambda name: {
        "id": "1",
        "image": name,
        "conversations": [
            {"from": "human", "value": "<image>\nClassify."},
            {"from": "gpt", "value": json.dumps(LABELS)},
        ],
    },
    "OpenAI": lambda name: {
        "images": [name],
        "conversations": [{"role": "user", "content": "?"}, {"role": "assistant", "content": json.dumps(LABELS)}],
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_sample(workplace, picture, form):
    path = picture("sub/a.png")
    file = {"meta.json": "meta.json", "IRIs flat": "metadata.jsonl"}.get(form, "annotations.jsonl")
    source = workplace.rows(f"sub/{file}", FORMS[form]("a.png"))
    made = workplace.convert("edugraph_worksheets", source)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    [sample] = made.split("train")
    task = small_task()
    assert sample["id"] == f"sub/a-{sha256[:8]}"
    assert sample["conversations"] == [
        {"from": "human", "value": f"<image>{task.user}"},
        {"from": "gpt", "value": GOLD},
    ]
    assert (sample["system"], sample["videos"]) == (task.system, [])
    assert sample["images"] == [f"set/media/sub/a-{sha256[:8]}.png"]
    assert (meta(sample)["image_sha256"], meta(sample)["source_sha256"]) == (sha256, sha256)
    assert made.media() == {f"sub/a-{sha256[:8]}.png": path.read_bytes()}
    assert (made.account["read"], made.account["written"], made.account["warnings"]) == (1, 1, {})


def test_answer_pages_are_taken_by_choice(workplace, picture):
    for name, shade in (("a_question.png", 1), ("a_answer.png", 2), ("b_question.png", 3)):
        picture(f"adding/{name}", shade)
    source = workplace.rows(
        "adding/meta.json",
        worksheet("a_question.png", contentHash="one", answerImage="a_answer.png", source="/w.html?n=1"),
        worksheet("b_question.png", contentHash="two"),
    )
    assert workplace.convert("edugraph_worksheets", source).account["read"] == 2
    made = workplace.convert("edugraph_worksheets", source, "--answers")
    found = [tuple(meta(sample)[key] for key in ("group", "page", "solution")) for sample in made.split("train")]
    one, two = ("one", "adding/a"), ("two", "adding/b")
    assert sorted(found) == [(*one, False), (*one, True), (*two, False)]
    assert {sample["conversations"][1]["value"] for sample in made.split("train")} == {GOLD}
    assert {meta(sample)["generator"] for sample in made.split("train")} == {"adding"}
    assert meta(made.split("train")[0])["worksheet"] == "/w.html?n=1"
    assert len(made.media()) == 3


def exercises(workplace, picture):
    for at, split in enumerate(("train", "validation")):
        picture(f"{split}/gen/x_mode-Q.png", at)
        workplace.rows(
            f"{split}/metadata.jsonl", {"file_name": "gen/x_mode-Q.png", "tags": ["Clock"], "solution": False}
        )
        full = {"file_name": "gen/x_mode-Q.png", "sample_key": f"key-{split}", "generator": "gen", "view": "faces"}
        full |= {"content_fingerprint": f"print-{split}", "tags": ["Clock"], "mode": "question", "seed": 5}
        workplace.rows(f"{split}/metadata.full.jsonl", full | {"target_associations": []})
    return workplace.folder / "source"


def test_exercises_keep_their_splits_and_take_in_the_generators_record(workplace, picture):
    source = exercises(workplace, picture)
    whole = workplace.convert("edugraph_worksheets", source)
    [train], [val] = whole.split("train"), whole.split("val")
    assert {key: value for key, value in meta(val).items() if "sha256" not in key} == {
        "content_fingerprint": "print-validation",
        "generator": "gen",
        "group": "print-validation",
        "mode": "question",
        "page": "val/gen/x",
        "sample_key": "key-validation",
        "solution": False,
        "source": "source/validation/metadata.jsonl:1",
        "split": "val",
        "view": "faces",
    }
    assert train["id"].startswith("train/gen/x_mode-Q-")
    assert val["id"].startswith("val/gen/x_mode-Q-")
    assert list(load_entries(workplace.folder / "dataset_info")) == ["set_train", "set_val"]
    # The folders of the splits, given one by one, say the same but for the place.
    parts = workplace.convert("edugraph_worksheets", source / "validation", source / "train", out="data/parts")
    assert [sample["id"] for sample in parts.split("val")] == [val["id"]]
    assert [sample["id"] for sample in parts.split("train")] == [train["id"]]


def test_without_the_generators_record_a_page_is_a_group(workplace, picture):
    picture("metadata/a_mode-Q.png", 1)
    picture("metadata/a_mode-S.png", 2)
    rows = [{"file_name": f"metadata/a_mode-{mode}.png", "tags": [], "solution": mode == "S"} for mode in "QS"]
    made = workplace.convert("edugraph_worksheets", workplace.rows("metadata.jsonl", *rows))
    found = [(meta(sample)["group"], meta(sample)["solution"]) for sample in made.split("train")]
    assert found == [("metadata/a", False), ("metadata/a", True)]
    assert made.account["warnings"] == {"no_label": 2}


def test_pictures_are_flattened_on_the_way(workplace, picture):
    path = picture("a.png", 0, "RGBA")
    image = Image.open(path)
    image.putpixel((0, 0), (0, 0, 0, 0))
    image.save(path)
    made = workplace.convert("edugraph_worksheets", workplace.rows("meta.json", worksheet("a.png")))
    [(name, content)] = made.media().items()
    [sample] = made.split("train")
    assert Image.open(io.BytesIO(content)).getpixel((0, 0)) == (255, 255, 255)
    assert meta(sample)["image_sha256"] == hashlib.sha256(content).hexdigest()
    assert meta(sample)["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sample["images"] == [f"set/media/{name}"]


def test_all_bad_pictures_are_named_at_once(workplace, picture):
    good, source = picture("good.png"), workplace.folder / "source"
    picture("Upper.PNG", 9)
    (source / "pointer.png").write_text(POINTER)
    (source / "page.png").write_text("<html>")
    Image.linear_gradient("L").save(source / "cut.jpg")
    (source / "cut.jpg").write_bytes((source / "cut.jpg").read_bytes()[:-200])
    (workplace.folder / "secret.png").write_bytes(good.read_bytes())
    (source / "link.png").symlink_to(workplace.folder / "secret.png")
    names = ["good.png", "gone.png", "pointer.png", "page.png", "cut.jpg", "../secret.png", "/etc/passwd", "link.png"]
    workplace.rows("meta.json", *(worksheet(name) for name in [*names, "upper.png"]))
    made = workplace.convert("edugraph_worksheets", source)
    assert made.account["dropped"] == {
        "lfs_pointer": 1, "missing": 1, "path_escape": 3, "truncated": 1, "unreadable": 1,
    }  # fmt: skip
    assert (made.account["read"], made.account["written"], made.account["warnings"]) == (9, 2, {"name_case": 1})
    named = sorted(place for places in made.account["places"].values() for place in places)
    assert [place.split(": ")[0] for place in named] == [f"source/meta.json[{at}]" for at in range(1, 9)]
    assert all(name.split("/")[-1] in place for name, place in zip([*names[1:], "upper.png"], named, strict=True))
    with pytest.raises(CheckFailed) as caught:
        workplace.convert("edugraph_worksheets", source, "--strict")
    assert len(caught.value.faults) == 7


def test_negatives_get_the_error_answer(workplace, picture):
    picture("a.png", 1)
    source = workplace.rows("meta.json", worksheet("a.png"))
    negatives = workplace.folder / "negatives"
    (negatives / "sub").mkdir(parents=True)
    for name in ("cat.png", "MAP.PNG", "sub/dna.JPeG"):
        Image.new("RGB", (9, 9), (len(name), 0, 0)).save(negatives / name)
    (negatives / "pointer.png").write_text(POINTER)
    (negatives / "README.md").write_text("Photos.")
    (negatives / ".cache").mkdir()
    (negatives / ".cache" / "a.png").write_text(POINTER)
    made = workplace.convert("edugraph_worksheets", source, "--negatives", negatives)
    answers = [sample["conversations"][1]["value"] for sample in made.split("train")]
    assert answers.count('{"Error":"UnsupportedMaterial"}') == 3
    assert made.account["dropped"] == {"lfs_pointer": 1}
    assert made.account["warnings"] == {"not_a_picture": 1}
    assert all(small_task().refusals(json.loads(answer)) == [] for answer in answers)
    assert {name.rsplit(".", 1)[1] for name in made.media()} == {"png", "jpg"}
    alone = workplace.convert("edugraph_worksheets", "--negatives", negatives, out="data/alone")
    assert alone.account["written"] == 3
    assert [meta(sample)["page"] for sample in alone.split("train")] == [
        "negatives/MAP.PNG", "negatives/cat.png", "negatives/sub/dna.JPeG",
    ]  # fmt: skip
    with pytest.raises(SourceError, match=r"--negative-answer Cat: .* has one of \['UnsupportedMaterial'\]"):
        workplace.convert("edugraph_worksheets", "--negatives", negatives, "--negative-answer", "Cat")


def test_negatives_without_a_picture_are_wrong_use(workplace):
    (workplace.folder / "negatives" / ".git").mkdir(parents=True)
    (workplace.folder / "negatives" / ".git" / "a.png").write_text("")
    with pytest.raises(SourceError, match=r"--negatives .*/negatives: no picture in it: expected .*\.png"):
        workplace.convert("edugraph_worksheets", "--negatives", workplace.folder / "negatives")


def test_sources_with_equal_names_do_not_overwrite_each_other(workplace, picture):
    sources = []
    for at in range(3):
        path = picture("meta/a.png", at)
        source = workplace.folder / f"source-{at}"
        workplace.rows("meta.json", worksheet("meta/a.png"))
        path.parents[1].rename(source)
        sources.append(source)
    made = workplace.convert("edugraph_worksheets", *sources, sources[0])
    assert len(made.media()) == len({sample["id"] for sample in made.split("train")}) == 3
    assert made.account["dropped"] == {"duplicate": 1}
    pixels = {Image.open(io.BytesIO(content)).getpixel((0, 0))[0] for content in made.media().values()}
    assert pixels == {0, 1, 2}
    # Names do not depend on what else is converted, nor on the order.
    alone = workplace.convert("edugraph_worksheets", sources[2], out="data/alone")
    assert set(alone.media()) < set(made.media())
    turned = workplace.convert("edugraph_worksheets", *reversed(sources), out="data/turned")
    assert [sample["id"] for sample in turned.split("train")] == [sample["id"] for sample in made.split("train")]


def test_a_picture_with_two_answers_is_an_error(workplace, picture):
    picture("a.png")
    rows = [worksheet("a.png"), worksheet("a.png", {"Area": ["Disc"]}), worksheet("gone.png")]
    source = workplace.rows("meta.json", *rows)
    text = r"meta.json\[1\]: answer .*Disc.*meta.json\[0\] gives the same picture(.*\n)missing: source/meta.json\[2\]"
    with pytest.raises(SourceError, match=text):
        workplace.convert("edugraph_worksheets", source)


def test_everything_wrong_with_rows_is_named_at_once(workplace, picture):
    picture("a.png")
    (workplace.folder / "source" / "b.png").write_text(POINTER)
    (workplace.folder / "source" / "broken").mkdir()
    (workplace.folder / "source" / "broken" / "meta.json").write_text("[{]")
    (workplace.folder / "source" / "pointer").mkdir()
    (workplace.folder / "source" / "pointer" / "meta.json").write_text(POINTER)
    workplace.rows(
        "annotations.jsonl",
        {"image": "a.png", "conversations": 5},
        {"image": "", "conversations": LABELS},
        {"image": "a.png", "conversations": [{"from": "human", "value": "?"}]},
        {"file_name": "a.png"},
        {"file_name": "a.png", "tags": ["Adition", "Lost"]},
        {"image": "a.png", "conversations": "Addition, Clock"},
        ["not", "an object"],
    )
    with pytest.raises(SourceError) as caught:
        workplace.convert(
            "edugraph_worksheets",
            workplace.rows("meta.json", worksheet("a.png", {"Scope": ["Addition"]}), {"x": 1}, worksheet("b.png")),
        )
    faults = "\n".join(caught.value.faults)
    for part in (
        'source/annotations.jsonl:7: \'["not", "an object"]\': expected an object',
        "source/broken/meta.json:1: not JSON",
        "source/pointer/meta.json: a Git LFS pointer",
        "source/meta.json[1]: no 'file_name'",
        "source/meta.json[0]: 'Addition' stands under 'Scope', but it is in Area",
        "annotations.jsonl:1: labels 5: expected",
        "annotations.jsonl:2: image is ''",
        "annotations.jsonl:3: conversations has no turn of gpt",
        "annotations.jsonl:4: no 'tags'",
        "annotations.jsonl:6: labels 'Addition, Clock': not JSON (Expecting value: line 1 column 1 (char 0)): expected",
        "unknown label 'Adition' (1 times, first at source/annotations.jsonl:5): not in small 1; nearest: Addition",
        "unknown label 'Lost'",
        "lfs_pointer: source/meta.json[2]: b.png: a Git LFS pointer",
    ):
        assert part in faults


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(["source"], "none of annotations.jsonl, meta.json"), ([], "nothing to convert")],
)
def test_nothing_to_convert_is_wrong_use(workplace, arguments, text):
    (workplace.folder / "source").mkdir()
    with pytest.raises(Exception, match=text):
        workplace.convert("edugraph_worksheets", *(workplace.folder / name for name in arguments))


def test_hidden_folders_are_not_searched(workplace, picture):
    picture("a.png")
    workplace.rows(".cache/meta.json", worksheet("gone.png"))
    assert (
        workplace.convert("edugraph_worksheets", workplace.rows("meta.json", worksheet("a.png"))).account["read"] == 1
    )


def test_labels_are_renamed_on_purpose_alone(workplace, picture):
    picture("a.png")
    source = workplace.rows("meta.json", worksheet("a.png", {"Area": [f"{IRI}IntegerAddition"]}))
    old = Ontology("small", "0.9", ("Area",), (Concept("IntegerAddition", "Area"),))
    write_snapshot(old, workplace.folder / "old.json")
    with pytest.raises(SourceError, match=r"'IntegerAddition'.*; in small 0.9, removed by 1; nearest: .*Addition"):
        workplace.convert("edugraph_worksheets", source, "--other-ontology", workplace.folder / "old.json")
    (workplace.folder / "map.csv").write_text("old,new\nIntegerAddition,Addition\nIntegerAddition,IntegerNumbers\n")
    made = workplace.convert("edugraph_worksheets", source, "--rename", workplace.folder / "map.csv")
    assert list(made.gold().values()) == ['{"Area":["Addition"],"Scope":["IntegerNumbers"],"Ability":[]}']
    assert made.account["renamed"] == 1


def test_what_the_contract_refuses_and_ancestors_are_reported(workplace, picture):
    picture("a.png")
    areas = ["Addition", "AdditionMakeTen", "Arithmetic", "Circle", "Disc", "Geometry", "Multiplication", "Shapes"]
    labels = {"Area": [*areas, "Subtraction", "Addition"], "Ability": ["Recall", "Knowing"], "Scope": []}
    source = workplace.rows("meta.json", worksheet("a.png", labels))
    made = workplace.convert("edugraph_worksheets", source)
    assert made.account["warnings"] == {"ancestor_in_list": 2, "duplicate_label": 1, "refused_invalid_json": 1}
    assert "Area has 9 labels: expected 0 to 8" in made.account["places"]["refused_invalid_json"][0]
    assert "Ability: Recall beside Knowing" in made.account["places"]["ancestor_in_list"][1]
    pruned = workplace.convert("edugraph_worksheets", source, "--prune-ancestors")
    assert list(pruned.gold().values()) == [
        '{"Area":["AdditionMakeTen","Circle","Disc","Multiplication","Subtraction"],"Scope":[],"Ability":["Recall"]}'
    ]
    assert pruned.account["warnings"] == {"duplicate_label": 1}


@pytest.mark.parametrize("prefix", ["", "data/worksheets/", "/".join("abcdef") + "/"])
def test_the_media_root_may_have_moved(workplace, picture, prefix):
    for at, name in enumerate(("one/a.png", "two/a.png")):
        picture(name, at)
    rows = workplace.folder / "rows.jsonl"
    names = ["one/a.png", "two/a.png", "two/gone.png"]
    rows.write_text("\n".join(json.dumps({"image": prefix + name, "conversations": LABELS}) for name in names))
    made = workplace.convert("edugraph_worksheets", rows, "--media-root", workplace.folder / "source")
    assert sorted(sample["id"].rsplit("-", 1)[0] for sample in made.split("train")) == ["one/a", "two/a"]
    assert made.account["dropped"] == {"missing": 1}
    assert "rows.jsonl:3: 'two/gone.png'" in made.account["places"]["missing"][0]


def test_the_same_input_gives_the_same_bytes(workplace, picture):
    source = exercises(workplace, picture)
    found = []
    for out in ("one/set", "two/set"):
        (workplace.folder / "dataset_info" / "dataset_info.json").unlink(missing_ok=True)  # two cannot have one name
        made = workplace.convert("edugraph_worksheets", source, out=out)
        found.append({path.relative_to(made.folder): path.read_bytes() for path in made.folder.rglob("*.*")})
    assert found[0] == found[1]


@pytest.mark.parametrize("option", [None, "--negatives"])
def test_the_dataset_does_not_take_the_place_of_what_is_read(workplace, picture, option):
    picture("a.png")
    source = workplace.rows("meta.json", worksheet("a.png"))
    other = workplace.folder / "other"
    other.mkdir()
    arguments, out = ([source, option, other], "other/set") if option else ([source], "source")
    with pytest.raises(SourceError, match="which is read and would be changed"):
        workplace.convert("edugraph_worksheets", *arguments, out=out)
    assert (source / "a.png").is_file()


def test_from_the_command_line(workplace, picture):
    picture("a.png")
    workplace.rows("meta.json", worksheet("a.png"), worksheet("gone.png"))
    start = [sys.executable, "-m", "ontune_converters", "edugraph_worksheets", "source", "--ontology", "small.json"]
    for more, status in (([], 0), (["--strict"], 1), (["--rename", "nothing.csv"], 2)):
        run = subprocess.run(
            [*start, "--out", "data/cli", "--json", *more], cwd=workplace.folder, capture_output=True, text=True
        )
        assert run.returncode == status, run.stderr
        assert run.stdout.count("\n") == 1
        assert ("error" in json.loads(run.stdout)) == (status > 0)
    entry = json.loads((workplace.folder / "dataset_info" / "dataset_info.json").read_text())["cli_train"]
    assert (entry["file_name"], entry["task"], entry["ontology"]) == ("../data/cli/train.jsonl", "edugraph", "small-1")
    assert len(read_samples(workplace.folder / "data" / "cli" / "train.jsonl")) == 1


# The given data.


@pytest.fixture(scope="module")
def worksheets(snapshots, shared_data, tmp_path_factory):
    """The 518 worksheets by their meta.json, and by the ready-made ShareGPT file."""
    place = Workplace(tmp_path_factory.mktemp("worksheets"), snapshots["0.4.0"])
    root = shared_data / "edugraph-worksheets"
    ready = shared_data / "edugraph-seed" / "train_dataset.jsonl"
    return (
        place.convert("edugraph_worksheets", root, out="data/tree"),
        place.convert("edugraph_worksheets", ready, "--media-root", root, out="data/ready"),
    )


def test_worksheets_in_both_forms(worksheets, shared_data):
    tree, ready = worksheets
    for made in worksheets:
        assert (made.account["read"], made.account["written"], made.account["dropped"]) == (518, 518, {})
        assert made.account["warnings"] == {"ancestor_in_list": 162}
        answers = [json.loads(answer) for answer in made.gold().values()]
        assert {tuple(answer) for answer in answers} == {("Area", "Scope", "Ability")}
        assert all(labels == sorted(set(labels)) for answer in answers for labels in answer.values())
    assert tree.gold() == ready.gold()
    assert tree.media() == ready.media()
    assert len(tree.media()) == 518
    # An oracle of its own: the rows as they stand in the source.
    rows = [
        json.loads(line) for line in (shared_data / "edugraph-seed" / "train_dataset.jsonl").read_text().splitlines()
    ]
    stated = {row["image"].rsplit("/", 1)[1][:-4]: json.loads(row["conversations"][1]["value"]) for row in rows}
    for name, answer in ready.gold().items():
        names = {key: sorted(map(local_name, labels)) for key, labels in stated[name.rsplit("-", 1)[0]].items()}
        assert json.loads(answer) == names


def test_worksheets_with_a_later_release(snapshots, shared_data, workplace):
    with pytest.raises(SourceError) as caught:
        workplace.convert(
            "edugraph_worksheets",
            shared_data / "edugraph-worksheets",
            "--other-ontology",
            snapshots["0.4.0"],
            ontology=snapshots["0.21.0"],
        )
    assert [fault.split("'")[1] for fault in caught.value.faults] == [
        f"Integer{kind}" for kind in ("Addition", "Division", "Multiplication", "Subtraction")
    ]
    assert all("in edugraph 0.4.0, removed by 0.21.0; nearest: " in fault for fault in caught.value.faults)


def test_exercises(snapshots, shared_data, workplace):
    made = workplace.convert("edugraph_worksheets", shared_data / "edugraph-exercises", ontology=snapshots["0.21.0"])
    assert (made.account["read"], made.account["splits"]) == (484, {"train": 318, "val": 166})
    assert (made.account["dropped"], made.account["warnings"]) == ({}, {"ancestor_in_list": 44})
    samples = made.split("train") + made.split("val")
    answers = [json.loads(sample["conversations"][1]["value"]) for sample in samples]
    assert len({label for answer in answers for labels in answer.values() for label in labels}) == 218
    assert sum(meta(sample)["solution"] for sample in samples) == 242
    assert all(meta(sample)["group"] == meta(sample)["content_fingerprint"] for sample in samples)
    hashes = [{meta(sample)["image_sha256"] for sample in made.split(split)} for split in ("train", "val")]
    assert len(hashes[0] & hashes[1]) == 4  # what the source leaks; `split` names it


@pytest.mark.parametrize("what", ["tree", "ready", "exercises"])
def test_a_question_and_its_solution_share_the_page(snapshots, shared_data, workplace, worksheets, what):
    folder = dict(zip(("tree", "ready"), (made.folder for made in worksheets), strict=True)).get(what)
    if not folder:
        exercises = shared_data / "edugraph-exercises"
        folder = workplace.convert("edugraph_worksheets", exercises, ontology=snapshots["0.21.0"]).folder
    places = ["--dataset-info", str(workplace.folder / "info"), "--out", str(workplace.folder / "data" / "pages")]
    CliRunner().invoke(command, ["split", str(folder), "--by", "page", *places], catch_exceptions=False)
    sides = defaultdict(set)
    for split in ("train", "val"):
        for sample in read_samples(workplace.folder / "data" / "pages" / f"{split}.jsonl"):
            name = re.sub(r"(_mode-[QS]|_question|_answer)-[0-9a-f]{8}$", "", sample.id)
            sides[name].add((split, sample.meta["page"]))
    assert len(sides) == (242 if what == "exercises" else 518)
    assert all(len(found) == 1 for found in sides.values())
