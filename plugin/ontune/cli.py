"""`ontune …`: a group of commands is imported when it is called, so that `ontune --help` stays fast."""

import importlib

import click

from ontune import __version__, resources
from ontune.console import emit, json_option, run

__all__ = ["cli", "main"]

# Name: module whose `command` it is, and its help. `ontune_converters` is the other source root: known by name alone.
LAZY = {
    "ontology": ("ontune.commands.ontology", "Build, look at and compare ontology snapshots."),
    "convert": ("ontune_converters.app", "Turn a source into a ShareGPT dataset that both hosts read."),
    "analyze": ("ontune_converters.analyze", "What annotations of a detector hold, before they are converted."),
    "grammar": ("ontune.commands.grammar", "Write a task's answer contract for other decoding engines."),
    "import": (
        "ontune.commands.import_predictions",
        "Make predictions of LLaMA-Factory's, ms-swift's or your own files.",
    ),
    "questions": ("ontune.commands.questions", "Draft questions about pages with a model, for want of ready ones."),
    "predict": ("ontune.commands.predict", "Answer the samples of a dataset with a model."),
    "evaluate": ("ontune.commands.evaluate", "What predictions are worth: metrics, intervals, goals, a report page."),
    "compare": ("ontune.commands.compare", "Which samples a run won and lost against another, and by chance or not."),
    "weak-spots": ("ontune.commands.weak_spots", "What to collect or generate next, as CSV, worst first."),
    "probe": ("ontune.commands.probe", "Ask a model a few questions that it has to answer right."),
    "classify": ("ontune.commands.classify", "Answer for picture files, one line each."),
    "ask": ("ontune.commands.ask", "Answer one question about pictures or pages."),
    "detect-classify": (
        "ontune.commands.detect_classify",
        "A detector finds objects in pictures, the model says in which condition each is.",
    ),
    "frames": ("ontune.commands.frames", "Which frames of videos are used: frames.json, ahead of training."),
    "watch": ("ontune.commands.watch", "Feedback on a video while it goes on, as lines of JSON."),
    "demo": ("ontune.commands.demo", "The main job on this computer, with its own sheets and a tiny model."),
    "llamafactory": ("ontune.commands.llamafactory", "llamafactory-cli, with the plugin installed explicitly."),
}


class LazyGroup(click.Group):
    """A group that knows the names and help texts of commands it has not imported yet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *LAZY})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in LAZY:
            return importlib.import_module(LAZY[cmd_name][0]).command
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        texts = {name: command.get_short_help_str() for name, command in self.commands.items()}
        texts |= {name: text for name, (_, text) in LAZY.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(texts.items()))


@click.group(cls=LazyGroup)
def cli() -> None:
    """Ontology-constrained data, evaluation and decoding for LLaMA-Factory and ms-swift."""


@cli.command()
@json_option
def version(as_json: bool) -> None:
    """Print the version."""
    emit({"version": __version__}, __version__, as_json)


@cli.command()
@click.argument("what", type=click.Choice(["swift-plugin", "recipes", "dataset-info", "deepeval-tests"]))
@json_option
def path(what: str, as_json: bool) -> None:
    """Print where the ms-swift plugin file, recipes, the shipped dataset_info/ or the tests for DeepEval are."""
    root = resources.package_root()
    places = {
        "swift-plugin": resources.swift_plugin(),
        "recipes": root / "recipes",
        "dataset-info": root / "dataset_info",
        "deepeval-tests": resources.deepeval_tests(),
    }
    emit({"path": str(places[what])}, str(places[what]), as_json)


def main() -> None:
    """The console script."""
    run(cli, "ontune")
