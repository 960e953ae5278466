"""The mask lets through what the contract allows, in the tokenizer's own tokens, and nothing else."""

import itertools
import json
import random
import sys
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial

import pytest
import tokenizers
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from ontune.decoding import mask as module
from ontune.decoding.mask import TokenMask
from ontune.decoding.text_tokens import TextTokens
from ontune.demo.tiny_model import make_tokenizer
from ontune.errors import TaskError
from ontune.ontology import Concept, Ontology, Relation
from ontune.task import Choice, ErrorAnswer, Group, Labels, Rules, Task, Text
from ontune.task.parsing import parse
from ontune.task.refusals import ancestor_pairs, contradicting_pairs
from small import ONTOLOGY, concept, small_task

SMALL = small_task()
STRICT = replace(SMALL, name="strict", rules=Rules(exclude_ancestors=True, exclude_contradictions=True))
SHEET = Task(
    "sheet",
    Ontology(
        "sheet",
        "1",
        ("Art", "Größe"),
        tuple(concept(name, "Art") for name in ("Add", "Addition", "Größer als", "Rest 3/4"))
        + tuple(concept(name, "Größe") for name in ("1000", "10000")),
    ),
    (
        Labels("Art", "Art", 1, 2),
        Choice("Stufe", ("leicht", "schwer")),
        Group("Mehr", (Labels("Noch", "Art", 0, 0), Labels("Maße", "Größe"), Group("Rest", (Labels("Art", "Art"),)))),
    ),
    error=ErrorAnswer("Fehler", ("leer", "leer oder unlesbar")),
)
NOTED = replace(SMALL, name="noted", fields=(Text("Why", 12), *SMALL.fields, Group("More", (Text("Note", 3),))))
ALL = {task.name: task for task in (SMALL, STRICT, SHEET, NOTED)}


@cache
def tokenizer():
    texts = [SMALL.to_json(SMALL.answer_from_labels(list(ONTOLOGY.by_name))), "Größer als 3/4 (leer oder unlesbar)"]
    return make_tokenizer(texts * 3, 500)


@cache
def mask(name: str) -> TokenMask:
    return TokenMask(ALL[name], tokenizer())


def encode(text: str) -> list[int]:
    return tokenizer()(text, add_special_tokens=False)["input_ids"]


def compact(answer: object) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def accepts(automaton: TokenMask, *pieces: str) -> bool:
    """Whether the mask lets the pieces through, each in its own tokens, and the end of the turn after them."""
    ids = [token for piece in pieces for token in encode(piece)] + [tokenizer().eos_token_id]
    return all(token in automaton.allowed(ids[:place]) for place, token in enumerate(ids))


def walk(automaton: TokenMask, chance: random.Random) -> list[int]:
    """The tokens of an answer that takes any allowed token at each step."""
    ids: list[int] = []
    while tokenizer().eos_token_id not in ids:
        allowed = automaton.allowed(ids)
        assert allowed, f"dead end after {tokenizer().decode(ids)!r}"
        ids.append(chance.choice(allowed))
    return ids[:-1]


# ------------------------------------------------------------------------------------------------- all that is allowed
def values(field, task: Task) -> st.SearchStrategy:
    match field:
        case Labels():
            top = len(task.ontology.labels(field.dimension)) if field.max is None else field.max
            labels = st.sampled_from(task.ontology.labels(field.dimension))
            return st.lists(labels, min_size=field.min, max_size=top, unique=True).map(partial(obedient, task))
        case Choice():
            return st.sampled_from(field.options)
        case Text():
            # Letters and single spaces between them: what stands around the text does not merge with it.
            return st.text("abyzÄß ", max_size=field.max_chars).map(lambda text: " ".join(text.split()))
        case Group():
            return record(field.fields, task)


def record(fields, task: Task) -> st.SearchStrategy:
    names = [field.name for field in fields]
    return st.tuples(*(values(field, task) for field in fields)).map(lambda found: dict(zip(names, found, strict=True)))


