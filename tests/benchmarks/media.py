"""How fast and how large reading media is, beside another library: one JSON object, status 1 where a bound is missed.

`pdf`: 60 A4 pages at 150 dpi. `ontune convert pages` (pypdfium2), which writes texts and an index too, against
pdf2image (poppler) as its documentation uses it: all pages, then each saved in the same picture format. JPEG has the
same quality in both; PNG each one's own compression (its files are no smaller for the default's three times the time),
and then the same (without a bound). `jpeg_two_processes`: with --processes 2, without a bound either. Every run is a
process of its own, measured by the kernel with its children: wall and CPU time, and its peak of resident memory (of the
parent or of its largest child). Runs alternate and the best of each counts: what else the computer does can only add.
The bounds are of CPU time.
`video`: 60 s of 1280x720 at 30 frames a second, a keyframe every 219: every Nth frame, and keyframes alone, as pixels
with their times, against OpenCV decoding every frame; where OpenCV is not installed, PyAV stands in for it: every frame
decoded and converted to BGR, which is what `VideoCapture.read` does. CPU time without the imports.
"""

import argparse
import importlib.util
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
import json, sys
from pdf2image import convert_from_path
for number, page in enumerate(convert_from_path(sys.argv[1], dpi=int(sys.argv[2])), start=1):
    options = json.loads(sys.argv[4])
    page.save(f"{sys.argv[5]}/{number:04}.{sys.argv[3]}", sys.argv[3], **options)
