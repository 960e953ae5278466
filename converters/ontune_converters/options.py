"""The options that converters share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ontune.console import NEW_PATH, json_option
from ontune.resources import DATASET_INFO

__all__ = ["dataset_info_option", "dataset_options", "ontology_option", "out_option", "strict_option", "task_option"]

Command = TypeVar("Command", bound=Callable[..., Any])

out_option = click.option("--out", type=NEW_PATH, required=True, help="data/DATASET: the folder names the dataset.")
dataset_info_option = click.option(
    "--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True, help="Where dataset_info.json is."
)
ontology_option = click.option(
    "--ontology", help="A snapshot: its file, or its name in dataset_info/ontologies.  [default: the task's]"
)
task_option = click.option("--task", default="edugraph", show_default=True, help="A task: its file, or its name.")
strict_option = click.option("--strict", is_flag=True, help="Dropped rows are an error (exit status 1).")


def dataset_options(command: Command) -> Command:
    """The command with --ontology, --task, --out, --dataset-info, --strict and --json."""
    options = (ontology_option, task_option, out_option, dataset_info_option, strict_option, json_option)
    for option in reversed(options):
        command = option(command)
    return command
