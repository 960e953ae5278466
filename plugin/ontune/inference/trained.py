"""Whether a folder holds a model that was trained, or a base model, which answers only when asked for."""

from pathlib import Path

from ontune.inference.settings import FILE

__all__ = ["untrained"]

# What runs and merges leave in their folders, and downloads of base models do not have.
TRACES = (
    FILE,  # a checkpoint of a run with the plugin, or a merge of one
    "trainer_state.json",  # any checkpoint
    "training_args.bin",  # what a run saves at its end
    "Modelfile",  # LLaMA-Factory's export
    "args.json",  # ms-swift's runs and merges
)


def untrained(model: str, adapter: Path | None, base: bool) -> list[str]:
    """What is wrong with asking this model: it shows no trace of training, and its bare answers were not asked for."""
    if base and adapter:
        return [f"--base is for a model without an adapter: --adapter {adapter} is given too"]
    if base or adapter or any((Path(model) / name).is_file() for name in TRACES):
        return []
    return [
        f"{model}: neither a checkpoint nor an adapter merged by LLaMA-Factory or ms-swift: "
        "name its adapter with --adapter DIR, or ask it as it is with --base"
    ]
