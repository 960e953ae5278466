"""What is said on standard error: nothing where there is nothing to say."""

from dataclasses import replace

import pytest

from ontune.evaluation import Prediction
from ontune.inference.notices import name_lost, name_other_words, name_unconstrained
from ontune.sharegpt import Sample, Turn
from small import small_task

TASK = replace(small_task(), system="Look.", user="Which?")


def sample(name: str, prompt: str, system: str = "Look.") -> Sample:
    images = ("a",) * prompt.count("<image>")
    return Sample(name, (Turn("human", prompt), Turn("gpt", "{}")), system, images, meta={"group": name})


SAME = [sample("a", "<image>Which?"), sample("b", "Which?\n<image>"), sample("c", "<image><image>\nWhich? ")]
SAYS = "samples ask in other words than task edugraph, and are asked in their own:"


@pytest.mark.parametrize(
    ("task", "samples", "expected"),
    [
        (TASK, [], ""),
        (TASK, SAME, ""),
        (TASK, [*SAME, sample("d", "<image>What?")], f"ontune: set: 1 of 4 {SAYS} d\n"),
        (TASK, [sample("a", "<image>Which?", "")], f"ontune: set: 1 of 1 {SAYS} a\n"),
        (TASK, [sample(f"{at}", "?") for at in range(5)], f"ontune: set: 5 of 5 {SAYS} 0, 1, 2 …\n"),
        (replace(TASK, system="", user=""), [sample("a", "<image>What?")], ""),
        (replace(TASK, user=""), [sample("a", "<image>What?")], ""),
        (replace(TASK, user=""), [sample("a", "<image>What?", "Say.")], f"ontune: set: 1 of 1 {SAYS} a\n"),
    ],
)
def test_other_words(capsys, task, samples, expected) -> None:
    name_other_words("set", task, samples)
    assert capsys.readouterr() == ("", expected)


def test_lost_samples(capsys) -> None:
    answered = Prediction("a", "free", None, "{", None, ("invalid_json",))
    lost = [Prediction(name, "free", None, "", None, ("not_encoded",), meta={"not_encoded": "why"}) for name in "bc"]
    name_lost("set", [answered, *lost])
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"ontune: set: sample {name} was not asked: why" for name in "bc"]


def test_answers_that_nobody_constrained(capsys) -> None:
    def answered(*errors: str, **meta: str) -> Prediction:
        return Prediction("a", "constrained", None, "", None, errors, meta=meta)

    fine = [answered(), answered("not_encoded", not_encoded="why")]
    name_unconstrained("set", fine)
    assert capsys.readouterr().err == ""
    broken = [answered("invalid_json", finish_reason="length"), answered("duplicate", "invalid_json")]
    name_unconstrained("set", [*fine, *broken])
    said = "2 of 3 constrained answers break the contract (duplicate 1, invalid_json 2; 1 cut)"
    why = "the schema is ignored there, or cannot express all rules"
    assert capsys.readouterr().err == f"ontune: set: {said}: {why}\n"
