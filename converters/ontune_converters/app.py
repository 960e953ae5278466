"""`ontune convert NAME …`: each converter's module is imported when it is called."""

import importlib

import click

__all__ = ["CONVERTERS", "command"]

CONVERTERS = {
    "edugraph_evidence": "Label evidence as rationale data, joined to the pictures.",
    "edugraph_knowledge": "An ontology as text questions for stage 1.",
    "edugraph_worksheets": "Labelled worksheet and exercise pictures.",
    "frames": "Selected frames of videos, with exact times.",
    "messages": "A dataset as ms-swift messages, or as Roboflow JSONL.",
    "pages": "Pages of PDF files as pictures, each with its text beside it.",
    "qved": "Exercise clips with labels and feedback.",
    "raft": "Open-book samples from a labelled dataset.",
    "service_manual": "Questions about the pages of a manual, split by page, with a quality report.",
    "split": "train, val and test by group, with a leakage report.",
    "yolo_conditions": "Conditions of marked objects, from YOLO, COCO, VOC, CVAT and other annotations.",
    "yolo_relations": "Yes-or-no questions about where marked objects lie from one another.",
}


class ConverterGroup(click.Group):
    """A group whose commands are the modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(CONVERTERS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in CONVERTERS:
            return None
        return importlib.import_module(f"ontune_converters.{cmd_name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Converters"):
            formatter.write_dl(sorted(CONVERTERS.items()))


@click.group(name="convert", cls=ConverterGroup)
def command() -> None:
    """Turn a source into a ShareGPT dataset that LLaMA-Factory and ms-swift read unchanged."""