def obedient(task: Task, labels: list[str]) -> list[str]:
    """The labels without those that the rules refuse beside an earlier one."""
    kept: list[str] = []
    for label in labels:
        together = [*kept, label]
        kept = kept if ancestor_pairs(task, together) and task.rules.exclude_ancestors else together
        kept = kept[:-1] if contradicting_pairs(task, kept) and task.rules.exclude_contradictions else kept
    return kept


def answers(task: Task) -> st.SearchStrategy:
    whole = record(task.fields, task)
    error = st.sampled_from(task.error.values).map(lambda value: {task.error.key: value})
    return st.one_of(whole, whole, error)


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_every_allowed_answer_can_be_written_in_any_order_of_its_labels(name, data):
    answer = data.draw(answers(ALL[name]))
    assert not ALL[name].refusals(answer)
    assert accepts(mask(name), compact(answer))


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_whatever_is_taken_ends_in_an_answer_that_nothing_refuses(name, seed):
    ids = walk(mask(name), random.Random(seed))
    raw = tokenizer().decode(ids)
    answer, errors = parse(ALL[name], raw)
    assert errors == []
    assert raw == compact(answer)
    assert "\ufffd" not in raw
    assert encode(raw) == ids


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_a_token_leads_on_where_it_is_allowed_and_nowhere_else(name, seed):
    automaton = mask(name)
    state = automaton.start
    for token in walk(automaton, random.Random(seed)):
        leading = [other for other in range(len(tokenizer())) if automaton.advance(state, other)]
        assert leading == sorted(automaton.next_tokens(state))
        state = automaton.advance(state, token)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=12).map(partial(unicodedata.normalize, "NFC")), st.text('\\"\n\x1fé😀', max_size=3))
def test_any_text_of_the_length_can_be_written_whatever_must_be_escaped(why, note):
    whole = compact({"Why": why, "Area": [], "Scope": ["Clock"], "Ability": [], "More": {"Note": note}})
    assume(unicodedata.is_normalized("NFC", whole))  # an accent behind an escape changes it before it is tokenised
    assume("<|" not in why)  # a special token's name is read as that token, which no answer has
    assert accepts(mask("noted"), whole) is (len(why) <= 12)


# ---------------------------------------------------------------------------------------------- exactly, by brute force
def lists(labels: tuple[str, ...]) -> Iterator[list[str]]:
    for count in range(len(labels) + 1):
        yield from map(list, itertools.permutations(labels, count))


def every_answer(task: Task) -> Iterator[dict]:
    colours, sizes = map(task.ontology.labels, ("Colour", "Size"))
    for first, second, option in itertools.product(lists(colours), lists(sizes), ("yes", "no")):
        yield {"Colour": first, "Sure": option, "More": {"Size": second}}
    yield {"Error": "none"}


def written(automaton: TokenMask) -> set[tuple[int, ...]]:
    """Every token sequence that the mask lets through, up to the end of the turn."""
    done, stack = set(), [()]
    while stack:
        prefix = stack.pop()
        if prefix and prefix[-1] == tokenizer().eos_token_id:
            done.add(prefix[:-1])
        else:
            stack += [(*prefix, token) for token in automaton.allowed(prefix)]
    return done


@pytest.mark.parametrize("rules", [Rules(), Rules(exclude_ancestors=True), Rules(exclude_contradictions=True)])
@pytest.mark.parametrize(("least", "most"), [(0, None), (0, 2), (1, 2), (2, 3)])
def test_the_mask_is_exactly_the_contract(rules, least, most):
    concepts = (
        Concept("Blue", "Colour"),
        Concept("BlueGreen", "Colour", parents=("Blue",)),
        Concept("Red", "Colour"),
        Concept("Big", "Size"),
        Concept("Small", "Size"),
    )
    relations = (Relation("contradicts", "Big", "Small"), Relation("contradicts", "Blue", "Red"))
    ontology = Ontology("tiny", "1", ("Colour", "Size"), concepts, relations)
    sizes = Group("More", (Labels("Size", "Size"),))
    fields = (Labels("Colour", "Colour", least, most), Choice("Sure", ("yes", "no")), sizes)
    task = Task("tiny", ontology, fields, error=ErrorAnswer("Error", ("none",)), rules=rules)
    allowed = [answer for answer in every_answer(task) if not task.refusals(answer)]
    assert written(TokenMask(task, tokenizer())) == {tuple(encode(compact(answer))) for answer in allowed}


