"""`ontune ontology …`: build, look at and compare ontology snapshots."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ontune.console import FILE, NEW_PATH, emit, json_option
from ontune.ontology import Relation, load_ontology, write_snapshot
from ontune.ontology.diff import Change, Diff, diff
from ontune.ontology.stats import describe, outline, stats
from ontune.resources import DATASET_INFO

if TYPE_CHECKING:
    from ontune.ontology.build import Names

__all__ = ["command"]

dataset_info_option = click.option(
    "--dataset-info",
    type=NEW_PATH,
    default=DATASET_INFO,
    show_default=True,
    help="The folder whose ontologies/ holds the snapshots.",
)


@click.group(name="ontology")
def command() -> None:
    """Build, look at and compare ontology snapshots.

    A SNAPSHOT is a file, or the stem of one in dataset_info/ontologies: edugraph-0.21.0.
    """


@command.command()
@click.argument("files", nargs=-1, type=FILE)
@click.option("--name", help="The ontology's name.  [default: edugraph, with --release]")
@click.option("--version", help="The ontology's version.  [default: the release]")
@click.option("-o", "out", type=NEW_PATH, help="The snapshot.  [default: DATASET_INFO/ontologies/NAME-VERSION.json]")
@click.option("--release", metavar="VERSION", help="Download this EduGraph release instead of reading FILES.")
@click.option("--base-url", metavar="URL", help="Where releases are: URL/vVERSION/core-ontology-math.rdf.")
@click.option(
    "--cache", type=NEW_PATH, help="Where downloads are kept, a folder a version.  [default: ~/.cache/ontune/ontology]"
)
@click.option(
    "--names",
    type=click.Choice(["auto", "local", "label"]),
    default="auto",
    show_default=True,
    help="What concepts are called: the end of their IRI, their label, or (auto) the label in SKOS alone.",
)
@dataset_info_option
@json_option
def build(
    files: tuple[Path, ...],
    name: str | None,
    version: str | None,
    out: Path | None,
    release: str | None,
    base_url: str | None,
    cache: Path | None,
    names: "Names",
    dataset_info: Path,
    as_json: bool,
) -> None:
    """Build a snapshot from RDF FILES, or from an EduGraph release.

    Reads RDF/XML, Turtle and what else rdflib reads, in three vocabularies: EduGraph (Area, Scope and Ability; partOf
    or specializes), SKOS (broader; concept schemes are the dimensions), and OWL or RDFS classes (subClassOf; the root
    classes are the dimensions where every class is below exactly one and they are at most 12, else there is one
    dimension with the ontology's name). The same input gives the same bytes.
    """
    if bool(files) == bool(release):
        raise click.UsageError("expected FILES, or --release VERSION")
    release = release and release.removeprefix("v")
    name, version = name or (release and "edugraph"), version or release
    if not (name and version):
        raise click.UsageError("FILES need --name and --version")
    path = out or dataset_info / "ontologies" / _stem(name, version)
    if release:
        from ontune.ontology.release import BASE_URL, CACHE, read_release

        places = (base_url or BASE_URL, cache or CACHE)
        ontology = read_release(release, *places, name=name, version=version, names=names)
    else:
        from ontune.ontology.reader import read_ontology

        ontology = read_ontology(files, name, version, names)
    write_snapshot(ontology, path)
    record = stats(ontology)
    emit({"snapshot": str(path), **record}, f"{path}\n{_stats_text(record)}", as_json)


def _stem(name: str, version: str) -> str:
    file = f"{name}-{version}.json"
    if Path(file).name != file:
        raise click.UsageError(f"--name {name} --version {version} make no file name: give -o")
    return file


@command.command(name="stats")
@click.argument("snapshot")
@dataset_info_option
@json_option
def stats_(snapshot: str, dataset_info: Path, as_json: bool) -> None:
    """Count what a SNAPSHOT holds."""
    record = stats(load_ontology(snapshot, dataset_info))
    emit(record, _stats_text(record), as_json)


def _stats_text(record: dict[str, Any]) -> str:
    return "\n".join(f"{key.replace('_', ' '):<20}{_value_text(value)}" for key, value in record.items())


def _value_text(value: object) -> str:
    return ", ".join(f"{key} {count}" for key, count in value.items()) if isinstance(value, dict) else str(value)


@command.command()
@click.argument("snapshot")
@click.argument("concept", required=False)
@click.option("--dimension", help="Show this dimension alone.")
@dataset_info_option
@json_option
def show(snapshot: str, concept: str | None, dimension: str | None, dataset_info: Path, as_json: bool) -> None:
    """Show one CONCEPT of a SNAPSHOT, or the tree of its dimensions."""
    ontology = load_ontology(snapshot, dataset_info)
    if concept:
        record = describe(ontology, concept)
        emit(record, _concept_text(record), as_json)
        return
    trees = {name: list(outline(ontology, name)) for name in ([dimension] if dimension else ontology.dimensions)}
    record = {name: [{"depth": depth, "name": label} for depth, label in tree] for name, tree in trees.items()}
    lines = [f"{'  ' * depth}{label}" for name, tree in trees.items() for depth, label in [(0, f"[{name}]"), *tree]]
    emit({"dimensions": record}, "\n".join(lines), as_json)


def _concept_text(record: dict[str, Any]) -> str:
    lines = [f"{record['name']} ({record['dimension']}) {record['iri']}"]
    lines += [textwrap.indent(text, "  ") for text in (record["definition"], *record["examples"]) if text]
    lists = ("parents", "ancestors", "children", "siblings", "incompatible")
    lines += [f"  {key:<14}{', '.join(record[key])}" for key in lists if record[key]]
    lines += [f"  {edge['type']:<14}{edge['source']} → {edge['target']}" for edge in record["relations"]]
    return "\n".join(lines)


@command.command(name="diff")
@click.argument("old")
@click.argument("new")
@dataset_info_option
@json_option
def diff_(old: str, new: str, dataset_info: Path, as_json: bool) -> None:
    """Show what changed from snapshot OLD to snapshot NEW."""
    found = diff(load_ontology(old, dataset_info), load_ontology(new, dataset_info))
    emit(found.record(), _diff_text(found), as_json)


def _diff_text(found: Diff) -> str:
    lines = [f"{found.old} → {found.new}"]
    lines += _section("added", [f"+ {name} ({dimension})" for name, dimension in found.added])
    lines += _section("removed", [f"- {name} ({dimension})" for name, dimension in found.removed])
    for title in ("moved", "parents", "definitions", "examples"):
        changes: tuple[Change, ...] = getattr(found, title)
        lines += _section(title, [f"{c.name}: {_side(c.old)} → {_side(c.new)}" for c in changes])
    for sign, title in (("+", "relations_added"), ("-", "relations_removed")):
        relations: tuple[Relation, ...] = getattr(found, title)
        edges = [f"{sign} {relation.source} {relation.type} {relation.target}" for relation in relations]
        lines += _section(title.replace("_", " "), edges)
    return "\n".join(lines)


def _section(title: str, rows: list[str]) -> list[str]:
    return [f"{title} {len(rows)}", *(f"  {row}" for row in rows)]


def _side(value: str | tuple[str, ...]) -> str:
    """One side of a change on one line; --json gives it whole."""
    text = value if isinstance(value, str) else ", ".join(value)
    return textwrap.shorten(text, 80, placeholder=" …") or "none"
