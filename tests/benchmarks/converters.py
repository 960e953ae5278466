"""How fast and how large the converters are: one JSON object, status 1 where a bound is missed.

`pictures`: 484 pictures with transparency checked, flattened, hashed and written. `rows`: 20,000 rows, their pictures
taken as checked. Each runs in a process of its own: its CPU time, and its peak of resident memory.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from ontune.ontology import write_snapshot  # noqa: E402
from small import ONTOLOGY  # noqa: E402 - found on the path above

BOUNDS = {"pictures": {"cpu_seconds": 10.0}, "rows": {"cpu_seconds": 5.0, "peak_rss_mb": 300.0}}
CONVERT = "from ontune_converters.__main__ import run, command; run(command, 'convert')"
# The same conversion, with every picture found, checked and hashed already, and none to copy.
ROWS_ALONE = f"""
from pathlib import Path
from ontune_converters import edugraph_rows
from ontune_converters.pictures import Picture, Shelf
picture = Picture(Path("x.png"), ".png", "0" * 64)
edugraph_rows.find_picture = lambda root, name, inside: Path(name)
edugraph_rows.read_picture = lambda path: picture
Shelf.add = lambda self, file, picture: None
{CONVERT}
"""


def write_rows(folder: Path, count: int) -> None:
    rng = random.Random(5)
    labels = list(ONTOLOGY.by_name)
    names = [f"gen-{at % 80}/page-{at:05}_mode-Q.png" for at in range(count)]
    rows = [{"file_name": name, "tags": rng.sample(labels, 8), "solution": False} for name in names]
    (folder / "metadata.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def write_pictures(folder: Path, count: int) -> None:
    rng = random.Random(6)
    for at in range(count):
        path = folder / f"gen-{at % 80}" / f"page-{at:05}_mode-Q.png"
        path.parent.mkdir(exist_ok=True)
        image = Image.new("RGBA", (360, rng.randint(150, 400)))
        draw = ImageDraw.Draw(image)
        draw.rounded_rectangle((0, 0, 359, image.height - 1), 12, (250, 250, 245, 255))
        for _ in range(25):
            place = (rng.randrange(360), rng.randrange(image.height))
            draw.text(place, f"{rng.randrange(99)} + {rng.randrange(99)}", (rng.randrange(200), 40, 90, 255))
        image.save(path)


def measure(folder: Path, program: str, count: int) -> dict[str, float]:
    """The cost of one conversion, as the kernel accounts it for the process."""
    command = [sys.executable, "-c", program, "edugraph_worksheets", "source", "--ontology", "small.json"]
    child = subprocess.Popen([*command, "--out", "data/set", "--json"], cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    written = len((folder / "data" / "set" / "train.jsonl").read_text().splitlines())
    if status or written != count:
        raise SystemExit(f"{written} of {count} rows written, status {status}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"count": count, "cpu_seconds": round(cpu, 2), "peak_rss_mb": round(usage.ru_maxrss / 1024, 1)}


def main() -> int:
    found: dict[str, dict[str, float]] = {}
    for name, program, count in (("pictures", CONVERT, 484), ("rows", ROWS_ALONE, 20_000)):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "source").mkdir()
            write_snapshot(ONTOLOGY, folder / "small.json")
            write_rows(folder / "source", count)
            if name == "pictures":
                write_pictures(folder / "source", count)
            found[name] = measure(folder, program, count)
    missed = [
        f"{name} {key}" for name, bounds in BOUNDS.items() for key, most in bounds.items() if found[name][key] >= most
    ]
    print(json.dumps({**found, "bounds": BOUNDS, "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