# ------------------------------------------------------------------------------------------------------- one by one
@pytest.mark.parametrize(
    ("name", "raw", "allowed"),
    [
        ("edugraph", '{"Area":[],"Scope":[],"Ability":[]}', True),
        ("edugraph", '{"Area":["AdditionMakeTen","Addition"],"Scope":[],"Ability":["Recall"]}', True),
        ("edugraph", '{"Error":"UnsupportedMaterial"}', True),
        ("edugraph", '{"Error":"Other"}', False),
        ("edugraph", '{"Area": [],"Scope":[],"Ability":[]}', False),
        ("edugraph", '{"Scope":[],"Area":[],"Ability":[]}', False),
        ("edugraph", '{"Area":[],"Scope":[]}', False),
        ("edugraph", '{"Area":["Clock"],"Scope":[],"Ability":[]}', False),
        ("edugraph", '{"Area":["AdditionMake"],"Scope":[],"Ability":[]}', False),
        ("edugraph", '{"Area":["Addition","Addition"],"Scope":[],"Ability":[]}', False),
        ("edugraph", '{"Area":[],"Scope":["EvenNumbers","OddNumbers"],"Ability":[]}', True),
        ("strict", '{"Area":[],"Scope":["EvenNumbers","OddNumbers"],"Ability":[]}', False),
        ("strict", '{"Area":[],"Scope":["EvenNumbers","NumbersSmaller10"],"Ability":[]}', True),
        ("strict", '{"Area":["Arithmetic","AdditionMakeTen"],"Scope":[],"Ability":[]}', False),
        ("strict", '{"Area":["AdditionMakeTen","Arithmetic"],"Scope":[],"Ability":[]}', False),
        ("strict", '{"Area":["AdditionMakeTen","Subtraction"],"Scope":[],"Ability":[]}', True),
        ("noted", '{"Why":"a \\"b\\"\\n","Area":[],"Scope":[],"Ability":[],"More":{"Note":""}}', True),
        ("noted", '{"Why":"","Area":[],"Scope":[],"Ability":[],"More":{"Note":"abcd"}}', False),
        ("noted", '{"Why":"\\u0061","Area":[],"Scope":[],"Ability":[],"More":{"Note":""}}', False),
    ],
)
def test_answers_one_by_one(name, raw, allowed):
    assert accepts(mask(name), raw) is allowed


@pytest.mark.parametrize(
    ("fields", "rules", "message"),
    [
        ((Labels("Scope", "Scope", 7),), Rules(exclude_contradictions=True), "no 7 of the 7 labels of Scope may stand"),
        ((Labels("Area", "Area", 7),), Rules(exclude_ancestors=True), "no 7 of the 9 labels of Area may stand"),
        ((Labels("Area", "Area", 10),), Rules(), "no 10 of the 9 labels of Area may stand"),
        ((Labels("Area", "Area", 3, 2),), Rules(), "at least 3 and at most 2 labels"),
        ((Labels("Place", "Place"),), Rules(), "dimension 'Place' has no labels"),
        ((Choice("Place", ()),), Rules(), "a choice without options"),
        ((Labels("A", "Place"), Labels("B", "Area", 10)), Rules(), "'Place' has no labels\n.* no 10 of the 9"),
    ],
)
def test_a_contract_that_no_answer_can_keep_is_refused(fields, rules, message):
    with pytest.raises(TaskError, match=message):
        TokenMask(Task("t", ONTOLOGY, fields, rules=rules), tokenizer())


