"""The demos by name: what each does, and how its table is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ontune.demo import conditions, edugraph, feedback, manual
from ontune.demo.bounds import Results
from ontune.demo.runner import Step
from ontune.demo.steps import Host

__all__ = ["SYSTEMS", "System"]


@dataclass(frozen=True)
class System:
    """`steps(host, folder)`, all in order; `results(host, folder)` once they are done; the model, in saves/."""

    steps: Callable[[Host, Path], list[Step]]
    results: Callable[[Host, Path], Results]
    model: str = "merged"


SYSTEMS: Mapping[str, System] = {
    "conditions": System(conditions.steps, conditions.results),
    "edugraph": System(edugraph.steps, edugraph.results),
    "feedback": System(feedback.steps, feedback.results),
    "manual": System(manual.steps, manual.results),
}
