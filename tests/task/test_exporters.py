"""What each export lets through: every gold answer, and none of the bad ones but for what it says it cannot express."""

import jsonschema
import pytest

from ontune.task.exporters.json_schema import json_schema
from random_answers import NESTED
from small import small_task


@pytest.mark.parametrize(
    ("task", "answer", "valid"),
    [
        (small_task(), {"Area": ["Disc"], "Scope": [], "Ability": []}, True),
        (small_task(), {"Error": "UnsupportedMaterial"}, True),
        (small_task(), {"Error": "Other"}, False),
        (small_task(), {"Area": ["Clock"], "Scope": [], "Ability": []}, False),
        (small_task(), {"Area": ["Disc"], "Scope": []}, False),
        (NESTED, {"topics": [], "level": "low", "page": {}}, False),
    ],
)
def test_the_schema_is_that_of_the_answers(task, answer, valid):
    schema = json_schema(task)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(answer) is valid
    assert list(schema["anyOf"][0]["properties"]) == [field.name for field in task.fields]
