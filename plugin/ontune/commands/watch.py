"""`ontune watch`: feedback while a video goes on, each piece a line of JSON."""

import logging
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from math import isnan
from pathlib import Path
from time import perf_counter
from typing import Any, get_args

import click
from tqdm import tqdm

from ontune.commands.ask import TAGS
from ontune.commands.engine_options import engine_options, options_of
from ontune.console import FILE, NEW_PATH, emit, json_option, libraries_apart, message
from ontune.errors import InputError
from ontune.evaluation import Decoding, Prediction
from ontune.inference.engine import Engine
from ontune.inference.live import Live
from ontune.inference.notices import name_lost
from ontune.inference.trained import untrained
from ontune.inference.watch import Fate, Feedback, Pace, Slides, Window, feedback, windows, write_window
from ontune.resources import DATASET_INFO
from ontune.sharegpt import Sample, Turn
from ontune.task import Task, load_task
from ontune.videos import BadVideo
from ontune.videos.streaming import Shot, Stream

__all__ = ["command"]

MAX_FRAMES, FPS = 16, 8.0
PLACE = "{exercise}"  # what `ontune convert qved` fills in for each clip
EVERY_FRAME = 1000.0  # frames a second that no short video reaches: the model sees all that were chosen
SECONDS = click.FloatRange(0, 86400, min_open=True)  # the upper bound keeps infinity out


@click.command()
@click.argument("video", type=FILE)
@engine_options
@click.option("--base", is_flag=True, help="Ask the model as it is, trained or not, without an adapter.")
@click.option("--task", "task_name", default="feedback", show_default=True, help="Task: what is asked and answered.")
@click.option("--ontology", help="Snapshot in the place of the task's.")
@click.option("--decoding", type=click.Choice(["constrained", "free"]), default="constrained", show_default=True)
@click.option("--question", metavar="TEXT", help="What is asked about each window.  [default: the task's]")
@click.option("--window", type=SECONDS, default=4.0, show_default=True, help="Seconds that are looked at together.")
@click.option("--stride", type=SECONDS, default=2.0, show_default=True, help="Seconds from one window to the next.")
@click.option("--fps", type=SECONDS, help="Frames a second of a window, at most.  [default: the run's, else 8]")
@click.option("--max-frames", type=click.IntRange(1), help="Frames of a window.  [default: the run's, else 16]")
@click.option(
    "--min-gap",
    type=click.FloatRange(0, 86400),
    default=3.0,
    show_default=True,
    help="Seconds after feedback in which nothing is said: windows that end within them are not asked about.",
)
@click.option(
    "--repeat",
    type=click.FloatRange(0, 86400),
    help="Seconds after which the same is said again.  [default: only when it has changed]",
)
@click.option(
    "--realtime", is_flag=True, help="Keep up with the video's clock: windows that come too fast are dropped."
)
@click.option(
    "--follow",
    type=SECONDS,
    metavar="SECONDS",
    help="Wait so long for more of a file that a camera still writes: MPEG-TS, fragmented MP4, Matroska.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of a server's request.")
