"""Releases from a real server on 127.0.0.1: what is kept, what is refused, what is not asked for twice."""

import hashlib
from pathlib import Path

import pytest
import rdflib

from loopback import Reply
from ontology.edugraph import NEW
from ontune.errors import OntologyError
from ontune.ontology.release import ASSETS, read_release
from ontune.ontology.snapshot import snapshot_sha256

RDF = rdflib.Graph().parse(data=NEW, format="turtle").serialize(format="xml").encode()
NO_CONCEPT = rdflib.Graph().parse(data="<http://x/a> <http://x/b> <http://x/c> .", format="nt").serialize(format="xml")
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:c68f\nsize 205259\n"


@pytest.mark.parametrize("asset", ASSETS)
def test_either_name_is_found_kept_with_its_hash_and_not_asked_for_again(server, tmp_path, asset):
    server.replies[f"/v0.21.0/{asset}"] = Reply(RDF)
    first = read_release("0.21.0", server.url, tmp_path)
    assert (first.name, first.version, len(first.concepts)) == ("edugraph", "0.21.0", 6)
    asked = len(server.requests)
    assert read_release("0.21.0", server.url, tmp_path) == first
    assert len(server.requests) == asked
    kept = next(tmp_path.rglob(asset))
    assert kept.parent.name == "v0.21.0"
    assert kept.read_bytes() == RDF
    assert Path(f"{kept}.sha256").read_text() == f"{hashlib.sha256(RDF).hexdigest()}  {asset}\n"
    assert {path.name for path in kept.parent.iterdir()} == {asset, f"{asset}.sha256"}


def test_a_redirect_is_followed(server, tmp_path):
    server.replies[f"/v1.0/{ASSETS[0]}"] = Reply(b"", 302, headers={"Location": "/elsewhere"})
    server.replies["/elsewhere"] = Reply(RDF)
    assert len(read_release("1.0", server.url, tmp_path).concepts) == 6


def test_another_version_in_the_cache_is_another_release(server, tmp_path):
    more = RDF.replace(b"</rdf:RDF>", b"") + (
        b'<rdf:Description rdf:about="http://edugraph.io/edu/Sum"><rdf:type rdf:resource="http://edugraph.io/edu#Area"/>'
        b"</rdf:Description></rdf:RDF>"
    )
    server.replies[f"/v0.4.0/{ASSETS[1]}"] = Reply(RDF)
    server.replies[f"/v0.21.0/{ASSETS[0]}"] = Reply(more)
    old = read_release("0.4.0", server.url, tmp_path)
    new = read_release("0.21.0", server.url, tmp_path)
    assert [len(ontology.concepts) for ontology in (old, new)] == [6, 7]
    assert snapshot_sha256(read_release("0.4.0", server.url, tmp_path)) == snapshot_sha256(old)


@pytest.mark.parametrize(
    ("answers", "faults"),
    [
        ([], ["/core-ontology-math.rdf: 404 Not Found", "/core-ontology.rdf: 404 Not Found"]),
        ([Reply(b"busy", 503)], ["/core-ontology-math.rdf: 503 Service Unavailable"]),
        ([Reply(RDF[:900], announced=len(RDF))], ["/core-ontology-math.rdf: download failed: peer closed connection"]),
        ([Reply(RDF[:900])], [": not RDF (read as xml): "]),
        ([Reply(LFS)], ["/core-ontology-math.rdf: a Git LFS pointer instead of content"]),
        ([Reply(b"<!DOCTYPE html><p>Sign in")], ["/core-ontology-math.rdf:1: not RDF (read as xml): "]),
        ([Reply(NO_CONCEPT.encode())], ["/core-ontology-math.rdf: no concept found"]),
        ([Reply(b"")], ["/core-ontology-math.rdf: not RDF"]),
    ],
    ids=["404", "503", "truncated", "truncated unnoticed", "LFS pointer", "HTML", "no concept", "empty"],
)
def test_what_is_no_ontology_is_refused_and_not_kept(server, tmp_path, answers, faults):
    server.replies |= {f"/v1.0/{asset}": answer for asset, answer in zip(ASSETS, answers, strict=False)}
    with pytest.raises(OntologyError) as caught:
        read_release("1.0", server.url, tmp_path)
    assert len(caught.value.faults) == len(faults)
    for found, expected in zip(caught.value.faults, faults, strict=True):
        assert found.startswith(f"{server.url}/v1.0")
        assert expected in found
    assert not list(tmp_path.rglob("*"))
    server.replies[f"/v1.0/{ASSETS[0]}"] = Reply(RDF)
    assert len(read_release("1.0", server.url, tmp_path).concepts) == 6


def test_a_kept_file_that_changed_is_refused(server, tmp_path):
    server.replies[f"/v1.0/{ASSETS[0]}"] = Reply(RDF)
    read_release("1.0", server.url, tmp_path)
    kept = next(tmp_path.rglob(ASSETS[0]))
    kept.write_bytes(RDF + b"\n")
    with pytest.raises(
        OntologyError, match=r"core-ontology-math\.rdf: sha256 \w{64}, but core-ontology-math\.rdf\.sha"
    ):
        read_release("1.0", server.url, tmp_path)
    kept.write_bytes(RDF)
    Path(f"{kept}.sha256").unlink()
    with pytest.raises(OntologyError, match=r"no core-ontology-math\.rdf\.sha256 beside it"):
        read_release("1.0", server.url, tmp_path)


@pytest.mark.parametrize("release", ["", "../x", "latest", "1/2"])
def test_a_release_that_is_no_version_is_refused_before_anything_is_asked(server, tmp_path, release):
    with pytest.raises(OntologyError, match="expected a version such as"):
        read_release(release, server.url, tmp_path)
    assert not server.requests


def test_a_server_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(OntologyError, match=r"127\.0\.0\.1:9/v1\.0/core-ontology-math\.rdf: download failed"):
        read_release("1.0", "http://127.0.0.1:9", tmp_path)


def test_another_server_is_asked_for_itself(server, tmp_path):
    server.replies[f"/v1.0/{ASSETS[0]}"] = Reply(RDF)
    read_release("1.0", server.url, tmp_path)
    with pytest.raises(OntologyError, match="download failed"):
        read_release("1.0", "http://127.0.0.1:1", tmp_path)
