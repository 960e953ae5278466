"""A judge that is loaded here: whatever its weights, what it says is of the schema."""

import json

import pytest
from jsonschema import validate
from PIL import Image

from ontune.evaluation.judge import JudgeFailure, load_picture
from ontune.evaluation.judge.contract import strict_schema
from ontune.inference.loading import load_model
from ontune.inference.local_judge import LocalJudge
from ontune.inference.settings import Precision

VERDICT = {"enum": ["yes", "no", "borderline"], "type": "string", "title": "Verdict"}
# As DeepEval's pydantic classes give them, with a property that is called as a word of JSON schema is.
VERDICTS = {
    "$defs": {"One": {"properties": {"verdict": VERDICT, "title": VERDICT}, "required": ["verdict"], "type": "object"}},
    "properties": {"first": {"$ref": "#/$defs/One"}, "second": {"$ref": "#/$defs/One", "default": None}},
    "title": "Verdicts",
    "type": "object",
}


@pytest.fixture(scope="module")
def judge(tiny_model) -> LocalJudge:
    pytest.importorskip("llguidance")
    return LocalJudge(*load_model(tiny_model("qwen2_5_vl"), None, Precision()), "tiny", max_new_tokens=120)


def test_every_answer_is_of_the_schema(judge, tmp_path) -> None:
    Image.new("RGB", (60, 40), "red").save(tmp_path / "page.png")
    picture = load_picture(tmp_path / "page.png")
    schema = strict_schema(VERDICTS)
    for prompt, pictures in (
        ("Is it red? [picture 1]", [picture]),
        ("Why?", []),
        ("Is it red? [picture 1]", [picture]),
    ):
        found = judge(prompt, schema, pictures)
        validate(found, schema)
        assert list(found) == ["first", "second"]
    assert judge.identity == json.dumps(["local", "tiny", 120])


def test_an_answer_without_end_is_a_failure(judge) -> None:
    short = LocalJudge(judge.model, judge.processor, "tiny", max_new_tokens=5)
    with pytest.raises(JudgeFailure, match="cut off at 5 tokens") as caught:
        short("Why?", strict_schema(VERDICTS), [])
    assert caught.value.kind == "malformed"


def test_schemas_are_made_strict_all_through() -> None:
    one = {
        "properties": {"verdict": {"enum": VERDICT["enum"], "type": "string"}},
        "required": ["verdict", "title"],
        "type": "object",
        "additionalProperties": False,
    }
    one["properties"]["title"] = one["properties"]["verdict"]
    assert strict_schema(VERDICTS) == {
        "$defs": {"One": one},
        "properties": {"first": {"$ref": "#/$defs/One"}, "second": {"$ref": "#/$defs/One"}},
        "type": "object",
        "required": ["first", "second"],
        "additionalProperties": False,
    }
