import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from ontune.dataset_info import Entry, load_entries, register
from ontune.errors import CheckFailed, InputError, SourceError
from ontune.ontology import write_snapshot
from ontune.sharegpt import Sample, Turn, read_samples, write_samples
from ontune_converters.app import command
from ontune_converters.leakage import Case, Fingerprint, find_leakage, label_set
from ontune_converters.split import assign, clusters, group_key
from small import ONTOLOGY


def paint(path, seed, size=48):
    """A picture of its own for each seed: coarse noise, so that its look differs from others'."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = Image.frombytes("L", (8, 8), random.Random(seed).randbytes(64))
    noise.resize((size, size), Image.Resampling.BICUBIC).convert("RGB").save(path)


class Place:
    """A working directory with datasets made row by row: (id, group, picture's seed or None, answer, split)."""

    def __init__(self, root):
        self.root = root

    def dataset(self, name, rows, task="edugraph", ontology="small-1"):
        splits = defaultdict(list)
        for key, group, seed, answer, split in rows:
            images = () if seed is None else (f"{name}/media/{key}.png",)
            if images:
                paint(self.root / "data" / images[0], seed)
            turns = (Turn("human", "<image>" * len(images) + "Label."), Turn("gpt", answer))
            meta = {"group": group, "generator": group[0]}
            splits[split].append(Sample(key, turns, images=images, meta=meta))
        entries = []
        for split, samples in splits.items():
            path = self.root / "data" / name / f"{split}.jsonl"
            write_samples(path, samples)
            entries.append(Entry(f"{name}_{split}", path, task, ontology))
        register(entries, self.root / "dataset_info")
        return f"data/{name}"

    def split(self, *arguments):
        """Runs the converter; gives its account."""
        return json.loads(self.text(*arguments, "--json"))

    def text(self, *arguments):
        result = CliRunner().invoke(command, ["split", *map(str, arguments)], standalone_mode=False)
        if result.exception:
            raise result.exception
        return result.stdout

    def read(self, folder):
        return {path.stem: read_samples(path) for path in sorted(Path(folder).glob("*.jsonl"))}

    def tree(self):
        """Every file with its bytes: what a command that writes nothing leaves as it was."""
        return {path: path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file()}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


def rows(count, groups, split="train", pictures=True):
    return [(f"s{at:03}", f"g{at % groups}", at if pictures else None, "{}", split) for at in range(count)]


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.sets(st.integers(0, 12), max_size=3), max_size=12))
def test_clusters(keys):
    found = clusters({name: {str(key) for key in held} for name, held in keys.items()})
    assert set(found) == set(keys)
    # The oracle: merge sets until nothing changes.
    merged = [({name}, set(held)) for name, held in keys.items()]
    for _ in keys:
        for names, held in list(merged):
            touching = [item for item in merged if item[1] & held or item[0] == names]
            merged = [item for item in merged if item not in touching]
            merged.append((set().union(*(item[0] for item in touching)), set().union(*(item[1] for item in touching))))
    expected = {name: min(names) for names, _ in merged for name in names}
    assert found == expected


SIZES = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(1, 9), min_size=3)


@given(SIZES, st.floats(0, 0.5), st.floats(0, 0.4), st.integers(0, 2**32))
def test_assign(sizes, val, test, seed):
    shares = {"test": test, "val": val}
    try:
        found = assign(sizes, shares, random.Random(seed))
    except SourceError:
        assume(False)  # what cannot be filled has a table of its own
    assert set(found) == set(sizes)
    assert found == assign(dict(reversed(sizes.items())), shares, random.Random(seed))
    counts = Counter()
    for name, split in found.items():
        counts[split] += sizes[name]
    for split, share in shares.items():
        room = round(share * sum(sizes.values())) - counts[split]
        assert room >= 0
        assert bool(share) == (split in counts) or not share
        assert not [name for name in sizes if found[name] == "train" and sizes[name] <= room]  # as full as can be


