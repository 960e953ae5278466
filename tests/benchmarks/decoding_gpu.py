"""Decoding under a mask on a Qwen2.5-VL of real size, with random weights in bf16 on a CUDA GPU: one JSON object.

python tests/benchmarks/decoding_gpu.py [--size 3b|7b] [--samples N] [--repeats N]

The same nine-label answers with a picture by plain `generate`, by a library's logits processor in it where there is
one, and by each of our methods; and 16 rows in one batch against one by one. Wall-clock milliseconds, forward passes
and ratios to the fastest of the libraries (to plain `generate` where there is none). Needs torch, transformers
and what the plugin itself depends on; neither weights nor a network. `--size tiny --device cpu` tries the code out.
"""

import argparse
import datetime
import json
import os
import sys
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT / "tests")  # in place of this folder, whose decoding.py would hide tests/decoding
sys.path.append(str(ROOT / "plugin"))  # where it is not installed

import torch  # noqa: E402

LIBRARIES = ("xgrammar", "llguidance")
LABELS, LABELS_AN_ANSWER = 729, 9


def measure(size: str, device: str, samples: int, repeats: int) -> dict[str, Any]:
    """Milliseconds and passes by way of decoding, and how much faster ours are."""
    from benchmarks.decoding_parts.end_to_end import FAST, batch, compare, make_ways
    from benchmarks.decoding_parts.models import make_model
    from benchmarks.decoding_parts.world import synthetic

    world = synthetic(LABELS, answers=max(samples, 50))
    libraries = [name for name in LIBRARIES if find_spec(name)]
    model = make_model(size, device, torch.bfloat16)
    targets = [world.tokens(labels) for labels in world.labels[:samples]]
    ways = make_ways(model, world, libraries)
    found = compare(model, world.tokenizer, ways, targets, clock(device), repeats)
    fastest = min(libraries or ["plain"], key=lambda name: found[name]["ms"])
    rows: dict[str, Any] = {}
    batch(world, 16, repeats, rows.update, model=model, clock=clock(device))
    return {
        "labels": LABELS,
        "labels_an_answer": LABELS_AN_ANSWER,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "samples": samples,
        "end_to_end": found,
        "fastest_library": fastest,
        "end_to_end_speedup": {name: round(found[fastest]["ms"] / found[name]["ms"], 2) for name in FAST},
        "batch16_speedup": rows,
    }


def clock(device: str) -> Any:
    """Seconds on the wall when the device has done what it was given."""

    def now() -> float:
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    return now


def about(device: str) -> dict[str, Any]:
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    versions = {library: version(library) for library in ("torch", "transformers", *filter(find_spec, LIBRARIES))}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"benchmark": "decoding on a GPU", "date": today, "device": name, "dtype": "bfloat16", "versions": versions}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["tiny", "3b", "7b"], default="3b")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print(
            f"{Path(__file__).name}: torch {torch.__version__} sees no CUDA GPU; --device cpu --size tiny runs without",
            file=sys.stderr,
        )
        return 2
    record = measure(options.size, options.device, options.samples, options.repeats)
    print(json.dumps({**about(options.device), "size": options.size, **record}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
