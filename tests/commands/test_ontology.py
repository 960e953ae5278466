"""`ontune ontology …` as it is called: what is written, printed and refused."""

from pathlib import Path

import pytest
import rdflib

import small
from loopback import Reply
from ontology.edugraph import NEW
from ontune.ontology import load_ontology, write_snapshot
from ontune.ontology.release import ASSETS
from ontune.ontology.stats import stats

# rdflib's parsers call what rdflib has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working directory with an RDF file and two snapshots."""
    monkeypatch.chdir(tmp_path)
    Path("a.ttl").write_text(NEW, encoding="utf-8")
    write_snapshot(small.ONTOLOGY, Path("dataset_info/ontologies/small-1.json"))
    return tmp_path


def test_build_writes_the_snapshot_and_prints_its_counts(here, cli):
    answer = cli("ontology", "build", "a.ttl", "--name", "mini", "--version", "2", "-o", "out/x.json", "--json")
    assert answer.status == 0
    assert answer.json() == {"snapshot": "out/x.json", **stats(load_ontology("out/x.json"))}
    assert answer.json()["dimensions"] == {"Area": 3, "Scope": 2, "Ability": 1}
    again = cli("ontology", "build", "a.ttl", "--name", "mini", "--version", "2")
    assert again.status == 0
    assert "parent edges        3" in again.out
    assert Path("dataset_info/ontologies/mini-2.json").read_bytes() == Path("out/x.json").read_bytes()


@pytest.mark.parametrize("version", ["0.21.0", "v0.21.0"])
def test_build_of_a_release_needs_nothing_else(here, cli, server, version):
    content = rdflib.Graph().parse(data=NEW, format="turtle").serialize(format="xml").encode()
    server.replies[f"/v0.21.0/{ASSETS[0]}"] = Reply(content)
    options = ("--base-url", server.url, "--cache", "cache")
    answer = cli("ontology", "build", "--release", version, *options, "--json")
    assert answer.status == 0
    assert answer.json()["snapshot"] == "dataset_info/ontologies/edugraph-0.21.0.json"
    assert f"downloading {server.url}/v0.21.0/{ASSETS[0]}" in answer.err
    assert load_ontology("edugraph-0.21.0", Path("dataset_info")).version == "0.21.0"
    assert "kept from an earlier download" in cli("ontology", "build", "--release", version, *options).err


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((), "expected FILES, or --release VERSION"),
        (("a.ttl", "--release", "1.0"), "expected FILES, or --release VERSION"),
        (("a.ttl", "--name", "x"), "FILES need --name and --version"),
        (("a.ttl", "--name", "x/y", "--version", "1"), "make no file name: give -o"),
        (("gone.ttl", "--name", "x", "--version", "1"), "'gone.ttl' does not exist"),
        (("dataset_info/ontologies/small-1.json", "--name", "x", "--version", "1"), "not RDF (read as json-ld)"),
    ],
)
def test_wrong_use_of_build_ends_with_status_2_and_writes_nothing(here, cli, arguments, fault):
    answer = cli("ontology", "build", *arguments, "--json")
    assert answer.status == 2
    assert fault in " ".join(answer.json()["error"])
    assert [path.name for path in (here / "dataset_info" / "ontologies").iterdir()] == ["small-1.json"]


def test_stats(here, cli):
    assert cli("ontology", "stats", "small-1", "--json").json() == stats(small.ONTOLOGY)
    assert "dimensions          Area 9, Scope 7, Ability 4" in cli("ontology", "stats", "small-1").out


def test_show_a_concept(here, cli):
    record = cli("ontology", "show", "small-1", "Addition", "--json").json()
    assert (record["parents"], record["children"]) == (["Arithmetic"], ["AdditionMakeTen"])
    lines = cli("ontology", "show", "small-1", "Addition").out.splitlines()
    assert lines[0] == "Addition (Area) http://example.org/edu/Addition"
    assert lines[1:3] == ["  Joins two amounts into one.", "  2 + 3 = 5"]
    assert "  integrates    Clock → Addition" in lines


def test_show_a_tree(here, cli):
    tree = cli("ontology", "show", "small-1", "--dimension", "Ability").out.splitlines()
    assert tree == ["[Ability]", "Applying", "  Explaining", "Knowing", "  Explaining", "  Recall"]
    record = cli("ontology", "show", "small-1", "--json").json()
    assert list(record["dimensions"]) == ["Area", "Scope", "Ability"]
    assert record["dimensions"]["Ability"][1] == {"depth": 1, "name": "Explaining"}


def test_diff(here, cli):
    cli("ontology", "build", "a.ttl", "--name", "mini", "--version", "2")
    record = cli("ontology", "diff", "small-1", "mini-2", "--json").json()
    assert {"name": "Hours", "dimension": "Scope"} in record["added"]
    lines = cli("ontology", "diff", "small-1", "mini-2").out.splitlines()
    assert lines[0] == "small 1 → mini 2"
    assert "definitions 4" in lines
    assert "  Addition: Joins two amounts into one. → Joins amounts." in lines
    assert "  + Clock integrates Hours" in lines


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("stats", "gone-1"), "make it: ontune ontology build FILE"),
        (("show", "small-1", "Adition"), "nearest: ['Addition'"),
        (("show", "small-1", "--dimension", "X"), "expected one of ['Area'"),
        (("diff", "small-1", "edugraph-9.9"), "make it: ontune ontology build --release 9.9"),
    ],
)
def test_what_is_not_there_ends_with_status_2(here, cli, arguments, fault):
    answer = cli("ontology", *arguments)
    assert (answer.status, answer.out) == (2, "")
    assert fault in answer.err


def test_every_command_says_what_it_is_for(cli):
    answer = cli("ontology", "--help")
    assert answer.status == 0
    assert [line.split()[0] for line in answer.out.splitlines()[-4:]] == ["build", "diff", "show", "stats"]