@pytest.mark.parametrize(
    ("sizes", "shares", "fault"),
    [
        ({"a": 9, "b": 1}, {"test": 0, "val": 0.1}, ""),
        (
            {"a": 5, "b": 5},
            {"test": 0, "val": 0.1},
            "--val 0.1: room for 1 of 10 samples, but the smallest group has 5: a larger share, or --val 0 for none",
        ),
        ({"a": 1, "b": 1}, {"test": 0.5, "val": 0.5}, "nothing of 2 samples in 2 groups is left for train"),
        (
            {"a": 1, "b": 9},
            {"test": 0.1, "val": 0.1},
            "--val 0.1: room for 1 of 10 samples, but the smallest group has 9: a larger share, or --val 0 for none",
        ),
    ],
)
def test_shares_that_cannot_be_filled(sizes, shares, fault):
    if not fault:
        assert assign(sizes, shares, random.Random(1)) == {"a": "train", "b": "val"}
        return
    with pytest.raises(SourceError) as caught:
        assign(sizes, shares, random.Random(1))
    assert fault in caught.value.faults


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("group", "g"),
        ("content", "c"),
        ("task", "t"),
        ("page", "3"),
        ("generator", None),
        ("label_set", label_set('{"A":["y","x"]}')),
    ],
)
def test_group_key(by, expected):
    meta = {"group": "g", "content_fingerprint": "c", "task_fingerprint": "t", "page": 3, "generator": None}
    sample = Sample("a", (Turn("human", "?"), Turn("gpt", '{"A":["x","y"]}')), meta=meta)
    assert group_key(sample, by) == expected


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ('{"A":["x","y"],"B":[]}', '{"B":[],"A":["y","x"]}', True),
        ('{"A":["x"]}', '{"A":["x","x"]}', False),
        ('{"A":["x"]}', '{"A":["y"]}', False),
        ('{"A":[["x"],[1]]}', '{"A":[[1],["x"]]}', True),
        ("yes", "yes", True),
        ("yes", '"yes"', False),
    ],
)
def test_label_set(left, right, same):
    assert (label_set(left) == label_set(right)) is same


@pytest.mark.parametrize("by", ["group", "generator", "label_set"])
def test_groups_never_straddle(place, by):
    answers = ['{"Area":["Disc"]}', "{}", '{"Area":["Circle"]}', '{"Area":["Shapes"]}', '{"Scope":[]}', "[]"]
    made = [(f"s{at:03}", f"{'abcdef'[at % 6]}{at % 12}", at, answers[at % 6], "train") for at in range(60)]
    account = place.split(place.dataset("d", made), "--out", "data/new", "--by", by, "--val", 0.2, "--test", 0.2)
    splits = place.read("data/new")
    assert set(splits) == {"train", "val", "test"}
    assert account["splits"] == {split: len(samples) for split, samples in splits.items()}
    sides = defaultdict(set)
    for split, samples in splits.items():
        for sample in samples:
            sides[group_key(sample, by)].add(split)
    assert all(len(side) == 1 for side in sides.values())
    assert sorted(sample.id for samples in splits.values() for sample in samples) == [row[0] for row in made]
    assert account["groups"] == len(sides)


def test_media_travel_and_entries_keep_their_task(place):
    source = place.dataset("d", rows(10, 5))
    place.split(source, "--out", "data/new", "--val", 0.2)
    before = {sample.id: sample for sample in place.read(source)["train"]}
    for samples in place.read("data/new").values():
        for sample in samples:
            (path,), (old,) = sample.images, before[sample.id].images
            assert path == f"new/media/{sample.id}.png"
            assert Path("data", path).samefile(Path("data", old))  # a link: no second copy on the disk
            assert (sample.gold, sample.meta) == (before[sample.id].gold, before[sample.id].meta)
    entries = load_entries(place.root / "dataset_info")
    assert {(name, entry.task, entry.ontology) for name, entry in entries.items()} == {
        (name, "edugraph", "small-1") for name in ("d_train", "new_train", "new_val")
    }


def test_in_place_and_the_same_seed_gives_the_same_bytes(place):
    source = place.dataset("d", [*rows(20, 10), ("x", "g0", 99, "{}", "extra")])
    pictures = {path.name: path.read_bytes() for path in Path(source, "media").iterdir()}
    place.split(source, "--val", 0.3)
    first = place.tree()
    assert set(place.read(source)) == {"train", "val"}
    assert {path.name: path.read_bytes() for path in Path(source, "media").iterdir()} == pictures
    assert set(load_entries(Path("dataset_info"))) == {"d_train", "d_val"}
    place.split(source, "--val", 0.3)
    assert {path: content for path, content in place.tree().items() if path.suffix != ".json"} == {
        path: content for path, content in first.items() if path.suffix != ".json"
    }
    place.split(source, "--val", 0.3, "--seed", 2)
    assert place.tree() != first


