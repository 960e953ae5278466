"""The hosts, imported once and forked a recipe; and a working directory in which every recipe finds what it names."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.conftest import fork, llamafactory_imported, swift_imported
from ontune.dataset_info import Entry, register
from ontune.demo.tiny_model import Kind, make_tiny_model
from ontune.files import write_atomic
from ontune.ontology import Concept, Ontology, write_snapshot
from ontune.sharegpt import Sample, Turn, write_samples
from small import ONTOLOGY

from . import parsing

__all__ = ["Place", "llamafactory_imported", "swift_imported"]

ROOT = Path(__file__).resolve().parents[2]
TASKS = Path("dataset_info/tasks")
# Task and ontology of datasets by how their names begin, the longest first.
ENTRIES: dict[str, tuple[str | None, str | None]] = {
    "edugraph_knowledge": (None, "small-1"),
    "service_manual": ("service_manual", None),
    "conditions": ("conditions", None),
    "scenes": ("conditions", None),
    "clear": ("conditions", None),
    "relations": ("relations", None),
    "qved_structured": ("feedback_structured", "exercises-1"),
    "qved": ("feedback", "exercises-1"),
    "": ("edugraph", "small-1"),
}
EXERCISES = Ontology(
    "exercises", "1", ("Exercise", "Mistake"), (Concept("squats", "Exercise"), Concept("too fast", "Mistake")), ()
)


class Place:
    """A clone with tiny data under every name that a recipe uses, tiny models, and an empty adapter."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.adapter = directory / "adapter"
        self._parsed: dict[Path, dict[str, Any]] = {}
        for name in ("recipes", "plugin"):
            (directory / name).symlink_to(ROOT / name)
        self.adapter.mkdir()
        (self.adapter / "adapter_config.json").write_text("{}")
        sample = Sample("one", (Turn("human", "Which?"), Turn("gpt", "{}")), meta={"group": "one"})
        write_samples(directory / "data/tiny.jsonl", [sample])

    def model(self, recipe: dict[str, Any]) -> Path:
        kind = kind_of(recipe)
        path = self.directory / kind
        return path if path.is_dir() else make_tiny_model(path, kind, ["a text"], vocab_size=300)

    def parsed(self, path: Path) -> dict[str, Any]:
        """The values that matter, as the host that claims the recipe has parsed them; once for all tests."""
        if path not in self._parsed:
            self._parsed[path] = self.ask(path, parsing.values_of)
        return self._parsed[path]

    def ask(self, path: Path, question: Callable[[parsing.Request], dict[str, Any]]) -> dict[str, Any]:
        """The answer of a fork of this process that works where the recipe is meant to be run."""
        recipe = read(path)
        parsing.host_of(recipe)
        request = parsing.Request(path, recipe, self.model(recipe), self.adapter)
        # The demo's recipes are run in a folder of their own two below recipes/ and plugin/.
        folder = self.directory / "demo/system" if path.is_relative_to(ROOT / "recipes/demo") else self.directory
        self._register(recipe, folder / "dataset_info")
        ran = fork(lambda: print(f"\n{json.dumps(request.answer_in(folder, question))}"), self.directory / "logs")
        assert ran.status == 0, ran.text
        return json.loads(ran.out.splitlines()[-1])

    def _register(self, recipe: dict[str, Any], info: Path) -> None:
        for ontology in (ONTOLOGY, EXERCISES):
            write_snapshot(ontology, info / "ontologies" / f"{ontology.name}-1.json")
        register([self._entry(name) for name in sorted(set(_datasets(recipe)))], info)
        task, shipped = recipe.get("ontune", {}).get("task") or recipe.get("ENV", {}).get("ONTUNE_TASK"), ROOT / TASKS
        if task and not (shipped / f"{task}.yaml").is_file():
            text = (shipped / "edugraph.yaml").read_text(encoding="utf-8")
            write_atomic(info / "tasks" / f"{task}.yaml", text.replace("name: edugraph", f"name: {task}"))

    def _entry(self, name: str) -> Entry:
        task, ontology = next(found for head, found in ENTRIES.items() if name.startswith(head))
        return Entry(name, self.directory / "data/tiny.jsonl", task, ontology)


def kind_of(recipe: dict[str, Any]) -> Kind:
    """The kind of the model; LLaMA-Factory has one template for the first two."""
    if kind := recipe.get("model_type"):
        return kind
    if recipe["template"].startswith("qwen3_vl"):
        return "qwen3_vl"
    return "qwen2_vl" if "Qwen2-VL" in recipe["model_name_or_path"] else "qwen2_5_vl"  # of a merged one either serves


def _datasets(recipe: dict[str, Any]) -> Iterator[str]:
    for key in ("dataset", "eval_dataset", "val_dataset"):
        named = recipe.get(key, [])
        yield from (name.partition("#")[0] for name in (named.split(",") if isinstance(named, str) else named))


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def place(llamafactory_imported: None, swift_imported: None, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("recipes"))
