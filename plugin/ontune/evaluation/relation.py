"""How a label that was given stands to the gold labels of its row."""

from collections.abc import Collection
from typing import Literal, TypeAlias

from ontune.task.model import Task

__all__ = ["Relation", "relation"]

Relation: TypeAlias = Literal["exact", "ancestor", "descendant", "contradiction", "sibling", "wrong", "unknown"]


def relation(task: Task, label: str, gold: Collection[str]) -> Relation:
    """What a label is to a row's gold labels: the first that holds, in the order of `Relation`.

    `unknown` is no label of the ontology, and `wrong` one that has nothing to do with the gold. `ancestor`: it is above
    a gold label; `descendant`: below one; `contradiction`: a pair by implication, most of which are siblings too;
    `sibling`: a parent in common, or both roots of one dimension.
    """
    if label in gold:
        return "exact"
    if label not in task.ontology.by_name:
        return "unknown"
    known = [name for name in gold if name in task.ontology.by_name]
    if any(label in task.ancestors[name] for name in known):
        return "ancestor"
    if not task.ancestors[label].isdisjoint(known):
        return "descendant"
    if any((min(label, name), max(label, name)) in task.incompatible for name in known):
        return "contradiction"
    return "sibling" if any(_are_siblings(task, label, name) for name in known) else "wrong"


def _are_siblings(task: Task, one: str, other: str) -> bool:
    first, second = task.ontology.by_name[one], task.ontology.by_name[other]
    if first.parents or second.parents:
        return not set(first.parents).isdisjoint(second.parents)
    return first.dimension == second.dimension
