"""When the host's own generation is constrained: one task, and not where free answers alone are wanted."""

from types import SimpleNamespace

import pytest

from ontune.callbacks.plan import EvaluationSet
from ontune.callbacks.settings import Settings
from ontune.frameworks import llamafactory_generation
from ontune.frameworks.llamafactory_generation import generate_within
from ontune.task import Task
from small import ONTOLOGY

ONE, OTHER = (Task(name, ONTOLOGY, ()) for name in ("one", "other"))


class Trainer:
    def __init__(self) -> None:
        self.processing_class = SimpleNamespace(padding_side="right")

    def evaluation_loop(self, fails: bool = False) -> str:
        if fails:
            raise ValueError
        return self.processing_class.padding_side


@pytest.mark.parametrize(
    ("tasks", "evaluate", "expected"),
    [
        ([ONE], "both", ONE),
        ([ONE, ONE], "constrained", ONE),
        ([ONE], "free", None),
        ([], "both", None),
        ([ONE, OTHER], "both", None),
    ],
)
def test_one_task_constrains_and_rows_are_padded_on_the_left(tasks, evaluate, expected, monkeypatch, capsys) -> None:
    found = []
    monkeypatch.setattr(llamafactory_generation, "_constrain", lambda _, task: found.append(task))
    trainer = Trainer()
    generate_within(
        trainer, [EvaluationSet(str(at), task, ()) for at, task in enumerate(tasks)], Settings(evaluate=evaluate)
    )
    assert found == [expected] * bool(expected)
    assert ("['one', 'other']" in capsys.readouterr().err) == (OTHER in tasks)
    assert trainer.evaluation_loop() == "left"
    with pytest.raises(ValueError):  # noqa: PT011
        trainer.evaluation_loop(fails=True)
    assert trainer.processing_class.padding_side == "right"
