"""Tasks, their gold answers, and bad ones with the rule that each breaks, for what the exporters write."""

import json

from ontune.ontology import Concept, Ontology
from ontune.task import Choice, Constant, ErrorAnswer, Group, Labels, Task, Text
from random_answers import BLUEPRINT, NESTED, PLAIN

__all__ = ["BAD", "GOLD", "NEVER", "TASKS", "compact"]

# Labels, options and keys with all that a format may read otherwise.
STRANGE = ("Größe 😀", 'says "no"', "a\\b", "x|y", "(1+1)*[2]", "{3}.?^$", "a/b", "-#:~&", "tab\there", "'''", "\u2028")
ORDERED = tuple(sorted(STRANGE))
ODD = Task(
    'odd "task"\n',
    Ontology("odd", "1", ("D",), tuple(Concept(name, "D") for name in ORDERED)),
    (
        Labels("model_config", "D", 1, 2),
        Labels("a key", "D", 2),
        Choice("class", STRANGE),
        Labels("never", "D", 0, 0),
        Constant("schema", 'v"1'),
        Group('"inner"', (Text("copy", 3), Labels("one", "D", 0, 1), Labels("json", "D"))),
    ),
    error=ErrorAnswer("Größe\\", STRANGE[:3]),
)
TASKS = {"edugraph": PLAIN, "nested": NESTED, "blueprint": BLUEPRINT, "odd": ODD}


def compact(answer: object) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def nested(topics=("Disc",), level="low", limits=(), does=(), why=""):
    page = {"limits": list(limits), "learner": {"does": list(does), "why": why}}
    return {"topics": list(topics), "level": level, "page": page}


def odd(place: int, second=ORDERED[:2]):
    inner = {"copy": "\u2028\t'", "one": [ORDERED[place]], "json": list(ORDERED)}
    first = list(ORDERED[place : place + 2])
    rest = {"class": ORDERED[place], "never": [], "schema": 'v"1', '"inner"': inner}
    return {"model_config": first, "a key": list(second), **rest}


# All in canonical order: what is trained on.
GOLD = {
    "edugraph": [
        '{"Area":[],"Scope":[],"Ability":[]}',
        '{"Area":["Addition","AdditionMakeTen"],"Scope":["NumbersSmaller10","NumbersSmaller100"],"Ability":["Recall"]}',
        '{"Error":"UnsupportedMaterial"}',
    ],
    "nested": [
        compact(nested()),
        compact(nested(["AdditionMakeTen", "Circle", "Subtraction"], "high", ["EvenNumbers"], ["Applying", "Recall"])),
        compact(nested(why='é😀 "q"\\\n\x01/\x7f')),
        '{"refused":"no sheet"}',
    ],
    "blueprint": [
        '{"error":null,"labels":{"Areas":[],"Scopes":[],"Abilities":[]}}',
        '{"error":null,"labels":{"Areas":["Disc"],"Scopes":["Clock","Measures"],"Abilities":["Recall"]}}',
        '{"error":"UnsupportedMaterial","labels":null}',
    ],
    "odd": [*(compact(odd(place)) for place in range(len(ORDERED))), *(compact({"Größe\\": v}) for v in STRANGE[:3])],
}

