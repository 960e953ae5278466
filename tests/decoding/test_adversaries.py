"""However a model behaves: no rule is broken, all is JSON, and in the tokenizer's own tokens."""

from dataclasses import replace

import pytest

from decoding.adversaries import ADVERSARIES, borders, check, runs
from decoding.synthetic import qwen_like_tokenizer, synthetic_ontology, synthetic_task
from ontune.decoding.mask import TokenMask
from ontune.task import Rules

STRICT = Rules(exclude_ancestors=True, exclude_contradictions=True)
ONTOLOGY = synthetic_ontology(60, seed=3, contradictions=60)
WIDE = synthetic_ontology(729, seed=4, contradictions=60)
CASES = {
    "loose": (synthetic_task(WIDE, most=4), "free"),
    "strict": (synthetic_task(WIDE, STRICT, 1, 6), "free"),
    "pressed": (synthetic_task(ONTOLOGY, STRICT, 4, 5), "free"),
    "ordered": (synthetic_task(ONTOLOGY, STRICT, 3, 4), "canonical"),
    "full": (replace(synthetic_task(ONTOLOGY, most=None), error=None), "free"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ADVERSARIES)
def test_no_adversary_breaks_a_rule(case, name):
    task, order = CASES[case]
    tokenizer = qwen_like_tokenizer()
    mask = TokenMask(task, tokenizer, order=order)
    begun = [[], *borders(mask, count=4)]
    for ids in runs(mask, name, 12, 152_064, begun=begun):  # as wide as a model's logits, which is wider
        found = check(task, tokenizer, ids)
        assert (found.violations, found.invalid, found.non_canonical) == (0, 0, 0), tokenizer.decode(ids)


def test_borders_reach_the_rules():
    task, _ = CASES["pressed"]
    mask = TokenMask(task, qwen_like_tokenizer())
    begun = borders(mask)
    texts = [qwen_like_tokenizer().decode(ids) for ids in begun]
    assert any(text.startswith('{"Error') for text in texts)
    assert any(text.count('","') >= 3 and text.endswith('"') for text in texts)
    assert any(len(mask.next_tokens(mask.state(ids))) < 4 and mask.starts_word(mask.state(ids)) for ids in begun)
