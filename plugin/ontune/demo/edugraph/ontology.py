"""The demo's ontology and task, of EduGraph's shape: areas, scopes and abilities with parents and relations."""

from pathlib import Path

from ontune.files import write_atomic

__all__ = ["NAME", "VERSION", "write_ontology", "write_task"]

NAME, VERSION = "worksheets", "1.0"

TURTLE = """\
@prefix : <https://example.org/worksheets/> .
@prefix edu: <http://edugraph.io/edu#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .

edu:partOf a owl:ObjectProperty .

:Arithmetic a owl:NamedIndividual, edu:Area ; rdfs:isDefinedBy "Numbers and what is done with them." .
:Counting a owl:NamedIndividual, edu:Area ; edu:partOf :Arithmetic ;
    rdfs:isDefinedBy "Finding out how many things there are." .
:Addition a owl:NamedIndividual, edu:Area ; edu:partOf :Arithmetic ; edu:expands :Counting ;
    rdfs:isDefinedBy "Putting two numbers together." .
:Subtraction a owl:NamedIndividual, edu:Area ; edu:partOf :Arithmetic ; edu:inverts :Addition ;
    rdfs:isDefinedBy "Taking one number away from another." .
:NumberComparison a owl:NamedIndividual, edu:Area ; edu:partOf :Arithmetic ; edu:expands :Counting ;
    rdfs:isDefinedBy "Finding out which of two numbers is larger." .
:Geometry a owl:NamedIndividual, edu:Area ; rdfs:isDefinedBy "Shapes and their properties." .
:Polygons a owl:NamedIndividual, edu:Area ; edu:partOf :Geometry ; rdfs:isDefinedBy "Shapes with straight sides." .
:Triangles a owl:NamedIndividual, edu:Area ; edu:partOf :Polygons ; rdfs:isDefinedBy "Shapes with three sides." .
:Quadrilaterals a owl:NamedIndividual, edu:Area ; edu:partOf :Polygons ; edu:expands :Triangles ;
    rdfs:isDefinedBy "Shapes with four sides." .
:Circles a owl:NamedIndividual, edu:Area ; edu:partOf :Geometry ; rdfs:isDefinedBy "Round shapes." .
:Measurement a owl:NamedIndividual, edu:Area ; rdfs:isDefinedBy "Finding out how large something is." .
:ClockReading a owl:NamedIndividual, edu:Area ; edu:partOf :Measurement ;
    rdfs:isDefinedBy "Telling the time from a clock." .
:LengthMeasurement a owl:NamedIndividual, edu:Area ; edu:partOf :Measurement ; edu:integrates :Counting ;
    rdfs:isDefinedBy "Telling how long something is." .

:NumberRange a owl:NamedIndividual, edu:Scope ; rdfs:isDefinedBy "How large the numbers are." .
:NumbersUpTo10 a owl:NamedIndividual, edu:Scope ; edu:partOf :NumberRange ; rdfs:isDefinedBy "Numbers of one digit." .
:NumbersUpTo100 a owl:NamedIndividual, edu:Scope ; edu:partOf :NumberRange ; edu:expands :NumbersUpTo10 ;
    edu:contradicts :NumbersUpTo10 ; rdfs:isDefinedBy "Numbers of two digits." .
:Quantity a owl:NamedIndividual, edu:Scope ; rdfs:isDefinedBy "How many things a sheet shows." .
:FewObjects a owl:NamedIndividual, edu:Scope ; edu:partOf :Quantity ; rdfs:isDefinedBy "Up to five things." .
:ManyObjects a owl:NamedIndividual, edu:Scope ; edu:partOf :Quantity ; edu:contradicts :FewObjects ;
    rdfs:isDefinedBy "More than five things." .
:SingleShape a owl:NamedIndividual, edu:Scope ; edu:partOf :Quantity ; rdfs:isDefinedBy "One large shape." .
:SeveralShapes a owl:NamedIndividual, edu:Scope ; edu:partOf :Quantity ; edu:contradicts :SingleShape ;
    rdfs:isDefinedBy "Several shapes in a row." .
:TaskCount a owl:NamedIndividual, edu:Scope ; rdfs:isDefinedBy "How many tasks a sheet has." .
:SingleTask a owl:NamedIndividual, edu:Scope ; edu:partOf :TaskCount ; rdfs:isDefinedBy "One task." .
:SeveralTasks a owl:NamedIndividual, edu:Scope ; edu:partOf :TaskCount ; edu:contradicts :SingleTask ;
    rdfs:isDefinedBy "Several tasks below each other." .
:Clocks a owl:NamedIndividual, edu:Scope ; rdfs:isDefinedBy "How a clock shows the time." .
:AnalogClock a owl:NamedIndividual, edu:Scope ; edu:partOf :Clocks ; rdfs:isDefinedBy "A clock with hands." .
:DigitalClock a owl:NamedIndividual, edu:Scope ; edu:partOf :Clocks ; edu:contradicts :AnalogClock ;
    rdfs:isDefinedBy "A clock with digits." .
:Lengths a owl:NamedIndividual, edu:Scope ; rdfs:isDefinedBy "How long a thing is." .
:ShortLengths a owl:NamedIndividual, edu:Scope ; edu:partOf :Lengths ; rdfs:isDefinedBy "Up to five units." .
:LongLengths a owl:NamedIndividual, edu:Scope ; edu:partOf :Lengths ; edu:contradicts :ShortLengths ;
    rdfs:isDefinedBy "More than five units." .
:Printing a owl:NamedIndividual, edu:Scope ; rdfs:isDefinedBy "How a sheet is printed." .
:Coloured a owl:NamedIndividual, edu:Scope ; edu:partOf :Printing ; rdfs:isDefinedBy "Printed in colour." .
:BlackAndWhite a owl:NamedIndividual, edu:Scope ; edu:partOf :Printing ; edu:contradicts :Coloured ;
    rdfs:isDefinedBy "Printed without colour." .

:Operating a owl:NamedIndividual, edu:Ability ; rdfs:isDefinedBy "Working with numbers." .
:Calculating a owl:NamedIndividual, edu:Ability ; edu:partOf :Operating ; rdfs:isDefinedBy "Working out a result." .
:Comparing a owl:NamedIndividual, edu:Ability ; edu:partOf :Operating ; rdfs:isDefinedBy "Saying which is larger." .
:Enumerating a owl:NamedIndividual, edu:Ability ; edu:partOf :Operating ; rdfs:isDefinedBy "Counting one by one." .
:Perceiving a owl:NamedIndividual, edu:Ability ; rdfs:isDefinedBy "Taking in what a picture shows." .
:ReadingScales a owl:NamedIndividual, edu:Ability ; edu:partOf :Perceiving ;
    rdfs:isDefinedBy "Reading an instrument." .
:RecognisingShapes a owl:NamedIndividual, edu:Ability ; edu:partOf :Perceiving ;
    rdfs:isDefinedBy "Telling shapes apart." .
"""

TASK = f"""\
# The demo's task: as edugraph.yaml, with few words, since a tiny model reads each of them at every step.
name: {NAME}
ontology: {NAME}-{VERSION}
system: You label worksheets with the names of an ontology.
user: Label this sheet.
fields:
  - {{name: Area, kind: labels, dimension: Area, min: 0, max: 4}}
  - {{name: Scope, kind: labels, dimension: Scope, min: 0, max: 6}}
  - {{name: Ability, kind: labels, dimension: Ability, min: 0, max: 4}}
rules: {{unique: true}}
metrics: [label_sets]
goals: ["f1>=0.9", "invalid_rate<=0.02"]
"""


def write_ontology(path: Path) -> Path:
    """The file with the ontology as Turtle."""
    write_atomic(path, TURTLE)
    return path


def write_task(dataset_info: Path) -> Path:
    """The task's file in `dataset_info`."""
    path = dataset_info / "tasks" / f"{NAME}.yaml"
    write_atomic(path, TASK)
    return path
