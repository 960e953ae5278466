import io
import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from loopback import Reply, hub, serve
from ontune.errors import SourceError
from ontune_converters.hub import unpack_parquet

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:c68f\nsize 905795\n"


def png(shade):
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


FILES = {
    "README.md": b"# Exercises",
    "train/metadata.jsonl": b'{"file_name": "gen/a.png", "labels": ["Clock"], "solution": false}\n',
    "validation/metadata.jsonl": b'{"file_name": "gen/b.PNG", "labels": ["Recall"], "solution": true}\n',
    "train/gen/a.png": png(1),
    "validation/gen/b.PNG": png(2),
    "train/huge.bin": b"not asked for",
}


# Runs conversions in one process and prints what each came to: an account, or an error.
CHILD = """
import json, sys
from click.testing import CliRunner
from ontune_converters.app import command
for arguments in json.loads(sys.argv[1]):
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    print(json.dumps({"error": str(result.exception)} if result.exception else json.loads(result.stdout)))
"""


@pytest.fixture
def from_hub(workplace):
    """What conversions come to in a process of their own: the Hub's library reads its environment when imported."""

    def run(server, *conversions):
        places = ["--ontology", "small.json", "--out", "data/hub", "--json"]
        jobs = [["edugraph_worksheets", "--from-hub", *conversion.split(), *places] for conversion in conversions]
        environment = os.environ | {
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(workplace.folder / "home"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        command = [sys.executable, "-c", CHILD, json.dumps(jobs)]
        done = subprocess.run(command, cwd=workplace.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def test_a_folder_of_pictures(from_hub, workplace):
    with serve(hub("someone/exercises", FILES)) as server:
        [account] = from_hub(server, "someone/exercises")
        assert account["splits"] == {"train": 1, "val": 1}
        fetched = [request for request in server.requests if "/resolve/" in request]
        assert not [request for request in fetched if "huge" in request or "README" in request]
        server.requests.clear()
        again, anew = from_hub(server, "someone/exercises", "someone/exercises --no-cache")
        assert again == anew == account
        # The second run found everything in the cache, the third one fetched it again.
        assert sorted(request for request in server.requests if "/resolve/" in request) == sorted(fetched)
    media = (workplace.folder / "data" / "hub" / "media").rglob("*.png")
    assert {path.read_bytes() for path in media} == {png(1), png(2)}
    meta = json.loads(json.loads((workplace.folder / "data" / "hub" / "val.jsonl").read_text())["meta"])
    assert meta["source"] == "exercises/validation/metadata.jsonl:1"


def test_revisions_and_what_the_hub_does_not_have(from_hub):
    replies = {
        **hub("someone/exercises", FILES, revision="v0.21.0-01"),
        **hub("some/text", {"README.md": b"text"}),
        **hub("some/lfs", {"metadata.jsonl": LFS}),
        "/api/datasets/down/now/revision/main": Reply(b"", 500),
    }
    expected = {
        "someone/exercises@v0.21.0-01": "",
        "someone/exercises@v9": "--from-hub someone/exercises: v9: ",
        "no/such": "404",
        "a/b/c": "Repo id must be in the form",
        "some/text": "none of annotations.jsonl",
        "some/lfs": "metadata.jsonl: a Git LFS pointer",
        "down/now": "500",
    }
    with serve(replies) as server:
        results = from_hub(server, *expected)
    assert results[0]["written"] == 2
    for result, text in zip(results, expected.values(), strict=True):
        assert text in result.get("error", "")


def table(path, rows):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(arrow.Table.from_pylist(rows), path)
    return path.read_bytes()


def test_parquet_files(from_hub, tmp_path, workplace):
    rows = [
        {"image": {"bytes": png(shade), "path": "same.png"}, "labels": json.dumps({"Scope": [label]})}
        for shade, label in ((1, "Clock"), (2, "EvenNumbers"))
    ]
    files = {
        "data/train-00000-of-00001.parquet": table(tmp_path / "t.parquet", rows),
        "data/validation-00000-of-00001.parquet": table(tmp_path / "v.parquet", rows[:1]),
    }
    with serve(hub("someone/worksheets", files)) as server:
        [account] = from_hub(server, "someone/worksheets")
    assert account["splits"] == {"train": 2, "val": 1}
    golds = (workplace.folder / "data" / "hub" / "train.jsonl").read_text()
    assert sorted(json.loads(json.loads(line)["meta"])["page"] for line in golds.splitlines()) == [
        "train/train-00000-of-00001-more/000001-same",
        "train/train-00000-of-00001/same",
    ]
    assert [label in golds for label in ("Clock", "EvenNumbers", "Recall")] == [True, True, False]


@pytest.mark.parametrize("row", [{"labels": "x"}, {"image": {"bytes": None, "path": "a.png"}}, {"image": "a.png"}])
def test_parquet_without_pictures_is_refused(tmp_path, row):
    table(tmp_path / "train-0.parquet", [row])
    with pytest.raises(SourceError, match=r"train-0\.parquet: row 0: no column `image` with bytes"):
        unpack_parquet([tmp_path / "train-0.parquet"], tmp_path, tmp_path / "folder")


def test_names_in_parquet_files_cannot_climb(tmp_path):
    rows = [{"image": {"bytes": png(1), "path": path}} for path in ("../../evil.png", "/evil.png", "..", None)]
    table(tmp_path / "train-0.parquet", rows)
    unpack_parquet([tmp_path / "train-0.parquet"], tmp_path, tmp_path / "in" / "folder")
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    assert len(written) == 5
    assert all(path.is_relative_to(tmp_path / "in" / "folder" / "train") for path in written)
