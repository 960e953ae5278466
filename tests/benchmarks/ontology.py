"""How long does `ontune ontology build` take? Processor time of the whole command, start of Python included.

python tests/benchmarks/ontology.py FILE… [--runs N] [--json]
"""

import argparse
import datetime
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path


def build(files: list[Path], out: Path) -> float:
    """Builds the snapshot in a process of its own and gives its processor time in seconds, user and system."""
    program = [sys.executable, "-c", "from ontune.cli import main; main()", "ontology", "build"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [*program, *map(str, files), "--name", "benchmark", "--version", "0", "-o", str(out), "--json"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(files: list[Path], runs: int) -> dict[str, object]:
    """The times of several runs, and what was built."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "snapshot.json"
        seconds = [build(files, out) for _ in range(runs)]
        concepts = len(json.loads(out.read_text(encoding="utf-8"))["concepts"])
    return {
        "benchmark": "ontology build",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "files": [file.name for file in files],
        "concepts": concepts,
        "runs": runs,
        "cpu_seconds_median": round(statistics.median(seconds), 3),
        "cpu_seconds_max": round(max(seconds), 3),
        "python": platform.python_version(),
        "rdflib": version("rdflib"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    record = measure(options.files, options.runs)
    print(json.dumps(record) if options.json else "\n".join(f"{key:<20}{value}" for key, value in record.items()))


if __name__ == "__main__":
    main()
