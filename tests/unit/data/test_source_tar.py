import io
import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from picture_files import shade

from ganforge.base.errors import UserError
from ganforge.data.sources.entries import Entry, class_names
from ganforge.data.sources.open import open_source, picture_at
from ganforge.data.sources.pixel_kinds import Unreadable


def make(path: Path, files: dict[str, bytes], **options: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w", **options) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_read_in_place(tmp_path: Path, form: int) -> None:
    long = f"dog/{'n' * 90}/1.png"
    files = {"./cat/2.png": shade(2), "cat/1.png": shade(1), long: shade(3), "notes.txt": b"", "cat/.3.png": shade(9)}
    path = make(tmp_path / "a.tar", files, format=form)
    source = open_source(path)
    assert source.entries == [Entry("cat/1.png", "cat"), Entry("cat/2.png", "cat"), Entry(long, "dog")]
    assert (source.kind, source.labels_from, source.skipped) == (
        "tar",
        "sub-folders",
        [("1 file ending in .txt", "no pictures of a kind that is read")],
    )
    assert [np.asarray(picture_at(source, index))[0, 0] for index in (2, 0, 1)] == [3, 1, 2]
    source.close()
    assert list(tmp_path.iterdir()) == [path]


def test_a_map_or_mask_beside_a_picture_is_no_picture_and_is_said(tmp_path: Path) -> None:
    """With the picture's key, as WebDataset names them. Without such a picture it is one itself."""
    names = [f"a/{key}.{end}" for key in ("0", "1", "2") for end in ("png", "depth.png", "x.mask.png")]
    names += ["b/2.depth.png", "a/3.seg.png", "a/4"]
    source = open_source(make(tmp_path / "a.tar", {name: shade(at) for at, name in enumerate(names)}))
    assert [entry.name for entry in source.entries] == [
        "a/0.png", "a/1.png", "a/2.png", "a/3.seg.png", "a/4", "b/2.depth.png",
    ]  # fmt: skip
    assert [np.asarray(picture_at(source, index))[0, 0] for index in range(6)] == [0, 3, 6, 10, 11, 9]
    why = "a map or mask, as WebDataset names them, of the picture with that KEY"
    assert source.skipped == [("3 of the name KEY.depth.png", why), ("3 of the name KEY.x.mask.png", why)]
    source.close()


def test_very_many_kinds_of_maps_are_summed_up(tmp_path: Path) -> None:
    files = {"0.png": shade(0)} | {f"0.{kind:02}.png": shade(1) for kind in range(30)}
    source = open_source(make(tmp_path / "a.tar", files))
    assert (len(source.entries), len(source.skipped)) == (1, 21)
    assert source.skipped[-1][0] == "10 of other such names"
    source.close()


@pytest.mark.parametrize(
    ("suffix", "notes"),
    [("cls", [b"7\n", b"10"]), ("json", [b'{"label": 7}', b'{"class": "10", "caption": "x"}'])],
)
def test_shards_with_classes_beside_the_pictures(tmp_path: Path, suffix: str, notes: list[bytes]) -> None:
    for shard in range(2):
        files = {f"a/{key}.{end}": content for key in ("00", "01")
                 for end, content in (("seg.png", shade(shard)), (suffix, notes[shard]))}  # fmt: skip
        make(tmp_path / "shards" / f"{shard}.tar", files)
    source = open_source(tmp_path / "shards")
    assert [entry.name for entry in source.entries] == [
        f"{s}.tar/a/{key}.seg.png" for s in (0, 1) for key in ("00", "01")
    ]
    assert class_names(source.entries) == ["7", "10"]
    assert source.labels_from == ".cls or .json beside each picture"
    assert [np.asarray(picture_at(source, index))[0, 0] for index in (3, 0, 2, 1)] == [1, 0, 1, 0]
    source.close()


def test_some_pictures_with_a_class_beside_them_and_others_without_stop(tmp_path: Path) -> None:
    files = {
        "0.png": shade(0),
        "0.cls": b"1",
        "1.png": shade(1),
        "1.json": b"[" * 9999,
        "2.png": shade(2),
        "2.json": b"{}",
    }
    with pytest.raises(UserError, match=r"beside each picture in .*a\.tar gives no class to 2 of 3 .*, such as 1\.png"):
        open_source(make(tmp_path / "a.tar", files))


@pytest.mark.parametrize(
    ("notes", "why"),
    [
        ({"0.cls": b"0.5", "1.cls": b"2"}, r"numbers that are not whole \(0\.5 for 0\.png\)"),
        ({"0.json": b'{"label": [1, 0]}', "1.json": b'{"label": 1}'}, r"several values for one picture \(.*1, 0"),
    ],
)
def test_what_lies_beside_the_pictures_may_be_no_class(tmp_path: Path, notes: dict[str, bytes], why: str) -> None:
    source = open_source(make(tmp_path / "a.tar", {"0.png": shade(0), "1.png": shade(1)} | notes))
    assert {entry.label for entry in source.entries} == {None}
    assert re.search(why, source.no_labels)
    source.close()


def test_parts_and_files_of_labels_in_a_tar(tmp_path: Path) -> None:
    pictures = {f"{part}/{number}.png": shade(number) for part in ("Train", "val") for number in range(2)}
    notes = {f"{name.removesuffix('.png')}.cls": b"7" for name in pictures if name.startswith("Train")}
    table = {"metadata.csv": b"file_name,label\n" + b"".join(b"%s,b\n" % name.encode() for name in pictures)}
    for more, label in ((notes, "7"), (table, "b")):
        source = open_source(make(tmp_path / "a.tar", pictures | more))
        assert source.entries[:2] == [Entry(f"Train/{number}.png", label, "train") for number in range(2)]
        assert [entry.split for entry in source.entries[2:]] == ["val"] * 2
        source.close()


def test_names_that_lead_out_links_and_devices_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (
            ("link.png", tarfile.SYMTYPE),
            ("hard.png", tarfile.LNKTYPE),
            ("pipe.png", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in ("../x.png", "/x.png", "good.png"):
            info = tarfile.TarInfo(name)
            info.size = len(shade(0))
            archive.addfile(info, io.BytesIO(shade(0)))
    source = open_source(path)
    assert [entry.name for entry in source.entries] == ["good.png"]
    assert source.skipped == [
        *((name, "a link, or no file, which is not read in a tar") for name in ("link.png", "hard.png", "pipe.png")),
        *((name, "its name leads out of the archive") for name in ("../x.png", "/x.png")),
    ]
    source.close()


def tar_of(path: Path, *files: tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_what_lies_beside_shards_is_said_and_another_split_is_not_learned_from(tmp_path: Path) -> None:
    tar_of(tmp_path / "pics-0.tar", ("a.png", shade(0)), ("b.png", shade(1)))
    tar_of(tmp_path / "test-0.tar", ("c.png", shade(2)))
    (tmp_path / "train-1.tar").symlink_to("nowhere")
    (tmp_path / "labels.csv").write_text("file_name,label\na.png,0\nb.png,1\n")
    source = open_source(tmp_path)
    assert [entry.name for entry in source.entries] == ["a.png", "b.png"]
    assert sorted(source.skipped) == [
        ("labels.csv", "not used: it lies beside shards"), ("test-0.tar", "another split than train"),
        ("train-1.tar", "cannot be reached (No such file or directory)"),
    ]  # fmt: skip
    source.close()


def test_what_a_later_entry_replaces_is_said(tmp_path: Path) -> None:
    source = open_source(tar_of(tmp_path / "a.tar", ("a.png", shade(0)), ("b.png", shade(1)), ("a.png", shade(2))))
    assert source.skipped == [("a.png", "replaced by a later entry of the same name")]
    assert source.read(0) == shade(2)
    source.close()


def test_two_files_that_tell_classes_stop_the_run(tmp_path: Path) -> None:
    pictures = [(f"{number}.png", shade(number)) for number in range(2)]
    notes = [(f"{number}.cls", b"1") for number in range(2)]
    table = ("metadata.csv", b"file_name,label\n0.png,0\n1.png,1\n")
    with pytest.raises(UserError, match=r"tells classes in metadata\.csv, and beside its pictures .*; keep one"):
        open_source(tar_of(tmp_path / "both.tar", *pictures, *notes, table))
    with pytest.raises(UserError, match=r"holds two files metadata\.csv; keep the one with the right labels"):
        open_source(tar_of(tmp_path / "two.tar", *pictures, table, ("metadata.csv", b"file_name,label\n")))


def test_notes_that_tell_nothing_are_said(tmp_path: Path) -> None:
    path = tar_of(
        tmp_path / "a.tar", ("0.png", shade(0)), ("0.json", b'{"label": '), ("1.png", shade(1)),
        ("1.json", b" " * (2 << 20)),
    )  # fmt: skip
    source = open_source(path)
    assert source.skipped == [
        ("0.json", "tells no class, since it cannot be read as JSON"), ("1.json", "takes 2,048 KiB, more than 1,024"),
    ]  # fmt: skip
    source.close()
    source = open_source(tar_of(tmp_path / "b.tar", ("0.png", shade(0)), ("0.cls", b"1"), ("9.cls", b"2")))
    assert source.skipped == [("9", "tells a class, and there is no picture beside it")]
    source.close()


@pytest.mark.parametrize(("kept", "left"), [(530, 0), (1024, 1), (1500, 1), (2000, 1)])
def test_a_cut_off_shard_keeps_what_is_whole_and_says_so(tmp_path: Path, kept: int, left: int) -> None:
    content = make(tmp_path / "a.tar", {"0.png": shade(0), "1.png": shade(1)}).read_bytes()
    assert content[1024:1029] == b"1.png"
    (tmp_path / "a.tar").write_bytes(content[:kept])
    if not left:
        with pytest.raises(UserError, match=r"a\.tar holds no pictures that can be read"):
            open_source(tmp_path / "a.tar")
        return
    source = open_source(tmp_path / "a.tar")
    assert [entry.name for entry in source.entries][:1] == ["0.png"]
    assert any(name == "a.tar" and ("cut off" in reason or "damaged" in reason) for name, reason in source.skipped)
    source.close()


def test_damage_between_two_files_is_noticed(tmp_path: Path) -> None:
    content = bytearray(make(tmp_path / "a.tar", {"0.png": shade(0), "1.png": shade(1)}).read_bytes())
    content[1030] ^= 1
    (tmp_path / "a.tar").write_bytes(content)
    source = open_source(tmp_path / "a.tar")
    assert source.skipped == [("a.tar", "cut off or damaged after file 1")]
    source.close()


def test_a_negative_size_ends_the_listing(tmp_path: Path) -> None:
    content = bytearray(make(tmp_path / "a.tar", {"0.png": shade(0), "1.png": shade(1)}).read_bytes())
    content[1024 + 124 : 1024 + 136] = (-1024).to_bytes(12, "big", signed=True)  # of the second: back to the first
    content[1024 + 148 : 1024 + 156] = b" " * 8
    content[1024 + 148 : 1024 + 156] = b"%06o\0 " % sum(content[1024:1536])
    (tmp_path / "a.tar").write_bytes(content)
    source = open_source(tmp_path / "a.tar")
    assert [entry.name for entry in source.entries] == ["0.png"]
    assert source.skipped == [("a.tar", "damaged after file 1 (a size that cannot be)")]
    source.close()


def test_a_shard_that_changes_or_goes(tmp_path: Path) -> None:
    path = make(tmp_path / "a.tar", {"0.png": shade(0)})
    source = open_source(path)
    before = source.fingerprint()
    path.write_bytes(path.read_bytes()[:520])
    with pytest.raises(Unreadable, match="cut off"):
        source.read(0)
    assert source.fingerprint() != before
    source.close()
    path.unlink()
    with pytest.raises(Unreadable, match="cannot be read"):
        source.read(0)
    with pytest.raises(UserError, match="is not there any more"):
        source.fingerprint()


def test_a_packed_tar_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("x"))
    with pytest.raises(UserError, match=r"a\.tar\.gz is not of a kind that can be read \(unpack a \.tar\.gz first\)"):
        open_source(tmp_path / "a.tar.gz")


def test_labels_are_never_taken_for_pictures(tmp_path: Path) -> None:
    path = make(tmp_path / "a.tar", {"0.json": json.dumps({"label": 1}).encode()})
    with pytest.raises(UserError, match="holds no pictures"):
        open_source(path)
