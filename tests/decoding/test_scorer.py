"""Scores of labels are what teacher forcing of each label gives, and add up to one."""

import math

import pytest
import torch

from decoding.pictured import PICTURE, encode, load
from ontune.decoding import label_trie
from ontune.decoding.mask import TokenMask
from ontune.decoding.scorer import openings, score_labels, words
from ontune.errors import InputError
from ontune.task import Labels, Task, Text
from random_answers import NESTED, PLAIN

KINDS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
TASKS = {"plain": PLAIN, "nested": NESTED}
ANSWERS = {
    "plain": [PLAIN.answer_from_labels(["Addition", "Circle", "Clock"]), None, {"Error": "UnsupportedMaterial"}],
    "nested": [
        {"topics": ["Disc"], "level": "low", "page": {"limits": [], "learner": {"does": ["Recall"], "why": "so"}}},
        None,
        {"refused": "blank"},
    ],
}
PROMPTS = (f"{PICTURE}Which?", "Which of them?", f"{PICTURE}{PICTURE}Look.")


def forced(model, inputs, row, mask, start, tokens, going_on) -> float:
    """The log-probability of a label by teacher forcing: the row's whole prompt, alone, with the label behind it."""
    ids = torch.tensor([*start, *tokens])[None]
    real = inputs["attention_mask"][row].bool()
    pictures = [(inputs["input_ids"][at] == model.config.vision_start_token_id).sum() for at in range(len(PROMPTS))]
    grids = inputs["image_grid_thw"].split([int(n) for n in pictures])
    pixels = inputs["pixel_values"].split([int(grid.prod(dim=1).sum()) for grid in grids])
    prompt = inputs["input_ids"][row][real][None]
    arguments = {"pixel_values": pixels[row], "image_grid_thw": grids[row]} if len(grids[row]) else {}
    kinds = torch.cat([inputs["mm_token_type_ids"][row][real][None], torch.zeros_like(ids)], dim=1)
    with torch.no_grad():
        logits = model(input_ids=torch.cat([prompt, ids], dim=1), mm_token_type_ids=kinds, **arguments).logits[0]
    logits = logits[prompt.shape[1] + len(start) - 1 :]
    total, state = 0.0, mask.state(start)
    for place, token in enumerate(tokens):
        total += float(logits[place, token] - logits[place, mask.next_tokens(state)].logsumexp(0))
        state = mask.advance(state, token)
    allowed = mask.next_tokens(state).tolist()
    ending = [token for token in allowed if token not in going_on[tokens]]
    return total + float(logits[len(tokens), ending].logsumexp(0) - logits[len(tokens), allowed].logsumexp(0))


@pytest.mark.parametrize("nodes", [2048, 7])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_teacher_forcing(tiny_model, monkeypatch, kind, task, nodes) -> None:
    """Also where a pass holds but a part of the labels."""
    monkeypatch.setattr(label_trie, "NODES", nodes)
    model, processor = load(tiny_model(kind))
    mask, fields = TokenMask(TASKS[task], processor.tokenizer), words(TASKS[task], processor.tokenizer)
    starts = [openings(TASKS[task], processor.tokenizer, answer) for answer in ANSWERS[task]]
    inputs = encode(processor, PROMPTS)
    found = score_labels(model, inputs, mask, fields, starts)
    assert list(found[0]) == list(fields)
    for row, scores in enumerate(found):
        for name, values in scores.items():
            going_on = {
                tokens: {
                    other[len(tokens)]
                    for other in fields[name].values()
                    if other[: len(tokens) + 1][:-1] == tokens and len(other) > len(tokens)
                }
                for tokens in fields[name].values()
            }
            assert sum(map(math.exp, values.values())) == pytest.approx(1.0, abs=1e-6)
            assert list(values) == list(fields[name])
            for label in list(values)[:: 1 if row == 0 else 3]:
                tokens = fields[name][label]
                expected = forced(model, inputs, row, mask, starts[row][name], tokens, going_on)
                assert values[label] == pytest.approx(expected, abs=1e-4), (name, label)


def test_labels_that_begin_others_are_there() -> None:
    names = PLAIN.ontology.labels("Area")
    assert any(other.startswith(name) for name in names for other in names if other != name)


def test_a_field_that_the_mask_does_not_allow_at_its_place_has_no_scores(tiny_model) -> None:
    """`topics` needs a label, so that nothing can follow an empty one."""
    model, processor = load(tiny_model("qwen2_5_vl"))
    mask, fields = TokenMask(NESTED, processor.tokenizer), words(NESTED, processor.tokenizer)
    starts = [openings(NESTED, processor.tokenizer, None), openings(NESTED, processor.tokenizer, ANSWERS["nested"][0])]
    lost, whole = score_labels(model, encode(processor, PROMPTS[:2]), mask, fields, starts)
    assert list(lost) == ["topics"]
    assert list(whole) == ["topics", "level", "page.limits", "page.learner.does"]
    assert all(math.isfinite(value) for values in whole.values() for value in values.values())


def test_models_that_take_no_tree_are_refused(tiny_model, monkeypatch) -> None:
    model, processor = load(tiny_model("qwen2_5_vl"))
    monkeypatch.setattr(model.config, "model_type", "llava")
    with pytest.raises(InputError, match="labels cannot be scored with models of type llava"):
        score_labels(model, encode(processor, PROMPTS[:1]), TokenMask(PLAIN, processor.tokenizer), {}, [{}])


def test_the_fields_before_stay_as_they_are(tiny_model) -> None:
    processor = load(tiny_model("qwen2_5_vl"))[1]
    decode = processor.tokenizer.decode
    given = {"Area": ["Circle", "Addition"], "Scope": [], "Ability": ["Recall"]}
    found = {name: decode(ids) for name, ids in openings(PLAIN, processor.tokenizer, given).items()}
    assert found == {
        "Area": '{"Area":["',
        "Scope": '{"Area":["Circle","Addition"],"Scope":["',
        "Ability": '{"Area":["Circle","Addition"],"Scope":[],"Ability":["',
    }
    assert decode(openings(PLAIN, processor.tokenizer, {"Error": "x"})["Scope"]) == '{"Area":[],"Scope":["'


@pytest.mark.parametrize("why", ["\ue000", "\ue000\ue000 so"])
def test_any_character_may_stand_in_the_fields_before(tiny_model, why) -> None:
    tokenizer = load(tiny_model("qwen2_5_vl"))[1].tokenizer
    task = Task("t", PLAIN.ontology, (Text("Why", 9), Labels("Area", "Area")))
    found = openings(task, tokenizer, {"Why": why, "Area": ["Circle"]})
    assert tokenizer.decode(found["Area"]) == f'{{"Why":"{why}","Area":["'
