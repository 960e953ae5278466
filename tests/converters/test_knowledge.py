import json
import random
import re
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
import rdflib
from hypothesis import given
from hypothesis import strategies as st

from ontune.dataset_info import load_entries
from ontune.errors import CheckFailed, InputError
from ontune.ontology import Ontology, Relation, read_snapshot, write_snapshot
from ontune.ontology.closure import siblings
from ontune.sharegpt import read_samples
from ontune.task import Labels, Task, load_task
from ontune_converters.edugraph_knowledge import plan
from ontune_converters.questions import PHRASINGS, all_facts, relation_statements
from small import CONCEPTS, ONTOLOGY, RELATIONS, small_task

DEFINITIONS = {concept.name: concept.definition for concept in CONCEPTS}
PARENTS = {concept.name: set(concept.parents) for concept in CONCEPTS}


@pytest.fixture
def convert(workplace):
    """Runs the converter; gives its samples by split and its account."""

    def run(*arguments, ontology=None):
        dataset = workplace.convert("edugraph_knowledge", *arguments, ontology=ontology, out="data/k")
        return {path.stem: read_samples(path) for path in sorted(dataset.folder.glob("*.jsonl"))}, dataset.account

    return run


def labels(sample):
    answer = json.loads(sample.gold)
    assert list(answer) == ["Area", "Scope", "Ability"]
    return {label for group in answer.values() for label in group}


def answers(samples, family):
    """The answers' labels by the fact's key."""
    return {sample.meta["group"]: labels(sample) for sample in samples if sample.meta["family"] == family}


def is_below(label, ancestor):
    return any(parent == ancestor or is_below(parent, ancestor) for parent in PARENTS[label])


def test_every_fact_is_in_train(convert):
    train = convert()[0]["train"]
    parents = answers(train, "parents")
    assert parents == {f"parents:{name}": above for name, above in PARENTS.items()}
    children = answers(train, "children")
    for name in PARENTS:
        below = {child for child, above in PARENTS.items() if name in above}
        assert children.get(f"children:{name}", set()) == below
    relations = answers(train, "relation")
    assert relations == {
        "relation:AdditionMakeTen expands": {"Addition"},
        "relation:Multiplication expands": {"Addition"},
        "relation:Addition is expanded by": {"AdditionMakeTen", "Multiplication"},
        "relation:Clock integrates": {"Addition"},
        "relation:Addition is integrated by": {"Clock"},
        "relation:NumbersSmaller10 implies": {"IntegerNumbers"},
        "relation:IntegerNumbers is implied by": {"NumbersSmaller10"},
        "relation:Subtraction inverts": {"Addition"},
        "relation:Addition is inverted by": {"Subtraction"},
        "relation:EvenNumbers contradicts": {"OddNumbers"},
        "relation:OddNumbers contradicts": {"EvenNumbers"},
        "relation:NumbersSmaller10 contradicts": {"NumbersSmaller100"},
        "relation:NumbersSmaller100 contradicts": {"NumbersSmaller10"},
    }
    assert set().union(*answers(train, "definition").values()) == {name for name, text in DEFINITIONS.items() if text}
    dimensions = {s.meta["group"]: json.loads(s.gold) for s in train if s.meta["family"] == "dimension"}
    assert dimensions == {f"dimension:{concept.name}": {"Dimension": concept.dimension} for concept in CONCEPTS}


def test_definitions(convert):
    train = convert()[0]["train"]
    for sample in train:
        if sample.meta["family"] == "definition":
            shared = {name for name, text in DEFINITIONS.items() if text and text in sample.prompt}
            assert labels(sample) == shared  # one text of two concepts has one answer with both
        if sample.meta["family"] == "naming":
            name = sample.meta["group"].removeprefix("naming:")
            assert json.loads(sample.gold) == {"Definition": DEFINITIONS[name]}
    assert answers(train, "example") == {"example:Addition:1": {"Addition"}, "example:Recall:1": {"Recall"}}


@given(st.integers(0, 2**32))
def test_statements_are_true_or_hard_and_false(seed):
    statements = [fact for fact in all_facts(small_task(), random.Random(seed)) if fact.family == "statement"]
    verbs = Counter()
    for fact in statements:
        sentence, yes = fact.slots["statement"], json.loads(fact.answer) == {"Answer": "yes"}
        assert yes == is_true(sentence)
        assert yes == bool(fact.teaches)
        verbs[sentence.split()[1], yes] += 1
    # As many false ones as true ones, where there are siblings to be wrong about.
    assert verbs["is", True] == sum(map(len, PARENTS.values()))
    assert verbs["is", False] == verbs["is", True] - 1  # two parents, each a root beside the other: Recall is left
    assert verbs["means:", True] == 18
    # Circle and Disc share a text; AdditionMakeTen, Shapes and Clock have no sibling, Explaining's has no text.
    assert verbs["means:", False] == 12
    edges = len(RELATIONS) + 2  # the symmetric ones from both ends
    assert sum(verbs[verb, True] for verb, yes in list(verbs) if yes and verb not in {"is", "means:"}) == edges


