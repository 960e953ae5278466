"""What is asked about one object, in four variants; no text here ever sees what the object is.

A prompt is made of a `Scene`, which has boxes and, of the other objects alone, names that a detector would give. So it
can neither contain the gold answer nor depend on it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ontune_converters.coordinates import Coordinates
from ontune_converters.regions import Box
from ontune_converters.relations import related

__all__ = ["FRAMES", "VARIANTS", "Asking", "Scene", "prompt", "relation_question"]

VARIANTS: Mapping[str, str] = MappingProxyType(
    {
        "basic": "which object is meant, and nothing else",
        "spatial": "how many objects lie below, above, left and right of it, overlap it or lie in it",
        "position": "where in the picture it lies and how large it is",
        "context": "every other object with its box and its relations to this one",
    }
)
FRAMES = {"red": (255, 0, 0), "blue": (0, 0, 255)}  # the colours of drawn frames
THIRDS = (("upper left", "upper", "upper right"), ("left", "middle", "right"), ("lower left", "lower", "lower right"))


QWEN2 = Coordinates()


@dataclass(frozen=True)
class Scene:
    """The object that is asked about, and the others with the names they may have in the prompt ("" for none)."""

    target: Box
    others: tuple[tuple[Box, str], ...]
    size: tuple[int, int]


@dataclass(frozen=True)
class Asking:
    """How the object is shown: its box in the text, drawn as a red frame, or both; its crop as a second picture."""

    variant: str = "basic"
    text: bool = True
    drawn: bool = False
    crop: bool = False
    coordinates: Coordinates = QWEN2


def prompt(scene: Scene, user: str, asking: Asking) -> str:
    """The human turn, picture tags included."""
    lines = ["<image>" * (2 if asking.crop else 1) + user, _which(scene, asking)]
    lines += ["The second picture shows this object alone, enlarged."] * asking.crop
    lines += {"basic": _basic, "spatial": _spatial, "position": _position, "context": _context}[asking.variant](
        scene, asking
    )
    return "\n".join(lines)


def _which(scene: Scene, asking: Asking) -> str:
    ways = ["inside the red frame"] * asking.drawn
    ways += [f"at {asking.coordinates.text(scene.target, scene.size)}"] * asking.text
    return f"The object is the one {' and '.join(ways)}."


def _basic(scene: Scene, asking: Asking) -> list[str]:
    return []


def _spatial(scene: Scene, asking: Asking) -> list[str]:
    """Relations of the object to the others, counted."""
    counts = Counter(f"{_relation(name)} {other or 'object'}" for name, other in _related(scene))
    if not counts:
        return [f"Beside it {len(scene.others)} other objects were found, none of them in a clear direction."]
    found = ", ".join(f"{phrase} ({count})" for phrase, count in sorted(counts.items()))
    return [f"{len(scene.others)} other objects were found. The object lies {found}."]


def _related(scene: Scene) -> list[tuple[str, str]]:
    return [(relation, name) for box, name in scene.others for relation in related(scene.target, box)]


def _relation(name: str) -> str:
    """The relation as it goes on after `the object lies`."""
    words = {"left": "left of", "right": "right of", "overlaps": "across", "contains": "around"}
    return f"{words.get(name, name)} another"


def _position(scene: Scene, asking: Asking) -> list[str]:
    """Centre, size and ninth of the picture."""
    left, upper, right, lower = scene.target
    across, down = (left + right) / 2, (upper + lower) / 2
    third = THIRDS[min(int(down * 3), 2)][min(int(across * 3), 2)]
    return [
        f"Its centre lies {across:.0%} of the width from the left and {down:.0%} of the height from the top, in the "
        f"{third} part. It is {right - left:.0%} of the picture wide and {lower - upper:.0%} high, "
        f"{(right - left) * (lower - upper):.1%} of its area."
    ]


def _context(scene: Scene, asking: Asking) -> list[str]:
    """All others with their boxes, from top to bottom, and what the object's place is to each."""
    lines = [f"{len(scene.others)} other objects were found:"] if scene.others else ["No other object was found."]
    for box, name in sorted(scene.others, key=lambda one: (one[0][1], one[0])):
        ties = ", ".join(PLACES[relation] for relation in related(scene.target, box)) or "beside it"
        lines.append(f"- {name or 'object'} at {asking.coordinates.text(box, scene.size)}: the object {ties}")
    return lines


PLACES = {
    "below": "lies below it",
    "above": "lies above it",
    "left": "lies left of it",
    "right": "lies right of it",
    "overlaps": "overlaps it",
    "contains": "contains it",
}


def relation_question(relation: str, one: str, other: str, places: Sequence[str] = ()) -> str:
    """A closed question, such as: is the first object below the second? `places` tell which of several is meant."""
    names = [f"the {name}{place}" for name, place in zip((one, other), places or ("", ""), strict=True)]
    verbs = {
        "left": "Is {} to the left of {}?",
        "right": "Is {} to the right of {}?",
        "overlaps": "Does {} overlap {}?",
        "contains": "Does {} contain {}?",
    }
    return verbs.get(relation, f"Is {{}} {relation} {{}}?").format(*names)