def test_the_account_of_the_conversion_is_kept(place):
    source = place.dataset("d", rows(20, 10))
    made = {"converter": "made", "read": 21, "written": 20, "dropped": {"missing": 1}, "warnings": {}}
    made["places"] = {"missing": ["row 3"]}
    Path(source, "account.json").write_text(json.dumps(made))
    for seed in range(3):  # each time in place: the accounts of the splits before give way
        account = place.split(source, "--seed", seed)
        assert account["sources"] == {"d": made}
        assert json.loads(Path(source, "account.json").read_text()) == account
    text = place.text(source)
    assert "converter: made" in text
    assert "row 3" not in text
    assert place.split(source, "--out", "data/new")["sources"] == {"d": made}
    assert place.split("data/new")["sources"] == {"d": made}
    Path(source, "account.json").write_text("{")
    with pytest.raises(SourceError, match=r"d/account\.json: not JSON"):
        place.split(source, "--out", "data/new")


@pytest.mark.parametrize(
    ("groups", "shares", "warned"),
    [
        (20, (0.2, 0), []),
        (20, (0.25, 0.1), []),
        (5, (0.3, 0), ["--val 0.3: 4 of 20 samples are 0.200; groups stay whole"]),
        (4, (0.3, 0.35), ["--test 0.35: 5 of 20 samples are 0.250", "--val 0.3: 5 of 20 samples are 0.250"]),
        (20, (0.06, 0), []),  # one percentage point
        (20, (0.065, 0), ["--val 0.065: 1 of 20 samples are 0.050"]),
    ],
)
def test_a_share_that_is_missed_is_named(place, groups, shares, warned):
    val, test = shares
    account = place.split(place.dataset("d", rows(20, groups)), "--val", val, "--test", test)
    found = account["places"].get("share", [])
    assert len(found) == len(warned)
    assert all(line.startswith(start) for start, line in zip(warned, found, strict=True))


@pytest.mark.parametrize(
    ("entry", "options", "expected"),
    [
        (("edugraph", "small-1"), [], ("edugraph", "small-1")),
        ((None, None), ["--task", "edugraph", "--ontology", "small-1"], ("edugraph", "small-1")),
        (("edugraph", "none"), ["--ontology", "small-1"], ("edugraph", "small-1")),
        (("none", "small-1"), ["--task", "edugraph"], ("edugraph", "small-1")),
        ((None, None), [], (None, None)),
        ((None, None), ["--ontology", "small-1"], "name one with --task"),
        ((None, None), ["--task", "none", "--ontology", "small-1"], "no tasks file none.yaml"),
    ],
)
def test_the_task_is_the_entrys_or_the_options(place, entry, options, expected):
    write_snapshot(ONTOLOGY, Path("dataset_info/ontologies/small-1.json"))
    source = place.dataset("d", rows(20, 20), *entry)
    if isinstance(expected, str):
        with pytest.raises(InputError, match=expected):
            place.split(source, "--out", "data/new", *options)
        return
    account = place.split(source, "--out", "data/new", *options)
    entries = load_entries(Path("dataset_info"))
    assert {(entries[name].task, entries[name].ontology) for name in ("new_train", "new_val")} == {expected}
    assert account["warnings"] == ({} if expected[0] else {"no_task": 1})


def test_several_datasets(place):
    place.dataset("two", rows(10, 5, split="val"))
    account = place.split(place.dataset("one", rows(10, 5)), "two_val", "--out", "data/both", "--val", 0.2)
    samples = [sample for found in place.read("data/both").values() for sample in found]
    assert {sample.id for sample in samples} == {f"{name}/s{at:03}" for name in ("one", "two") for at in range(10)}
    assert all(sample.images == (f"both/media/{sample.id}.png",) for sample in samples)
    assert account["groups"] == 5
    assert account["leakage"]["identical"] == 0  # two/s000 is the picture of one/s000, and of its group