def is_true(sentence):
    name, verb, rest = sentence.split(maxsplit=2)
    if verb == "means:":
        return DEFINITIONS[name] == rest
    other = rest.removesuffix(".").removeprefix("part of ")
    if verb == "is":
        return is_below(name, other)
    return (verb, name, other) in derived(RELATIONS)


def derived(relations):
    """All that may be said of the small ontology's concepts: rules applied to triples until nothing is new."""
    known = {(edge.type, edge.source, edge.target) for edge in relations}
    wider = {"inverts": "expands", "translates": "integrates"}
    while True:
        new = {(wider[kind], a, b) for kind, a, b in known if kind in wider}
        new |= {(kind, b, a) for kind, a, b in known if kind in SYMMETRIC}
        for kind, a, b in known:
            new |= {(other, a, c) for other, start, c in known if start == b and kind == other != "contradicts"}
            new |= {(other, a, c) for other, start, c in known if start == b and (kind, other) == CLASH and a != c}
        if new <= known:
            break
        known |= new
    return known | {(kind, a, c) for kind, b, c in known for a in PARENTS if is_below(a, b)}


SYMMETRIC = {"contradicts", "inverts", "translates"}
CLASH = ("implies", "contradicts")
KINDS = ["contradicts", "expands", "implies", "integrates", "inverts", "translates"]
EDGES = st.builds(Relation, st.sampled_from(KINDS), st.sampled_from(list(PARENTS)), st.sampled_from(list(PARENTS)))


@given(st.sets(EDGES.filter(lambda edge: edge.source != edge.target), max_size=12), st.integers(0, 2**32))
def test_no_statement_is_called_false_that_follows(relations, seed):
    task = load_task("edugraph", replace(ONTOLOGY, relations=tuple(sorted(relations))))
    follows, beside, asked = derived(relations), siblings(ONTOLOGY), defaultdict(lambda: ([], []))
    for fact in relation_statements(task, random.Random(seed)):
        name, verb, other = fact.slots["statement"].removesuffix(".").split()
        assert ((verb, name, other) in follows) == bool(fact.teaches)
        asked[verb, name][not fact.teaches].append(other)
    for (verb, name), (true, false) in asked.items():
        near = {other for target in true for other in beside[target] if (verb, name, other) not in follows} - {name}
        assert len(false) == min(len(true), len(near))  # and none is left out that could be asked


@given(st.integers(0, 2**32), st.floats(0, 1), st.integers(1, 3))
def test_val_asks_train_facts_in_other_words(seed, held_out, each):
    rng = random.Random(seed)
    facts = all_facts(small_task(), rng)
    plans = plan(facts, held_out, each, rng)
    train, val = defaultdict(set), {}
    for fact, phrasing in plans["train"]:
        assert phrasing not in train[fact.key]
        train[fact.key].add(phrasing)
    for fact, phrasing in plans.get("val", []):
        assert fact.key not in val
        val[fact.key] = phrasing
    assert {fact.key: 1 if fact.family == "statement" else each for fact in facts} == {
        key: len(phrasings) for key, phrasings in train.items()
    }
    assert len(val) == round(held_out * len(facts))
    assert all(phrasing not in train[key] for key, phrasing in val.items())


def test_questions_have_one_answer_and_val_shares_none_with_train(convert):
    splits = convert("--val", 1)[0]
    golds = defaultdict(set)
    for sample in [*splits["train"], *splits["val"]]:
        golds[sample.prompt].add(sample.gold)
        assert "{" not in sample.prompt
        assert (sample.images, bool(sample.system)) == ((), True)
        assert sample.gold == json.dumps(json.loads(sample.gold), ensure_ascii=False, separators=(",", ":"))
    assert all(len(found) == 1 for found in golds.values())
    assert not {sample.prompt for sample in splits["train"]} & {sample.prompt for sample in splits["val"]}
    assert {sample.meta["family"] for sample in splits["val"]} == set(PHRASINGS) - {"ready"}


