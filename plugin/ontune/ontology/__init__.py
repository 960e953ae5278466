"""The ontology: a closed vocabulary of labels in dimensions, with parents and relations."""

from ontune.ontology.model import Concept, Ontology, Relation
from ontune.ontology.snapshot import load_ontology, read_snapshot, write_snapshot

__all__ = ["Concept", "Ontology", "Relation", "load_ontology", "read_snapshot", "write_snapshot"]
