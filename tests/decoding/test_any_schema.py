"""Any JSON schema: random logits write answers that it validates, and what cannot be held to is named."""

import json
import random

import jsonschema
import pytest
import torch

from decoding.synthetic import qwen_like_tokenizer
from ontune.decoding.any_schema import SchemaLogitsProcessor, compile_schema
from ontune.errors import InputError, MissingExtra

SCHEMA = {
    "type": "object",
    "properties": {"n": {"enum": [1, 22]}, "s": {"type": "string", "maxLength": 4}, "l": {"type": "array"}},
    "required": ["n", "s", "l"],
    "additionalProperties": False,
}
SCHEMA["properties"]["l"] |= {"items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 3}


@pytest.fixture(scope="module")
def tokenizer():
    return qwen_like_tokenizer()


@pytest.mark.parametrize("rows", [1, 3])
def test_random_logits_write_what_the_schema_validates(tokenizer, rows) -> None:
    end, width, prompt = tokenizer.eos_token_id, len(tokenizer) + 5, 2
    processor = SchemaLogitsProcessor(compile_schema(json.dumps(SCHEMA), tokenizer, [end]), [end], prompt)
    random = torch.Generator().manual_seed(rows)
    for _ in range(3):  # the same object serves one call after another
        ids = torch.zeros((rows, prompt), dtype=torch.long)
        done = torch.zeros(rows, dtype=torch.bool)
        while not done.all():
            best = processor(ids, torch.randn((rows, width), generator=random)).argmax(dim=1)
            best[done] = 0  # as `generate` pads
            done |= best == end
            ids = torch.cat([ids, best[:, None]], dim=1)
        for row in ids[:, prompt:].tolist():
            text = tokenizer.decode(row[: row.index(end)])
            jsonschema.validate(json.loads(text), SCHEMA)
            assert list(json.loads(text)) == ["n", "s", "l"]
            assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "nonsense"}, "nonsense"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "response_format"),
    ],
)
def test_what_a_model_cannot_be_held_to_is_named(tokenizer, schema, expected) -> None:
    with pytest.raises(InputError, match=expected):
        compile_schema(json.dumps(schema), tokenizer, [tokenizer.eos_token_id])


def test_without_the_library_the_install_command_is_shown(tokenizer, monkeypatch) -> None:
    from ontune.decoding import any_schema

    monkeypatch.setitem(__import__("sys").modules, "llguidance.hf", None)
    any_schema._tokenizer.cache_clear()
    with pytest.raises(MissingExtra, match=r"pip install 'ontune\[schema\]'"):
        compile_schema("{}", tokenizer, [tokenizer.eos_token_id])


def alone(tokenizer, tokens: list[int], width: int) -> list[int]:
    """The tokens that may follow those of a row by itself."""
    end = tokenizer.eos_token_id
    processor = SchemaLogitsProcessor(compile_schema(json.dumps(SCHEMA), tokenizer, [end]), [end], 0)
    for at in range(len(tokens) + 1):
        scores = processor(torch.tensor([tokens[:at]], dtype=torch.long), torch.zeros((1, width)))
    return (scores[0] == 0).nonzero()[:, 0].tolist()


def test_rows_may_change_places_as_beams_do(tokenizer) -> None:
    end, width = tokenizer.eos_token_id, len(tokenizer)
    texts = ['{"n":1,"s":"ab","l":["a"]}', '{"n":22,"s":"","l":["b","a"]}', '{"n":22,"s":"abcd","l":["a","b"]}']
    answers = [[*tokenizer(text, add_special_tokens=False)["input_ids"], end] for text in texts]
    processor = SchemaLogitsProcessor(compile_schema(json.dumps(SCHEMA), tokenizer, [end]), [end], 0)
    order, chance = [0, 1, 2], random.Random(0)
    for at in range(max(map(len, answers)) + 1):
        rows = [(answers[row] + [0] * at)[:at] for row in order]  # finished rows are padded
        scores = processor(torch.tensor(rows, dtype=torch.long).reshape(len(rows), at), torch.zeros((len(rows), width)))
        for row, found in zip(order, scores, strict=True):
            expected = alone(tokenizer, answers[row][:at], width)
            assert (found == 0).nonzero()[:, 0].tolist() == expected, texts[row]
        order = chance.sample([0, 1, 2, chance.randrange(3)], 4)


def test_tokens_that_the_schema_forbids_are_no_finished_answer(tokenizer) -> None:
    end = tokenizer.eos_token_id
    processor = SchemaLogitsProcessor(compile_schema(json.dumps(SCHEMA), tokenizer, [end]), [end], 0)
    processor(torch.zeros((1, 0), dtype=torch.long), torch.zeros((1, len(tokenizer))))
    (wrong,) = tokenizer("]", add_special_tokens=False)["input_ids"]
    with pytest.raises(ValueError, match="no answer of the schema begins with"):
        processor(torch.tensor([[wrong]]), torch.zeros((1, len(tokenizer))))
