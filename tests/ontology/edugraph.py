"""RDF in EduGraph's shape, written by the tests themselves."""

PREFIXES = """\
@prefix edu: <http://edugraph.io/edu#> .
@prefix : <http://edugraph.io/edu/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
"""
NEW = (
    PREFIXES
    + """
edu:Area a owl:Class ; rdfs:comment "A domain." .
edu:partOf a owl:ObjectProperty ; rdfs:domain owl:Thing .
edu:Skill a owl:Class ;
    owl:equivalentClass [ a owl:Restriction ; owl:onProperty edu:targets ; owl:someValuesFrom edu:Area ] .
:Arithmetic a owl:NamedIndividual, edu:Area ; rdfs:isDefinedBy "Calculates." ; rdfs:comment "Example: 2 + 3" .
:Addition a owl:NamedIndividual, edu:Area ; rdfs:comment "Joins amounts." ; edu:partOf :Arithmetic .
:Subtraction a owl:NamedIndividual, edu:Area ; edu:partOf :Arithmetic ; edu:inverts :Addition ; edu:expands :Addition .
:Clock a owl:NamedIndividual, edu:Scope ; edu:integrates :Hours ; edu:contradicts :Hours .
:Hours a owl:NamedIndividual, edu:Scope ; edu:partOf :Clock ; edu:contradicts :Clock .
:Reading a owl:NamedIndividual, edu:Ability .
"""
)
# The same ontology as releases before 0.6 wrote it: hash names, a property for each dimension.
OLD = (
    NEW.replace("<http://edugraph.io/edu/>", "<http://edugraph.io/edu#>")
    .replace("edu:partOf :Arithmetic", "edu:partOfArea :Arithmetic")
    .replace("edu:partOf :Clock", "edu:partOfScope :Clock")
    .replace("edu:expands :Addition", "edu:expandsArea :Addition")
)
# The same once more, every edge written from its other end.
INVERSE = (
    PREFIXES
    + """
:Arithmetic a edu:Area ; rdfs:isDefinedBy "Calculates." ; rdfs:comment "Example: 2 + 3" ; edu:hasPart :Addition .
:Arithmetic edu:specializedBy :Subtraction .
:Addition a edu:Area ; rdfs:comment "Joins amounts." ; edu:invertedBy :Subtraction ; edu:expandedByArea :Subtraction .
:Subtraction a edu:Area .
:Clock a edu:Scope ; edu:hasPartScope :Hours ; edu:contradictedBy :Hours .
:Hours a edu:Scope ; edu:integratedBy :Clock .
:Reading a edu:Ability .
"""
)
