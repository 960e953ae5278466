"""The mask: which tokens may come next, so that only answers that the task's contract allows can be written."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from ontune.decoding.contract import START, Contract, Slot, build_contract
from ontune.decoding.exclusion import Exclusion, Rulebook
from ontune.decoding.runs import Ids, RunNode, bits, build_runs
from ontune.decoding.spelling import is_byte_level, spelling
from ontune.decoding.tables import Tables, compile_tables
from ontune.decoding.text_places import InText, OnChain, TextPosition, Texts
from ontune.decoding.text_tokens import TextTokens
from ontune.decoding.trie import ROOT
from ontune.decoding.words import Chosen, Words
from ontune.errors import TaskError
from ontune.task.model import Task

__all__ = ["Order", "State", "TokenMask"]

CACHED_PREFIXES = 4096

NONE: Ids = np.zeros(0, dtype=np.int64)

Order: TypeAlias = Literal["free", "canonical"]


class InWord(NamedTuple):
    """Within a word of a slot: at a node of its trie."""

    slot: int
    node: int
    chosen: Chosen


class OnRun(NamedTuple):
    """On a run that leaves a slot: at a node of the runs' trie; `open_runs` may still be finished."""

    slot: int
    node: RunNode
    open_runs: int
    chosen: Chosen


Position: TypeAlias = InWord | InText | OnChain | OnRun
State: TypeAlias = tuple[Position, ...]  # every way to read the tokens so far: nearly always one


@dataclass(frozen=True)
class Place:
    """A slot as tokens: its words, and the runs that leave it; `again` is the set of those that lead back into it.

    `tails` are the ends of the runs that lead to free text, which that begins with.
    """

    slot: Slot
    words: Words | None
    runs: RunNode
    targets: tuple[int, ...]
    again: int
    tails: tuple[bytes, ...]