def test_without_the_rule_a_label_may_repeat_up_to_the_maximum():
    task = Task("t", ONTOLOGY, (Labels("Area", "Area", 0, 2),), rules=Rules(unique=False))
    twice, thrice = ('{"Area":["Disc","Disc"]}', '{"Area":["Disc","Disc","Disc"]}')
    automaton = TokenMask(task, tokenizer())
    assert (accepts(automaton, twice), accepts(automaton, thrice)) == (True, False)


def test_after_the_end_only_padding_follows_and_forbidden_tokens_lead_nowhere():
    automaton, eos, pad = mask("edugraph"), tokenizer().eos_token_id, tokenizer().pad_token_id
    answer = encode('{"Error":"UnsupportedMaterial"}')
    assert automaton.allowed(answer) == [eos]
    assert automaton.allowed([*answer, eos]) == automaton.allowed([*answer, eos, pad, pad]) == sorted([eos, pad])
    assert automaton.allowed([*answer, eos, 3]) == sorted([eos, pad])  # a host may pad with another token
    assert automaton.allowed([eos]) == automaton.allowed([*encode("{"), pad]) == []
    other = TokenMask(SMALL, tokenizer(), end_ids=[7, 9])
    assert other.allowed(answer) == [7, 9]


def test_prefixes_are_remembered_in_bounds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ontune.decoding.mask.CACHED_PREFIXES", 3)
    automaton = TokenMask(SMALL, tokenizer())
    ids = encode(SMALL.to_json(SMALL.answer_from_labels(["Addition", "Clock"])))
    expected = [mask("edugraph").allowed(ids[:place]) for place in range(len(ids))]
    assert [automaton.allowed(ids[:place]) for place in range(len(ids))] == expected
    assert [automaton.allowed(ids[:place]) for place in reversed(range(len(ids)))] == expected[::-1]
    assert len(automaton._prefixes) == 3


def test_labels_that_the_tokenizer_merges_or_changes_are_all_named():
    labels = ("Angle", "Angle (90°)", "Sche\u0301ma")
    ontology = Ontology("o", "1", ("D",), tuple(Concept(label, "D") for label in sorted(labels)))
    merging = make_tokenizer(['["Angle (90°)"],["Schema"]'] * 5, 400)
    with pytest.raises(TaskError) as caught:
        TokenMask(Task("t", ontology, (Labels("D", "D"),)), merging)
    assert [fault.split(": ")[2].split(" ")[0] for fault in caught.value.faults] == ["'Angle", "'Sche\u0301ma'"]
    assert "'Angle (90°)' is merged with its neighbours" in caught.value.faults[0]


def test_forced_runs_lead_from_choice_to_choice_and_through_the_end():
    automaton, eos = mask("edugraph"), tokenizer().eos_token_id
    ids = [*encode('{"Area":["Disc"],"Scope":["Clock"],"Ability":[]}'), eos]
    state, written, choices = automaton.start, [], 0
    while not automaton.is_done(state):
        run = automaton.forced(state)
        choices += not run
        for token in run or ids[len(written) : len(written) + 1]:
            assert run == [] or automaton.next_tokens(state).tolist() == [token]
            state = automaton.advance(state, token)
            written.append(token)
    assert written == ids
    assert 5 <= choices < len(ids)
    assert automaton.forced(state) == automaton.forced(()) == []


def test_a_word_starts_right_behind_its_quote():
    raw = '{"Area":["Disc","Circle"],"Scope":[],"Ability":[]}'
    ids = encode(raw)
    found = [place for place in range(len(ids)) if mask("edugraph").starts_word(mask("edugraph").state(ids[:place]))]
    assert [tokenizer().decode(ids[:place]) for place in found] == ['{"Area":["', '{"Area":["Disc","']


def test_the_vocabulary_is_every_id_that_an_answer_can_use():
    automaton = mask("sheet")
    used = {token for seed in range(300) for token in walk(automaton, random.Random(seed))}
    ends = {tokenizer().eos_token_id, tokenizer().pad_token_id}
    assert set(automaton.vocabulary.tolist()) == used | ends
    assert automaton.vocabulary.tolist() == sorted(automaton.vocabulary.tolist())
    assert mask("noted").vocabulary is None


