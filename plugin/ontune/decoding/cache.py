"""Automata on disk, by the hash of the task, its ontology and the tokenizer: compiled once on a computer."""

import hashlib
import json
import logging
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ontune.decoding.mask import Order, TokenMask
from ontune.decoding.tables import Tables
from ontune.decoding.trie import Trie
from ontune.errors import InputError
from ontune.files import copy_atomic
from ontune.task.model import Task

__all__ = ["cached", "default_folder"]

FORMAT = 1
LOG = logging.getLogger(__name__)
# What zipfile, numpy and json raise for files that are not what they were.
DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


def default_folder() -> Path:
    """Where automata are kept: `ontune/automata` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ontune" / "automata"


def cached(
    task: Task,
    tokenizer: Any,
    cache_dir: Path | None = None,
    *,
    end_ids: Sequence[int] | None = None,
    order: Order = "free",
    spaced: bool = False,
) -> TokenMask:
    """The task's mask, from the folder where it has been compiled before; otherwise compiled, and kept there.

    A file that is damaged or another task's is written anew; where none can be written, a warning says so. A tokenizer
    without a backend of the `tokenizers` library cannot be told from others for certain: it is compiled each time.
    """
    key = _key(task, tokenizer, spaced)
    path = (cache_dir or default_folder()) / f"{key}.npz"
    tables = _read(path, key) if key else None
    mask = TokenMask(task, tokenizer, end_ids, order=order, spaced=spaced, tables=tables)
    if key and tables is None:
        _keep(path, key, mask.tables)
    return mask


def _key(task: Task, tokenizer: Any, spaced: bool) -> str | None:
    """The hash of all that decides the tokens of an answer; None for a tokenizer that cannot be hashed."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    digest = hashlib.sha256(json.dumps([FORMAT, spaced, *_content(task)], ensure_ascii=False).encode())
    # Each part by itself: the whole tokenizer's state has the padding of its last call in it.
    for part in (backend.model, backend.normalizer, backend.pre_tokenizer):
        digest.update(b"\0" if part is None else part.__getstate__())
    digest.update(repr(sorted(backend.get_added_tokens_decoder().items())).encode())
    return digest.hexdigest()


def _content(task: Task) -> Iterator[object]:
    """What the text of answers follows from; not the rules, which are looked up when labels are chosen."""
    yield [[type(field).__name__, asdict(field)] for field in task.fields]
    yield asdict(task.error) if task.error else None
    for dimension in sorted({field.dimension for _, field in task.label_fields()}):
        yield [dimension, *task.ontology.labels(dimension)]


def _read(path: Path, key: str) -> Tables | None:
    """The tables of a file, or None where there is none that can be used."""
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            header = json.loads(file["header"].tobytes())
            if header["key"] != key:
                return None
            tries = {slot: Trie({name: file[f"{slot}.{name}"] for name in Trie.NAMES}) for slot in header["slots"]}
    except FileNotFoundError:
        return None
    except DAMAGE as error:
        LOG.warning("%s: damaged, compiled anew: %r", path, error)
        return None
    return Tables(tries, {text: tuple(ids) for text, ids in header["runs"].items()})


def _keep(path: Path, key: str, tables: Tables) -> None:
    header = {"key": key, "slots": list(tables.tries), "runs": tables.runs}
    arrays = {f"{slot}.{name}": array for slot, trie in tables.tries.items() for name, array in trie.arrays.items()}
    try:
        with tempfile.TemporaryDirectory() as folder:
            fresh = Path(folder) / "fresh.npz"
            np.savez(fresh, allow_pickle=False, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
            copy_atomic(fresh, path)
    except (OSError, InputError) as error:
        LOG.warning("the automaton is not kept for the next run: %s", error)
