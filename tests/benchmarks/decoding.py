"""Decoding under a mask: speed of masks and compilation, passes, end to end, scores, and what must never differ.

python tests/benchmarks/decoding.py [--quick] [--only KEY …] [--json]

Processor time of one thread. Each engine at each size runs in a child process of its own that may take `--limit`
seconds and `--memory` megabytes beyond what it starts with: a refusal or a time-out is a result. `--quick`: one size,
two libraries, a fiftieth of the answers. Status 1 where a wanted number is missed.
"""

import os
import sys
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT / "tests")  # in place of this folder, whose decoding.py would hide tests/decoding

import argparse  # noqa: E402
import datetime  # noqa: E402
import json  # noqa: E402
import platform  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator, Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from importlib.metadata import version  # noqa: E402

from tqdm import tqdm  # noqa: E402

from benchmarks.decoding_parts.children import Job, Limit, Record, run_all  # noqa: E402
from benchmarks.decoding_parts.correctness import SMALL, WRONG, adversarial, identity  # noqa: E402
from benchmarks.decoding_parts.end_to_end import FAST, batch, end_to_end  # noqa: E402
from benchmarks.decoding_parts.engines import measure  # noqa: E402
from benchmarks.decoding_parts.scores import scores  # noqa: E402
from benchmarks.decoding_parts.targets import missed, table  # noqa: E402
from benchmarks.decoding_parts.world import World, edugraph, synthetic  # noqa: E402
from decoding.adversaries import ADVERSARIES  # noqa: E402

# The keys of the record, and the jobs that each needs.
KEYS = {
    "mask_us": "engines",
    "compile": "engines",
    "adversarial": "adversarial",
    "identical_share": "identity",
    "passes": "end_to_end",
    "end_to_end_speedup": "end_to_end",
    "batch16_speedup": "batch",
    "scores": "scores",
    "engines": "engines",
}
LIBRARIES = ("xgrammar", "llguidance", "outlines", "lm-format-enforcer")
IN_GENERATE = ("xgrammar", "llguidance", "outlines-llguidance")  # with a logits processor for this contract
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
ALONE = ("end_to_end", "engines", "batch", "scores")  # timed: not beside others; the longest first


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    sizes: Sequence[int] = (10_000, 100_000)  # beside the 729 labels
    libraries: Sequence[str] = LIBRARIES
    in_generate: Sequence[str] = IN_GENERATE
    compilations: int = 5
    adversarial: int = 10_000
    identity: tuple[int, int] = (5, 200)  # models, and cases of each: alone, and as many by eights
    samples: int = 8
    repeats: int = 3


QUICK = Scale((), LIBRARIES[:2], IN_GENERATE[:2], 3, 200, (1, 25), 1, 1)


def make_jobs(scale: Scale, limit: Limit, parts: set[str]) -> Iterator[tuple[str, Job]]:
    """Everything to do, with the part that it belongs to. What children need is made here, once."""
    world = edugraph()
    worlds = [world, *(synthetic(size) for size in scale.sizes if "engines" in parts)]
    jobs: dict[str, Iterator[Job]] = {
        "engines": _engine_jobs(scale, limit, worlds),
        "end_to_end": iter([Job("end_to_end", end_to_end, (world, scale.in_generate, scale.samples, scale.repeats))]),
        "batch": iter([Job("batch", batch, (world, 16, scale.repeats))]),
        "scores": iter([Job("scores", scores, (world, "Area", scale.repeats))]),
        "adversarial": _adversarial_jobs(scale, world),
        "identity": _identity_jobs(scale),
    }
    return ((part, job) for part, found in jobs.items() if part in parts for job in found)


def _engine_jobs(scale: Scale, limit: Limit, worlds: Sequence[World]) -> Iterator[Job]:
    for world in worlds:
        size = len(world.task.ontology.concepts)
        for name in ("ontune", *scale.libraries):
            repeats = 1 if size > 10_000 and name != "ontune" else scale.compilations
            yield Job(f"{name}/{size}", measure, (name, world, repeats), limit)


def _adversarial_jobs(scale: Scale, world: World) -> Iterator[Job]:
    cases = [(name, adversary) for name in ("whole", *SMALL) for adversary in ADVERSARIES]
    for at, (name, adversary) in enumerate(cases):
        task, order = SMALL.get(name, (world.task, "free"))
        count = scale.adversarial * (at + 1) // len(cases) - scale.adversarial * at // len(cases)
        yield Job(f"{name}/{adversary}", adversarial, (task, world.tokenizer, order, adversary, count))


def _identity_jobs(scale: Scale) -> Iterator[Job]:
    models, rows = scale.identity
    for short, dtype in DTYPES.items():
        for seed in range(models):
            yield Job(f"{short}/{seed}", identity, (dtype, seed, rows))