NEVER = ""  # the rule that every format expresses
BAD = {
    "edugraph": [
        (NEVER, ""),
        (NEVER, "null"),
        (NEVER, "[]"),
        (NEVER, "{}"),
        (NEVER, '{"Area":[],"Scope":[]}'),
        (NEVER, '{"Area":[],"Scope":[],"Ability":[]'),
        (NEVER, '{"Area":[],"Scope":[],"Ability":[]}}'),
        (NEVER, '{"Area":[],"Scope":[],"Ability":[]}{"Area":[],"Scope":[],"Ability":[]}'),
        (NEVER, '{"Area":[],"Scope":[],"Ability":[]} The sheet'),
        (NEVER, '{"Area":[],"Scope":[],"Ability":[],"Level":[]}'),
        (NEVER, '{"area":[],"Scope":[],"Ability":[]}'),
        (NEVER, '{"Area":[],"Scope":[],"Ability":null}'),
        (NEVER, '{"Area":"Disc","Scope":[],"Ability":[]}'),
        (NEVER, '{"Area":[""],"Scope":[],"Ability":[]}'),
        (NEVER, '{"Area":["Adition"],"Scope":[],"Ability":[]}'),
        (NEVER, '{"Area":["AdditionMake"],"Scope":[],"Ability":[]}'),
        (NEVER, '{"Area":["disc"],"Scope":[],"Ability":[]}'),
        (NEVER, '{"Area":["Clock"],"Scope":[],"Ability":[]}'),
        (NEVER, '{"Area":["Disc",],"Scope":[],"Ability":[]}'),
        (NEVER, '{"Area":["Disc" "Shapes"],"Scope":[],"Ability":[]}'),
        (NEVER, '{"Area":["\\Disc"],"Scope":[],"Ability":[]}'),
        (NEVER, '{"Area":["\\x44isc"],"Scope":[],"Ability":[]}'),
        (NEVER, '{"Error":"Unsupported"}'),
        (NEVER, '{"Error":null}'),
        (NEVER, '{"Error":"UnsupportedMaterial","Area":[],"Scope":[],"Ability":[]}'),
        ("escapes:label", '{"Area":["\\u0044isc"],"Scope":[],"Ability":[]}'),
        ("key_order", '{"Scope":[],"Area":[],"Ability":[]}'),
        ("repeated_key", '{"Area":["Disc"],"Area":["Disc"],"Scope":[],"Ability":[]}'),
        ("spaces", '{"Area": [], "Scope": [], "Ability": []}'),
        ("spaces", '{"Area":["Circle", "Disc"],"Scope":[],"Ability":[]}'),
        ("spaces", '{"Area":[],"Scope":[],"Ability":[]}\n'),
        ("max", compact({"Area": list(PLAIN.ontology.labels("Area")), "Scope": [], "Ability": []})),
        ("unique", '{"Area":["Disc","Disc"],"Scope":[],"Ability":[]}'),
    ],
    "nested": [
        (NEVER, compact(nested([]))),
        (NEVER, compact(nested(level="mid"))),
        (NEVER, compact(nested(why="x" * 13))),
        (NEVER, compact(nested(why="\n" * 13))),
        (NEVER, compact(nested(why="a\nb")).replace("\\n", "\n")),
        (NEVER, compact(nested(why="")).replace('""', '"\\"')),
        (NEVER, compact(nested(why="a")).replace('"a"', '"\\a"')),
        (NEVER, compact(nested()).replace('"learner":', '"learner":{"learner":')),
        ("escapes:needless", compact(nested(why="a")).replace('"a"', '"\\u0061"')),
        ("escapes:needless", compact(nested(why="/")).replace('"/"', '"\\/"')),
        ("escapes", compact(nested(why="\x1f")).replace("\\u001f", "\\u001F")),
        ("key_order", compact({"level": "low", **nested()})),
        ("spaces", compact(nested()).replace(':{"does"', ':{ "does"')),
        ("max", compact(nested(["AdditionMakeTen", "Circle", "Disc", "Multiplication"]))),
        ("unique", compact(nested(limits=["Clock", "Clock"]))),
        ("exclude_ancestors", compact(nested(["Circle", "Geometry"]))),
        ("exclude_contradictions", compact(nested(limits=["EvenNumbers", "OddNumbers"]))),
    ],
    "blueprint": [
        (NEVER, '{"error":"UnsupportedMaterial"}'),
        (NEVER, '{"error":null}'),
        (NEVER, '{"error":null,"labels":null}'),
        (NEVER, '{"error":"Other","labels":null}'),
        (NEVER, '{"error":"null","labels":{"Areas":[],"Scopes":[],"Abilities":[]}}'),
        (NEVER, '{"error":"UnsupportedMaterial","labels":{"Areas":[],"Scopes":[],"Abilities":[]}}'),
        (NEVER, '{"labels":{"Areas":[],"Scopes":[],"Abilities":[]}}'),
        ("key_order", '{"labels":null,"error":"UnsupportedMaterial"}'),
        ("key_order", '{"error":null,"labels":{"Scopes":[],"Areas":[],"Abilities":[]}}'),
    ],
    "odd": [
        (NEVER, compact(odd(0) | {"schema": "v1"})),
        (NEVER, compact(odd(0) | {"class": "a"})),
        (NEVER, compact(odd(0) | {"never": ["a/b"]})),
        (NEVER, compact(odd(0, []))),
        (NEVER, compact({"Größe\\": STRANGE[4]})),
        ("min", compact(odd(0, ORDERED[:1]))),
        ("max", compact(odd(0) | {"model_config": list(ORDERED[:3])})),
        ("unique", compact(odd(0, [ORDERED[0]] * 2))),
    ],
}
