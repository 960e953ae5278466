import io
import json
import tarfile
import zipfile

import httpx
import pytest
from PIL import Image

from loopback import Reply, serve
from ontune.errors import SourceError
from ontune_converters import download, edugraph_worksheets
from ontune_converters.download import fetch_release, open_release, unpack

FILES = {
    "train/metadata.jsonl": b'{"file_name": "gen/a.png", "tags": ["Clock"]}\n',
    "validation/metadata.jsonl": b'{"file_name": "gen/a.png", "tags": ["Addition"]}\n',
}


def png(shade):
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


FILES |= {"train/gen/a.png": png(1), "validation/gen/a.png": png(2)}


def tar(files, top="dataset/", links=(), mode="w:gz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(top + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, kind, target in links:
            member = tarfile.TarInfo(top + name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    return buffer.getvalue()


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ontune"


def test_a_release_is_converted(workplace):
    with serve({"/v0.21.0-01/dataset.tar.gz": Reply(tar(FILES))}) as server:
        made = workplace.convert("edugraph_worksheets", "--download", "0.21.0-01", "--base-url", server.url)
    assert made.account["splits"] == {"train": 1, "val": 1}
    assert json.loads(made.split("val")[0]["meta"])["source"].startswith("dataset-v0.21.0-01/")
    assert set(made.media().values()) == {png(1), png(2)}


@pytest.mark.parametrize(
    ("version", "asset", "body"),
    [
        ("0.4.0", "worksheets.tar.gz", tar(FILES, top="./")),
        ("v0.4.0", "dataset.tar.gz", tar(FILES, mode="w")),
        ("0.4.0", "dataset.zip", zipped(FILES)),
    ],
)
def test_archives(version, asset, body, tmp_path):
    with serve({f"/releases/v0.4.0/{asset}": Reply(body)}) as server:
        source = open_release(version, f"{server.url}/releases/", tmp_path)
    assert {path.name for path in source.path.rglob("*.*")} == {"metadata.jsonl", "a.png"}
    assert source.name == f"{asset.split('.')[0]}-v0.4.0"


def test_a_release_is_fetched_once_unless_asked(cache):
    replies = {"/v1/dataset.tar.gz": Reply(tar(FILES))}
    with serve(replies) as server:
        first = fetch_release("1", server.url)
        kept = first.read_bytes()
        replies["/v1/dataset.tar.gz"] = Reply(tar({"other": b"x"}))
        assert fetch_release("1", server.url).read_bytes() == kept
        assert server.requests == ["GET /v1/dataset.tar.gz"]
        assert fetch_release("1", server.url, force=True).read_bytes() != kept
    assert fetch_release("1", server.url).is_relative_to(cache)  # the server is gone
    assert len(list(first.parent.iterdir())) == 2


def test_another_version_or_server_does_not_come_from_the_cache():
    with serve({"/v1/dataset.tar.gz": Reply(tar(FILES)), "/v2/dataset.tar.gz": Reply(tar({"b": b""}))}) as server:
        assert fetch_release("1", server.url) != fetch_release("2", server.url)
        with serve({}) as other, pytest.raises(SourceError, match="404"):
            fetch_release("1", other.url)


@pytest.mark.parametrize("what", ["archive", "hash"])
def test_a_changed_archive_in_the_cache_is_refused(what):
    with serve({"/v1/dataset.tar.gz": Reply(tar(FILES))}) as server:
        path = fetch_release("1", server.url)
        if what == "archive":
            path.write_bytes(tar({"other": b"x"}))
        else:
            path.with_name(f"{path.name}.sha256").unlink()
        with pytest.raises(SourceError, match=r"dataset\.tar\.gz: sha256 .* was fetched: use --no-cache"):
            fetch_release("1", server.url)


@pytest.mark.parametrize("body", [tar({"a": bytes(200_000)})[:-120], tar({"../../evil": b"x"})])
def test_an_archive_that_cannot_be_unpacked_is_not_kept(body, cache, tmp_path):
    replies = {"/v1/dataset.tar.gz": Reply(body)}
    with serve(replies) as server:
        with pytest.raises(SourceError):
            open_release("1", server.url, tmp_path / "first")
        assert not [path for path in cache.rglob("*") if path.is_file()]
        replies["/v1/dataset.tar.gz"] = Reply(tar(FILES))
        assert open_release("1", server.url, tmp_path / "second").path.is_dir()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:c68f\nsize 905795\n"


@pytest.mark.parametrize(
    ("replies", "text"),
    [
        ({}, r"dataset\.tar\.gz: no such file \(404\)\n.*worksheets\.tar\.gz: no such file \(404\)"),
        ({"dataset.tar.gz": Reply(b"", 500)}, "status 500"),
        ({"dataset.tar.gz": Reply(tar(FILES)[:100], announced=5000)}, "without sending complete message body"),
        ({"dataset.tar.gz": Reply(LFS)}, "a Git LFS pointer instead of an archive"),
        ({"dataset.tar.gz": Reply(b"<html>sorry</html>")}, "neither a tar nor a zip archive"),
        ({"dataset.tar.gz": Reply(b"")}, "neither a tar nor a zip archive"),
    ],
)
def test_what_is_no_archive_is_not_kept(replies, text, cache):
    with serve({f"/v1/{name}": reply for name, reply in replies.items()}) as server:
        with pytest.raises(SourceError, match=text):
            fetch_release("1", server.url)
        assert not [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("version", "url"), [("../1", "http://127.0.0.1:1"), ("1", "http://127.0.0.1:1"), ("1", "no url")]
)
def test_wrong_use(version, url):
    with pytest.raises(SourceError):
        fetch_release(version, url)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (tar({"a": b"a", "../../evil": b"x"}), r"'dataset/\.\./\.\./evil'"),
        (tar({"a": b"a"}, links=[("link", tarfile.SYMTYPE, "/etc/passwd")]), "'dataset/link': a link or device"),
        (tar({"a": b"a"}, links=[("hard", tarfile.LNKTYPE, "../../x")]), "'dataset/hard': a link or device"),
        (tar({"a": b"a"}, links=[("pipe", tarfile.FIFOTYPE, "")]), "'dataset/pipe': a link or device"),
        (zipped({"../evil": b"x", "a": b"a", "/abs": b""}), r"'\.\./evil': outside the folder\n.*'/abs': outside"),
        (tar({"a": bytes(200_000)})[:-120], "damaged: .*the next run fetches it anew"),
        (zipped({"a": b"a" * 1000}).replace(b"K", b"L", 1), "damaged: "),
    ],
)
def test_unsafe_archives_are_refused(body, text, tmp_path):
    (tmp_path / "archive").write_bytes(body)
    with pytest.raises(SourceError, match=text):
        unpack(tmp_path / "archive", tmp_path / "in" / "folder")
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} <= {"archive", "in", "cache"}
    assert not [path for path in (tmp_path / "in").rglob("*") if path.is_symlink() or "evil" in path.name]


@pytest.mark.parametrize("limit", ["MOST_FILES", "MOST_BYTES"])
@pytest.mark.parametrize("make", [tar, zipped])
def test_archives_that_unpack_to_too_much_are_refused(limit, make, tmp_path, monkeypatch):
    monkeypatch.setattr(download, limit, 3)
    (tmp_path / "archive").write_bytes(make({"a": b"x", "b": b"xx", "c": b"x", "d": b""}))
    with pytest.raises(SourceError, match="no dataset"):
        unpack(tmp_path / "archive", tmp_path / "folder")
    assert not (tmp_path / "folder" / "dataset" / "d").exists()


def test_the_published_name_is_the_default():
    assert httpx.URL(edugraph_worksheets.RELEASES).path == "/christian-bick/edugraph-dataset/releases/download"
