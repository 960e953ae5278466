import json
import subprocess
import sys
from pathlib import Path


def test_bounds():
    script = Path(__file__).with_name("converters.py")
    run = subprocess.run([sys.executable, script], capture_output=True, text=True)
    result = json.loads(run.stdout)
    assert (run.returncode, result["missed"]) == (0, []), result
    assert (result["pictures"]["count"], result["rows"]["count"]) == (484, 20_000)