def test_account(convert, tmp_path):
    splits, account = convert()
    assert account["read"] == account["written"] == sum(map(len, splits.values()))
    assert account["taught"] == {
        "concept": len(CONCEPTS),
        "definition": 18,
        "example": 2,
        "parent": sum(map(len, PARENTS.values())),
        "relation": len(RELATIONS),
        "root": sum(not above for above in PARENTS.values()),
    }
    for family, counts in account["families"].items():
        asked = {split: [s for s in samples if s.meta["family"] == family] for split, samples in splits.items()}
        assert counts["facts"] == len({sample.meta["group"] for sample in asked["train"]})
        assert {split: counts.get(split, 0) for split in asked} == {split: len(found) for split, found in asked.items()}
    assert account["warnings"] == {}
    entries = load_entries(tmp_path / "dataset_info")
    assert {(name, entry.task) for name, entry in entries.items()} == {("k_train", None), ("k_val", None)}


def test_answers_that_the_task_refuses_are_named_by_family(convert, tmp_path):
    """Four children where the task allows three labels; answers of another form are no concern of the task."""
    fields = [{"name": name, "kind": "labels", "dimension": name, "max": 3} for name in ONTOLOGY.dimensions]
    (tmp_path / "mine.yaml").write_text(json.dumps({"name": "mine", "ontology": "small", "fields": fields}))
    account = convert("--task", tmp_path / "mine.yaml")[1]
    assert account["warnings"] == {"refused_children": 1}
    assert account["places"]["refused_children"] == ["children:IntegerNumbers: Scope has 4 labels: expected 0 to 3"]


def test_the_same_seed_gives_the_same_bytes(convert, tmp_path):
    def contents():
        return [path.read_bytes() for path in sorted((tmp_path / "data/k").iterdir())]

    convert("--seed", 3)
    first = contents()
    convert("--seed", 3)
    assert contents() == first
    convert("--seed", 4)
    assert contents() != first


EMPTY = '{"Area":[],"Scope":[],"Ability":[]}'


def ready(instruction, output):
    return json.dumps({"instruction": instruction, "output": output})


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # Plural keys, their order and the labels' order become the task's.
        (
            [ready("Numbers?", '{"Scopes": ["OddNumbers", "EvenNumbers"], "Areas": []}')],
            {"Numbers?": '{"Area":[],"Scope":["EvenNumbers","OddNumbers"],"Ability":[]}'},
        ),
        ([ready("A", "{}"), ready("A", "{}")], {"A": EMPTY}),
        (
            [ready("A", '["Adition"]'), ready("B", '{"Area":["Zoo"]}'), ready("C", '{"Scope":["Addition"]}')],
            [
                "unknown label 'Adition' (1 times, first at ready.jsonl:1): not in small 1; nearest: Addition",
                "unknown label 'Zoo' (1 times, first at ready.jsonl:2)",
                "ready.jsonl:3: 'Addition' stands under 'Scope'",
            ],
        ),
        (
            ['{"instruction":"A"}', "[]", "{", ready("", "{}")],
            ["ready.jsonl:1: keys", "ready.jsonl:2: '[]'", "ready.jsonl:3: Expecting", "ready.jsonl:4: keys"],
        ),
        # Separators that JSON lets stand in a text, blank lines, and a line that another system ended.
        (
            ['{"instruction":"A\u2028B\u0085C","output":"{}"}', "", '{"instruction":"D","output":"{}"}\r'],
            {"A\u2028B\u0085C": EMPTY, "D": EMPTY},
        ),
    ],
)
def test_ready_files(convert, tmp_path, lines, expected):
    (tmp_path / "ready.jsonl").write_bytes("\n".join([*lines, ""]).encode())
    if isinstance(expected, list):
        with pytest.raises(InputError) as caught:
            convert(tmp_path / "ready.jsonl")
        assert len(caught.value.faults) == len(expected)
        assert all(part in fault for part, fault in zip(expected, caught.value.faults, strict=True))
        assert not (tmp_path / "data").exists()
        return
    splits, account = convert(tmp_path / "ready.jsonl")
    found = {sample.prompt: sample.gold for sample in splits["train"] if sample.meta["family"] == "ready"}
    assert found == expected
    assert account["read"] == account["written"] + sum(account["dropped"].values())
    repeated = sum(map(bool, lines)) - len(found)
    assert account["dropped"] == ({"duplicate": repeated} if repeated else {})


