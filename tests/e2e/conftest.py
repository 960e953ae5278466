"""One small world for all end-to-end tests, and the hosts run in forks of one process that has imported them."""

import gc
import os
import random
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from PIL import Image, ImageDraw

from ontune.dataset_info import Entry, register
from ontune.demo.tiny_model import Kind, Size, make_tiny_model
from ontune.ontology import Concept, Ontology, Relation, write_snapshot
from ontune.sharegpt import Sample, Turn, write_samples
from ontune.task import Task, load_task

TASK = {
    "name": "sheets",
    "ontology": "sheets-1",
    "system": "You label sheets.",
    "user": "Which shape, how many?",
    "fields": [
        {"name": "Area", "kind": "labels", "dimension": "Area", "min": 0, "max": 3},
        {"name": "Scope", "kind": "labels", "dimension": "Scope", "min": 0, "max": 3},
    ],
    "error": {"key": "Error", "values": ["UnsupportedMaterial"]},
    "metrics": ["label_sets"],
}
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class World:
    """A working directory with a dataset, its registry, a task, an ontology; and tiny models on demand."""

    directory: Path
    models: Path
    task: Task

    def model(self, kind: Kind) -> Path:
        path = self.models / kind
        if not path.is_dir():  # weights this wide give each picture another answer, untrained as they are
            make_tiny_model(path, kind, self._texts() * 50, vocab_size=700, size=Size(initializer_range=0.3))
        return path

    def _texts(self) -> list[str]:
        lines = (self.directory / "data/sheets/train.jsonl").read_text().splitlines()
        return [turn.value for line in lines for turn in Sample.from_json(line, "").conversations]

    def recipe(self, name: str, **changes: object) -> Path:
        """A training recipe for LLaMA-Factory in the world's folder; None takes a key out."""
        record = RECIPE | {"output_dir": f"saves/{name}"} | changes
        path = self.directory / f"{name}.yaml"
        path.write_text(yaml.safe_dump({key: value for key, value in record.items() if value is not None}))
        return path

    def swift_recipe(self, name: str, **changes: object) -> Path:
        """A training recipe for ms-swift in the world's folder; `ENV` is merged, None takes a key out."""
        environment = SWIFT_RECIPE["ENV"] | changes.pop("ENV", {})
        record = SWIFT_RECIPE | {"output_dir": f"saves/{name}"} | changes | {"ENV": environment}
        path = self.directory / f"{name}.yaml"
        path.write_text(yaml.safe_dump({key: value for key, value in record.items() if value is not None}))
        return path


RECIPE: dict[str, object] = {
    "template": "qwen2_vl",
    "stage": "sft",
    "do_train": True,
    "finetuning_type": "lora",
    "lora_rank": 8,
    "lora_target": "all",
    "dataset_dir": "dataset_info",
    "media_dir": "data",
    "dataset": "sheets_train",
    "eval_dataset": "sheets_val",
    "cutoff_len": 512,
    "image_max_pixels": 12544,
    "preprocessing_num_workers": 1,
    "dataloader_num_workers": 0,
    "per_device_train_batch_size": 4,
    "per_device_eval_batch_size": 4,
    "learning_rate": 1e-3,
    "max_steps": 4,
    "logging_steps": 1,
    "eval_strategy": "steps",
    "eval_steps": 2,
    "save_steps": 2,
    "do_eval": True,
    "plot_loss": False,
    "report_to": "none",
    "seed": 1,
    "use_cpu": True,
    "overwrite_output_dir": True,
    "ontune": {"task": "sheets", "evaluate": "both", "batch_size": 4, "max_new_tokens": 40},
}


def sheets_ontology() -> Ontology:
    concepts = [
        Concept("Circle", "Area", parents=("Shape",)),
        Concept("Shape", "Area"),
        Concept("Square", "Area", parents=("Shape",)),
        Concept("One", "Scope", parents=("OneOrMore",)),
        Concept("OneOrMore", "Scope"),
        Concept("Two", "Scope", parents=("OneOrMore",)),
    ]
    return Ontology("sheets", "1", ("Area", "Scope"), tuple(concepts), (Relation("contradicts", "One", "Two"),))


