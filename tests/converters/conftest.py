"""Snapshots of the given releases, a workplace with the small one, and small pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ontune.ontology import write_snapshot
from ontune.ontology.reader import read_ontology
from small import ONTOLOGY
from workplace import Workplace


@pytest.fixture(scope="session")
def snapshots(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The snapshots of the two given releases, by version."""
    folder = tmp_path_factory.mktemp("ontologies")
    sources = {
        "0.4.0": [shared_data / "ontology" / "core-ontology-0.4.0.rdf"],
        "0.21.0": sorted((shared_data / "ontology").glob("*.ttl")),
    }
    paths = {version: folder / f"edugraph-{version}.json" for version in sources}
    for version, files in sources.items():
        write_snapshot(read_ontology(files, "edugraph", version), paths[version])
    return paths


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    write_snapshot(ONTOLOGY, tmp_path / "small.json")
    return Workplace(tmp_path, tmp_path / "small.json")


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Makes a picture below `source`: 6 by 4 pixels of one colour, which tells it from others."""

    def make(name: str, shade: int = 0, mode: str = "RGB", **options: Any) -> Path:
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 4), (shade, 40, 90)).convert(mode).save(path, **options)
        return path

    return make
