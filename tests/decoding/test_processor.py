"""The mask in the real `generate`: batches, beams, rows that end early, one object for several calls."""

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer

from ontune.decoding.mask import TokenMask
from ontune.decoding.processor import OntologyLogitsProcessor, prefix_allowed_tokens
from ontune.demo.tiny_model import make_tiny_model
from ontune.task.parsing import parse
from small import ONTOLOGY, small_task

TASK = small_task()
PROMPTS = ["Label this learning material.", "Label.", "What is it about? Answer with the names of the ontology."]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory):
    texts = [TASK.to_json(TASK.answer_from_labels(list(ONTOLOGY.by_name))), *PROMPTS] * 3
    folder = make_tiny_model(tmp_path_factory.mktemp("tiny") / "model", "qwen2_5_vl", texts, vocab_size=400)
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    return AutoModelForImageTextToText.from_pretrained(folder).eval(), tokenizer


def generate(tiny, processors, prompts=PROMPTS, **options):
    model, tokenizer = tiny
    inputs = tokenizer(prompts, return_tensors="pt", padding=True)
    width = inputs["input_ids"].shape[1]
    options = {"max_new_tokens": 200, "do_sample": False, "logits_processor": processors(width)} | options
    with torch.no_grad():
        return model.generate(**inputs, **options)[:, width:].tolist()


def answers(tiny, rows):
    texts = tiny[1].batch_decode(rows, skip_special_tokens=True)
    return [(text, parse(TASK, text)[1]) for text in texts]


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"do_sample": True, "temperature": 5.0}])
def test_whatever_a_model_prefers_its_answers_obey_the_contract(tiny, options):
    mask = TokenMask(TASK, tiny[1])
    torch.manual_seed(0)
    rows = generate(tiny, lambda width: [OntologyLogitsProcessor(mask, width)], **options)
    assert len(rows) == len(PROMPTS)
    for (text, errors), row in zip(answers(tiny, rows), rows, strict=True):
        assert errors == [], text
        assert tiny[1](text, add_special_tokens=False)["input_ids"] == row[: row.index(tiny[1].eos_token_id)]
    free = generate(tiny, lambda _: [])
    assert all(errors == ["invalid_json"] for _, errors in answers(tiny, free))


def test_rows_of_a_batch_and_calls_do_not_touch_each_other(tiny):
    mask = TokenMask(TASK, tiny[1])
    processor: list[OntologyLogitsProcessor] = []

    def same(width: int) -> list[OntologyLogitsProcessor]:
        processor[:] = processor or [OntologyLogitsProcessor(mask, width)]
        return processor

    first, second = generate(tiny, same), generate(tiny, same)
    assert first == second
    turned = generate(tiny, same, PROMPTS[::-1])
    assert turned[::-1] == first


def test_scores_are_kept_where_allowed_and_minus_infinity_elsewhere(tiny):
    mask = TokenMask(TASK, tiny[1])
    eos, pad = tiny[1].eos_token_id, tiny[1].pad_token_id
    answer, other = tiny[1](['{"Error":"UnsupportedMaterial"}', '{"Area":["Disc"'], add_special_tokens=False)[
        "input_ids"
    ]
    written = [answer[:4], other[:4]]
    ids = torch.tensor([[5, 5, *row] for row in written])
    scores = torch.randn(2, len(tiny[1]), dtype=torch.bfloat16)
    masked = OntologyLogitsProcessor(mask, 2)(ids, scores)
    for row, prefix in enumerate(written):
        allowed = mask.allowed(prefix)
        assert torch.isfinite(masked[row]).nonzero().flatten().tolist() == allowed
        assert torch.equal(masked[row, allowed], scores[row, allowed])
    done = torch.tensor([[*answer, eos, pad]])
    masked = OntologyLogitsProcessor(mask, 0)(done, scores[:1])
    assert torch.isfinite(masked[0]).nonzero().flatten().tolist() == sorted([eos, pad])
    with pytest.raises(ValueError, match=r"row 0: no answer begins with the tokens \[5, 5"):
        OntologyLogitsProcessor(mask, 0)(ids, scores)


def test_the_same_as_a_function_of_the_prefix(tiny):
    mask = TokenMask(TASK, tiny[1])
    expected = generate(tiny, lambda width: [OntologyLogitsProcessor(mask, width)], num_beams=3)
    found = generate(
        tiny,
        lambda _: [],
        num_beams=3,
        prefix_allowed_tokens_fn=prefix_allowed_tokens(
            mask, tiny[1](PROMPTS, return_tensors="pt", padding=True)["input_ids"].shape[1]
        ),
    )
    assert found == expected
    with pytest.raises(ValueError, match=r"row 1: no answer begins with the tokens \[5\]"):
        prefix_allowed_tokens(mask, 1)(1, torch.tensor([5, 5]))
