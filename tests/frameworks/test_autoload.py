"""The entry point that PyTorch calls: cheap, installed once, and never in the way of `import torch`."""

import importlib.machinery
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ontune
from ontune.frameworks.autoload import install
from ontune.frameworks.finder import TARGETS, Finder

IMPORTED = """
import json, sys, time
before, started = set(sys.modules), time.process_time()
from ontune.frameworks.autoload import install
install()
used = time.process_time() - started
print(json.dumps([sorted(set(sys.modules) - before), used]))
"""


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_nothing_but_the_standard_library_and_no_time() -> None:
    modules, used = json.loads(python(IMPORTED).stdout)
    ours = {"ontune", "ontune.frameworks", "ontune.frameworks.autoload", "ontune.frameworks.finder"}
    assert {name for name in modules if name.partition(".")[0] not in sys.stdlib_module_names} == ours
    assert used < 0.03


class Unequal:
    """A finder of another program that no comparison works with."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None


def others() -> list:
    return [item for item in sys.meta_path if item is not Finder]


META_PATHS = {
    "usual": (others, 1),
    "installed already": (lambda: [Finder, *others()], 1),
    "empty": (list, 1),
    "none": (lambda: None, None),
    "a tuple": (tuple, None),
    "a finder that refuses comparison": (lambda: [Unequal(), *others()], None),
}


@pytest.mark.parametrize("name", META_PATHS)
def test_installed_once_and_never_an_error(monkeypatch, name) -> None:
    make, count = META_PATHS[name]
    monkeypatch.setattr(sys, "meta_path", make())
    install()
    install()
    installed = sys.meta_path
    monkeypatch.undo()
    if count is not None:
        assert sum(item is Finder for item in installed) == count
        assert installed[0] is Finder


@pytest.mark.parametrize("name", ["llamafactory", "llamafactory.hparams", "llamafactory.train.dpo", "torch", "ontune"])
def test_other_modules_are_none_of_its_business(name) -> None:
    assert Finder.find_spec(name) is None


@pytest.mark.parametrize("name", TARGETS)
def test_a_module_that_is_not_there_stays_not_there(tmp_path, name) -> None:
    assert Finder.find_spec(name, [str(tmp_path)]) is None


def test_what_it_finds_is_what_python_finds(tmp_path) -> None:
    (tmp_path / "parser.py").touch()
    found = Finder.find_spec("llamafactory.hparams.parser", [str(tmp_path)])
    plain = importlib.machinery.PathFinder.find_spec("llamafactory.hparams.parser", [str(tmp_path)])
    assert found is not None
    assert plain is not None
    assert (found.name, found.origin, found.loader.path) == (plain.name, plain.origin, plain.loader.path)


# `import torch` as PyTorch does it: it finds the installed entry point and loads it.
TORCH = """
import sys, torch
print(torch.ones(1).item(), any(item.__module__ == "ontune.frameworks.finder" for item in sys.meta_path
                                if isinstance(item, type)))
"""


@pytest.mark.parametrize(
    ("broken", "switch", "expected"),
    [(False, "1", "1.0 True"), (True, "1", "1.0 False"), (False, "0", "1.0 False")],
)
def test_import_torch(tmp_path, broken, switch, expected) -> None:
    places = {}
    if broken:  # a half-written copy comes first on the path
        shutil.copytree(Path(ontune.__file__).parent / "frameworks", tmp_path / "ontune" / "frameworks")
        (tmp_path / "ontune" / "__init__.py").touch()
        (tmp_path / "ontune" / "frameworks" / "finder.py").write_text("import nosuch\nclass Finder(")
        places = {"PYTHONPATH": str(tmp_path)}
    done = python(TORCH, TORCH_DEVICE_BACKEND_AUTOLOAD=switch, **places)
    assert (done.returncode, done.stdout.strip()) == (0, expected), done.stderr
