import hashlib
import json

import pytest

from ontune.dataset_info import load_entries
from ontune.errors import CheckFailed, SourceError
from ontune_converters.edugraph_evidence import Check, Evidence, parse_evidence, rationale
from ontune_converters.edugraph_rows import Entry
from ontune_converters.labels import Labeller
from small import small_task


def check(label, evidence="Seen.", verdict="defendable"):
    return {"label": label, "verdict": verdict, "evidence": evidence}


def row(key, *checks, passed=True, **more):
    evaluation = {"pass": passed, "label_checks": [*checks], "general_checks": {}, "reasoning": ""}
    return {"sample_key": key, "image_sha256": "0" * 64, "evaluation": evaluation, **more}


def test_parse_evidence():
    record = row("k", check("http://x.org/e#Clock", " Seen. "), passed=False, image_sha256="ab")
    expected = Evidence("here:1", "k", "ab", False, (Check("Clock", "defendable", "Seen."),))
    assert parse_evidence(Entry("here:1", None, record)) == expected


@pytest.mark.parametrize(
    ("checks", "renames", "sentences"),
    [
        # In ontology order, whatever the order of the checks.
        ([("Recall", "r"), ("Clock", "c"), ("Addition", "a")], {}, {"Addition": "a", "Clock": "c", "Recall": "r"}),
        ([("Clock", "one"), ("Clock", "two")], {}, {"Clock": "one two"}),
        ([("Old", "why")], {"Old": ("Addition", "Clock")}, {"Addition": "why", "Clock": "why"}),
        ([("Old", "why")], {"Old": ()}, {}),
        ([("Clock", "")], {}, {}),
        ([], {}, {}),
    ],
)
def test_rationale(checks, renames, sentences):
    evidence = Evidence("here", "k", "", True, tuple(Check(label, "defendable", text) for label, text in checks))
    found = rationale(evidence, Labeller(small_task(), renames))
    assert list(found.items()) == list(sentences.items())


def test_unusable_checks_are_left_out():
    evidence = Evidence("here", "k", "", True, (Check("Clock", "uncertain", "x"), Check("Disc", "not_defendable", "x")))
    assert rationale(evidence, Labeller(small_task())) == {}


@pytest.fixture
def exercises(workplace, picture):
    """Three pictures of two splits, one of them broken."""
    records = {"train": [], "validation": []}
    for at, (key, split) in enumerate((("one", "train"), ("two", "validation"), ("broken", "train"))):
        picture(f"{split}/gen/{key}.png", at)
        full = {"file_name": f"gen/{key}.png", "sample_key": key, "tags": ["Clock", "Addition"], "mode": "question"}
        records[split].append(full | {"generator": "gen", "content_fingerprint": f"print-{key}"})
    for split, rows in records.items():
        workplace.rows(f"{split}/metadata.full.jsonl", *rows)
    (workplace.folder / "source" / "train" / "gen" / "broken.png").write_bytes(b"")
    return workplace.folder / "source"


def convert(workplace, exercises, *rows, **options):
    path = workplace.folder / "evidence.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in rows))
    return workplace.convert("edugraph_evidence", path, "--pictures", exercises, *options.pop("more", ()), **options)


def test_a_joined_row_becomes_a_rationale(workplace, exercises):
    content = (exercises / "validation" / "gen" / "two.png").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    made = convert(
        workplace, exercises, row("two", check("Clock", "A face."), check("Addition", "A sum."), image_sha256=sha256)
    )
    [sample] = made.split("val")
    human, gpt = sample["conversations"]
    assert gpt["value"] == '{"Area":{"Addition":"A sum."},"Scope":{"Clock":"A face."},"Ability":{}}'
    assert human["value"].startswith("<image>")
    assert '{"Area":{label:sentence,…},"Scope":{label:sentence,…},"Ability":{label:sentence,…}}' in sample["system"]
    assert made.media() == {f"val/gen/two-{sha256[:8]}.png": content}
    meta = json.loads(sample["meta"])
    assert (meta["group"], meta["source"], meta["labels"]) == ("print-two", "evidence.jsonl:1", 2)
    assert made.account["warnings"] == {}
    entry = load_entries(workplace.folder / "dataset_info")["set_val"]
    assert (entry.task, entry.ontology) == (None, "small-1")  # an answer that is none of the task's


