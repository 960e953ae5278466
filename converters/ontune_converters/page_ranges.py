"""Page ranges as people write them: `1-3,7,10-`."""

import re

from ontune.errors import SourceError

__all__ = ["parse_ranges"]

RANGE = re.compile(r"(\d+)(?:(-)(\d*))?")


def parse_ranges(text: str, count: int, document: str) -> list[int]:
    """The numbers of the pages asked for, from 1, each once and in order; all `count` pages for an empty text.

    Raises SourceError with every range that is none or asks for pages that the document does not have.
    """
    if not text.strip():
        return list(range(1, count + 1))
    found: set[int] = set()
    faults: list[str] = []
    for part in text.split(","):
        match = RANGE.fullmatch(part.strip())
        if not match:
            faults.append(f"--pages {part.strip()!r}: expected a page or a range, such as 1-3,7,10-")
            continue
        first = int(match[1])
        last = int(match[3]) if match[3] else count if match[2] else first
        if not 1 <= first <= count or not first <= last <= count:
            faults.append(f"--pages {part.strip()!r}: {document} has the pages 1 to {count}")
            continue
        found |= set(range(first, last + 1))
    SourceError.check(faults)
    return sorted(found)
