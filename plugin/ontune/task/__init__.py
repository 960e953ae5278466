"""The task: what a model is asked, and what it may answer."""

from ontune.task.model import Choice, Constant, ErrorAnswer, Field, Group, Labels, Rules, Task, Text
from ontune.task.refusals import Refusal
from ontune.task.taskfile import load_task, task_sha256

__all__ = [
    "Choice",
    "Constant",
    "ErrorAnswer",
    "Field",
    "Group",
    "Labels",
    "Refusal",
    "Rules",
    "Task",
    "Text",
    "load_task",
    "task_sha256",
]
