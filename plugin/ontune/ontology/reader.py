"""RDF files into an ontology: RDF/XML, Turtle and what else rdflib reads. The only module that imports rdflib."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax import SAXException, SAXParseException

import rdflib
from rdflib.plugins.parsers.notation3 import BadSyntax
from rdflib.util import guess_format

from ontune.errors import OntologyError
from ontune.files import LFS_POINTER
from ontune.ontology.build import Names, build_ontology
from ontune.ontology.model import Ontology
from ontune.ontology.statements import Statement, Text

__all__ = ["parse", "read_ontology"]

QUADS = {"json-ld", "nquads", "trig", "trix"}  # rdflib reads these into a dataset alone
TEXTS = {"n3", "nquads", "nt", "trig", "turtle"}
BOM = b"\xef\xbb\xbf"
BASE = "http://ontology.invalid/"  # of relative names: rdflib's own default would be the path on this computer


def read_ontology(files: Sequence[Path], name: str, version: str, names: Names = "auto") -> Ontology:
    """The ontology that the files form together; their order does not matter.

    Raises OntologyError with all faults of all files at once, each with its file and place.
    """
    statements: list[Statement] = []
    faults: list[str] = []
    for file in files:
        try:
            statements += parse(file.read_bytes(), str(file))
        except OntologyError as error:
            faults += error.faults
        except OSError as error:
            faults.append(f"{file}: {error.strerror or error}")
    OntologyError.check(faults)
    return build_ontology(statements, name, version, names)


def parse(content: bytes, where: str) -> list[Statement]:
    """The statements of one file's content, without those about blank nodes. `where` names it in messages."""
    content = content.removeprefix(BOM)  # which Turtle does not allow, and editors write
    if content.lstrip().startswith(LFS_POINTER):
        raise OntologyError(f"{where}: a Git LFS pointer instead of content: run git lfs pull")
    form = _format(content, where)
    graph = rdflib.Dataset(default_union=True) if form in QUADS else rdflib.Graph()
    try:
        graph.parse(data=content, format=form, publicID=BASE)
    except Exception as error:  # rdflib's parsers raise whatever they stumble over
        raise OntologyError(f"{where}{_place(error, content)}: not RDF (read as {form}): {_reason(error)}") from None
    statements = [
        Statement(str(subject), str(predicate), _object(object_), where)
        for subject, predicate, object_ in graph.triples((None, None, None))
        if isinstance(subject, rdflib.URIRef) and not isinstance(object_, rdflib.BNode)
    ]
    if not statements:
        raise OntologyError(f"{where}: not RDF (read as {form}): no statement about anything with a name")
    return statements


def _object(term: object) -> str | Text:
    if isinstance(term, rdflib.Literal):
        return Text(str(term).replace("\r\n", "\n").strip(), (term.language or "").lower())
    return str(term)


def _format(content: bytes, where: str) -> str:
    """The name that rdflib gives the format: by content where that is plain, else by suffix, else Turtle."""
    guess = guess_format(where)
    start = content.lstrip()
    if start.startswith((b"<?xml", b"<rdf:RDF", b"<!")):
        return "trix" if guess == "trix" else "xml"
    if guess not in TEXTS and start.startswith((b"{", b"[")):
        return "json-ld"
    return guess if guess in TEXTS else "turtle"


def _place(error: Exception, content: bytes) -> str:
    """`:line` where the parser knows it."""
    if isinstance(error, BadSyntax):  # its own count of lines is too high: it counts some of them twice
        return f":{content.decode(errors='replace').count(chr(10), 0, error._i) + 1}"
    line = error.getLineNumber() if isinstance(error, SAXParseException) else getattr(error, "lineno", None)
    return f":{line}" if line else ""


def _reason(error: Exception) -> str:
    if isinstance(error, BadSyntax):
        return error._why
    text = error.getMessage() if isinstance(error, SAXException) else str(error)
    return " ".join(text.split()) or type(error).__name__
