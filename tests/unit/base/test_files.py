"""base/files.py: a reader sees the old content or the new, and nothing is left over."""

import os
import stat
import sys
from pathlib import Path

import pytest

from ganforge.base.files import read_plain, read_plain_json, write_atomically, write_text_atomically


def test_new_content_and_no_temporary(tmp_path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    write_atomically(path, lambda temporary: temporary.write_text("new") and None)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("x"), KeyboardInterrupt()])
def test_a_failing_write_leaves_the_old_file_and_no_temporary(tmp_path, error: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(temporary) -> None:
        temporary.write_text("half")
        raise error

    with pytest.raises(type(error)):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failing_first_write_leaves_nothing(tmp_path) -> None:
    def fail(temporary) -> None:
        raise ValueError

    with pytest.raises(ValueError):
        write_atomically(tmp_path / "a.txt", fail)
    assert not list(tmp_path.iterdir())


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write(temporary) -> None:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent  # a rename within one file system
        assert temporary.suffix == path.suffix
        assert temporary.name.startswith(".")

    write_atomically(path, write)
    assert path.read_text() == "new"


def test_the_new_file_is_a_new_one(tmp_path) -> None:
    """Who has the old file open goes on reading the old content."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with path.open() as reader:
        write_text_atomically(path, "new")
        assert reader.read() == "old"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_text_atomically(tmp_path / "a.txt", "x")
        assert os.umask(mask) == mask  # looking at the mask has not changed it
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode


def test_a_missing_folder_is_an_error(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        write_text_atomically(tmp_path / "missing" / "a.txt", "x")


def test_text_is_utf8_with_unix_line_ends(tmp_path) -> None:
    write_text_atomically(tmp_path / "a.txt", "ä\n数\n")
    assert (tmp_path / "a.txt").read_bytes() == "ä\n数\n".encode()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes among its files")
def test_the_door_opens_plain_files_only(tmp_path: Path) -> None:
    plain = tmp_path / "plain.json"
    plain.write_text('{"a": 1}')
    assert read_plain(plain, 8) == b'{"a": 1}'
    assert read_plain_json(plain, 8) == {"a": 1}
    with pytest.raises(OSError, match="larger than 7 bytes") as caught:
        read_plain(plain, 7)
    assert caught.value.filename == str(plain)

    link, pipe, folder = tmp_path / "link", tmp_path / "pipe", tmp_path / "folder"
    link.symlink_to(plain)
    os.mkfifo(pipe)
    folder.mkdir()
    for path, reason in ((link, "a link"), (pipe, "a pipe"), (folder, "a folder"), (Path("/dev/zero"), "a pipe")):
        with pytest.raises(OSError, match=reason) as caught:
            read_plain(path, 100)
        assert caught.value.filename == str(path)
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "nothing", 100)


def test_json_that_is_none_is_a_value_error(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for content in (b"[" * 100_000, b"\xff", b"{", b"", b"9" * 5000):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r".+"):
            read_plain_json(path, 1_000_000)
