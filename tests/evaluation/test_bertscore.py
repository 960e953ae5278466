"""BERTScore: a tiny BERT made on the spot, its embeddings matched by hand as the oracle, and the errors."""

import sys
from pathlib import Path

import pytest

from evaluation.fixtures import TASKS
from ontune.errors import InputError, MissingExtra
from ontune.evaluation import Prediction
from ontune.evaluation.bertscore import MODEL, _scorer, bertscore, bertscore_f1
from ontune.evaluation.measure import point

VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *["keep", "your", "hips", "level", "bend", "the", "knees"])
LAYER = 1


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory) -> Path:
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(VOCABULARY), max_position_embeddings=64, initializer_range=0.5, **shape)
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def fresh_scorer():
    _scorer.cache_clear()
    yield
    _scorer.cache_clear()


def by_hand(folder: Path, gold: str, answer: str) -> float:
    """Greedy matching of the layer's embeddings; special tokens may be matched, and do not count themselves."""
    import torch
    from transformers import BertModel, BertTokenizerFast

    model, tokenizer = BertModel.from_pretrained(folder).eval(), BertTokenizerFast.from_pretrained(folder)

    def embed(text: str):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[LAYER]
        return torch.nn.functional.normalize(states[0], dim=-1)

    similar = embed(answer) @ embed(gold).T
    precision, recall = (similar.max(dim=dim).values[1:-1].mean() for dim in (1, 0))
    return float(2 * precision * recall / (precision + recall))


def test_f1_is_that_of_the_embeddings(tiny_bert: Path):
    pairs = [
        ("keep your hips level", "keep your hips level"),
        ("keep your hips level", "bend the knees"),
        ("keep your hips level", ""),
        ("", "keep"),
        ("bend the knees", "keep the knees level"),
    ]
    found = bertscore_f1(pairs, f"{tiny_bert}:{LAYER}")
    expected = [by_hand(tiny_bert, *pair) if all(pair) else 0.0 for pair in pairs]
    assert found == pytest.approx(expected, abs=1e-4)
    assert found[0] == pytest.approx(1, abs=1e-5)


def test_family_takes_the_model_of_the_environment(tiny_bert: Path, monkeypatch):
    monkeypatch.setenv(MODEL, f"{tiny_bert}:{LAYER}")
    rows = [
        Prediction("a", "free", "keep your hips level", "keep your hips level", None),
        Prediction("b", "free", "keep your hips level", "", None),
        Prediction("c", "free", None, "keep", None),
    ]
    assert point(bertscore(TASKS["feedback"], rows), 3)["bertscore_f1"] == pytest.approx(1 / 2, abs=1e-5)


@pytest.mark.parametrize("model", ["{tiny}", "{tiny}:9", "{tiny}/nothing:1", "no-such-model"])
def test_a_model_that_cannot_be_loaded_is_named(tiny_bert: Path, model: str):
    name = model.format(tiny=tiny_bert)
    with pytest.raises(InputError, match=rf"{MODEL}: '{name}' cannot be loaded: .*expected a model"):
        bertscore_f1([("keep", "keep")], name)


def test_the_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "bert_score", None)
    with pytest.raises(MissingExtra, match=r"pip install 'ontune\[feedback\]'"):
        bertscore_f1([("keep", "keep")])
