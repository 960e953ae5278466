"""`ontune demo`: the whole way from made-up material to a trained model that is held to account, on this computer."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ontune.console import NEW_PATH, emit, json_option

__all__ = ["command"]

NAMES = ("edugraph", "manual", "conditions", "feedback")


@click.command()
@click.option("--system", type=click.Choice(NAMES), default="edugraph", show_default=True, help="What is shown.")
@click.option("--host", type=click.Choice(["llamafactory", "swift"]), default="llamafactory", show_default=True)
@click.option("--dir", "folder", type=NEW_PATH, help="Everything is made in it.  [default: demo/SYSTEM]")
@click.option("--fresh", is_flag=True, help="Do finished steps again.")
@json_option
@click.pass_context
def command(ctx: click.Context, system: str, host: Any, folder: Path | None, fresh: bool, as_json: bool) -> None:
    """The main jobs on this computer, with material drawn on the spot and a tiny model.

    edugraph: worksheets to the labels of an ontology. manual: questions about the pages of a PDF. conditions: objects
    that a detector found. feedback: clips of exercises.

    Draws the material, converts it, trains a tiny Qwen-VL from random weights through the host's own commands, exports
    it, and scores its unconstrained answers on held-out samples against baselines. Needs no GPU and no network; a few
    minutes on two cores. Finished steps are not run again. Exit status 1 where a bound is missed.
    """
    from ontune.demo.runner import run_steps
    from ontune.demo.steps import saves
    from ontune.demo.systems import SYSTEMS

    started = time.monotonic()
    folder = folder or Path("demo") / system
    shown = SYSTEMS[system]
    done = run_steps(shown.steps(host, folder), folder, fresh)
    found = shown.results(host, folder)
    model = folder / saves(host) / shown.model
    seconds = round(time.monotonic() - started, 1)
    record = {"system": system, "host": host, "model": str(model), "seconds": seconds, **found.to_json()}
    record["steps"] = [asdict(step) for step in done]
    emit(record, f"{found.text}\n\n{seconds:.0f} s; model: {model}", as_json)
    if not found.kept:
        ctx.exit(1)