def test_groups_with_a_picture_in_common_stay_together(place):
    made = [(f"s{at:03}", f"g{at}", at // 2, "{}", "train") for at in range(40)]
    account = place.split(place.dataset("d", made), "--val", 0.3)
    assert (account["groups"], account["joined"]) == (40, 20)
    assert account["leakage"]["identical"] == 0
    assert set(place.read("data/d")) == {"train", "val"}


def test_keep_reports_and_writes_nothing(place):
    area = '{"Area":["Disc"]}'
    made = [
        ("a", "g", 1, "{}", "train"),
        ("b", "g", 2, "{}", "train"),
        ("c", "h", 1, area, "val"),
        ("d", "h", 3, "{}", "val"),
        ("e", "i", 4, area, "train"),
        ("f", "i", 5, "[]", "val"),
    ]
    source = place.dataset("d", made)
    with Image.open("data/d/media/b.png") as image:  # the same look in other bytes
        image.resize((56, 56)).save("data/d/media/d.png")
    before = place.tree()
    account = place.split(source, "--keep")
    assert place.tree() == before
    assert (account["read"], account["kept"], account["splits"]) == (6, 6, {"train": 3, "val": 3})
    assert "written" not in account
    assert place.text(source, "--keep").startswith("read     6\nkept     6 (train 3, val 3)\ndropped  0\n")
    assert account["places"] == {
        "identical_across_splits": ["train d/media/a.png = val d/media/c.png"],
        "conflicting_gold": [f"train d/media/a.png: {{}} ≠ val d/media/c.png: {area}"],
        "near_identical_across_splits": ["val d/media/d.png ~ train d/media/b.png (0 bits)"],
    }
    assert account["leakage"] == {
        "identical": 1,
        "near_identical": 1,
        "conflicting_gold": 1,
        "label_sets": {"val": {"samples": 3, "samples_seen": 0.6667, "sets": 3, "sets_seen": 0.6667}},
    }
    assert place.split(source, "--report-only", "--near", 0)["leakage"]["near_identical"] == 1
    with pytest.raises(CheckFailed) as caught:
        place.split(source, "--keep", "--strict")
    assert len(caught.value.faults) == 2
    assert place.tree() == before


def test_strict_stops_before_anything_is_written(place):
    source = place.dataset("d", [("a", "g", 1, "{}", "train"), ("b", "g", 1, "[]", "train"), *rows(20, 10)])
    before = place.tree()
    with pytest.raises(CheckFailed, match="conflicting_gold"):
        place.split(source, "--strict")
    assert place.tree() == before


def test_keep_with_out_joins_datasets_as_they_are(place):
    one, two = place.dataset("one", rows(4, 2)), place.dataset("two", rows(3, 3, "val"))
    place.split(one, two, "--keep", "--out", "data/both")
    assert {split: len(samples) for split, samples in place.read("data/both").items()} == {"train": 4, "val": 3}


def test_text_alone(place):
    account = place.split(place.dataset("d", rows(20, 10, pictures=False)))
    assert (account["written"], account["warnings"]) == (20, {})


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        (["data/d", "data/e"], ["2 datasets: name the new one with --out"]),
        (["data/d", "data/none"], ["dataset 'data/none': no file data/none"]),
        (["data/empty"], ["data/empty: no .jsonl file in this folder"]),
        (["data/d", "data/d/train.jsonl"], ["data/d/train.jsonl: 10 ids are in data/d/train.jsonl already"]),
        (["data/d", "--by", "page"], ["10 of 10 samples lack it, such as s000; meta has ['generator', 'group']"]),
        (["data/d", "--val", "0.01"], ["--val 0.01: room for 0 of 10 samples, but the smallest group has 2: "]),
        (["data/d", "data/e", "--out", "data/x"], ["task edugraph, ontology small-1: expected one", "task None"]),
        (["data/torn"], ["torn/media/s000.png: cannot be read", "torn/media/s001.png: cannot be read"]),
        (["data/e"], ["notes.txt is no part of the split and would be lost: use --out"]),
        (["data/two/train.jsonl", "--out", "data/two"], ["val.jsonl is no part of the split and would be lost"]),
        (["data/bad"], ["data/bad/train.jsonl:1: keys []", "data/bad/val.jsonl:2: not a sample"]),
    ],
)  # fmt: skip
def test_faults_are_named_at_once_and_nothing_is_touched(place, arguments, faults):
    place.dataset("d", rows(10, 5))
    place.dataset("e", rows(10, 5), task=None, ontology=None)
    Path("data/e/notes.txt").write_text("mine")
    place.dataset("two", [*rows(10, 5), ("v", "g", 77, "{}", "val")])
    place.dataset("torn", rows(4, 4))
    Path("data/torn/media/s000.png").write_bytes(b"no picture")
    Path("data/torn/media/s001.png").unlink()
    place.dataset("bad", [*rows(1, 1), ("v", "g", 77, "{}", "val")])
    Path("data/bad/train.jsonl").write_text("{}\n")
    Path("data/bad/val.jsonl").write_text(Path("data/bad/val.jsonl").read_text() + "[]\n")
    Path("data/empty").mkdir()
    before = place.tree()
    with pytest.raises(InputError) as caught:
        place.split(*arguments)
    found = caught.value.faults
    assert len(found) == len(faults)
    assert [part for part, fault in zip(faults, found, strict=True) if part not in fault] == []
    assert place.tree() == before


