"""`python -m ontune.demo.base KIND FOLDER SAMPLES…`: the tiny model that a demo trains, for the words of its data."""

import argparse
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ontune.demo.tiny_model import Size, make_tiny_model
from ontune.sharegpt import read_samples

__all__ = ["main"]

VOCABULARY = 700  # entries of the tokenizer: a larger one costs time at every step
# Wide initial weights and pixels scaled around the white of paper: from Qwen's own values it learns far slower.
SIZE = Size(initializer_range=0.1, image_mean=0.9, image_std=0.25)


def main(words: Sequence[str] | None = None) -> None:
    """Makes the model; its tokenizer is learned from all that the samples say."""
    parser = argparse.ArgumentParser(prog="python -m ontune.demo.base", description=main.__doc__)
    parser.add_argument("kind", choices=["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("samples", type=Path, nargs="+")
    parser.add_argument("--vocabulary", type=int, default=VOCABULARY, help="entries of the tokenizer")
    for field in fields(Size):
        kind: Any = float if "float" in str(field.type) else int
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=getattr(SIZE, field.name))
    given = parser.parse_args(words)
    samples = [sample for file in given.samples for sample in read_samples(file)]
    texts = [text for sample in samples for text in (sample.system, *(turn.value for turn in sample.conversations))]
    size = replace(SIZE, **{field.name: getattr(given, field.name) for field in fields(Size)})
    make_tiny_model(given.folder, given.kind, texts, given.vocabulary, size=size)


if __name__ == "__main__":
    main()
