"""What tests share: the given data where it is, and an environment that never reaches for a hub."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from loopback import Server, serve
from ontune.cli import main
from small import small_task

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# A busy computer is slow now and then; what a test may cost is no matter of a deadline for each example.
hypothesis.settings.register_profile("ontune", deadline=None)
hypothesis.settings.load_profile("ontune")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is kept for the user's next run is kept for this one alone."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The sources' real data; tests that need it skip where a clone stands alone."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not there: this test reads the sources' real data")
    return SHARED


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """Standard output as the one JSON object that it is."""
        return json.loads(self.out)


@pytest.fixture
def cli(capsys, monkeypatch) -> Callable[..., Answer]:
    """`ontune …` in this process, from the console script's function on."""

    def call(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["ontune", *arguments])
        capsys.readouterr()  # what fixtures have printed is not the command's
        with pytest.raises(SystemExit) as caught:
            main()
        return Answer(int(caught.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    """A server on 127.0.0.1 that no proxy stands before."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve({}) as found:
        yield found


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Callable[[str], Path]:
    """A tiny model of a kind, made once; weights this wide give each picture another answer, untrained as they are."""
    made: dict[str, Path] = {}

    def model(kind: str) -> Path:
        if kind not in made:
            from ontune.demo.tiny_model import Size, make_tiny_model

            task = small_task()
            texts = [f"{task.system} {task.user} {task.to_json(task.answer_from_labels(list(task.ontology.by_name)))}"]
            folder = tmp_path_factory.mktemp("models") / kind
            made[kind] = make_tiny_model(folder, kind, texts * 9, vocab_size=900, size=Size(initializer_range=0.3))
        return made[kind]

    return model
