import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not shutil.which("pdftoppm"), reason="pdf2image needs poppler's pdftoppm, which is not installed")
def test_pdf_pages():
    """Memory is as stated; how much faster is measured by hand, since one run on a busy computer says little."""
    script = Path(__file__).with_name("media.py")
    run = subprocess.run([sys.executable, script, "--only", "pdf", "--quick"], capture_output=True, text=True)
    result = json.loads(run.stdout)["pdf"]
    assert result["pages"] == 60, run.stderr
    assert result["jpeg"]["ontune"]["peak_rss_mb"] < 100
    assert result["jpeg"]["pdf2image"]["peak_rss_mb"] > 1000
    assert result["jpeg"]["times_faster_cpu"] > 1.5
