"""The demo's tasks: the class of a framed object, and where framed objects lie from one another."""

from pathlib import Path

from ontune.demo.conditions.scenes import CLASSES
from ontune.files import write_atomic

__all__ = ["RELATIONS", "TASK", "write_tasks"]

TASK, RELATIONS = "embankment", "embankment_relations"

CONDITIONS_TEXT = f"""\
# The demo's task: as conditions.yaml, with few words, since a tiny model reads each of them at every step.
name: {TASK}
ontology: none
system: You inspect an embankment.
user: What is the marked object, and in which condition?
fields:
  - name: condition
    kind: choice
    options:
{{options}}
metrics: [choice]
goals: ["accuracy>=0.80", "worst_condition_accuracy>=0.75"]
"""

RELATIONS_TEXT = f"""\
# The demo's second task: as relations.yaml, with few words.
name: {RELATIONS}
ontology: none
system: You inspect an embankment.
user: Answer yes or no.
fields:
  - {{name: answer, kind: choice, options: ["yes", "no"]}}
metrics: [relations]
goals: ["spatial_accuracy>=0.80"]
"""


def write_tasks(dataset_info: Path) -> None:
    """Writes the files of both tasks below `dataset_info`."""
    options = [
        f"      {name}: {{object: {kind.object}, condition: {kind.condition}}}" for name, kind in CLASSES.items()
    ]
    text = CONDITIONS_TEXT.format(options="\n".join(options))
    write_atomic(dataset_info / f"tasks/{TASK}.yaml", text)
    write_atomic(dataset_info / f"tasks/{RELATIONS}.yaml", RELATIONS_TEXT)
