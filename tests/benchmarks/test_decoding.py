import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.decoding_parts.children import Job, Limit, run_all

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


def spin(report):
    report({"begun": True})
    while True:
        pass


def eat(_):
    held = []
    while len(held) < 100:
        held.append(bytearray(2**23))


def refuse(_):
    raise ValueError("schema too large\nby far")


def fall(_):
    os.kill(os.getpid(), signal.SIGTERM)


ENDS = {
    "ok": (lambda report: report({"ms": 1}), {"ms": 1}),
    "timeout": (spin, {"begun": True}),
    "memory": (eat, {}),
    "refused": (refuse, {"why": "schema too large"}),
    "crashed": (fall, {"why": "signal 15: "}),
}


@pytest.mark.parametrize("status", ENDS)
def test_however_an_engine_ends_it_is_a_result(status):
    work, found = ENDS[status]
    ((_, record),) = run_all([Job(status, work, (), Limit(seconds=0, megabytes=200))])
    assert record == {**found, "status": status}


def test_work_without_a_limit_must_not_fail():
    with pytest.raises(RuntimeError, match="schema too large"):
        list(run_all([Job("refused", refuse)]))
