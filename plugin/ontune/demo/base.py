"""`python -m ontune.demo.base KIND FOLDER SAMPLES…`: the tiny model that the demo trains, for the words of its data."""

import sys
from pathlib import Path
from typing import Any

from ontune.demo.tiny_model import Size, make_tiny_model
from ontune.sharegpt import read_samples

__all__ = ["main"]

VOCABULARY = 700  # entries of the tokenizer: a larger one costs time at every step
# Wide initial weights and pixels scaled around the white of paper: from Qwen's own values it learns far slower.
SIZE = Size(initializer_range=0.1, image_mean=0.9, image_std=0.25)


def main(kind: Any, folder: str, *files: str) -> None:
    """Makes the model; its tokenizer is learned from all that the samples say."""
    samples = [sample for file in files for sample in read_samples(Path(file))]
    texts = [text for sample in samples for text in (sample.system, *(turn.value for turn in sample.conversations))]
    make_tiny_model(Path(folder), kind, texts, VOCABULARY, size=SIZE)


if __name__ == "__main__":
    main(*sys.argv[1:])
