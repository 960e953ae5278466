"""Datasets on the Hugging Face Hub: folders of pictures, or the parquet files that `push_to_hub` makes of them."""

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import httpx

from ontune.errors import MissingExtra, SourceError
from ontune.files import write_lines
from ontune_converters.edugraph_rows import NAMES, Source
from ontune_converters.pictures import SUFFIXES

__all__ = ["open_hub", "unpack_parquet"]


def open_hub(repository: str, scratch: Path, force: bool = False) -> Source:
    """The files of a dataset, `REPO` or `REPO@REVISION`, kept in the Hub's own cache; HF_ENDPOINT is honoured.

    Raises SourceError where the Hub has no such dataset or cannot be reached.
    """
    name, _, revision = repository.partition("@")
    snapshot = _fetch(name, revision or None, force)
    label = name.rsplit("/", 1)[-1]
    tables = sorted(snapshot.rglob("*.parquet"))
    if tables and not any(True for row_file in NAMES for _ in snapshot.rglob(row_file)):
        folder = scratch / "hub"
        unpack_parquet(tables, snapshot, folder)
        return Source(folder, label, folder)
    # The snapshot's files are links into the repository's store, two folders up.
    return Source(snapshot, label, snapshot.parents[1])


def _fetch(name: str, revision: str | None, force: bool) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        raise MissingExtra("huggingface_hub", "hosts") from None
    suffixes = [suffix for lower in sorted(SUFFIXES) for suffix in (lower, lower.upper())]
    wanted = ["*.json", "*.jsonl", "*.parquet", *(f"*{suffix}" for suffix in suffixes)]
    try:
        folder = snapshot_download(
            name, repo_type="dataset", revision=revision, allow_patterns=wanted, force_download=force
        )
    except (HFValidationError, httpx.HTTPError, OSError) as error:  # the Hub's own errors are of these kinds
        text = " ".join(str(error).split())
        raise SourceError(f"--from-hub {name}: {revision or 'main'}: {text}") from None
    return Path(folder)


def unpack_parquet(tables: list[Path], root: Path, folder: Path) -> None:
    """Writes the pictures of parquet files, and a metadata.jsonl a split, as the folder they were made of."""
    rows: dict[str, list[str]] = {}
    taken: set[str] = set()
    for table in tables:
        split = table.name.split("-", 1)[0]  # train-00000-of-00001.parquet
        for at, record in enumerate(_records(table)):
            image = record.pop("image", None)
            if not isinstance(image, dict) or not image.get("bytes"):
                raise SourceError(f"{table.relative_to(root)}: row {at}: no column `image` with bytes")
            own = PurePosixPath(str(image.get("path") or "")).name.replace("..", "") or "picture.png"
            name = f"{table.stem}/{own}"  # as it was: a question and its solution are known by their names
            name = f"{table.stem}-more/{at:06}-{own}" if name in taken else name
            taken.add(name)
            path = folder / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image["bytes"])
            rows.setdefault(split, []).append(json.dumps({"file_name": name, **record}, default=str))
    for split, lines in rows.items():
        write_lines(folder / split / "metadata.jsonl", lines)


def _records(table: Path) -> Iterator[dict[str, Any]]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtra("pyarrow", "hosts") from None
    for batch in parquet.ParquetFile(table).iter_batches(batch_size=64):
        yield from batch.to_pylist()
