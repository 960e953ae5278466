"""What the report page costs at 10,000 samples with a picture each, two runs and scores: one JSON object.

`build_s`, `build_mb`: time and peak of resident memory of write_page in a process of its own, samples and report being
read there too; `bytes` of the file; `open_s` until it can be used and `filter_s` until a search, and a filter for wrong
answers, show their rows, in headless Chromium. Status 1 where a bound is missed.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT / "tests")  # in place of this folder, whose evaluation.py would hide tests/evaluation

from evaluation.fixtures import TASKS, predictions  # noqa: E402 - found on the path above
from evaluation.page.generated import draw_pictures, report_of  # noqa: E402
from ontune.evaluation.page import Thumbnails, page_samples, write_page  # noqa: E402

BOUNDS = {"build_s": 60.0, "build_mb": 1000.0, "open_s": 2.0, "filter_s": 2.0}
TASK = TASKS["label_sets"]


def build(folder: Path, count: int, mode: str) -> dict[str, float]:
    """The page of two runs, and what its making took; report and predictions are there before the clock runs."""
    runs = {
        name: predictions("label_sets", count, skill=skill, per_group=1) for name, skill in (("A", 0.6), ("B", 0.8))
    }
    report = report_of(TASK, runs)
    started, cpu = time.perf_counter(), time.process_time()
    write_page(folder / "page.html", report, page_samples(TASK, runs), Thumbnails(mode, folder / "data"))
    used = {"build_s": time.perf_counter() - started, "build_cpu_s": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**used, "build_mb": peak, "bytes": (folder / "page.html").stat().st_size}


FILTER = """([selector, value]) => new Promise((done) => {
  const start = performance.now();
  const box = document.querySelector(selector);
  if (box.type === "checkbox") box.click();
  else { box.value = value; box.dispatchEvent(new Event("input", { bubbles: true })); }
  requestAnimationFrame(() => setTimeout(() => done((performance.now() - start) / 1000)));
})"""


def look(path: Path, repeats: int) -> dict[str, float]:
    """The middle of several openings, and the slowest of several filters."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened = [_look(browser.new_page(), path) for _ in range(repeats)]
        browser.close()
    return {
        "open_s": statistics.median(seconds for seconds, _ in opened),
        "filter_s": statistics.median(seconds for _, seconds in opened),
    }


def _look(page: Page, path: Path) -> tuple[float, float]:
    started = time.perf_counter()
    page.goto(path.as_uri(), wait_until="commit")
    page.wait_for_selector("html[data-ready]")
    opened = time.perf_counter() - started
    filters = [("#search", "generator=clocks addition"), ("[data-key=wrong]", ""), ("[data-key=label]", "Addition")]
    slowest = max(page.evaluate(FILTER, list(one)) for one in filters)
    page.close()
    return opened, slowest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--thumbnails", default="embedded", choices=["embedded", "linked", "none"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(build(options.child, options.count, options.thumbnails)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        draw_pictures(folder / "data", [f"label_sets/media/{at:05}.png" for at in range(options.count)])
        command = [sys.executable, __file__, "--count", str(options.count), "--thumbnails", options.thumbnails]
        made = subprocess.run([*command, "--child", str(folder)], stdout=subprocess.PIPE, check=True)
        found = json.loads(made.stdout) | look(folder / "page.html", options.repeats)
    missed = [name for name, most in BOUNDS.items() if found[name] >= most]
    about = {"samples": options.count, "thumbnails": options.thumbnails, "cpus": len(os.sched_getaffinity(0))}
    rounded = {name: round(value, 3) for name, value in found.items()}
    print(json.dumps({**about, **rounded, "bounds": BOUNDS, "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
