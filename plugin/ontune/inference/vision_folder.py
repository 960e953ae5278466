"""What a vision model is, told without loading it."""

import hashlib
from pathlib import Path

from ontune.errors import InputError
from ontune.files import sha256_file

__all__ = ["fingerprint"]

SETTINGS = ("config.json", "preprocessor_config.json", "processor_config.json")  # what an embedding depends on


def fingerprint(model: str) -> str:
    """What names the content of a model: of a folder the hash of its files, of a name on the hub its commit.

    Raises InputError where there is no such model.
    """
    folder = Path(model)
    return _of_folder(folder) if folder.is_dir() else f"{model}@{_commit(model)}"


def _of_folder(folder: Path) -> str:
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    faults = [f"{folder}: no config.json, so no model"] * (not (folder / SETTINGS[0]).is_file())
    faults += [f"{folder}: no weights: expected *.safetensors or *.bin"] * (not weights)
    if not any((folder / name).is_file() for name in SETTINGS[1:]):
        faults.append(f"{folder}: no preprocessor_config.json, which says how pictures are prepared")
    InputError.check(faults)
    parts = [path for name in SETTINGS if (path := folder / name).is_file()] + weights
    lines = "".join(f"{path.name} {sha256_file(path)}\n" for path in parts)
    return hashlib.sha256(lines.encode()).hexdigest()


def _commit(name: str) -> str:
    try:
        from transformers import AutoConfig

        return str(AutoConfig.from_pretrained(name)._commit_hash)
    except Exception as error:  # the hub, the network and the file have errors of their own
        said = str(error).partition("\n")[0]
        raise InputError(f"--model {name}: neither a folder nor a model on the hub: {said}") from None
