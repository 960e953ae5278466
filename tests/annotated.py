"""Small annotated pictures, and the conversion of them, for the tests of detectors' annotations."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from PIL import Image

from ontune_converters.account import Account
from ontune_converters.app import command
from ontune_converters.regions import Region

NAMES = (
    "Toe drain",
    "Toe drain- Blocked",
    "Toe drain- Damaged",
    "rock toe",
    "rock toe damaged",
    "slope drain",
    "slope drain blocked",
    "slope drain damaged",
    "vegetation",
)
YAML = f"train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 9\nnames: {list(NAMES)}\n"


def region(label: str, *box: float, where: str = "a.txt:1") -> Region:
    return Region(label, box, where)  # type: ignore[arg-type]


def write(root: Path, files: Mapping[str, str | bytes | tuple[int, int] | object]) -> Path:
    """Files below a folder: text, bytes, a picture of a size, or anything else as JSON."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, tuple):
            shade = sum(name.encode()) % 256
            Image.new("RGB", content, (shade, 120, 200)).save(path)
        else:
            data = content if isinstance(content, str | bytes) else json.dumps(content)
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return root


def roboflow(root: Path, lines: Mapping[str, str], size: tuple[int, int] = (200, 100)) -> Path:
    """A YOLO export of Roboflow's: label text by picture, as `train/a`."""
    files: dict[str, object] = {"data.yaml": YAML}
    for name, text in lines.items():
        split, stem = name.split("/")
        files |= {f"{split}/images/{stem}.png": size, f"{split}/labels/{stem}.txt": text}
    return write(root, files)


@dataclass(frozen=True)
class Made:
    folder: Path
    account: dict[str, Any]

    def rows(self, split: str = "train") -> list[dict[str, Any]]:
        path = self.folder / f"{split}.jsonl"
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [row | {"meta": json.loads(row["meta"])} for row in found]

    def files(self) -> dict[str, bytes]:
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}

    def human(self, split: str = "train") -> list[str]:
        return [row["conversations"][0]["value"] for row in self.rows(split)]

    def gold(self, split: str = "train") -> list[str]:
        return [next(iter(json.loads(row["conversations"][1]["value"]).values())) for row in self.rows(split)]


def convert(name: str, source: Path, *arguments: object, out: str = "set") -> Made:
    """The dataset that a converter makes beside the source; what it raises reaches the test."""
    folder = source.parent / "data" / out
    places = ["--out", folder, "--dataset-info", source.parent / "info", "--json"]
    given = [str(argument) for argument in (name, source, *arguments, *places)]
    result = CliRunner().invoke(command, given, standalone_mode=False)
    if result.exception:
        raise result.exception
    account = json.loads(result.stdout)
    dropped = sum(account["dropped"].values())
    assert account["read"] == account["written"] + dropped
    return Made(folder, account)


def reading() -> Account:
    return Account("test")