def test_missing_videos_and_pictures_outside_media(place):
    place.dataset("d", rows(4, 4))
    paint(Path("data/elsewhere/a.png"), 50)
    path = Path("data/d/train.jsonl")
    turns = (Turn("human", "<image><video>?"), Turn("gpt", "{}"))
    sample = Sample("v", turns, "", ("elsewhere/a.png",), ("d/media/v.mp4",), {"group": "v"})
    write_samples(path, [*read_samples(path), sample])
    with pytest.raises(SourceError, match=r"v\.mp4: cannot be read"):
        place.split("data/d")
    Path("data/d/media/v.mp4").write_bytes(b"film")
    place.split("data/d", "--out", "data/new", "--val", 0.25)
    (found,) = [item for samples in place.read("data/new").values() for item in samples if item.id == "v"]
    assert (found.images, found.videos) == (("new/media/elsewhere/a.png",), ("new/media/v.mp4",))
    assert Path("data/new/media/v.mp4").read_bytes() == b"film"


LOOKS = st.lists(
    st.tuples(st.sampled_from(["train", "val", "test"]), st.integers(0, 255), st.integers(0, 4)), max_size=12
)


@given(LOOKS, st.integers(0, 8))
def test_near_search(made, near):
    """Against a loop over all pairs."""
    cases = []
    for at, (split, look, content) in enumerate(made):
        turns = (Turn("human", "<image>?"), Turn("gpt", "{}"))
        sample = Sample(str(at), turns, images=(f"{at}.png",), meta={"group": "g"})
        cases.append(Case(sample, split, (Fingerprint(f"{content:064x}"[::-1], look << 40),)))
    order = {"train": 0, "test": 1, "val": 2}
    expected = {}
    for case in cases:
        found = [
            (case.prints[0].look ^ other.prints[0].look).bit_count()
            for other in cases
            if order[other.split] < order[case.split] and other.prints[0].sha256 != case.prints[0].sha256
        ]
        if close := [bits for bits in found if bits <= near]:
            expected[f"{case.split} {case.sample.images[0]}"] = (min(close), len(close) - 1)
    lines = find_leakage(cases, near).near
    assert {line.split(" ~ ")[0] for line in lines} == set(expected)
    for line in lines:
        bits, more = expected[line.split(" ~ ")[0]]
        assert f"({bits} bits)" in line
        assert (f"and {more} more" in line) == bool(more)


def test_edugraph_exercises(place, shared_data, snapshots):
    """The release calls its split clean; four of its pictures are on both sides."""
    arguments = [shared_data / "edugraph-exercises", "--ontology", snapshots["0.21.0"], "--out", "data/exercises"]
    result = CliRunner().invoke(command, ["edugraph_worksheets", *map(str, arguments)], standalone_mode=False)
    assert result.exception is None
    account = place.split("data/exercises", "--keep")
    assert account["splits"] == {"train": 318, "val": 166}
    places = account["places"]["identical_across_splits"]
    generators = Counter(Path(line.split(" = ")[0]).parent.name for line in places)
    assert generators == {"geometry-primitives": 2, "measurement-compare": 2}
    assert account["leakage"]["label_sets"]["val"]["samples"] == 166
    for by in ("group", "task", "generator"):
        again = place.split("data/exercises", "--out", f"data/{by}", "--by", by, "--val", 0.15)
        assert again["leakage"]["identical"] == 0
        assert 0.14 * 484 < again["splits"]["val"] <= 0.15 * 484 + 0.5
