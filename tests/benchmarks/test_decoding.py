import json
import os
import subprocess
import sys
from pathlib import Path

KEYS = """
    mask_us compile adversarial identical_share passes end_to_end_speedup batch16_speedup scores engines cpu
""".split()  # noqa: SIM905 - a list of quoted words would be longer


def test_the_quick_run_of_one_part_has_every_key():
    script = Path(__file__).with_name("decoding.py")
    options = ["--quick", "--only", "compile", "--limit", "20", "--json"]
    run = subprocess.run([sys.executable, script, *options], capture_output=True, text=True)
    found = json.loads(run.stdout)
    assert set(KEYS) <= set(found)
    assert run.returncode == bool(found["missed"])
    assert {"median", "p99"} <= set(found["mask_us"])
    assert {"ms", "mb"} <= set(found["compile"]["729"])
    assert [found["engines"][name]["729"]["status"] for name in ("ontune", "xgrammar", "llguidance")] == ["ok"] * 3
    assert found["adversarial"] is None, "a part that did not run"


def test_without_a_gpu_it_says_so():
    script = Path(__file__).with_name("decoding_gpu.py")
    without = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, env=without)
    assert (run.returncode, run.stdout) == (2, "")
    assert "sees no CUDA GPU; --device cpu --size tiny runs without" in run.stderr
