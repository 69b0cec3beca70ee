import errno
import json
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from picture_files import COLOUR, header_at, save, shade

from ganforge.base.errors import UserError
from ganforge.data.sources.decode import Header
from ganforge.data.sources.entries import class_names
from ganforge.data.sources.open import open_source, picture_at
from ganforge.data.sources.picture_folder import list_folder, read_file
from ganforge.data.sources.pixel_kinds import Unreadable


def fill(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(shade(number))
    return folder


def reasons(folder: Path) -> dict[str, str]:
    return dict(open_source(folder).skipped)


def test_pictures_in_the_order_of_their_paths(tmp_path: Path) -> None:
    fill(
        tmp_path,
        "c/b.png",
        "a.PNG",
        "c/a.jpeg",
        "b/x/y.webp",
        ".hidden.png",
        ".cache/a.png",
        "__MACOSX/a.png",
        "notes.txt",
    )
    source = open_source(tmp_path)
    assert [entry.name for entry in source.entries] == ["a.PNG", "b/x/y.webp", "c/a.jpeg", "c/b.png"]
    assert (source.name, source.kind) == (str(tmp_path), "folder")
    assert ("1 file ending in .txt", "no pictures of a kind that is read") in source.skipped
    shades = [np.asarray(picture_at(source, index))[0, 0] for index in range(4)]
    assert shades == [1, 3, 2, 0]  # all are PNG files, whatever their names say
    assert header_at(source, 0) == Header(4, 5, "L")
    source.close()


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    fill(tmp_path, "10/a.png", "2/a.png", "2/x/b.png")
    (tmp_path / "7").mkdir()
    source = open_source(tmp_path)
    assert [entry.label for entry in source.entries] == ["10", "2", "2"]
    assert (class_names(source.entries), source.labels_from) == (["2", "10"], "sub-folders")
    assert source.skipped == [("7/", "a class folder without pictures")]


def test_a_dataset_json_goes_before_sub_folders(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": [["a/1.png", 5], ["b/2.png", 5]]}))
    source = open_source(tmp_path)
    assert ([entry.label for entry in source.entries], source.labels_from) == (["5", "5"], "dataset.json")
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(UserError, match=r"dataset\.json cannot be used: it is not JSON .*; correct it or remove it"):
        open_source(tmp_path)


@pytest.mark.parametrize("name", ["labels.csv", "in/metadata.csv"])
def test_files_of_labels_are_read_and_fingerprinted(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "in/a/1.png", "in/b/2.png")
    (tmp_path / name).write_text("file_name,label\na/1.png,x\nb/2.png,y\n")
    source = open_source(tmp_path)
    assert ([entry.label for entry in source.entries], source.labels_from) == (["x", "y"], name.rpartition("/")[2])
    before = source.fingerprint()
    (tmp_path / name).write_text("file_name,label\na/1.png,x\nb/2.png,zz\n")
    assert source.fingerprint() != before


def test_a_file_of_labels_that_cannot_be_reached_stops(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "dataset.json").symlink_to("nowhere")
    with pytest.raises(
        UserError, match=r"dataset\.json cannot be used: cannot be reached \(.*\); correct it or remove it"
    ):
        open_source(tmp_path)


def test_a_file_of_labels_beside_no_pictures_is_named(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.png", "b/2.png", "notes/x.txt")
    (tmp_path / "notes" / "labels.csv").write_text("anything")
    assert reasons(tmp_path)["notes/labels.csv"] == "not used: no picture lies in its folder"


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    fill(tmp_path, "data/cat/1.png", "elsewhere/2.png")
    folder = tmp_path / "data"
    (folder / "dog").symlink_to(tmp_path / "elsewhere")
    (folder / "dog2").symlink_to(tmp_path / "elsewhere")
    (folder / "cat" / "up").symlink_to(folder)
    (folder / "cat" / "3.png").symlink_to(tmp_path / "elsewhere" / "2.png")
    (folder / "cat" / "self.png").symlink_to("self.png")
    (folder / "cat" / "gone.png").symlink_to("nowhere")
    assert [entry.name for entry in open_source(folder).entries] == ["cat/1.png", "cat/3.png", "dog/2.png"]
    found = reasons(folder)
    assert found["cat/up"] == found["dog2"] == "a link to a folder that is read already"
    assert found["cat/self.png"].startswith("cannot be reached (")
    assert found["cat/gone.png"] == "cannot be reached (No such file or directory)"


def test_a_real_folder_goes_before_links_to_it(tmp_path: Path) -> None:
    fill(tmp_path, "z/1.png", "b/1.png")
    (tmp_path / "a").symlink_to(tmp_path / "z")
    assert [entry.name for entry in open_source(tmp_path).entries] == ["b/1.png", "z/1.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_are_not_opened(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png")
    os.mkfifo(tmp_path / "pipe.png")
    source = open_source(tmp_path)
    assert source.skipped == [("pipe.png", "not a file but a pipe, socket or device")]
    (tmp_path / "a.png").unlink()
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(Unreadable, match="not a file any more"):
        source.read(0)
    with pytest.raises(UserError, match=r"pipe\.png is a pipe, socket or device; name a folder of pictures, a zip"):
        open_source(tmp_path / "pipe.png")


def test_files_that_vanish_or_change_are_unreadable(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png", "c.png")
    source = open_source(tmp_path)
    before = source.fingerprint()
    (tmp_path / "a.png").unlink()
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(Unreadable, match="not there any more"):
        source.read(0)
    with pytest.raises(Unreadable, match="changed since the folder was listed"):
        source.read(1)
    assert source.read(2) == shade(2)
    assert source.fingerprint() != before


def test_zero_bytes_and_wrong_contents_are_unreadable(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png")
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"hello")
    source = open_source(tmp_path)
    for index, reason in enumerate(["empty file", "not a picture"]):
        with pytest.raises(Unreadable, match=reason):
            picture_at(source, index)


def test_absurdly_large_files_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(401 << 20)
    with pytest.raises(Unreadable, match="takes 401 MiB, more than 400"):
        read_file(tmp_path / "a.png")


@pytest.mark.skipif(sys.platform != "linux", reason="file systems that take any bytes")
def test_names_in_any_script_or_none(tmp_path: Path) -> None:
    fill(tmp_path, "ネコ/猫.png", "собака/\u202e.png")
    raw = os.fsencode(tmp_path) + b"/\xff\n"
    os.mkdir(raw)  # noqa: PTH102 - a name that is no text
    with open(raw + b"/\xfe.png", "wb") as file:  # noqa: PTH123
        file.write(shade(9))
    source = open_source(tmp_path)
    assert [entry.name for entry in source.entries] == ["собака/\\u202e.png", "ネコ/猫.png", "\\xff\\n/\\xfe.png"]
    assert class_names(source.entries) == ["\\xff\\n", "собака", "ネコ"]
    assert np.asarray(picture_at(source, 2))[0, 0] == 9
    source.fingerprint().encode()


def test_the_fingerprint_tells_names_sizes_times_and_labels(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png")
    source = open_source(tmp_path)
    seen = [source.fingerprint()]
    assert open_source(tmp_path).fingerprint() == seen[0]
    (tmp_path / "notes.txt").write_text("not a picture")
    assert source.fingerprint() == seen[0]
    os.utime(tmp_path / "a.png", ns=(0, 1))
    seen.append(source.fingerprint())
    (tmp_path / "b.png").rename(tmp_path / "c.png")
    seen.append(source.fingerprint())
    (tmp_path / "dataset.json").write_text("{}")
    seen.append(source.fingerprint())
    assert len(set(seen)) == 4


def test_folders_that_cannot_be_listed_are_noted(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "locked/b.png")
    (tmp_path / "locked").chmod(0)
    try:
        if os.access(tmp_path / "locked", os.R_OK):
            pytest.skip("this user may read everything")
        assert reasons(tmp_path)["locked"] == "cannot be listed (Permission denied)"
    finally:
        (tmp_path / "locked").chmod(stat.S_IRWXU)


def test_where_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no file or folder .*nowhere; check its name"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"holds no pictures; check"):
        open_source(tmp_path)
    for name in ("a.txt", "b.txt", "c"):
        (tmp_path / name).write_text("no picture")
    with pytest.raises(
        UserError,
        match=r"holds no pictures, only 2 files ending in \.txt \(.*\), 1 file without an ending \(.*\); check",
    ):
        open_source(tmp_path)
    with pytest.raises(UserError, match=r"a\.txt is not of a kind that can be read; name a folder of pictures"):
        open_source(tmp_path / "a.txt")
    (tmp_path / "c").write_bytes(b"")
    with pytest.raises(UserError, match=r"c is empty; name a folder"):
        open_source(tmp_path / "c")
    with pytest.raises(UserError, match=r"d\.png is a single picture; name the folder that it is in"):
        open_source(save(tmp_path / "d.png", COLOUR))
    with pytest.raises(UserError, match=r"cannot be read .*check its name"):
        open_source(tmp_path / "x\0y")


def test_listing_takes_the_suffixes_that_are_asked_for(tmp_path: Path) -> None:
    fill(tmp_path, "a/x.tar", "y.TAR", "z.png")
    assert list(list_folder(tmp_path, frozenset({".tar"})).files) == ["a/x.tar", "y.TAR"]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_what_the_system_lacks_is_no_broken_picture(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be left out, and the shortened pictures kept in the cache."""
    (tmp_path / "a.png").write_bytes(b"x")

    monkeypatch.setattr(os, "open", lambda *_: fail_with(number))
    with pytest.raises(OSError, match=os.strerror(number)):
        read_file(tmp_path / "a.png")
    monkeypatch.undo()
    monkeypatch.setattr(os, "open", lambda *_: fail_with(errno.EACCES))
    with pytest.raises(Unreadable, match="cannot be read"):
        read_file(tmp_path / "a.png")


def fail_with(number: int) -> int:
    raise OSError(number, os.strerror(number))