"""

SCENE, SIZE = 219, (1280, 720)  # frames from one keyframe to the next
READ = """
import sys, time
from pathlib import Path
{imports}
start = time.process_time()
{work}
print(time.process_time() - start, count)
"""
OPENCV = READ.format(
    imports="import cv2",
    work="video, count = cv2.VideoCapture(sys.argv[1]), 0\nwhile video.read()[0]:\n    count += 1",
)
STAND_IN = READ.format(
    imports="import av",
    work="count = sum(1 for item in av.open(sys.argv[1]).decode(video=0) if item.to_ndarray(format='bgr24').size)",
)
SELECTED = READ.format(
    imports="import av\nfrom ontune.videos import Selection, decode, open_video, picture, select",
    work="video = open_video(Path(sys.argv[1]))\n"
    "chosen = select(video, Selection(sys.argv[2], float(sys.argv[3])))\n"
    "count = sum(1 for at, item in decode(video, chosen) if picture(video, item).size and video.seconds(at) >= 0)",
)


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


def theirs(kind: str, options: Mapping[str, int]) -> list[str]:
    return [sys.executable, "-c", THEIRS, "manual.pdf", str(DPI), kind, json.dumps(options), "theirs"]


def compare(folder: Path, kind: str, options: Mapping[str, int], times: int) -> dict[str, Any]:
    """Both side by side, run in turn."""
    (folder / "theirs").mkdir(exist_ok=True)
    found: dict[str, list[dict[str, float]]] = {"ontune": [], "pdf2image": []}
    for _ in range(times):
        found["ontune"].append(measure(ours(kind), folder))
        found["pdf2image"].append(measure(theirs(kind, options), folder))
    written = len(list((folder / f"ours-{kind}").glob("*.jpg" if kind == "jpeg" else "*.png")))
    if written != PAGES or len(list((folder / "theirs").glob(f"*.{kind}"))) != PAGES:
        raise SystemExit(f"{written} pages of {PAGES} written")
    costs = {name: best(runs) for name, runs in found.items()}
    ratio = {
        f"times_faster_{clock}": round(costs["pdf2image"][f"{clock}_seconds"] / costs["ontune"][f"{clock}_seconds"], 2)
        for clock in ("wall", "cpu")
    }
    return {**costs, **ratio}


def measure_pdf(folder: Path, quick: bool) -> tuple[dict[str, Any], list[str]]:
    """The costs, and each bound that is missed."""
    make_document(folder / "manual.pdf")
    megabytes = round((folder / "manual.pdf").stat().st_size / 1e6, 2)
    found: dict[str, Any] = {"pages": PAGES, "dpi": DPI, "quality": QUALITY, "document_mb": megabytes}
    found["jpeg"] = compare(folder, "jpeg", {"quality": QUALITY}, 1 if quick else RUNS)
    if not quick:
        found["png"] = compare(folder, "png", {}, RUNS)
        found["png_same_compression"] = compare(folder, "png", {"compress_level": 1}, RUNS)
        found["jpeg_two_processes"] = best([measure(ours("jpeg", 2), folder) for _ in range(RUNS)])
    missed: list[str] = []
    for kind in {"jpeg", "png"} & found.keys():
        if (faster := found[kind]["times_faster_cpu"]) < 2.3:
            missed.append(f"pdf {kind}: {faster} times faster: expected 2.3")
        if (peak := found[kind]["ontune"]["peak_rss_mb"]) >= 100:
            missed.append(f"pdf {kind}: {peak} MB: expected less than 100")
    return found, missed


def make_video(path: Path, frames: int) -> None:
    """Scenes of textured ground that a camera pans over, each begun by a keyframe."""
    import av
    import numpy as np

    rng = np.random.default_rng(3)
    options = {"preset": "veryfast", "threads": "2", "x264-params": f"keyint={SCENE}:min-keyint={SCENE}:scenecut=0"}
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=30, options=options)
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        ground: Any = None
        for at in range(frames):
            if at % SCENE == 0:
                small = Image.fromarray(rng.integers(0, 255, (60, 140, 3), dtype=np.uint8))
                ground = np.asarray(small.resize((SIZE[0] + 2 * SCENE, SIZE[1]), Image.Resampling.BICUBIC))
            pan = 2 * (at % SCENE)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(ground[:, pan : pan + SIZE[0]]), "rgb24")
            frame.pts = at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def read_video(program: str, path: Path, *arguments: object) -> tuple[float, int]:
    """CPU seconds of the work, and how many frames came."""
    command = [sys.executable, "-c", program, str(path), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, count = done.stdout.split()
    return float(seconds), int(count)


def measure_video(folder: Path, quick: bool) -> tuple[dict[str, Any], list[str]]:
    """The costs, and each bound that is missed."""
    path, frames = folder / "video.mp4", 600 if quick else 1800
    make_video(path, frames)
    has_opencv = importlib.util.find_spec("cv2") is not None
    ways = {"every_frame": (OPENCV if has_opencv else STAND_IN, ())}
    ways |= {f"every_{step}": (SELECTED, ("every", step)) for step in (15, 30, 150)}
    ways["keyframes"] = (SELECTED, ("keyframes", 0))
    runs = [{name: read_video(program, path, *way) for name, (program, way) in ways.items()} for _ in range(RUNS)]
    costs = {name: min(run[name][0] for run in runs) for name in ways}
    expected = {name: -(-frames // int(name[6:])) if name[6:].isdigit() else None for name in ways}
    expected |= {"every_frame": frames, "keyframes": -(-frames // SCENE)}
    wrong = {name: runs[0][name][1] for name in ways if runs[0][name][1] != expected[name]}
    if wrong:
        raise SystemExit(f"frames {wrong}: expected {expected}")
    faster = {name: round(costs["every_frame"] / cost, 2) for name, cost in costs.items() if name != "every_frame"}
    bounds = {"every_30": 2.0, "every_150": 2.0, "keyframes": 6.0}
    beside = "OpenCV" if has_opencv else "PyAV, every frame decoded and converted; OpenCV is not installed"
    found: dict[str, Any] = {"frames": frames, "video_mb": round(path.stat().st_size / 1e6, 2), "beside": beside}
    found |= {"cpu_seconds": {name: round(cost, 3) for name, cost in costs.items()}, "times_faster": faster}
    missed = [f"video {name}: {faster[name]} times faster: expected {low}" for name, low in bounds.items()]
    return found, [text for text, (name, low) in zip(missed, bounds.items(), strict=True) if faster[name] < low]


PARTS: Mapping[str, Callable[[Path, bool], tuple[dict[str, Any], list[str]]]] = {
    "pdf": measure_pdf,
    "video": measure_video,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, help="One part instead of all.")
    parser.add_argument("--quick", action="store_true", help="One run of the least that the bounds need.")
    chosen = parser.parse_args()
    found: dict[str, Any] = {}
    missed: list[str] = []
    for name, part in PARTS.items():
        if chosen.only in {None, name}:
            with tempfile.TemporaryDirectory() as temporary:
                found[name], faults = part(Path(temporary), chosen.quick)
                missed += faults
    print(json.dumps(found | {"missed": missed}, indent=2))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
