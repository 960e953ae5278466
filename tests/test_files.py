"""Writing in one step: the old content or the new one, never half of it."""

import hashlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune.errors import InputError
from ontune.files import copy_atomic, replace_directory, sha256_file, write_atomic, write_lines


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@given(st.binary())
def test_sha256_is_hashlibs(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("hash") / "x"
    path.write_bytes(content)
    assert sha256_file(path) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", b"\n"), ("a", b"a\n"), ("a\n\n", b"a\n"), ("ü\r\nb", "ü\r\nb\n".encode())],
)
def test_a_text_ends_with_one_newline_and_keeps_the_others(tmp_path, text, expected):
    write_atomic(tmp_path / "deep" / "x", text)
    assert (tmp_path / "deep" / "x").read_bytes() == expected


def test_lines_are_ended_each(tmp_path):
    write_lines(tmp_path / "x", iter(["a", "", "b"]))
    assert (tmp_path / "x").read_bytes() == b"a\n\nb\n"


def test_an_interrupted_writer_leaves_the_old_file_and_nothing_else(tmp_path):
    def lines():
        yield "new"
        raise KeyboardInterrupt

    write_lines(tmp_path / "x", ["old"])
    with pytest.raises(KeyboardInterrupt):
        write_lines(tmp_path / "x", lines())
    assert (tmp_path / "x").read_text() == "old\n"
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_files_and_folders_get_the_usual_mode(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "x", "")
        with replace_directory(tmp_path / "d"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o666 & ~umask
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o777 & ~umask


@pytest.mark.parametrize("existed", [True, False])
def test_a_folder_is_replaced_whole(tmp_path, existed):
    if existed:
        write_atomic(tmp_path / "d" / "old", "")
    with replace_directory(tmp_path / "d") as fresh:
        write_atomic(fresh / "new", "")
        assert (tmp_path / "d" / "old").exists() == existed  # until the block ends
    assert names(tmp_path / "d") == ["new"]
    assert names(tmp_path) == ["d"]


@pytest.mark.parametrize("existed", [True, False])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupted_replacement_leaves_the_old_folder_and_nothing_else(tmp_path, existed, error):
    def fill(folder: Path) -> None:
        write_atomic(folder / "new", "")
        raise error

    if existed:
        write_atomic(tmp_path / "d" / "old", "")
    with pytest.raises(error), replace_directory(tmp_path / "d") as fresh:
        fill(fresh)
    assert names(tmp_path) == ["d"] * existed
    assert not existed or names(tmp_path / "d") == ["old"]


def test_a_copy_keeps_every_byte(tmp_path):
    (tmp_path / "a").write_bytes(b"a\r\n\xff\n\n")
    copy_atomic(tmp_path / "a", tmp_path / "deep" / "b")
    assert (tmp_path / "deep" / "b").read_bytes() == b"a\r\n\xff\n\n"
    assert names(tmp_path / "deep") == ["b"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("pipe", "pipe: no regular file"), ("folder", "folder: a folder"), ("file/x", "x: cannot be written: ")],
)
def test_what_is_no_file_is_never_replaced(tmp_path, name, text):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match=text):
        write_lines(tmp_path / name, ["new"])
    assert names(tmp_path) == ["file", "folder", "pipe"]
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "file").read_text() == "kept"


def test_a_link_stays_one(tmp_path):
    (tmp_path / "link").symlink_to("real")
    write_lines(tmp_path / "link", ["new"])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new\n"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match="d: cannot be written: "), replace_directory(tmp_path / "file" / "d"):
        pass


def test_what_a_killed_run_left_is_removed_a_day_later(tmp_path):
    for name, age in ((".d.new-old", 25), (".d.new-old.old", 25), (".d.new-running", 1), (".dd.new-other", 25)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age * 3600,) * 2)
    with replace_directory(tmp_path / "d"):
        pass
    assert names(tmp_path) == [".d.new-running", ".dd.new-other", "d"]
