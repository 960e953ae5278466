"""Detections of Ultralytics YOLO, asked in a process of the Python that has it: it is never imported here."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ontune.errors import SourceError
from ontune_converters.account import Account
from ontune_converters.detections import Found, Seen, regions_of

__all__ = ["UltralyticsDetector"]

CHILD = Path(__file__).with_name("ultralytics_child.py")
# Nothing is fetched or installed on the side.
SETTINGS = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "PYTHONIOENCODING": "utf-8"}
LAST = 5  # lines of what the process said, in a message


@dataclass(frozen=True)
class UltralyticsDetector:
    """Weights, and the Python that looks with them."""

    weights: Path
    python: Path
    confidence: float
    iou: float

    @property
    def name(self) -> str:
        return self.weights.name

    def find(self, pictures: Sequence[Seen], account: Account) -> Iterator[Found]:
        """What is in each picture, as the process gives it. Raises SourceError with its last words where it ends."""
        request = {
            "weights": str(self.weights.resolve()),
            "files": [str(seen.file) for seen in pictures],
            "confidence": self.confidence,
            "iou": self.iou,
        }
        with tempfile.TemporaryFile() as said, self._process(said) as child:
            try:
                lines = _asked(child, request)
                hello = next(lines, {"version": ""})
                account.facts["ultralytics"] = hello["version"]
                found = 0
                for seen, answer in zip(pictures, lines, strict=False):
                    rows = [(label, corners, confidence) for label, corners, confidence in answer["detections"]]
                    yield Found(regions_of(rows, seen, account, self.name), answer["seconds"])
                    found += 1
                if child.wait() or found < len(pictures):
                    raise SourceError(f"{self.python}: Ultralytics ended with status {child.returncode}: {_last(said)}")
            finally:
                child.kill()

    def _process(self, said: IO[bytes]) -> "subprocess.Popen[str]":
        command = [str(self.python), str(CHILD)]
        pipe = subprocess.PIPE
        options: dict[str, Any] = {"encoding": "utf-8", "env": {**os.environ, **SETTINGS}}
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said, **options)  # noqa: S603  # the user's


def _asked(child: "subprocess.Popen[str]", request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The lines that come back. One that is cut ends them."""
    if child.stdin is None or child.stdout is None:
        return
    try:
        with child.stdin as stdin:
            json.dump(request, stdin)
    except BrokenPipeError:  # it ended before it read: its status says why
        return
    for line in child.stdout:
        try:
            yield json.loads(line)
        except ValueError:
            return


def _last(said: IO[bytes]) -> str:
    said.seek(0)
    return " / ".join(said.read().decode(errors="replace").strip().splitlines()[-LAST:])
