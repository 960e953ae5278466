"""The pieces of answers as tokens: words and runs, checked to be what the tokenizer makes of the whole text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from ontune.decoding.contract import Contract

__all__ = ["Pieces", "Ragged", "encode_pieces"]

CHUNK = 1000  # words that are encoded as one text
EDGE = 2  # tokens of a run that a word beside it can feel
Flat = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Ragged:
    """The tokens of words, one after the other, and how many each has."""

    flat: Flat
    lengths: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pieces:
    """The tokens of every run, and those of the words of every slot that can be filled."""

    runs: Mapping[str, tuple[int, ...]]
    words: Mapping[int, Ragged]


def encode_pieces(contract: Contract, tokenizer: Any) -> tuple[Pieces, list[str]]:
    """The tokens of a contract, and a fault for every word that this tokenizer cannot write under a mask.

    Those are words that it merges with their neighbours, for training would show the model tokens that the mask never
    allows, words that it does not give back, and words with a token that ends a turn or stands for a picture. Every
    word is checked between its neighbours: first many at once, as one long list, where all being well is the rule; only
    where it is not, one by one.
    """
    texts = sorted({run.text for run in chain.from_iterable(contract.exits)})
    runs = {text: tuple(ids) for text, ids in zip(texts, _encode(tokenizer, texts), strict=True)}
    faults: dict[str, str] = {}  # one a word
    words = {
        number: _encode_slot(contract, number, runs, tokenizer, faults)
        for number, slot in enumerate(contract.slots)
        if slot.words and contract.before(number) and contract.after(number)  # not a list that stays empty
    }
    for number, ragged in words.items():
        faults |= _special(contract.slots[number].words, ragged, tokenizer)
    return Pieces(runs, words), list(faults.values())


def _encode_slot(
    contract: Contract, number: int, runs: Mapping[str, tuple[int, ...]], tokenizer: Any, faults: dict[str, str]
) -> Ragged:
    words = contract.slots[number].words
    joints = list(_joints(contract, number, runs, tokenizer))
    encoded = [
        (joint, np.array(ids, dtype=np.int32)) for joint, ids in zip(joints, _encode(tokenizer, joints), strict=True)
    ]
    found: list[Ragged] = []
    for at in range(0, len(words), CHUNK):
        chunk = words[at : at + CHUNK]
        # The first words go the long way too: the runs as wholes, and not their edges alone, meet some words.
        faults |= _faults_one_by_one(contract, number, chunk[:1], tokenizer) if at == 0 else {}
        ragged = _encode_together(chunk, encoded, tokenizer)
        if ragged is None:
            ragged = _ragged(_encode(tokenizer, chunk))
            faults |= _faults_one_by_one(contract, number, chunk, tokenizer) | _changed(chunk, ragged, tokenizer)
        found.append(ragged)
    return Ragged(np.concatenate([r.flat for r in found]), np.concatenate([r.lengths for r in found]))


def _joints(contract: Contract, number: int, runs: Mapping[str, tuple[int, ...]], tokenizer: Any) -> Iterator[str]:
    """Texts to put between words, so that each word meets the end of every run before it and the start of every after.

    Runs whose tokens beside the word are the same count once. That the end of one run meets the start of another here
    does no harm: a joint that changes its neighbours only sends its words the long way.
    """
    separator = contract.separator(number)
    if separator is not None:
        yield separator
    heads = _edges(contract.after(number), separator, runs, tokenizer, slice(None, EDGE))
    tails = _edges(contract.before(number), separator, runs, tokenizer, slice(-EDGE, None))
    for head, tail in islice(zip(cycle(heads), cycle(tails), strict=False), max(len(heads), len(tails))):
        yield head + tail


def _edges(
    texts: Iterable[str], separator: str | None, runs: Mapping[str, tuple[int, ...]], tokenizer: Any, part: slice
) -> list[str]:
    """The start or the end of each run but the separator, shortened to the tokens that count."""
    found: dict[tuple[int, ...], str] = {}
    for text in texts:
        if text != separator:
            ids = runs[text][part]
            (edge,) = _decode(tokenizer, [ids])
            whole = text.endswith(edge) if part.stop is None else text.startswith(edge)
            found.setdefault(ids, edge if whole else text)
    return list(found.values())


def _encode_together(words: Sequence[str], joints: Sequence[tuple[str, Flat]], tokenizer: Any) -> Ragged | None:
    """The words' tokens, where they are the same between all joints; None where any is not."""
    whole = _encode(tokenizer, [f"{joint}{joint.join(words)}{joint}" for joint, _ in joints])
    found = [
        _split(np.array(ids, dtype=np.int32), joint, len(words)) for ids, (_, joint) in zip(whole, joints, strict=True)
    ]
    first = found[0]
    if first is None or not all(
        other is not None and np.array_equal(other.flat, first.flat) and np.array_equal(other.lengths, first.lengths)
        for other in found[1:]
    ):
        return None
    return first if _decode(tokenizer, _lists(first)) == list(words) else None


