"""What tests share: the given data where it is, and an environment that never reaches for a hub."""

import os
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# A busy computer is slow now and then; what a test may cost is no matter of a deadline for each example.
hypothesis.settings.register_profile("ontune", deadline=None)
hypothesis.settings.load_profile("ontune")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The sources' real data; tests that need it skip where a clone stands alone."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not there: this test reads the sources' real data")
    return SHARED
