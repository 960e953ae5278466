"""How an error of ours looks in a host: one message instead of a traceback."""

import functools
import sys
from types import TracebackType
from typing import Any

from ontune.errors import OntuneError

__all__ = ["show_errors_plainly"]


def show_errors_plainly() -> None:
    """Shows our own errors by their messages alone, from now on; what else is raised is shown as before."""
    if getattr(sys.excepthook, "func", None) is not _show:
        sys.excepthook = functools.partial(_show, sys.excepthook)


def _show(before: Any, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, OntuneError):
        sys.stderr.write("".join(f"ontune: {fault}\n" for fault in error.faults))
    else:
        before(kind, error, trace)
