"""What the demo's converters read: folders of pictures with their labels, as datasets of pictures are published."""

import json
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from ontune.console import progress
from ontune.demo.edugraph.drawing import SIDE, draw
from ontune.demo.edugraph.sheets import Sheet, labels, make_sheets
from ontune.files import replace_directory, write_lines

__all__ = ["COUNTS", "write_sources"]

COUNTS = {
    "easy/train": 3500,
    "easy/validation": 90,
    "sheets/train": 4500,
    "sheets/validation": 270,
    "sheets/test": 360,
    "blank/test": 360,
}


def write_sources(folder: Path) -> None:
    """Writes `easy` (clean sheets), `sheets` (all three splits) and `blank` (the test's labels, white pictures)."""
    sheets = {
        "easy/train": make_sheets(COUNTS["easy/train"], seed=1, easy=True),
        "easy/validation": make_sheets(COUNTS["easy/validation"], seed=2, easy=True),
        "sheets/train": make_sheets(COUNTS["sheets/train"], seed=3),
        "sheets/validation": make_sheets(COUNTS["sheets/validation"], seed=4),
        "sheets/test": make_sheets(COUNTS["sheets/test"], seed=5, held_out=True),
        "blank/test": make_sheets(COUNTS["blank/test"], seed=5, held_out=True),
    }
    with replace_directory(folder) as fresh:
        for name, drawn in sheets.items():
            _write(fresh / name, progress(drawn, name, COUNTS[name]), blank=name.startswith("blank"))


def _write(folder: Path, sheets: Iterable[Sheet], blank: bool) -> None:
    """The pictures of the sheets, and `metadata.jsonl` with a row for each."""
    folder.mkdir(parents=True)
    rows: list[str] = []
    for at, sheet in enumerate(sheets):
        name = f"{sheet.kind}-{at:04}.jpg"
        picture = Image.new("RGB", (SIDE, SIDE), "white") if blank else draw(sheet)
        picture.save(folder / name, quality=90)
        rows.append(json.dumps({"file_name": name, "labels": labels(sheet), "solution": False}))
    write_lines(folder / "metadata.jsonl", rows)
