"""The ontology snapshot: normalised, sorted, hashed JSON; the same ontology gives the same bytes."""

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from ontune.errors import InputError, OntologyError
from ontune.files import LFS_POINTER, write_atomic
from ontune.ontology.model import Concept, Ontology, Relation
from ontune.resources import DATASET_INFO, find

__all__ = ["FORMAT", "NONE", "load_ontology", "read_snapshot", "snapshot_sha256", "write_snapshot"]

FORMAT = 1
NONE = "none"  # what a task without labels has for its ontology; no file


def write_snapshot(ontology: Ontology, path: Path) -> None:
    """Writes the snapshot atomically, readable by people: two spaces of indent, one key a line."""
    record = _record(ontology)
    write_atomic(path, json.dumps(record | {"sha256": _hash(record)}, indent=2, ensure_ascii=False, sort_keys=True))


def read_snapshot(path: Path) -> Ontology:
    """The ontology of a snapshot. Raises OntologyError where it is none, is damaged or breaks a rule."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OntologyError(f"{path}: {error.strerror or error}") from None
    if content.startswith(LFS_POINTER):
        raise OntologyError(f"{path}: a Git LFS pointer instead of content: run git lfs pull")
    try:
        record = json.loads(content)
        ontology = _ontology(record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OntologyError(f"{path}: not an ontology snapshot (format {FORMAT}): {error!r}") from None
    except OntologyError as error:
        raise OntologyError([f"{path}: {fault}" for fault in error.faults]) from None
    if record.get("sha256") != (found := snapshot_sha256(ontology)):
        raise OntologyError(f"{path}: sha256 {record.get('sha256')!r}, but the content's is {found}: edited by hand?")
    return ontology


def load_ontology(name: str, dataset_info: Path = DATASET_INFO) -> Ontology:
    """The snapshot of that file stem in ontologies/ (working directory, then package), or at that path.

    `none` is an ontology without concepts, for tasks without labels. Raises OntologyError with the places that were
    looked at and the command that makes it.
    """
    if name == NONE:
        return Ontology(NONE, "1", (), ())
    if name.endswith(".json") and not Path(name).is_file():
        raise OntologyError(f"{name}: no such file")
    try:
        path = find("ontologies", name, ".json", dataset_info)
    except InputError as error:
        raise OntologyError([*error.faults, f"make it: {_how_to_get(name)}"]) from None
    return _cached(path, path.resolve(), path.stat().st_mtime_ns)


def _how_to_get(name: str) -> str:
    """The command that builds the snapshot of that name."""
    if release := re.fullmatch(r"edugraph-(\d[\w.+-]*)", name):
        return f"ontune ontology build --release {release[1]}"
    return "ontune ontology build FILE… --name NAME --version VERSION"


@cache
def _cached(path: Path, _place: Path, _changed: int) -> Ontology:
    return read_snapshot(path)


def snapshot_sha256(ontology: Ontology) -> str:
    """The hash of the canonical JSON (sorted keys, no spaces) without its own key."""
    return _hash(_record(ontology))


def _hash(record: dict[str, Any]) -> str:
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _record(ontology: Ontology) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": ontology.name,
        "version": ontology.version,
        "dimensions": list(ontology.dimensions),
        "concepts": [
            {
                "name": concept.name,
                "dimension": concept.dimension,
                "iri": concept.iri,
                "definition": concept.definition,
                "examples": list(concept.examples),
                "parents": list(concept.parents),
            }
            for concept in ontology.concepts
        ],
        "relations": [
            {"type": relation.type, "source": relation.source, "target": relation.target}
            for relation in ontology.relations
        ],
    }


def _ontology(record: dict[str, Any]) -> Ontology:
    if record["format"] != FORMAT:
        raise ValueError(f"format {record['format']!r}")
    concepts = tuple(
        Concept(**concept | {key: tuple(concept[key]) for key in ("examples", "parents")})
        for concept in record["concepts"]
    )
    relations = tuple(Relation(**relation) for relation in record["relations"])
    return Ontology(record["name"], record["version"], tuple(record["dimensions"]), concepts, relations)
