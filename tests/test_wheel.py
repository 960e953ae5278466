"""An installed wheel has what a checkout has: recipes, tasks, the ms-swift plugin file, the entry points."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_is_complete(tmp_path: Path) -> None:
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    recipes = [path.relative_to(ROOT) for path in (ROOT / "recipes").rglob("*.yaml")]
    assert recipes
    assert {f"ontune/share/{recipe.as_posix()}" for recipe in recipes} <= set(names)
    data = ["tasks/edugraph.yaml", "goals/edugraph.yaml", "prompts/vocabulary.yaml", "prompts/questions/draft.md.j2"]
    assert {f"ontune/share/dataset_info/{name}" for name in data} <= set(names)
    assert {"ontune_swift.py", "ontune_converters/app.py", "ontune/evaluation/page/assets/page.html"} <= set(names)
    assert {f"ontune/commands/deepeval_suite/{name}" for name in ("conftest.py", "pytest.ini")} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "data/", "ontune/share/dataset_info/ontologies"))]
    entries = (next((tmp_path / "site").glob("*.dist-info")) / "entry_points.txt").read_text()
    assert "ontune = ontune.cli:main" in entries
    assert "[torch.backends]\nontune = ontune.frameworks.autoload:install" in entries

    def path(what: str) -> Path:
        command = [sys.executable, "-m", "ontune", "path", what, "--json"]
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
        return Path(json.loads(subprocess.check_output(command, env=environment, cwd=tmp_path))["path"])

    assert path("swift-plugin") == tmp_path / "site/ontune_swift.py"
    assert (path("recipes") / "edugraph_stage2.yaml").is_file()
