"""The file beside a checkpoint that says how its answers were made."""

import json

import pytest

from ontune.errors import InputError
from ontune.inference.prompts import Pictures
from ontune.inference.settings import (
    FILE,
    Generation,
    Precision,
    hand_on_settings,
    read_settings,
    write_settings,
)

NF4 = {
    "quant_method": "bitsandbytes",
    "load_in_4bit": True,
    "bnb_4bit_quant_type": "nf4",
    "llm_int8_skip_modules": None,
}
RUNS = [
    (Generation(), Precision()),
    (Generation(3, 40, 512, Pictures("llamafactory", 20000, 900)), Precision("bfloat16", "bfloat16", "sdpa", NF4)),
    (Generation(max_prompt_tokens=None), Precision("float32", None, "eager", None)),
]


@pytest.mark.parametrize(("generation", "precision"), RUNS)
def test_what_is_written_is_read(tmp_path, generation, precision) -> None:
    write_settings(tmp_path, generation, precision, "base", 4)
    before = (tmp_path / FILE).read_bytes()
    assert read_settings(tmp_path) == (generation, precision)
    write_settings(tmp_path, generation, precision, "base", 4)
    assert (tmp_path / FILE).read_bytes() == before
    record = json.loads(before)
    assert (record["base_model"], record["step"]) == ("base", 4)


def test_the_first_folder_with_settings_counts(tmp_path) -> None:
    for at in (1, 2):
        write_settings(tmp_path / str(at), Generation(at), Precision(), "base", 1)
    assert read_settings(None, tmp_path, tmp_path / "2", tmp_path / "1")[0].batch_size == 2
    assert read_settings(None, tmp_path) == (Generation(), Precision())


def test_a_merged_model_is_asked_as_its_run_and_held_as_saved(tmp_path) -> None:
    generation, precision = RUNS[1]
    run, merged = tmp_path / "run", tmp_path / "merged"
    hand_on_settings(merged, run, tmp_path)
    assert not merged.exists()
    write_settings(run, generation, precision, "base", 4)
    hand_on_settings(merged, tmp_path, run)
    assert read_settings(merged) == (generation, Precision())
    (run / FILE).write_text("{}")
    with pytest.raises(InputError, match="not the settings of a run"):
        hand_on_settings(merged, run)


GOOD = {"generation": {"pictures": {}}, "precision": {}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"generation": {}}',
        json.dumps(GOOD | {"precision": {"dtyp": "x"}}),
        json.dumps(GOOD | {"precision": None}),
        json.dumps(GOOD | {"generation": {"pictures": {"rule": "llamafactory", "pixels": 3}}}),
        json.dumps(GOOD | {"generation": {"pictures": {}, "beams": 3}}),
    ],
)
def test_a_file_that_holds_no_settings_is_named(tmp_path, text) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(InputError, match=r"ontune\.json: not the settings of a run"):
        read_settings(tmp_path)
    (tmp_path / FILE).write_text(json.dumps(GOOD))
    assert read_settings(tmp_path) == (Generation(), Precision())
