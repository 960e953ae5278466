"""The demo's task: exercise, mistakes and feedback, as feedback_structured.yaml, with few words."""

from pathlib import Path

from ontune.files import write_atomic

__all__ = ["NAME", "write_task"]

NAME = "coach"

TASK = f"""\
# The demo's task: as feedback_structured.yaml, with few words, since a tiny model reads each of them at every step.
name: {NAME}
ontology: clips
system: You coach exercises.
user: What do you see?
fields:
  - {{name: exercise, kind: choice, options: [exercise]}}
  - {{name: mistakes, kind: labels, dimension: Mistake, min: 0}}
  - {{name: feedback, kind: text, max_chars: 100}}
rules: {{unique: true, exclude_ancestors: false, exclude_contradictions: false}}
metrics: [label_sets, choice, feedback]
goals: ["exact_match>=0.8", "invalid_rate<=0.02"]
"""


def write_task(dataset_info: Path) -> None:
    """Writes the task's file into `dataset_info`."""
    write_atomic(dataset_info / "tasks" / f"{NAME}.yaml", TASK)
