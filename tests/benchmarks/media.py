"""How fast and how large reading media is, beside another library: one JSON object, status 1 where a bound is missed.

`pdf`: 60 A4 pages at 150 dpi. `ontune convert pages` (pypdfium2), which writes texts and an index too, against
pdf2image (poppler) as its documentation uses it: all pages, then each saved in the same picture format with the same
quality (JPEG) or compression (PNG).
`pdf_processes`: the same with two processes, without a bound. Every run is a process of its own, measured by the
kernel with its children: wall and CPU time, and its peak of resident memory (of the parent or of its largest child).
Runs alternate and the best of each counts: what else the computer does can only add.
"""

import argparse
import io
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFilter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from pdf_files import Sheet, pdf  # noqa: E402 - found on the path above

PAGES, DPI, QUALITY, RUNS = 60, 150, 90, 3
WORDS = "bolt torque clutch disc remove install check Nm mm tighten axle housing cover gasket page section"
OURS = "from ontune_converters.__main__ import run, command; run(command, 'convert')"
# As its documentation has it, with the threads that it is given by default: one.
THEIRS = """
import sys
from pdf2image import convert_from_path
for number, page in enumerate(convert_from_path(sys.argv[1], dpi=int(sys.argv[2])), start=1):
    options = {"quality": int(sys.argv[4])} if sys.argv[3] == "jpeg" else {"compress_level": 1}
    page.save(f"{sys.argv[5]}/{number:04}.{sys.argv[3]}", sys.argv[3], **options)
"""


def make_document(path: Path) -> None:
    """Pages of a manual: forty lines of text, and a picture of 800 by 400 pixels that no two pages share."""
    rng = random.Random(11)
    sheets: list[Sheet] = []
    for _ in range(PAGES):
        lines = [" ".join(rng.choices(WORDS.split(), k=10)) + f" {rng.randrange(200)} Nm" for _ in range(26)]
        picture = Image.effect_noise((800, 400), 40).convert("RGB").filter(ImageFilter.GaussianBlur(1))
        draw = ImageDraw.Draw(picture)
        for _ in range(30):
            draw.line([(rng.randrange(800), rng.randrange(400)) for _ in range(4)], rng.choice(["black", "gray"]), 3)
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=80)
        sheets.append(Sheet(lines, picture=(data.getvalue(), 800, 400)))
    path.write_bytes(pdf(sheets))


def measure(command: list[str], folder: Path) -> dict[str, float]:
    """What one process cost; the peak of memory is that of the largest process that it waited for, or its own."""
    before = os.times().elapsed
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command}: status {status}")
    wall = os.times().elapsed - before
    cpu = usage.ru_utime + usage.ru_stime
    return {
        "wall_seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "peak_rss_mb": round(usage.ru_maxrss / 1024, 1),
    }


def best(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: min(run[key] for run in runs) for key in runs[0]}


def ours(kind: str, processes: int = 1) -> list[str]:
    options = ["--out", f"ours-{kind}", "--format", kind, "--quality", str(QUALITY), "--dpi", str(DPI)]
    return [sys.executable, "-c", OURS, "pages", "manual.pdf", *options, "--processes", str(processes)]


def theirs(kind: str) -> list[str]:
    return [sys.executable, "-c", THEIRS, "manual.pdf", str(DPI), kind, str(QUALITY), "theirs"]


def compare(folder: Path, kind: str) -> dict[str, Any]:
    """Both side by side, run in turn."""
    (folder / "theirs").mkdir(exist_ok=True)
    found: dict[str, list[dict[str, float]]] = {"ontune": [], "pdf2image": []}
    for _ in range(RUNS):
        found["ontune"].append(measure(ours(kind), folder))
        found["pdf2image"].append(measure(theirs(kind), folder))
    written = len(list((folder / f"ours-{kind}").glob("*.jpg" if kind == "jpeg" else "*.png")))
    if written != PAGES or len(list((folder / "theirs").glob(f"*.{kind}"))) != PAGES:
        raise SystemExit(f"{written} pages of {PAGES} written")
    costs = {name: best(runs) for name, runs in found.items()}
    ratio = {
        f"times_faster_{clock}": round(costs["pdf2image"][f"{clock}_seconds"] / costs["ontune"][f"{clock}_seconds"], 2)
        for clock in ("wall", "cpu")
    }
    return {**costs, **ratio}


def measure_pdf(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The costs, and each bound that is missed."""
    make_document(folder / "manual.pdf")
    megabytes = round((folder / "manual.pdf").stat().st_size / 1e6, 2)
    found: dict[str, Any] = {"pages": PAGES, "dpi": DPI, "quality": QUALITY, "document_mb": megabytes}
    found |= {kind: compare(folder, kind) for kind in ("jpeg", "png")}
    found["jpeg_two_processes"] = best([measure(ours("jpeg", 2), folder) for _ in range(RUNS)])
    missed = [f"pdf jpeg: {found['jpeg']['times_faster_cpu']} times faster: expected 2.3"] * (
        found["jpeg"]["times_faster_cpu"] < 2.3
    )
    for kind in ("jpeg", "png"):
        if (peak := found[kind]["ontune"]["peak_rss_mb"]) >= 100:
            missed.append(f"pdf {kind}: {peak} MB: expected less than 100")
    return found, missed


PARTS: Mapping[str, Callable[[Path], tuple[dict[str, Any], list[str]]]] = {"pdf": measure_pdf}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, help="One part instead of all.")
    only = parser.parse_args().only
    found: dict[str, Any] = {}
    missed: list[str] = []
    for name, part in PARTS.items():
        if only in {None, name}:
            with tempfile.TemporaryDirectory() as temporary:
                found[name], faults = part(Path(temporary))
                missed += faults
    print(json.dumps(found | {"missed": missed}, indent=2))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