def test_ready_files_of_another_encoding_are_named_beside_other_faults(convert, tmp_path):
    (tmp_path / "latin.jsonl").write_bytes('{"instruction":"Größe?","output":"{}"}\n'.encode("latin-1"))
    (tmp_path / "ready.jsonl").write_text("[]\n")
    with pytest.raises(InputError) as caught:
        convert(tmp_path / "latin.jsonl", tmp_path / "ready.jsonl")
    encoding, row = caught.value.faults
    assert "latin.jsonl: not UTF-8: " in encoding
    assert "ready.jsonl:1: '[]'" in row


def test_ready_rows_without_labels_are_dropped_and_named(convert, tmp_path):
    rows = [
        {"instruction": "What is a disc?", "output": "A round figure."},
        {"instruction": "X?", "output": '["Disc"]'},
    ]
    rows.append({"instruction": "X?", "output": '["Circle"]'})
    (tmp_path / "ready.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    account = convert(tmp_path / "ready.jsonl")[1]
    assert account["dropped"] == {"no_label_answer": 1}
    assert account["places"]["no_label_answer"][0].startswith("ready.jsonl:1: ")
    assert account["warnings"]["conflicting_answers"] == 1
    with pytest.raises(CheckFailed, match=r"ready\.jsonl:1"):
        convert(tmp_path / "ready.jsonl", "--strict")


def test_ready_labels_can_be_renamed_on_purpose(convert, tmp_path):
    (tmp_path / "ready.jsonl").write_text('{"instruction":"Y?","output":"[\\"Adition\\"]"}\n')
    (tmp_path / "map.csv").write_text("old,new\nAdition,Addition\n")
    train = convert(tmp_path / "ready.jsonl", "--rename", tmp_path / "map.csv")[0]["train"]
    assert answers(train, "ready").popitem()[1] == {"Addition"}


def test_a_task_that_cannot_answer_is_refused():
    task = Task("areas", ONTOLOGY, (Labels("Area", "Area"),))
    with pytest.raises(InputError, match=r"task areas has no labels field for \['Scope', 'Ability'\]"):
        all_facts(task, random.Random(1))


def test_an_unknown_relation_still_reads(convert, tmp_path):
    kinds = tuple(sorted((*RELATIONS, type(RELATIONS[0])("precedes", "Addition", "Multiplication"))))
    write_snapshot(Ontology("other", "1", ONTOLOGY.dimensions, CONCEPTS, kinds), tmp_path / "other.json")
    train = convert(ontology=tmp_path / "other.json")[0]["train"]
    assert answers(train, "relation")["relation:Multiplication has the relation precedes from"] == {"Addition"}


def test_edugraph(convert, snapshots, shared_data):
    """Every triple that the release asserts is in train; the account's numbers are the snapshot's."""
    splits, account = convert(ontology=snapshots["0.21.0"])
    snapshot = read_snapshot(snapshots["0.21.0"])
    assert account["taught"] == {
        "concept": 729,
        "definition": 729,
        "example": sum(len(concept.examples) for concept in snapshot.concepts),
        "parent": 710,
        "relation": len(snapshot.relations),
        "root": sum(not concept.parents for concept in snapshot.concepts),
    }
    assert len(splits["val"]) == round(sum(counts["facts"] for counts in account["families"].values()) / 10)
    parents, relations = answers(splits["train"], "parents"), answers(splits["train"], "relation")
    graph = rdflib.Graph()
    for file in (shared_data / "ontology").glob("core-[as]*.ttl"):
        graph.parse(file)
    asserted = Counter()
    for subject, predicate, value in graph:
        kind, source, target = (re.split("[/#]", term)[-1] for term in (predicate, subject, value))
        if kind == "partOf":
            assert target in parents[f"parents:{source}"]
        elif kind in {"expands", "translates", "integrates", "contradicts", "implies", "inverts"}:
            assert target in relations[f"relation:{source} {kind}"]
        else:
            continue
        asserted["partOf" if kind == "partOf" else "relation"] += 1
    assert asserted == {"partOf": 710, "relation": 498}


def test_edugraph_seed(convert, snapshots, shared_data):
    splits, account = convert(shared_data / "edugraph-seed/ontology_qa_v3.jsonl", ontology=snapshots["0.4.0"])
    assert account["families"]["ready"] == {"facts": 676, "train": 676}
    assert account["taught"]["concept"] == 318
    assert account["taught"]["definition"] == 284  # 34 concepts have no text
    assert account["taught"]["parent"] == 311
    parents = answers(splits["train"], "parents")
    assert len(parents["parents:LinguisticArticulation"]) == 2
    assert parents["parents:Mathematics"] == set()
