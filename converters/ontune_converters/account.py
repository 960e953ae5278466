"""The account of a conversion: every row that was read was written or dropped with a reason."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ontune.errors import CheckFailed, SourceError

__all__ = ["Account"]

NAMED = 20  # rows of a reason that an error names: thousands may lack their pictures
SHOWN = 5  # places that are shown for each reason; the file holds all of them


@dataclass
class Account:
    """read = written + dropped; warnings are about rows that were written all the same."""

    converter: str
    strict: bool = False
    read: int = 0
    written: Counter[str] = field(default_factory=Counter[str])
    dropped: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict[str, list[str]](list))
    warnings: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict[str, list[str]](list))
    facts: dict[str, Any] = field(default_factory=dict[str, Any])  # what a converter states beside the counts

    def drop(self, reason: str, where: str) -> None:
        """One row that is not written. `where` names the row and the value."""
        self.dropped[reason].append(where)

    def warn(self, kind: str, where: str) -> None:
        """Something about a row that is written."""
        self.warnings[kind].append(where)

    def drops(self) -> list[str]:
        """The dropped rows with their reasons, and how many more there are of a reason that many have."""
        found: list[str] = []
        for reason, rows in sorted(self.dropped.items()):
            found += [f"{reason}: {where}" for where in rows[:NAMED]]
            found += [f"{reason}: {len(rows) - NAMED} more, {len(rows)} in all"] * (len(rows) > NAMED)
        return found

    def close(self) -> None:
        """Raises CheckFailed for drops under --strict, SourceError where nothing is left or the sum is off."""
        dropped = sum(map(len, self.dropped.values()))
        if self.read != self.written.total() + dropped:
            raise SourceError(f"{self.converter}: read {self.read}, written {self.written.total()}, dropped {dropped}")
        places = self.drops()
        if self.strict and places:
            raise CheckFailed(places)
        if not self.written.total():
            raise SourceError([f"{self.converter}: no row is left of {self.read} read", *places])

    def record(self) -> dict[str, Any]:
        """The JSON form: counts, with the places beside them."""
        return {
            "converter": self.converter,
            "read": self.read,
            "written": self.written.total(),
            "splits": dict(sorted(self.written.items())),
            "dropped": {reason: len(rows) for reason, rows in sorted(self.dropped.items())},
            "warnings": {kind: len(rows) for kind, rows in sorted(self.warnings.items())},
            **self.facts,
            "places": dict(sorted({**self.dropped, **self.warnings}.items())),
        }

    def text(self, file: str = "account.json") -> str:
        """The account for people: counts, and the first places of each reason; `file` holds all of them."""
        splits = ", ".join(f"{split} {count}" for split, count in sorted(self.written.items()))
        lines = [f"read     {self.read}", f"written  {self.written.total()} ({splits})"]
        lines += ["dropped", *self._lines(self.dropped, file)] if self.dropped else ["dropped  0"]
        lines += ["warnings", *self._lines(self.warnings, file)] if self.warnings else ["warnings 0"]
        return "\n".join([*lines, *_fact_lines(self.facts, "")])

    @staticmethod
    def _lines(reasons: dict[str, list[str]], file: str) -> list[str]:
        lines: list[str] = []
        for reason, rows in sorted(reasons.items()):
            lines += [f"  {reason}: {len(rows)}", *(f"    {row}" for row in rows[:SHOWN])]
            lines += [f"    … {len(rows) - SHOWN} more in {file}"] * (len(rows) > SHOWN)
        return lines


def _fact_lines(facts: Mapping[str, Any], indent: str) -> list[str]:
    """The facts, a line each; a mapping of plain values on one line, of mappings on several."""
    lines: list[str] = []
    for key, value in facts.items():
        if not isinstance(value, Mapping):
            lines.append(f"{indent}{key}: {value}")
        elif any(isinstance(item, Mapping) for item in value.values()):
            lines += [f"{indent}{key}", *_fact_lines(value, f"{indent}  ")]
        else:
            lines.append(f"{indent}{key}: " + ", ".join(f"{name} {item}" for name, item in value.items()))
    return lines
