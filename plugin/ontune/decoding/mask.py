"""The mask: which tokens may come next, so that only answers that the task's contract allows can be written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ontune.decoding.contract import START, Run, Slot, build_contract
from ontune.decoding.free_text import FreeText, Ids
from ontune.decoding.pieces import Pieces, encode_pieces
from ontune.decoding.trie import Node, bits, build_trie
from ontune.task.model import Task

__all__ = ["State", "TokenMask"]

CACHED_PREFIXES = 4096


class Position(NamedTuple):
    """One way to read the tokens so far: within a slot's content, or on a run that leaves it."""

    slot: int
    leaving: bool
    node: Node
    open: int  # which sequences of the node's trie may still be finished
    blocked: int  # words of this list that may not follow any more
    used: int  # words of this list so far; characters of this text so far
    pending: bytes = b""  # of a character of this text that is not finished


State: TypeAlias = tuple[Position, ...]


@dataclass(frozen=True)
class Place:
    """A slot as tokens: its words and the runs that leave it, each as a trie."""

    slot: Slot
    words: Node
    exits: Node
    targets: tuple[int, ...]
    again: int  # which exits lead back into the slot


class TokenMask:
    """A nondeterministic automaton over token ids that accepts the task's answers and then the end of the turn.

    Answers are canonical JSON, each word and run in the tokens that the tokenizer gives it; labels come in any order
    that the rules allow. A list may close below its minimum only where no label is left to choose. Free text takes any
    tokens that it can be put together from, whether or not the tokenizer would split it so. Raises TaskError where the
    tokenizer merges a label with what stands around it.
    """

    def __init__(self, task: Task, tokenizer: Any, end_ids: Sequence[int] | None = None) -> None:
        contract = build_contract(task)
        pieces = encode_pieces(contract, tokenizer, f"task {task.name}")
        self.end_ids = tuple(end_ids or (tokenizer.eos_token_id,))
        self._text = FreeText(tokenizer) if any(slot.max_chars for slot in contract.slots) else None
        self._places = [
            _place(number, slot, runs, pieces)
            for number, (slot, runs) in enumerate(zip(contract.slots[:-1], contract.exits, strict=False))
        ]
        padding = {*self.end_ids, tokenizer.pad_token_id} - {None}
        self._done = contract.end + 1
        self._places += [_last_place(self.end_ids, self._done), _last_place(sorted(padding), self._done)]
        self._prefixes: dict[tuple[int, ...], State] = {}

    @property
    def start(self) -> State:
        """The state before the first token."""
        return tuple(self._enter(START))

    def advance(self, state: State, token: int) -> State:
        """The state after one more token; empty where the token is not allowed."""
        return tuple(dict.fromkeys(chain.from_iterable(self._step(position, token) for position in state)))

    def next_tokens(self, state: State) -> Ids:
        """The ids that may follow a state, in no order."""
        ids = {
            token
            for position in state
            for token, child in position.node.children.items()
            if child.items & position.open
        }
        found = [np.array(sorted(ids), dtype=np.int64)]
        if self._text:
            found += [self._text.tokens(p.pending, free) for p in state if (free := self._free_characters(p)) > 0]
        return np.concatenate(found)

    def state(self, prefix_ids: Sequence[int]) -> State:
        """The state after an answer's tokens so far; one step from the prefix before, while that is remembered."""
        prefix = tuple(prefix_ids)
        found = self._prefixes.get(prefix)
        if found is None:
            before = self._prefixes.get(prefix[:-1])
            if before is None:
                found = self.start
                for token in prefix:
                    found = self.advance(found, token)
            else:
                found = self.advance(before, prefix[-1])
            self._remember(prefix, found)
        return found

    def allowed(self, prefix_ids: Sequence[int]) -> list[int]:
        """The ids that may follow an answer's tokens so far, sorted; none after tokens that the mask forbids."""
        return np.sort(self.next_tokens(self.state(prefix_ids))).tolist()

    def forced(self, state: State) -> list[int]:
        """The tokens that must follow a state, up to a choice or through the end of the turn; empty at a choice."""
        run: list[int] = []
        while state and not self.is_done(state):
            tokens = self.next_tokens(state)
            if tokens.size != 1:
                break
            run.append(int(tokens[0]))
            state = self.advance(state, run[-1])
        return run

    def is_done(self, state: State) -> bool:
        """Whether the end of the turn has been written."""
        return any(position.slot == self._done for position in state)

    def starts_word(self, state: State) -> bool:
        """Whether the next token begins a label or an option: its opening quote has been written."""
        return any(
            not position.leaving and bool(place.slot.words) and position.node is place.words
            for position in state
            for place in (self._places[position.slot],)
        )

    @property
    def vocabulary(self) -> Ids | None:
        """The ids that any answer can use, sorted, end of turn and padding included; None where there is free text."""
        if self._text:
            return None
        stack = [node for place in self._places for node in (place.words, place.exits)]
        ids: set[int] = set()
        while stack:
            node = stack.pop()
            ids |= node.children.keys()
            stack += node.children.values()
        return np.array(sorted(ids), dtype=np.int64)

    def _remember(self, prefix: tuple[int, ...], state: State) -> None:
        if len(self._prefixes) >= CACHED_PREFIXES:
            del self._prefixes[next(iter(self._prefixes))]
        self._prefixes[prefix] = state

    def _step(self, position: Position, token: int) -> Iterator[Position]:
        child = position.node.children.get(token)
        if position.slot == self._done:  # `generate` pads finished rows with what it likes
            yield position
        elif child is not None and child.items & position.open:
            yield from self._settle(position._replace(node=child))
        elif self._text and (free := self._free_characters(position)) > 0:
            reading = self._text.read(position.pending, token)
            if reading and reading.cost <= free:
                yield from self._write(position.slot, position.used + reading.characters, reading.pending)

    def _free_characters(self, position: Position) -> int:
        """How many characters of free text may still follow; 0 or less where there is none."""
        return 0 if position.leaving else self._places[position.slot].slot.max_chars - position.used

    def _enter(self, number: int, blocked: int = 0, used: int = 0) -> Iterator[Position]:
        """The start of the slot's content: of a word or of free text, or what follows where nothing is filled."""
        place = self._places[number]
        if place.slot.words:
            yield from self._settle(Position(number, False, place.words, place.words.items & ~blocked, blocked, used))
        else:
            yield from self._write(number, 0, b"")

    def _write(self, number: int, used: int, pending: bytes) -> Iterator[Position]:
        """A place within free text; it may end there, unless a character is not finished."""
        place = self._places[number]
        if place.slot.max_chars:
            yield Position(number, False, place.words, 0, 0, used, pending)
        if not pending:
            yield from self._leave(number, 0, used)

    def _leave(self, number: int, blocked: int, used: int) -> Iterator[Position]:
        """The start of the runs that may leave the slot now."""
        place = self._places[number]
        left = place.words.items & ~blocked
        more = left and (place.slot.max is None or used < place.slot.max)
        enough = not left or used >= place.slot.min
        open_exits = (place.again if more else 0) | (place.exits.items & ~place.again if enough else 0)
        yield from self._settle(Position(number, True, place.exits, open_exits, blocked, used))

    def _settle(self, position: Position) -> Iterator[Position]:
        """The position, and those that follow without a further token where a word or run ends in it."""
        yield position
        place = self._places[position.slot]
        for item in bits(position.node.ends & position.open):
            if not position.leaving:
                blocked = position.blocked | place.slot.conflicts[item]
                yield from self._leave(position.slot, blocked, position.used + 1)
            elif place.targets[item] == position.slot:
                yield from self._enter(position.slot, position.blocked, position.used)
            else:
                yield from self._enter(place.targets[item])


def _place(number: int, slot: Slot, runs: Sequence[Run], pieces: Pieces) -> Place:
    words = build_trie(pieces[word] for word in slot.words)
    exits = build_trie(pieces[run.text] for run in runs)
    again = sum(1 << place for place, run in enumerate(runs) if run.target == number)
    return Place(slot, words, exits, tuple(run.target for run in runs), again)


def _last_place(ids: Iterable[int], target: int) -> Place:
    """After the answer: single tokens that lead on to the place where the turn is over."""
    exits = build_trie((token,) for token in ids)
    return Place(Slot(), Node(), exits, (target,) * len(exits.children), 0)