def draw(path: Path, area: str, count: int, rng: random.Random) -> None:
    picture = Image.new("RGB", (rng.choice([112, 130]), 112), "white")
    pen = ImageDraw.Draw(picture)
    for at in range(count):
        x, y = 8 + 50 * at + rng.randrange(6), 20 + rng.randrange(30)
        (pen.ellipse if area == "Circle" else pen.rectangle)((x, y, x + 38, y + 38), fill="black")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def make_world(directory: Path, models: Path) -> World:
    info = directory / "dataset_info"
    write_snapshot(sheets_ontology(), info / "ontologies" / "sheets-1.json")
    (info / "tasks").mkdir(parents=True)
    (info / "tasks" / "sheets.yaml").write_text(yaml.safe_dump(TASK, sort_keys=False))
    task = load_task("sheets", dataset_info=info)
    rng = random.Random(3)
    for split, size in (("train", 24), ("val", 10)):
        samples = [_sample(directory, split, at, task, rng) for at in range(size)]
        write_samples(directory / f"data/sheets/{split}.jsonl", samples)
    paths = {split: directory / f"data/sheets/{split}.jsonl" for split in ("train", "val")}
    register([Entry(f"sheets_{split}", path, "sheets", "sheets-1") for split, path in paths.items()], info)
    return World(directory, models, task)


