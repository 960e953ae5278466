"""What every command shares: results on standard output, messages on standard error, the exit status."""

import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, redirect_stdout
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

import click
from tqdm import tqdm

from ontune.errors import CheckFailed, OntuneError

__all__ = ["FILE", "FOLDER", "NEW_PATH", "emit", "json_option", "libraries_apart", "message", "progress", "run"]

Item = TypeVar("Item")

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_PATH = click.Path(path_type=Path)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")


def message(text: str) -> None:
    """A line for the person at the screen, on standard error."""
    click.echo(text, err=True)


def emit(record: Mapping[str, Any], text: str, as_json: bool) -> None:
    """The result of a command on standard output: `record` as one JSON object, or `text` for people."""
    _print(json.dumps(record, ensure_ascii=False) if as_json else text)


def _print(text: str) -> None:
    """Half a surrogate pair, which a model may write, is printed as its escape, and JSON with it stays the same."""
    click.echo(text.encode(errors="backslashreplace").decode())


def libraries_apart() -> AbstractContextManager[TextIO]:
    """While it lasts, what libraries print goes to standard error: standard output is the result's alone."""
    return redirect_stdout(sys.stderr)


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterable[Item]:
    """The items, with a progress bar on standard error where a person looks at one."""
    return tqdm(items, what, total, leave=False, file=sys.stderr, disable=not sys.stderr.isatty())


def run(command: click.Command, name: str) -> NoReturn:
    """Runs the command line and exits: 0 done, 1 the check failed, 2 wrong use or bad input, 130 interrupted."""
    try:
        status = command.main(prog_name=name, standalone_mode=False)
    except OntuneError as error:
        _fail(error.faults, 1 if isinstance(error, CheckFailed) else 2)
    except click.exceptions.NoArgsIsHelpError as error:
        message(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        usage = error.ctx.get_usage() if isinstance(error, click.UsageError) and error.ctx else ""
        _fail((error.format_message(),), 2, usage)
    except (click.Abort, KeyboardInterrupt):
        _fail(("interrupted",), 130)
    except OSError as error:  # a full disk, a folder that may not be written
        _fail((f"{error.filename}: {error.strerror}" if error.filename else str(error),), 2)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(faults: tuple[str, ...], status: int, usage: str = "") -> NoReturn:
    if "--json" in sys.argv:
        _print(json.dumps({"error": list(faults)}, ensure_ascii=False))
    message("\n".join([usage] * bool(usage) + [f"error: {fault}" for fault in faults]))
    sys.exit(status)
