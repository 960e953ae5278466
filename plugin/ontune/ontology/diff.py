"""What changed from one ontology to another."""

from dataclasses import asdict, dataclass
from typing import Any

from ontune.ontology.model import Ontology, Relation

__all__ = ["Change", "Diff", "diff"]


@dataclass(frozen=True)
class Change:
    """One concept, and a value of it before and after."""

    name: str
    old: str | tuple[str, ...]
    new: str | tuple[str, ...]


@dataclass(frozen=True)
class Diff:
    """From `old` to `new`, by concept name in code point order; what is new or gone is not also listed as changed."""

    old: str
    new: str
    added: tuple[tuple[str, str], ...]  # name and dimension
    removed: tuple[tuple[str, str], ...]
    moved: tuple[Change, ...]  # dimension
    parents: tuple[Change, ...]
    definitions: tuple[Change, ...]
    examples: tuple[Change, ...]
    relations_added: tuple[Relation, ...]
    relations_removed: tuple[Relation, ...]

    def record(self) -> dict[str, Any]:
        """The JSON form."""
        named = {key: [{"name": name, "dimension": place} for name, place in getattr(self, key)] for key in NAMED}
        return asdict(self) | named


NAMED = ("added", "removed")


def diff(old: Ontology, new: Ontology) -> Diff:
    """What is in one and not in the other, and what both have with other values."""
    return Diff(
        old=f"{old.name} {old.version}",
        new=f"{new.name} {new.version}",
        added=_missing(new, old),
        removed=_missing(old, new),
        moved=_changes(old, new, "dimension"),
        parents=_changes(old, new, "parents"),
        definitions=_changes(old, new, "definition"),
        examples=_changes(old, new, "examples"),
        relations_added=tuple(sorted(set(new.relations) - set(old.relations))),
        relations_removed=tuple(sorted(set(old.relations) - set(new.relations))),
    )


def _missing(one: Ontology, other: Ontology) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((c.name, c.dimension) for c in one.concepts if c.name not in other.by_name))


def _changes(old: Ontology, new: Ontology, key: str) -> tuple[Change, ...]:
    both = sorted(old.by_name.keys() & new.by_name.keys())
    values = [(name, getattr(old.by_name[name], key), getattr(new.by_name[name], key)) for name in both]
    return tuple(Change(name, before, after) for name, before, after in values if before != after)