def test_every_row_is_accounted_for(workplace, exercises):
    rows = [
        row("one", check("Clock"), check("Addition", verdict="uncertain"), check("Disc", "")),
        row("one", check("Clock")),
        row("nowhere", check("Clock")),
        row("nowhere", check("Clock", verdict="uncertain")),
        row("two", check("Clock"), passed=False),
        row("two", check("Clock", verdict="not_defendable")),
        row("broken", check("Clock")),
    ]
    made = convert(workplace, exercises, *rows)
    assert (made.account["read"], made.account["splits"]) == (7, {"train": 1})
    assert made.account["dropped"] == {
        "duplicate": 1,
        "failed_check": 1,
        "no_evidence": 1,
        "no_picture": 2,
        "unreadable": 1,
    }
    assert made.account["warnings"] == {"image_differs": 1, "label_not_defended": 2, "labels_differ": 1}
    assert "Disc in one of them alone" in made.account["places"]["labels_differ"][0]
    with pytest.raises(CheckFailed):
        convert(workplace, exercises, *rows, more=["--strict"])


def test_all_faults_at_once(workplace, exercises):
    workplace.rows("train/extra/metadata.full.jsonl", {"file_name": "x.png", "sample_key": "two", "tags": []})
    broken = row("broken", check("Clock"))
    rows = [row("one", check("Adition")), {"sample_key": "one"}, row("one", {"label": "Clock"}), 5, broken]
    with pytest.raises(SourceError) as caught:
        convert(workplace, exercises, *rows)
    faults = "\n".join(caught.value.faults)
    for part in (
        "evidence.jsonl:2: no 'evaluation'",
        "evidence.jsonl:3: no 'verdict'",
        "evidence.jsonl:4: '5': expected an object",
        "unreadable: source/train/metadata.full.jsonl:2: broken.png",
        "unknown label 'Adition'",
        "the sample_key 'two' stands at",
    ):
        assert part in faults


def test_pictures_without_keys_are_refused(workplace, exercises):
    with pytest.raises(SourceError, match=r"no metadata\.full\.jsonl in it"):
        convert(workplace, exercises / "train" / "gen", row("one", check("Clock")))


def test_the_pictures_stay(workplace, exercises):
    with pytest.raises(SourceError, match="which is read and would be changed"):
        convert(workplace, exercises, row("one", check("Clock")), out="source")


def test_the_given_evidence(snapshots, shared_data, workplace):
    made = workplace.convert(
        "edugraph_evidence",
        shared_data / "edugraph-evidence",
        "--pictures",
        shared_data / "edugraph-exercises",
        ontology=snapshots["0.21.0"],
    )
    assert (made.account["read"], made.account["splits"]) == (129, {"train": 26, "val": 18})
    assert made.account["dropped"] == {"no_picture": 85}
    assert made.account["warnings"] == {"image_differs": 44}
    # An oracle of its own: each answer holds its row's labels and sentences.
    rows = [
        json.loads(line)
        for file in (shared_data / "edugraph-evidence").glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    stated = {
        item["sample_key"]: {c["label"]: c["evidence"] for c in item["evaluation"]["label_checks"]} for item in rows
    }
    for sample in made.split("train") + made.split("val"):
        answer = json.loads(sample["conversations"][1]["value"])
        assert list(answer) == ["Area", "Scope", "Ability"]
        found = {label: text for labels in answer.values() for label, text in labels.items()}
        assert found == stated[json.loads(sample["meta"])["sample_key"]]
