"""A working directory for converters, and what they leave there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from ontune_converters.app import command


@dataclass(frozen=True)
class Dataset:
    """What a conversion left: the records of each split, the account, the folder."""

    folder: Path
    account: dict[str, Any]

    def split(self, name: str) -> list[dict[str, Any]]:
        lines = (self.folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def gold(self, name: str = "train") -> dict[str, Any]:
        """Each picture's answer, by the file that it came from."""
        return {Path(record["images"][0]).stem: record["conversations"][1]["value"] for record in self.split(name)}

    def media(self) -> dict[str, bytes]:
        root = self.folder / "media"
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@dataclass(frozen=True)
class Workplace:
    """A working directory with the small ontology's snapshot."""

    folder: Path
    ontology: Path

    def convert(self, name: str, *arguments: object, out: str = "data/set", ontology: Path | None = None) -> Dataset:
        """The dataset that a converter makes; what it raises reaches the test."""
        folder = self.folder / out
        given = [str(argument) for argument in arguments]
        places = ["--out", str(folder), "--dataset-info", str(self.folder / "dataset_info"), "--json"]
        snapshot = ["--ontology", str(ontology or self.ontology)]
        result = CliRunner().invoke(command, [name, *given, *snapshot, *places], standalone_mode=False)
        if result.exception:
            raise result.exception
        account = json.loads(result.stdout)
        assert account == json.loads((folder / "account.json").read_text(encoding="utf-8"))
        return Dataset(folder, account)

    def rows(self, file: str, *records: object) -> Path:
        """A file of JSON lines, or of a JSON array, in the folder `source`; the folder comes back."""
        path = self.folder / "source" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "\n".join(json.dumps(record) for record in records)
        path.write_text(json.dumps(records) if path.suffix == ".json" else lines, encoding="utf-8")
        return self.folder / "source"