class TokenMask:
    """A nondeterministic automaton over token ids that accepts exactly the task's answers and then the end of the turn.

    Answers are canonical JSON (`spaced`: with a space behind each comma and colon), each word and run in the tokens
    that the tokenizer gives it in the whole. Labels come in any order that the rules allow, or, where `order` is
    "canonical", each once and in ontology order. A label that would leave too few others for the list's minimum is not
    offered. Free text comes in the tokens that the tokenizer gives it in the whole answer, those that hold both its end
    and the quote behind it among them; where the tokenizer is not of Qwen's kind, in any tokens that its bytes can be
    put together from. A text in which a special token is spelled out, letter by letter, is let through as well.
    Raises TaskError with all that stands against such an automaton: a dimension without labels, a minimum that no
    labels can reach, a word that the tokenizer cannot write or merges with what stands around it.
    """

    def __init__(
        self,
        task: Task,
        tokenizer: Any,
        end_ids: Sequence[int] | None = None,
        *,
        order: Order = "free",
        spaced: bool = False,
        tables: Tables | None = None,
    ) -> None:
        contract = build_contract(task, spaced)
        book = Rulebook(task)
        exclusions = {
            number: Exclusion(book, slot.field, order == "canonical")
            for number, slot in enumerate(contract.slots)
            if slot.field
        }
        faults = list(_contract_faults(contract, exclusions))
        has_text = any(slot.max_chars for slot in contract.slots)
        if has_text and not is_byte_level(tokenizer):
            faults.append(f"free text needs a byte-level tokenizer, and {type(tokenizer).__name__} is none")
        if tables is None:
            tables, others = compile_tables(contract, tokenizer)
            faults += [f"this tokenizer cannot write a word under a mask: {fault}" for fault in others]
        TaskError.check([f"task {task.name}: {fault}" for fault in faults])
        self.tables = tables
        self.end_ids = tuple(end_ids or (tokenizer.eos_token_id,))
        self._texts = self._text_tokens = None
        if has_text:
            spelled = spelling(tokenizer)
            self._texts = Texts(contract, spelled)
            self._text_tokens = TextTokens(self._texts, spelled)
        self._places = [
            self._place(number, contract, exclusions.get(number)) for number in range(len(contract.slots) - 1)
        ]
        padding = {*self.end_ids, tokenizer.pad_token_id} - {None}
        self._done = contract.end + 1
        self._places += [_last_place(self.end_ids, self._done), _last_place(sorted(padding), self._done)]
        self._prefixes: OrderedDict[tuple[int, ...], State] = OrderedDict()

    @property
    def start(self) -> State:
        """The state before the first token."""
        return tuple(self._enter(START))

    def advance(self, state: State, token: int) -> State:
        """The state after one more token; empty where the token is not allowed."""
        found = tuple(chain.from_iterable(self._step(position, token) for position in state))
        return found if len(found) < 2 else tuple(dict.fromkeys(found))

    def next_tokens(self, state: State) -> Ids:
        """The ids that may follow a state, sorted; the array is shared: read it only."""
        if len(state) == 1 and type(state[0]) is not InText:
            return self._tokens(state[0])
        texts = [position for position in state if type(position) is InText]
        found = [self._tokens(position) for position in state if type(position) is not InText]
        others = np.concatenate(found) if found else NONE
        return self._text_tokens.tokens(texts, others) if texts and self._text_tokens else np.unique(others)

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
        return self.next_tokens(self.state(prefix_ids)).tolist()

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
        return any(type(position) is InWord and position.node == ROOT for position in state)

    @property
    def vocabulary(self) -> Ids | None:
        """The ids that any answer can use, sorted, end of turn and padding included; None where there is free text."""
        if self._texts:
            return None
        ids = set(chain.from_iterable(self.tables.runs.values())).union(
            *(token for place in self._places[-2:] for token in [place.runs.children.keys()])
        )
        tries = [trie.tokens[1:] for trie in self.tables.tries.values()]
        return np.unique(np.concatenate([np.array(sorted(ids), dtype=np.int64), *tries]))

    def _place(self, number: int, contract: Contract, exclusion: Exclusion | None) -> Place:
        slot, runs = contract.slots[number], contract.exits[number]
        trie = self.tables.tries.get(number)
        words = Words(slot, trie, exclusion) if trie else None
        again = sum(1 << place for place, run in enumerate(runs) if run.target == number)
        tails = tuple(
            self._texts.tail(run.text) if self._texts and contract.slots[run.target].max_chars else b"" for run in runs
        )
        heads = (self._head(run.text, tail) for run, tail in zip(runs, tails, strict=True))
        return Place(slot, words, build_runs(heads), tuple(run.target for run in runs), again, tails)

    def _head(self, text: str, tail: bytes) -> tuple[int, ...]:
        """The tokens of a run without those of its tail."""
        tokens = self.tables.runs[text]
        return tokens[: len(tokens) - len(self._texts.encode(tail))] if self._texts else tokens

    def _remember(self, prefix: tuple[int, ...], state: State) -> None:
        self._prefixes[prefix] = state
        if len(self._prefixes) > CACHED_PREFIXES:
            self._prefixes.popitem(last=False)  # in one step: several threads may share a mask

    # ------------------------------------------------------------------------------------------------- one position
    def _tokens(self, position: Position) -> Ids:
        if type(position) is OnRun:
            return position.node.tokens(position.open_runs)
        if type(position) is InWord:
            _, node, chosen = position
            return self._words(position).trie.open_tokens(node, chosen.blocked, chosen.floor)
        if type(position) is OnChain:
            return np.array(position.tokens[:1], dtype=np.int64)
        return NONE  # those of free text are found together

    def _words(self, position: InWord) -> Words:
        words = self._places[position.slot].words
        assert words is not None  # noqa: S101 - narrows the type: only such slots have these positions
        return words

    def _step(self, position: Position, token: int) -> Iterable[Position]:
        if type(position) is OnRun:
            return self._step_on_run(position, token)
        if type(position) is InWord:
            return self._step_in_word(position, token)
        if type(position) is InText:
            return self._settle_text(self._texts.step(position, token)) if self._texts else ()
        return self._step_on_chain(position, token)  # pyright: ignore[reportArgumentType]

    def _step_on_chain(self, position: OnChain, token: int) -> Iterable[Position]:
        first, *others = position.tokens
        return self._settle_text((position._replace(tokens=tuple(others)),)) if first == token else ()

    def _step_on_run(self, position: OnRun, token: int) -> Iterable[Position]:
        if position.slot == self._done:  # `generate` pads finished rows with what it likes
            return (position,)
        child = position.node.children.get(token)
        if child is None or not child.items & position.open_runs:
            return ()
        return self._settle(position._replace(node=child))

    def _step_in_word(self, position: InWord, token: int) -> Iterator[Position]:
        words, (number, node, chosen) = self._words(position), position
        child = words.trie.child(node, token)
        if child == ROOT:
            return
        if words.trie.branches(child) and words.trie.is_open(child, chosen.blocked, chosen.floor):
            yield InWord(number, child, chosen)
        leaf = words.trie.leaf(child)
        after = words.choose(chosen, leaf) if leaf >= 0 else None
        if after is not None:
            yield from self._leave(number, after)

    def _enter(self, number: int, chosen: Chosen | None = None, tail: bytes = b"") -> Iterable[Position]:
        """The start of the slot's content: of a word or of free text, or what follows where nothing is filled."""
        words, slot = self._places[number].words, self._places[number].slot
        if words is not None:
            return (InWord(number, ROOT, chosen or words.nothing),)
        if slot.max_chars and self._texts:
            return self._settle_text(self._texts.start(number, tail))
        return self._leave(number, Chosen(1))

    def _settle_text(self, positions: Iterable[TextPosition]) -> Iterator[Position]:
        """The positions, and what follows where the tokens behind a text are at their end."""
        for position in positions:
            if type(position) is OnChain and not position.tokens:
                yield from self._enter(position.target, tail=position.rest)
            else:
                yield position

    def _leave(self, number: int, chosen: Chosen) -> Iterator[Position]:
        """The start of the runs that may leave the slot now."""
        place = self._places[number]
        runs = place.runs.items & ~place.again if chosen.length >= place.slot.min else 0
        if place.again and place.words and place.words.may_go_on(chosen):
            runs |= place.again
        return self._settle(OnRun(number, place.runs, runs, chosen))

    def _settle(self, position: OnRun) -> Iterator[Position]:
        """The position, and those that follow without a further token where a run ends in it."""
        number, node, open_runs, chosen = position
        if node.children:
            yield position
        for item in bits(node.ends & open_runs):
            place = self._places[number]
            target = place.targets[item]
            yield from self._enter(target, chosen if target == number else None, place.tails[item])


def _contract_faults(contract: Contract, exclusions: dict[int, Exclusion]) -> Iterator[str]:
    """What makes a slot impossible to fill, whatever the tokenizer."""
    for number, slot in enumerate(contract.slots):
        if slot.field is None:
            if slot.fills and not slot.words and not slot.max_chars and slot.min:
                yield "a choice without options"
            continue
        name, count = slot.field.name, len(slot.words)
        if not count:
            yield f"field {name}: dimension {slot.field.dimension!r} has no labels"
        elif slot.max is not None and slot.min > slot.max:
            yield f"field {name}: at least {slot.min} and at most {slot.max} labels"
        elif not exclusions[number].can_hold(slot.min):
            yield f"field {name}: no {slot.min} of the {count} labels of {slot.field.dimension} may stand together"


def _last_place(ids: Iterable[int], target: int) -> Place:
    """After the answer: single tokens that lead on to the place where the turn is over."""
    runs = build_runs((token,) for token in ids)
    return Place(Slot(), None, runs, (target,) * len(runs.children), 0, (b"",) * len(runs.children))