@click.option("--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True)
@json_option
def command(
    video: Path,
    base: bool,
    task_name: str,
    ontology: str | None,
    decoding: Any,
    question: str | None,
    window: float,
    stride: float,
    fps: float | None,
    max_frames: int | None,
    min_gap: float,
    repeat: float | None,
    realtime: bool,
    follow: float | None,
    seed: int,
    dataset_info: Path,
    as_json: bool,
    **engine: Any,
) -> int:
    """Watch a video and give feedback on it: a line of JSON for each piece, as it comes.

    Windows of --window seconds slide over the video by --stride; the last one ends with it. A line is {"start", "end":
    the window, "at": when it is said, "answer": by the task, null where it does not parse, "raw", "errors", "seconds":
    how long it took}; times are the video's, in seconds. With --json it is one object at the end instead.

    A file is answered as fast as the model can, the same each time. With --realtime the video goes on meanwhile, as a
    camera does; a file under --follow is read as it grows.

    The model is shown each window as a short video of its frames, at their true times, as in training; a server takes
    of them what its own settings say. While feedback is awaited or --min-gap goes on nothing more is asked.

    A model without training has to be asked for: --model is a checkpoint, a merged model as LLaMA-Factory or ms-swift
    write it, or comes with --adapter; any other needs --base.

    What became of each window is told at the end. Exit status 1 where a question did not fit, or a server refused it.
    """
    options, task = options_of(seed, engine), load_task(task_name, ontology, dataset_info)
    asked = task.user if question is None else question
    InputError.check([*_question_faults(asked, task), *_model_faults(engine, base), *_slide_faults(window, stride)])
    stream, pace = Stream(video, follow), Pace(_exact(min_gap), None if repeat is None else _exact(repeat))
    said: list[dict[str, Any]] = []
    try:
        shots = _started(stream)
        with libraries_apart():
            opened = options.engine(task, Path("/"))
        frames = max_frames or opened.generation.videos.max_frames or MAX_FRAMES
        rate = _exact(fps or opened.generation.videos.fps or FPS)
        slides = Slides(_exact(window), _exact(stride), max(1, min(frames, int(_exact(window) * rate))))
        _see_every_frame(opened, slides.looks)
        say = said.append if as_json else _line
        with tempfile.TemporaryDirectory() as folder:
            ask = _asking(opened, _sample(task, asked, Path(folder) / "window.mp4"), decoding)
            counts = _watch(stream, shots, slides, pace, ask, say, realtime)
    except BadVideo as error:
        raise InputError(str(error)) from None
    if as_json:
        emit({"video": str(video), "task": task.name, "model": opened.name, "feedback": said, **counts}, "", True)
    return int(pace.fates["refused"] > 0)


def _line(record: dict[str, Any]) -> None:
    """A line of JSON, at once."""
    emit(record, "", True)


def _exact(seconds: float) -> Fraction:
    """The number as it was typed."""
    if isnan(seconds):
        raise InputError("nan: expected a number of seconds")
    return Fraction(str(seconds))


def _question_faults(asked: str, task: Task) -> Iterator[str]:
    if not asked.strip() or TAGS.search(asked):
        yield f"--question is {asked!r}: expected a text, without media tags"
    elif PLACE in asked:
        yield f"task {task.name} asks {asked!r}: say what stands for {PLACE} with --question"


def _model_faults(engine: Mapping[str, Any], base: bool) -> list[str]:
    """A server has the model that it has; of a folder it is known whether it was trained."""
    if engine["model"] is None or engine["url"] is not None:
        return ["--base is not for --engine server"] * base
    return untrained(engine["model"], engine["adapter"], base)


def _slide_faults(window: float, stride: float) -> list[str]:
    wide = f"--stride is {stride:g}: expected at most --window, {window:g}, or what lies between is not seen"
    return [wide] * (stride > window)


def _started(stream: Stream) -> Iterator[Shot]:
    """The shots, the first one decoded: what is no video is named before a model is loaded."""
    shots = iter(stream)
    return chain([next(shots)], shots)


def _see_every_frame(engine: Engine, frames: int) -> None:
    """Lets the engine take all frames of a window, which are chosen already; one of an odd number stands twice."""
    # It would say of each window that it has fewer frames than that.
    logging.getLogger("qwen_vl_utils.vision_process").setLevel(logging.ERROR)
    videos = replace(engine.generation.videos, fps=EVERY_FRAME, max_frames=frames + frames % 2)
    engine.generation = replace(engine.generation, videos=videos)


def _sample(task: Task, asked: str, path: Path) -> Sample:
    turns = (Turn("human", f"<video>{asked}"), Turn("gpt", "{}"))
    return Sample("window", turns, task.system, videos=(str(path.relative_to("/")),), meta={"group": "window"})


def _asking(engine: Engine, sample: Sample, decoding: Decoding) -> Callable[[Window], Prediction]:
    """Asks the engine about a window, shown as the short videos are that it was trained with."""

    def ask(window: Window) -> Prediction:
        started = perf_counter()
        named = replace(sample, id=f"{float(window.start):g}-{float(window.end):g} s")
        with libraries_apart():
            write_window(window, Path("/") / sample.videos[0])
            (row,) = engine.answer([named], decoding)
        name_lost("watch", [row])
        return replace(row, seconds=perf_counter() - started)

    return ask


def _watch(
    stream: Stream,
    shots: Iterable[Shot],
    slides: Slides,
    pace: Pace,
    ask: Callable[[Window], Prediction],
    say: Callable[[dict[str, Any]], None],
    realtime: bool,
) -> dict[str, Any]:
    """What became of the windows; it is told on standard error too, after an interrupt as well."""
    live = Live(shots, slides, stream.patience is None, stream.stopped) if realtime else None
    bar = tqdm(desc="watch", unit="s", leave=False, file=sys.stderr, disable=not sys.stderr.isatty())

    def now(window: Window) -> Fraction:
        return max(window.end, live.position) if live else window.end

    try:
        for piece in feedback(_shown(live or windows(shots, slides), bar), ask, pace, now):
            with bar.external_write_mode():
                say(_record(piece))
    finally:
        stream.stopped.set()
        bar.close()
        counts = _counts(pace, live.dropped if live else 0, len(stream.damaged))
        message(_told(counts))
    return counts


def _shown(found: Iterable[Window], bar: "tqdm[Any]") -> Iterator[Window]:
    """The windows; the bar shows how far into the video they are."""
    for window in found:
        bar.update(float(window.end) - bar.n)
        yield window


def _record(piece: Feedback) -> dict[str, Any]:
    row = piece.row
    times = {"start": piece.window.start, "end": piece.window.end, "at": piece.at}
    record = {name: round(float(value), 6) for name, value in times.items()}
    answered = {"answer": row.answer, "raw": row.raw, "errors": list(row.errors), "seconds": round(row.seconds, 6)}
    return record | answered


def _counts(pace: Pace, dropped: int, damaged: int) -> dict[str, Any]:
    fates = {fate: pace.fates[fate] for fate in get_args(Fate)} | {"dropped": dropped}
    return {"seconds": round(float(pace.seen), 6), "windows": fates, "damaged_frames": damaged}


def _told(counts: dict[str, Any]) -> str:
    fates = counts["windows"]
    parts = [f"{sum(fates.values())} windows in {counts['seconds']:g} s", f"{fates['said']} with feedback"]
    others = {"gap": "too soon after feedback", "same": "nothing new", "refused": "not asked"}
    parts += [f"{fates[fate]} {words}" for fate, words in others.items() if fates[fate]]
    parts += [f"{fates['dropped']} dropped, since answers take longer than the video"] * bool(fates["dropped"])
    parts += [f"{counts['damaged_frames']} frames arrived damaged"] * bool(counts["damaged_frames"])
    return "ontune: watch: " + ", ".join(parts)
