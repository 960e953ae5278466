"""Ontologies and tokenizers of any size, made on the spot: the same arguments give the same ones."""

import random
from functools import cache
from typing import Any

from ontune.demo.tiny_model import make_tokenizer
from ontune.ontology import Concept, Ontology, Relation
from ontune.task import ErrorAnswer, Labels, Rules, Task

DIMENSIONS = {"Area": 0.38, "Scope": 0.45, "Ability": 0.17}  # about EduGraph's shares
DEEPEST = 7
LOOSE = Rules()
# The words that EduGraph's own labels are put together from, or of their kind.
WORDS = """
    Absolute Acute Add Addition Adjacent Algebra Algorithm Amount Analysis Analyze Angle Apply Approximate Arc
    Area Argue Arithmetic Arrange Array Associative Average Axis Balance Bar Base Basic Between Binary Bisect
    Border Borrow Box Calculate Calendar Capacity Cardinal Carry Category Center Chance Chart Check Chord
    Circle Circular Classify Clock Coin Combine Common Commutative Compare Compass Compensation Complement
    Complete Compose Composite Concept Cone Congruent Constant Construct Convert Coordinate Count Cube Curve
    Cylinder Data Date Decimal Decompose Decrease Define Degree Denominator Derive Describe Diagonal Diagram
    Difference Digit Dimension Direction Discrete Distance Distributive Divide Division Divisor Double Draw
    Edge Equal Equation Equivalent Estimate Evaluate Even Event Expand Explain Exponent Expression Extend Face
    Factor Figure Finite Flip Formula Fraction Frequency Function Geometry Graph Greater Grid Group Growth
    Half Height Hexagon Identify Improper Increase Inequality Infer Infinite Integer Interpret Interval
    Inverse Irregular Justify Length Less Line Linear List Logic Long Mass Match Maximum Mean Measure Median
    Mental Metric Minimum Minuend Mixed Mode Model Money Multiple Multiplication Natural Negative Net Number
    Numbers Numerator Object Obtuse Odd Operation Order Ordinal Parallel Part Partition Pattern Percent
    Perimeter Perpendicular Place Plane Point Polygon Position Positive Power Predict Prime Prism Probability
    Problem Product Proof Proper Property Proportion Pyramid Quadrilateral Quantity Quotient Radius Range Rate
    Ratio Rational Real Reason Recall Rectangle Reflect Regroup Relate Remainder Represent Result Right Root
    Rotate Round Rule Ruler Sample Scale Sequence Set Shape Side Sign Similar Simplify Smaller Solid Solve
    Sort Speed Sphere Square Statistic Straight Strategy Subtract Subtraction Sum Surface Symbol Symmetry
    Table Temperature Tens Term Time Transform Translate Triangle Unit Value Variable Verify Vertex Volume
    Weight Whole Width Word Zero 10 100 1000 10000 20 5
""".split()  # noqa: SIM905 - a list of quoted words would be three pages


def synthetic_ontology(labels: int, seed: int = 0, contradictions: int = 0) -> Ontology:
    """So many CamelCase labels in three dimensions: hierarchies of at most DEEPEST levels, some with two parents."""
    chance = random.Random(seed)
    names = _names(labels, chance)
    concepts: list[Concept] = []
    relations: set[Relation] = set()
    at = 0
    for place, (dimension, share) in enumerate(DIMENSIONS.items()):
        to = labels if place == len(DIMENSIONS) - 1 else at + round(share * labels)
        concepts += sorted(_hierarchy(names[at:to], dimension, chance), key=lambda concept: concept.name)
        at = to
    for _ in range(contradictions):
        one = chance.choice(concepts)
        other = chance.choice([c for c in chance.choices(concepts, k=64) if c.dimension == one.dimension] or [one])
        if one.name != other.name:
            relations.add(Relation("contradicts", *sorted((one.name, other.name))))
    return Ontology(f"synthetic-{labels}", str(seed), tuple(DIMENSIONS), tuple(concepts), tuple(sorted(relations)))


def _names(count: int, chance: random.Random) -> list[str]:
    names: dict[str, None] = {}
    while len(names) < count:
        name = "".join(chance.choices(WORDS, k=chance.choice((1, 2, 2, 3, 3, 4))))
        names[name if name[0].isalpha() else f"Numbers{name}"] = None
    return list(names)


def _hierarchy(names: list[str], dimension: str, chance: random.Random) -> list[Concept]:
    """Each label below one or two of those before it, or a root."""
    depths: list[int] = []
    concepts: list[Concept] = []
    for at, name in enumerate(names):
        drawn = chance.sample(range(at), min(at, chance.choice((1,) * 30 + (2,)))) if chance.random() > 0.05 else []
        parents = [place for place in drawn if depths[place] < DEEPEST]
        depths.append(1 + max((depths[place] for place in parents), default=0))
        concepts.append(Concept(name, dimension, parents=tuple(sorted(names[place] for place in parents))))
    return concepts


def synthetic_task(ontology: Ontology, rules: Rules = LOOSE, least: int = 0, most: int | None = 8) -> Task:
    """Three lists of labels and an error answer, in EduGraph's shape."""
    fields = tuple(Labels(dimension, dimension, least, most) for dimension in ontology.dimensions)
    return Task(ontology.name, ontology, fields, error=ErrorAnswer("Error", ("UnsupportedMaterial",)), rules=rules)


@cache
def qwen_like_tokenizer(learned: int = 5000) -> Any:
    """A tokenizer of Qwen's width (151,936 rows of logits), splitting as Qwen does.

    Its merges are learned from the words and from JSON: Qwen's own vocabulary lies behind a hub. A label takes it about
    as many tokens, and the special tokens have their real ids.
    """
    chance = random.Random(0)
    lists = ['{"Area":["' + '","'.join(chance.choices(WORDS, k=3)) + '"],"Scope":[],"Ability":["' for _ in range(300)]
    spaced = ['{"Error": "x"} {"Area": ["a", "b"], "Scope": [], "Ability": ["c"]}'] * 50
    return make_tokenizer([*WORDS, *lists, *spaced, '"]}', '{"Error":"UnsupportedMaterial"}'] * 5, learned, True)