def test_spaced_json_has_a_space_behind_every_comma_and_colon():
    automaton = TokenMask(SHEET, tokenizer(), spaced=True)
    for seed in range(40):
        ids = walk(automaton, random.Random(seed))
        answer, errors = parse(SHEET, tokenizer().decode(ids))
        assert errors == []
        assert encode(json.dumps(answer, ensure_ascii=False)) == ids


def test_in_canonical_order_each_label_stands_above_the_one_before():
    automaton = TokenMask(SMALL, tokenizer(), order="canonical")
    ordered, turned = ('{"Area":["Circle","Disc"],', '{"Area":["Disc","Circle"],')
    rest = '"Scope":[],"Ability":[]}'
    assert (accepts(automaton, ordered + rest), accepts(automaton, turned + rest)) == (True, False)
    assert not accepts(automaton, '{"Area":["Disc","Disc"],' + rest)
    for seed in range(40):
        answer, errors = parse(SMALL, tokenizer().decode(walk(automaton, random.Random(seed))))
        assert (errors, answer) == ([], SMALL.canonical(answer))


def test_a_label_with_a_special_token_is_named():
    ontology = Ontology("o", "1", ("D",), (Concept("End", "D"), Concept("The<|im_end|>", "D")))
    with pytest.raises(TaskError, match=r"'The<\|im_end\|>' holds a special token"):
        TokenMask(Task("t", ontology, (Labels("D", "D"),)), tokenizer())


def test_one_label_out_of_thousands_that_merges_is_found():
    names = [f"Label{at:04}" for at in range(2500)]
    names[1700] += "]"  # in Qwen's way of splitting one word with what follows
    ontology = Ontology("o", "1", ("D",), tuple(Concept(name, "D") for name in sorted(names)))
    merging = make_tokenizer(['["Label1"],["Label17]"]}'] * 5, 400)
    with pytest.raises(TaskError) as caught:
        TokenMask(Task("t", ontology, (Labels("D", "D"),)), merging)
    assert [fault.split(": ")[2].split(" ")[0] for fault in caught.value.faults] == ["'Label1700]'"]


@pytest.fixture
def hasty():
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_threads_share_a_mask(monkeypatch):
    monkeypatch.setattr(module, "CACHED_PREFIXES", 2)  # so that each prefix puts another one out
    automaton = TokenMask(SMALL, tokenizer())
    firsts = [token for word in ('{"Area', '{"', "[", "Add", "x") for token in encode(word)]
    expected = [automaton.advance(automaton.start, token) for token in firsts]

    def drive(_: int) -> bool:
        return all([automaton.state((token,)) for token in firsts] == expected for _ in range(1000))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(drive, range(4)))


def test_a_table_that_another_thread_is_filling_is_not_read(monkeypatch):
    automaton, prefix = TokenMask(NOTED, tokenizer()), encode('{"Why":"Addition' + "s" * 3)
    others: list[list[int]] = []
    easy = TextTokens._is_easy

    def interrupted(self: TextTokens, state: str, group: str) -> bool:
        if not others:
            others.append([])
            others[0] = automaton.allowed(prefix)  # what another thread would be told now
        return easy(self, state, group)

    monkeypatch.setattr(TextTokens, "_is_easy", interrupted)
    found = automaton.allowed(prefix)
    assert others == [found]


def test_free_text_of_a_tokenizer_without_bytes_is_refused():
    backend = tokenizers.Tokenizer(tokenizers.models.BPE(byte_fallback=True))
    backend.decoder = tokenizers.decoders.ByteFallback()
    foreign = PreTrainedTokenizerFast(tokenizer_object=backend)
    with pytest.raises(TaskError, match="free text needs a byte-level tokenizer"):
        TokenMask(NOTED, foreign, [0])
