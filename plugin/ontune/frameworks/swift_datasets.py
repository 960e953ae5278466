"""The names of dataset_info.json in ms-swift, which cannot read that file itself."""

import sys
from typing import Any

from ontune.dataset_info import Entry
from ontune.frameworks.swift_scores import keep_gold

__all__ = ["register_dataset"]


def register_dataset(entry: Entry) -> None:
    """Lets ms-swift find a dataset by its entry's name; `NAME#100` of an evaluation set is at most so many samples.

    ms-swift alone takes fewer for an error, so that a recipe for a trial would not run on a small dataset.
    """
    from swift.dataset import AutoPreprocessor, DatasetMeta, register_dataset
    from swift.dataset.loader import DatasetLoader

    class Loader(DatasetLoader):
        @staticmethod
        def post_process(train_dataset: Any, *, dataset_sample: int | None = None, **options: Any) -> Any:
            evaluates = options.get("split_dataset_ratio") == 1 and not options.get("streaming")
            if dataset_sample and evaluates:
                dataset_sample = min(dataset_sample, len(train_dataset))
            return DatasetLoader.post_process(train_dataset, dataset_sample=dataset_sample, **options)

    if entry.path.is_file():  # LLaMA-Factory's entries may be of a hub, under names that ms-swift has its own data for
        preprocess: Any = keep_gold if "--reward_funcs" in sys.argv else AutoPreprocessor()
        loader: Any = Loader  # ms-swift says instance, and means class
        path = str(entry.path.resolve())
        meta = DatasetMeta(dataset_name=entry.name, dataset_path=path, preprocess_func=preprocess, loader=loader)
        register_dataset(meta, exist_ok=True)