def _split(ids: Flat, joint: Flat, count: int) -> Ragged | None:
    """What stands between the joints, if that many words do and none is empty."""
    if len(ids) < len(joint) or not len(joint):
        return None
    starts = np.flatnonzero(
        np.logical_and.reduce([ids[at : len(ids) - len(joint) + 1 + at] == token for at, token in enumerate(joint)])
    )
    lengths = np.diff(starts) - len(joint)
    if len(starts) != count + 1 or starts[0] or starts[-1] != len(ids) - len(joint) or (lengths <= 0).any():
        return None
    inside = np.ones(len(ids), dtype=np.bool_)
    inside[(starts[:, None] + np.arange(len(joint))).ravel()] = False
    return Ragged(ids[inside], lengths)


def _faults_one_by_one(contract: Contract, number: int, words: Sequence[str], tokenizer: Any) -> dict[str, str]:
    """The words that the tokenizer merges with a run before or after them."""
    before, after = contract.before(number), contract.after(number)
    contexts = [(left, after[0]) for left in before] + [(before[0], right) for right in after[1:]]
    windows = [(left, word, right) for word in words for left, right in contexts]
    pieces = sorted(set(chain.from_iterable(windows)))
    tokens = dict(zip(pieces, _encode(tokenizer, pieces), strict=True))
    faults: dict[str, str] = {}
    for window, found in zip(windows, _encode(tokenizer, map("".join, windows)), strict=True):
        split = [*chain.from_iterable(tokens[piece] for piece in window)]
        if split != found:
            faults[window[1]] = (
                f"{window[1]!r} is merged with its neighbours in {''.join(window)!r}: {found}, not {split}"
            )
    return faults


def _changed(words: Sequence[str], ragged: Ragged, tokenizer: Any) -> dict[str, str]:
    """The words that do not come back from their tokens."""
    texts = _decode(tokenizer, _lists(ragged))
    return {
        word: f"{word!r} comes back from its tokens as {text!r}"
        for word, text in zip(words, texts, strict=True)
        if text != word
    }


def _special(words: Sequence[str], ragged: Ragged, tokenizer: Any) -> dict[str, str]:
    """The words with a token that is none of text: one that ends a turn, or stands for a picture."""
    tokens = [token for token, added in tokenizer.added_tokens_decoder.items() if added.special]
    places = np.repeat(np.arange(len(words)), ragged.lengths)[np.isin(ragged.flat, tokens)]
    found: list[str] = [words[int(place)] for place in np.unique(places)]
    return {word: f"{word!r} holds a special token" for word in found}


def _encode(tokenizer: Any, texts: Iterable[str]) -> list[list[int]]:
    """The tokens of each text alone, without special tokens around it."""
    ordered = list(texts)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return tokenizer(ordered, add_special_tokens=False)["input_ids"] if ordered else []
    backend.no_padding()  # what the last call has left; transformers sets both anew at each call
    backend.no_truncation()
    return [encoding.ids for encoding in backend.encode_batch_fast(ordered, add_special_tokens=False)]


def _decode(tokenizer: Any, sequences: Sequence[Sequence[int]]) -> list[str]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return tokenizer.batch_decode(sequences, clean_up_tokenization_spaces=False)
    return backend.decode_batch(sequences, skip_special_tokens=False)


def _ragged(ids: Sequence[Sequence[int]]) -> Ragged:
    return Ragged(np.array([*chain.from_iterable(ids)], dtype=np.int32), np.array([*map(len, ids)], dtype=np.int64))


def _lists(ragged: Ragged) -> list[list[int]]:
    flat, ends = ragged.flat.tolist(), np.cumsum(ragged.lengths).tolist()
    return [flat[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
