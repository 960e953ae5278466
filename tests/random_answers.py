"""A task with every kind of field, nested, and random answers to it: most of them nearly right."""

from hypothesis import strategies as st

from ontune.task import Choice, Constant, ErrorAnswer, Group, Labels, Rules, Task, Text
from small import ONTOLOGY, small_task

PLAIN = small_task()
NESTED = Task(
    "nested",
    ONTOLOGY,
    (
        Labels("topics", "Area", min=1, max=3),
        Choice("level", ("low", "high")),
        Group(
            "page", (Labels("limits", "Scope"), Group("learner", (Labels("does", "Ability", 0, 2), Text("why", 12))))
        ),
    ),
    error=ErrorAnswer("refused", ("blank", "no sheet")),
    rules=Rules(unique=True, exclude_ancestors=True, exclude_contradictions=True),
)
BLUEPRINT = Task(  # the error's key is always there: null, or the error while all else is null
    "blueprint",
    ONTOLOGY,
    (
        Constant("error", None),
        Group(
            "labels",
            (Labels("Areas", "Area", 0, 8), Labels("Scopes", "Scope", 0, 12), Labels("Abilities", "Ability", 0, 4)),
        ),
    ),
    error=ErrorAnswer("error", ("UnsupportedMaterial",)),
)
TASKS = [PLAIN, NESTED, BLUEPRINT]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
LABEL = st.sampled_from([*ONTOLOGY.by_name, "Adition", ""])


@st.composite
def _object(draw, fields, broken):
    """An object of the right shape; a broken one has one fault, here or further down."""
    fault = draw(st.sampled_from(["value", "value", "value", "extra", "missing", "order"])) if broken else ""
    at = draw(st.sampled_from(fields)) if fault == "value" else None
    record = {field.name: draw(_value(field, field is at)) for field in fields}
    if fault == "extra":
        record[draw(st.sampled_from(["extra", "refused", "Error"]))] = draw(JSON)
    elif fault == "missing":
        del record[draw(st.sampled_from(list(record)))]
    elif fault == "order":
        record = dict(draw(st.permutations(list(record.items()))))
    return record


def _value(field, broken):
    match field:
        case Labels():
            known = st.sampled_from(ONTOLOGY.labels(field.dimension))
            # Labels of the right dimension may still break a rule that a task has: too near, or in contradiction.
            right = st.lists(known, min_size=field.min, max_size=field.max or 3, unique=True)
            return JSON | st.lists(known, max_size=9) | st.lists(LABEL, max_size=3) if broken else right
        case Choice():
            return JSON if broken else st.sampled_from(field.options)
        case Constant():
            return JSON if broken else st.just(field.value)
        case Text():
            return JSON | st.text(min_size=field.max_chars) if broken else st.text(max_size=field.max_chars)
        case Group():
            return JSON | _object(field.fields, True) if broken else _object(field.fields, False)


def answers(task):
    """Objects that obey the contract but for its rules about labels, the same with one fault, and error answers."""
    others = [field.name for field in task.fields if task == BLUEPRINT]
    keys, values = [task.error.key, *others, "extra"], [*task.error.values, "else", 1, None]
    errors = st.dictionaries(st.sampled_from(keys), st.sampled_from(values), min_size=1)
    return st.one_of(_object(task.fields, False), _object(task.fields, True), errors)
