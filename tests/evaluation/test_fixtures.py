"""The fixtures of the other tests: the same arguments give the same records, and skill is what it says."""

import pytest

from evaluation.fixtures import TASKS, predictions
from ontune.evaluation import equal


@pytest.mark.parametrize("family", TASKS)
def test_fixtures(family) -> None:
    found = predictions(family, 60)
    assert equal(found, predictions(family, 60))
    assert all(record.answer == record.gold for record in predictions(family, skill=1.0))
    other = predictions(family, 60, skill=0.3)
    assert [record.gold for record in found] == [record.gold for record in other]

    def right(records):
        return sum(record.answer == record.gold for record in records)

    assert right(found) > right(other)
    assert any(record.answer is None for record in predictions(family, 60, decoding="free"))
    assert not any(record.errors for record in found)
