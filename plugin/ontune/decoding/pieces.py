"""The pieces of answers as tokens: words and runs, checked to be what the tokenizer makes of the whole text."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias

from ontune.decoding.contract import Contract
from ontune.errors import TaskError

__all__ = ["Pieces", "encode_pieces"]

Pieces: TypeAlias = Mapping[str, tuple[int, ...]]


def encode_pieces(contract: Contract, tokenizer: Any, where: str) -> Pieces:
    """The tokens of every word and run of a contract.

    Raises TaskError with every word that the tokenizer merges with its neighbours, for training would show the model
    tokens that the mask never allows, and every word that it does not give back.
    """
    windows = list(contract.words())
    runs = {run.text for run in chain.from_iterable(contract.exits)}
    words = sorted({word for _, word, _ in windows})
    pieces = _encode(tokenizer, {*runs, *words})
    whole = _encode(tokenizer, {"".join(window) for window in windows})
    faults: dict[str, str] = {}  # one a word
    for window in windows:
        split, found = tuple(chain.from_iterable(pieces[piece] for piece in window)), whole["".join(window)]
        if split != found:
            faults[window[1]] = (
                f"{window[1]!r} is merged with its neighbours in {''.join(window)!r}: {found}, not {split}"
            )
    for word, text in zip(words, _decode(tokenizer, [pieces[word] for word in words]), strict=True):
        if text != word:
            faults[word] = f"{word!r} comes back from its tokens as {text!r}"
    TaskError.check([f"{where}: this tokenizer cannot write a word under a mask: {fault}" for fault in faults.values()])
    return pieces


def _encode(tokenizer: Any, texts: Iterable[str]) -> Pieces:
    ordered = sorted(texts)
    encoded: Sequence[Sequence[int]] = tokenizer(ordered, add_special_tokens=False)["input_ids"] if ordered else ()
    return {text: tuple(ids) for text, ids in zip(ordered, encoded, strict=True)}


def _decode(tokenizer: Any, sequences: Sequence[Sequence[int]]) -> list[str]:
    return tokenizer.batch_decode(sequences, clean_up_tokenization_spaces=False)
