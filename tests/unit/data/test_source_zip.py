import json
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from picture_files import shade

from ganforge.base.errors import UserError
from ganforge.data.sources.entries import Entry, class_names
from ganforge.data.sources.open import open_source, picture_at
from ganforge.data.sources.pixel_kinds import Unreadable


def make(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's opinion of equal names
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_read_in_place(tmp_path: Path, method: int) -> None:
    names = ["b/1.png", "a/2.JPG", "./a/1.png", "__MACOSX/a/._1.png", "a/.DS_Store", "notes.txt"]
    path = make(tmp_path / "a.zip", {name: shade(number) for number, name in enumerate(names)}, method)
    source = open_source(path)
    assert source.entries == [Entry("a/1.png", "a"), Entry("a/2.JPG", "a"), Entry("b/1.png", "b")]
    assert (source.kind, source.labels_from, list(source.skipped)) == (
        "zip",
        "sub-folders",
        [("1 file ending in .txt", "no pictures of a kind that is read")],
    )
    assert [np.asarray(picture_at(source, index))[0, 0] for index in (2, 0, 1)] == [0, 2, 1]
    source.close()
    assert list(tmp_path.iterdir()) == [path]


def test_folders_around_and_empty_ones(tmp_path: Path) -> None:
    path = make(tmp_path / "a", {"all/cat/1.png": shade(0), "all/dog/1.png": shade(1), "all/fox/": b"", "all/": b""})
    source = open_source(path)
    assert class_names(source.entries) == ["cat", "dog"]
    assert source.skipped == [("all/fox/", "a class folder without pictures")]
    source.close()


def test_a_dataset_json_inside(tmp_path: Path) -> None:
    labels = {"labels": [["1.png", 3], ["2.png", 0]]}
    files = {"1.png": shade(0), "2.png": shade(1), "dataset.json": json.dumps(labels).encode()}
    source = open_source(make(tmp_path / "a.zip", files))
    assert ([entry.label for entry in source.entries], source.labels_from) == (["3", "0"], "dataset.json")
    source.close()
    with pytest.raises(UserError, match=r"dataset\.json in .*a\.zip cannot be used: it is not JSON"):
        open_source(make(tmp_path / "a.zip", files | {"dataset.json": b"{"}))


def test_a_file_of_labels_in_the_folder_around_all_and_one_that_cannot_be_unpacked(tmp_path: Path) -> None:
    labels = json.dumps({"labels": [["00000/1.png", 3], ["00001\\2.png", 0]]}).encode()
    files = {"all/00000/1.png": shade(0), "all/00001/2.png": shade(1)}
    source = open_source(make(tmp_path / "a.zip", files | {"all/dataset.json": labels}))
    assert ([entry.label for entry in source.entries], source.labels_from) == (["3", "0"], "dataset.json")
    source.close()
    with pytest.raises(UserError, match=r"dataset\.json in .*a\.zip cannot be used: unpacks to 1,0.. times its size"):
        open_source(make(tmp_path / "a.zip", files | {"all/dataset.json": bytes(17 << 20)}))


def test_names_that_lead_out_and_bombs_are_passed_over(tmp_path: Path) -> None:
    bad = ["../x.png", "a/../../x.png", "/etc/x.png", "C:/x.png", "..\\x.png"]
    files = {name: shade(0) for name in bad} | {"bomb.png": bytes(17 << 20), "good.png": shade(1)}
    source = open_source(make(tmp_path / "a.zip", files))
    assert [entry.name for entry in source.entries] == ["good.png"]
    reasons = dict(source.skipped)
    assert {reasons[name.replace("\\", "/")] for name in bad} == {"its name leads out of the archive"}
    assert reasons["bomb.png"].startswith("unpacks to 1,0")
    source.close()


def test_of_equal_names_the_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a.png", shade(1))
        archive.writestr("a.png", shade(2))
    source = open_source(path)
    assert [np.asarray(picture_at(source, 0))[0, 0], len(source.entries)] == [2, 1]
    assert source.skipped == [("a.png", "replaced by a later entry of the same name")]
    source.close()


def patched(path: Path, change: dict[bytes, tuple[int, bytes]]) -> Path:
    """Bytes at an offset from each occurrence of a signature replaced."""
    content = bytearray(path.read_bytes())
    for signature, (offset, new) in change.items():
        at = content.find(signature)
        while at >= 0:
            content[at + offset : at + offset + len(new)] = new
            at = content.find(signature, at + 4)
    path.write_bytes(content)
    return path


def test_encrypted_entries(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"a.png": shade(0)})
    patched(path, {b"PK\1\2": (8, b"\1\0"), b"PK\3\4": (6, b"\1\0")})
    with pytest.raises(UserError, match=r"a\.zip holds no pictures that can be read \(a\.png: encrypted\); check"):
        open_source(path)


@pytest.mark.parametrize("size", [1 << 30, 4000])
def test_a_size_that_is_a_lie(tmp_path: Path, size: int) -> None:
    path = make(tmp_path / "a.zip", {"a.png": shade(0), "b.png": shade(1)})
    patched(path, {b"PK\1\2": (24, struct.pack("<I", size))})
    if size == 4000:
        source = open_source(path)
        with pytest.raises(Unreadable, match=r"cut off|cannot be unpacked"):
            source.read(0)
        source.close()
    else:
        with pytest.raises(UserError, match="unpacks to 1,024 MiB, more than 400"):
            open_source(path)


def test_a_wrong_checksum_is_unreadable(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"a.png": shade(0)}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 5] ^= 1
    path.write_bytes(content)
    source = open_source(path)
    with pytest.raises(Unreadable, match=r"cannot be unpacked \(Bad CRC-32 for file 'a\.png'\)"):
        source.read(0)
    source.close()


@pytest.mark.parametrize("kept", [0.2, 0.9])
def test_a_cut_off_archive(tmp_path: Path, kept: float) -> None:
    content = make(tmp_path / "a.zip", {"a.png": shade(0)}).read_bytes()
    (tmp_path / "a.zip").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UserError, match=r"a\.zip is not a whole zip file \(File is not a zip file\); get it again"):
        open_source(tmp_path / "a.zip")


def test_an_archive_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"a\.zip holds no pictures that can be read \(1 file ending in \.txt: .*\); check"
    ):
        open_source(make(tmp_path / "a.zip", {"notes.txt": b"no picture", "inner.zip": b"PK"}))


def test_the_fingerprint_is_the_contents_not_the_files(tmp_path: Path) -> None:
    source = open_source(make(tmp_path / "a.zip", {"a.png": shade(0)}))
    other = open_source(make(tmp_path / "b.zip", {"a.png": shade(0)}, zipfile.ZIP_STORED))
    before = source.fingerprint()
    assert before == other.fingerprint()
    make(tmp_path / "b.zip", {"a.png": shade(1)})
    assert other.fingerprint() != before
    (tmp_path / "b.zip").unlink()
    with pytest.raises(UserError, match=r"b\.zip cannot be read \(No such file or directory\)"):
        other.fingerprint()
    source.close()
    other.close()
