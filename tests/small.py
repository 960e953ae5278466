"""A small ontology of EduGraph's shape, for tests that must run without ../shared."""

from ontune.ontology import Concept, Ontology, Relation
from ontune.task import Task, load_task

IRI = "http://example.org/edu/"


def concept(name: str, dimension: str, definition: str = "", *parents: str, examples: tuple[str, ...] = ()) -> Concept:
    return Concept(name, dimension, IRI + name, definition, examples, tuple(sorted(parents)))


# One concept without text (Multiplication), one with an example alone (Recall), one with two parents (Explaining),
# labels that are prefixes of others, roots with and without siblings, two concepts with one definition (Circle, Disc).
CONCEPTS = (
    concept("Addition", "Area", "Joins two amounts into one.", "Arithmetic", examples=("2 + 3 = 5",)),
    concept("AdditionMakeTen", "Area", "Adds by filling up to ten first.", "Addition"),
    concept("Arithmetic", "Area", "Calculates with numbers."),
    concept("Circle", "Area", "A round figure.", "Shapes"),
    concept("Disc", "Area", "A round figure.", "Shapes"),
    concept("Geometry", "Area", "Studies figures and space."),
    concept("Multiplication", "Area", "", "Arithmetic"),
    concept("Shapes", "Area", "Figures with\na boundary.", "Geometry"),
    concept("Subtraction", "Area", "Takes one amount from another.", "Arithmetic"),
    concept("Clock", "Scope", "Involves a clock face.", "Measures"),
    concept("EvenNumbers", "Scope", "Numbers that two divides.", "IntegerNumbers"),
    concept("IntegerNumbers", "Scope", "Whole numbers."),
    concept("Measures", "Scope", "Involves a measuring tool."),
    concept("NumbersSmaller10", "Scope", "Numbers below ten.", "IntegerNumbers"),
    concept("NumbersSmaller100", "Scope", "Numbers below a hundred.", "IntegerNumbers"),
    concept("OddNumbers", "Scope", "Numbers that two does not divide.", "IntegerNumbers"),
    concept("Applying", "Ability", "Uses a procedure."),
    concept("Explaining", "Ability", "Says why a procedure works.", "Applying", "Knowing"),
    concept("Knowing", "Ability", "Has facts at hand."),
    concept("Recall", "Ability", "", "Knowing", examples=("Says the times table by heart.",)),
)
RELATIONS = (
    Relation("contradicts", "EvenNumbers", "OddNumbers"),
    Relation("contradicts", "NumbersSmaller10", "NumbersSmaller100"),
    Relation("expands", "AdditionMakeTen", "Addition"),
    Relation("expands", "Multiplication", "Addition"),
    Relation("implies", "NumbersSmaller10", "IntegerNumbers"),
    Relation("integrates", "Clock", "Addition"),
    Relation("inverts", "Subtraction", "Addition"),
)
ONTOLOGY = Ontology("small", "1", ("Area", "Scope", "Ability"), CONCEPTS, RELATIONS)


def small_task() -> Task:
    """The shipped edugraph task over the small ontology."""
    return load_task("edugraph", ONTOLOGY)