def run(jobs: Sequence[tuple[str, Job]], quick: bool) -> dict[str, dict[str, Record]]:
    """What each job has found, by part and name. Unless it must be quick, what is timed runs alone."""
    part_of = {job: part for part, job in jobs}
    found: dict[str, dict[str, Record]] = {part: {} for part, _ in jobs}
    both = len(os.sched_getaffinity(0))
    alone = sorted((job for part, job in jobs if part in ALONE), key=lambda job: ALONE.index(part_of[job]))
    others = [job for part, job in jobs if part not in ALONE]
    stages = [([*alone, *others], both)] if quick else [(alone, 1), (others, both)]
    with tqdm(total=len(jobs), unit="job", file=sys.stderr) as bar:
        for stage, workers in stages:
            for job, record in run_all(stage, workers):
                found[part_of[job]][job.name] = record
                bar.set_postfix_str(job.name)
                bar.update()
    return found


def assemble(found: dict[str, dict[str, Record]]) -> Record:
    """The record, every key there; null where the part did not run."""
    record: Record = dict.fromkeys(KEYS)
    if "engines" in found:
        record |= _engines(found["engines"])
    if "adversarial" in found:
        rows = found["adversarial"].values()
        record["adversarial"] = {name: sum(row[name] for row in rows) for name in ("runs", "borders", *WRONG)}
    if "identity" in found:
        record |= _identity(found["identity"])
    if "end_to_end" in found:
        record |= _end_to_end(found["end_to_end"]["end_to_end"], record)
    for part, key in (("batch", "batch16_speedup"), ("scores", "scores")):
        if part in found:
            record[key] = {name: value for name, value in found[part][part].items() if name != "status"}
    return record


def _engines(found: dict[str, Record]) -> Record:
    engines: dict[str, Record] = {}
    for name, record in found.items():
        engine, _, size = name.partition("/")
        engines.setdefault(engine, {})[size] = record
    ours = engines["ontune"].values()
    worst = {
        key: {name: max(record[key][name] for record in ours) for name in ("median", "p99")}
        for key in ("mask_us", "step_us")
    }
    compiled = {
        size: {"ms": record["compile_ms"], "mb": record["mb"], "first_ms": record["compile_first_ms"]}
        for size, record in engines["ontune"].items()
    }
    return {**worst, "compile": compiled, "engines": engines}


def _identity(found: dict[str, Record]) -> Record:
    shares: Record = {}
    beyond: Record = {}
    for short in DTYPES:
        records = [record for name, record in found.items() if name.startswith(short)]
        rows = sum(record["rows"] for record in records)
        by_method = {method: sum(record[method] for record in records) / rows for method in FAST}
        shares[short] = round(min(by_method.values()), 5)
        beyond[short] = {
            "rows": rows,
            **{method: round(share, 5) for method, share in by_method.items()},
            "outside_2_ulps": sum(record["outside"] for record in records),
            "furthest_ulps": max(record["ulps"] for record in records),
        }
    return {"identical_share": shares, "identity": beyond}


def _end_to_end(found: Record, record: Record) -> Record:
    engines: dict[str, Record] = record["engines"] or {}
    speedups: Record = {}
    for style in ("compact", "spaced"):
        ways: dict[str, Record] = found[style]
        libraries = [name for name in IN_GENERATE if name in ways]
        fastest = min(libraries, key=lambda name: ways[name]["ms"])
        speedup = {method: round(ways[fastest]["ms"] / ways[method]["ms"], 2) for method in FAST}
        speedups |= speedup if style == "compact" else {style: speedup}
        speedups.setdefault("fastest_library", {})[style] = fastest
        for name, way in ways.items():
            engines.setdefault(name, {}).setdefault("end_to_end", {})[style] = way
    compact = {method: found["compact"][method]["passes"] for method in ("token", *FAST)}
    spaced = {method: found["spaced"][method]["passes"] for method in ("token", *FAST)}
    return {"passes": {**compact, "spaced": spaced}, "end_to_end_speedup": speedups, "engines": engines}


def about() -> Record:
    """The computer and the versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    libraries = ("torch", "transformers", "xgrammar", "llguidance", "outlines", "outlines_core")
    return {
        "cpu": f"{model}, {len(os.sched_getaffinity(0))} cores",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in libraries},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--only", action="append", choices=list(KEYS), help="what this key needs; may be repeated")
    parser.add_argument("--limit", type=int, default=Limit.seconds, help="seconds for an engine at a size")
    parser.add_argument("--memory", type=int, default=Limit.megabytes, help="megabytes for an engine at a size")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    began = time.monotonic()
    parts = {KEYS[key] for key in options.only or KEYS}
    jobs = list(make_jobs(QUICK if options.quick else Scale(), Limit(options.limit, options.memory), parts))
    record = assemble(run(jobs, options.quick)) | about()
    record |= {"quick": options.quick, "wall_seconds": round(time.monotonic() - began, 1), "missed": missed(record)}
    print(json.dumps(record) if options.json else table(record))
    return 1 if record["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
