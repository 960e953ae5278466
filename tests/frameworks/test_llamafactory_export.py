"""What an export hands on: the settings of the adapter's run, else of the model's, and nothing where there are none."""

from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from ontune.errors import HostVersionError
from ontune.frameworks.llamafactory_export import hook_tuner, remember
from ontune.inference.settings import FILE, Generation, Precision, read_settings, write_settings

HELD = Precision("bfloat16", "bfloat16", "sdpa", {"load_in_4bit": True})
# What an export starts from, and the batch size that the merged model's settings have: that of the folder's number.
STARTS = {
    "an adapter": (["run1"], "base", 1),
    "several: the last one": (["run1", "run2"], "base", 2),
    "one without settings": (["run1", "plain"], "base", 1),
    "a whole model": (None, "run2", 2),
    "neither": (["plain"], "base", None),
    "from a hub": (None, "Qwen/Qwen2-VL-2B-Instruct", None),
}


@pytest.mark.parametrize("name", STARTS)
def test_a_merged_model_has_the_settings_of_its_run(tmp_path, monkeypatch, name) -> None:
    adapters, model, expected = STARTS[name]
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        write_settings(Path(f"run{number}"), Generation(number), HELD, "base", 4)
    exported: list[object] = []
    host = ModuleType("llamafactory.train.tuner")
    vars(host)["export_model"] = lambda args=None: exported.append(args)
    hook_tuner(host)
    remember(SimpleNamespace(adapter_name_or_path=adapters, model_name_or_path=model, export_dir="merged"))
    vars(host)["export_model"]()
    assert exported == [None]
    assert Path("merged", FILE).is_file() is (expected is not None)
    if expected:
        assert read_settings(Path("merged")) == (Generation(expected), Precision())


def test_another_host_is_named() -> None:
    with pytest.raises(HostVersionError, match="export_model is not there"):
        hook_tuner(ModuleType("llamafactory.train.tuner"))
