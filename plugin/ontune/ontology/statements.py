"""RDF statements as plain Python, indexed: what the rest of the package sees of an RDF library."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

__all__ = ["BUILT_IN", "OWL", "RDF", "RDFS", "SKOS", "Graph", "Statement", "Text", "local_name", "node"]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
SKOS = "http://www.w3.org/2004/02/skos/core#"

BUILT_IN = (RDF, RDFS, OWL, SKOS)


@dataclass(frozen=True)
class Text:
    """A literal: its text, and its language tag in lower case or nothing."""

    value: str
    language: str = ""


@dataclass(frozen=True)
class Statement:
    """One triple without blank nodes, and the file it stands in."""

    subject: str
    predicate: str
    object: str | Text
    file: str

    def __str__(self) -> str:
        """The place as a person finds it in the file: `areas.ttl: Addition partOf Arithmetic`."""
        target = self.object.value if isinstance(self.object, Text) else local_name(self.object)
        return f"{self.file}: {local_name(self.subject)} {local_name(self.predicate)} {target}"


def local_name(iri: str) -> str:
    """What follows the last `#` or `/` (the last `:` of a URN)."""
    return _split(iri)[1]


@cache
def node(iri: str) -> str:
    """The key of an IRI under which hash and slash names meet: EduGraph went from `edu#Name` to `edu/Name`."""
    return "/".join(_split(iri))


def _split(iri: str) -> tuple[str, str]:
    match = re.fullmatch(r"(.*)[#/](.+?)[#/]*", iri) or re.fullmatch(r"(.*):(.+)", iri)
    return (match[1], match[2]) if match else ("", iri)


class Graph:
    """Statements by subject and by predicate. Subjects and objects are looked up by `node`, predicates by IRI."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._of: defaultdict[str, list[Statement]] = defaultdict(list)
        self._with: defaultdict[str, list[Statement]] = defaultdict(list)
        for statement in statements:
            self._of[node(statement.subject)].append(statement)
            self._with[statement.predicate].append(statement)

    @property
    def predicates(self) -> list[str]:
        """Every predicate in use, sorted."""
        return sorted(self._with)

    def of(self, subject: str) -> list[Statement]:
        """The statements about a node."""
        return self._of.get(subject, [])

    def texts(self, subject: str, predicate: str) -> list[Text]:
        """The literals of a node with this predicate."""
        return [s.object for s in self.of(subject) if s.predicate == predicate and isinstance(s.object, Text)]

    def pairs(self, predicate: str) -> list[tuple[str, str]]:
        """Subject and object IRI of every statement with this predicate that is no text."""
        return [(s.subject, s.object) for s in self._with.get(predicate, []) if isinstance(s.object, str)]

    def links(self, predicate: str) -> Iterator[tuple[str, str, Statement]]:
        """Subject and object node of every statement with this predicate that is no text, and the statement."""
        for statement in self._with.get(predicate, []):
            if isinstance(statement.object, str):
                yield node(statement.subject), node(statement.object), statement