def _sample(directory: Path, split: str, at: int, task: Task, rng: random.Random) -> Sample:
    area, count = rng.choice(["Circle", "Square"]), rng.choice([1, 2])
    name = f"sheets/media/{split}-{at}.png"
    draw(directory / "data" / name, area, count, rng)
    gold = task.to_json(task.answer_from_labels([area, "One" if count == 1 else "Two"]))
    extra = "Look well. " * (at % 3)  # prompts of different lengths: padding matters
    turns = (Turn("human", f"<image>{extra}{task.user}"), Turn("gpt", gold))
    return Sample(f"{split}-{at:03}", turns, task.system, (name,), meta={"group": f"{split}-{at}"})


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def world(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = make_world(tmp_path, models)
    monkeypatch.chdir(tmp_path)
    return made


def need(program: str) -> None:
    """Skips where a program of the system is missing; CI installs them all and fails instead."""
    if shutil.which(program) is None:
        give_up = pytest.fail if os.environ.get("ONTUNE_SYSTEM_PACKAGES") else pytest.skip
        give_up(f"{program} is not installed: make system-packages")


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All output, its end first in mind: what an assertion shows."""
        return (self.out + self.err)[-6000:]


def fork(action: Callable[[], object], logs: Path, ranks: int = 1) -> Ran:
    """What the action gave when it ran in a fork of this process: a host imported here is imported there.

    Several ranks run at once, in the environment that torchrun gives them; the first failure counts.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    port = str(free_port())
    children = [_fork_one(action, logs / str(rank), _rank_environment(rank, ranks, port)) for rank in range(ranks)]
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    texts = [
        [(logs / str(rank) / f"{number}.log").read_text(errors="replace") for number in (1, 2)] for rank in range(ranks)
    ]
    return Ran(next((status for status in ended if status), 0), *("".join(text) for text in zip(*texts, strict=True)))


@contextmanager
def served(action: Callable[[], object], port: int, logs: Path, **environment: str) -> Generator[str]:
    """The address of a server that runs in a fork of this process; it is stopped at the end."""
    child = _fork_one(action, logs, environment)
    url = f"http://127.0.0.1:{port}"
    while not _answers(url):
        assert not os.waitpid(child, os.WNOHANG)[0], (logs / "2.log").read_text()[-4000:]
    try:
        yield url
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _answers(url: str) -> bool:
    time.sleep(0.1)
    try:
        return httpx.get(f"{url}/v1/models", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _rank_environment(rank: int, ranks: int, port: str) -> dict[str, str]:
    if ranks == 1:
        return {}
    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
    return {name: str(value) for name, value in names.items()} | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def _fork_one(action: Callable[[], object], logs: Path, environment: dict[str, str]) -> int:
    logs.mkdir(parents=True, exist_ok=True)
    gc.collect()
    child = os.fork()
    if child == 0:
        gc.freeze()  # a decoder that a host has left open waits for its threads when it is freed: here, for ever
        os.environ |= environment
        for number in (1, 2):
            os.dup2(os.open(logs / f"{number}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = os.fdopen(1, "w", 1), os.fdopen(2, "w", 1)
        os._exit(_status(action))
    return child


def _status(action: Callable[[], object]) -> int:
    """The exit status of the action, its error shown as the host's own process would show it."""
    try:
        action()
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)  # as the interpreter does on its way out
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """ms-swift, once imported, changes the Trainer of the whole process: LLaMA-Factory trains before that.

    Under xdist a file's tests of each host are a group of their own, and groups are dealt out in this order.
    """
    items.sort(key=_uses_swift)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(f"{item.path.name}-{'swift' if _uses_swift(item) else 'rest'}"))


def _uses_swift(item: pytest.Item) -> bool:
    return "swift_imported" in getattr(item, "fixturenames", ()) or item.path.name.startswith("test_swift")


@pytest.fixture(scope="session")
def llamafactory_imported() -> None:
    """LLaMA-Factory takes 13 s to import: once, for every fork."""
    import llamafactory.train.tuner  # noqa: F401


@pytest.fixture
def llamafactory(llamafactory_imported: None, tmp_path: Path) -> Callable[..., Ran]:
    """`llamafactory-cli COMMAND …` in a fork."""

    def run(*arguments: str, ranks: int = 1) -> Ran:
        def action() -> None:
            from llamafactory.cli import main

            sys.argv = ["llamafactory-cli", *arguments]
            main()

        return fork(action, tmp_path / "logs", ranks)

    return run


@pytest.fixture
def ontune(tmp_path: Path) -> Callable[..., Ran]:
    """`ontune COMMAND …` in a fork."""

    def run(*arguments: str) -> Ran:
        def action() -> None:
            from ontune.cli import main

            sys.argv = ["ontune", *arguments]
            main()

        return fork(action, tmp_path / "logs")

    return run


SWIFT_RECIPE: dict[str, object] = {
    "tuner_type": "lora",
    "lora_rank": 8,
    "lora_alpha": 16,
    "target_modules": "all-linear",
    "torch_dtype": "float32",
    "fp16": False,
    "bf16": False,
    "external_plugins": str(ROOT / "plugin" / "ontune_swift.py"),
    "dataset": "sheets_train",
    "val_dataset": "sheets_val",
    "max_length": 512,
    "per_device_train_batch_size": 4,
    "per_device_eval_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "gradient_checkpointing": False,
    "learning_rate": 1e-3,
    "max_steps": 4,
    "logging_steps": 1,
    "eval_strategy": "steps",
    "eval_steps": 2,
    "save_steps": 2,
    "add_version": False,
    "check_model": False,
    "dataloader_num_workers": 0,
    "dataset_num_proc": 1,
    "report_to": "none",
    "use_cpu": True,
    "ENV": {
        "ROOT_IMAGE_DIR": "data",
        "MAX_PIXELS": "12544",
        "ONTUNE_TASK": "sheets",
        "ONTUNE_EVALUATE": "both",
        "ONTUNE_BATCH_SIZE": "4",
        "ONTUNE_MAX_NEW_TOKENS": "40",
    },
}


@pytest.fixture(scope="session")
def swift_imported() -> None:
    """ms-swift takes 20 s to import: once, for every fork."""
    from swift.pipelines import export_main, sft_main  # noqa: F401 - by name: the package is lazy


@pytest.fixture
def swift(swift_imported: None, tmp_path: Path) -> Callable[..., Ran]:
    """`swift COMMAND RECIPE …` in a fork: its own reading of YAML, then its own main."""

    def run(*arguments: str, ranks: int = 1) -> Ran:
        def action() -> None:
            from swift.cli.main import parse_yaml_args
            from swift.pipelines import export_main, sft_main

            rest = list(arguments[1:])
            parse_yaml_args(rest)
            sys.argv = ["swift", *rest]
            {"sft": sft_main, "export": export_main}[arguments[0]]()

        return fork(action, tmp_path / "logs", ranks)

    return run
