"""Pictures are told by their content, whatever their names end in; what is passed over is counted and said."""

import io
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_files import COLOUR, encode, shade

from ganforge.base.errors import UserError
from ganforge.data.prepared.picture_dataset import describe_preparation
from ganforge.data.prepared.prepare import prepare
from ganforge.data.prepared.request import Request
from ganforge.data.sources.decode import PictureFile
from ganforge.data.sources.formats import format_of, heif_is_read
from ganforge.data.sources.inspect_source import describe_source, inspect_source
from ganforge.data.sources.open import open_guarded, open_source
from ganforge.data.sources.other_files import OtherFiles

HEIC = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + bytes(80)
KINDS = {"JPEG": ".jfif", "AVIF": ".avif", "PPM": ".ppm", "TGA": ".tga", "JPEG2000": ".jp2", "QOI": ".qoi", "PNG": ""}
OTHERS = {"x.psd": b"8BPS" + bytes(80), "y.psd": b"8BPS" + bytes(80), "notes.txt": b"hello"}


def written(kind: str, path: Path, files: dict[str, bytes]) -> Path:
    """The files in a folder, a zip or a tar file."""
    if kind == "folder":
        for name, content in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, "w") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture(params=["folder", "zip", "tar"])
def kept_in(request: Any) -> str:
    return str(request.param)


@pytest.mark.parametrize("form", KINDS)
def test_formats_are_told_by_their_beginnings(form: str) -> None:
    content = encode(COLOUR, form)
    assert format_of(content[:64]) == form
    picture, rest = PictureFile(content).take()
    assert (picture.mode, picture.size, rest.told()) == ("RGB", (4, 5), None)
    if form not in ("JPEG", "AVIF"):
        assert np.array_equal(np.asarray(picture), COLOUR)


NO_PICTURES = (b"", b"hello", b"BMX is a sport of its own", b"P1x", b"%!PS-Adobe-3.0 EPSF-3.0", b"RIFF1234AVI ",
               b"PK\3\4", b"\0\0\0\x18ftypmp42", b"8BPS")  # fmt: skip


@pytest.mark.parametrize("begin", NO_PICTURES)
def test_what_is_no_picture(begin: bytes) -> None:
    assert format_of(begin.ljust(64, b"\0") if begin else begin) == ""


def test_any_ending_and_none_are_read(tmp_path: Path, kept_in: str) -> None:
    files = {f"a/{form}{ending}": encode(COLOUR, form) for form, ending in KINDS.items()}
    files |= {"a/photo.jpg_large": encode(COLOUR, "JPEG"), "a/12345": shade(3), "a/pal.xyz": encode(COLOUR, "GIF")}
    source = open_source(written(kept_in, tmp_path / "p", files))
    assert [entry.name for entry in source.entries] == sorted(files)
    assert list(source.skipped) == []
    source.close()


def test_what_is_passed_over_is_counted_and_said(tmp_path: Path, kept_in: str) -> None:
    files = {"a.png": shade(1), "b.jfif": shade(2), ".hidden": shade(3), "__MACOSX/c": shade(4)} | OTHERS
    path = written(kept_in, tmp_path / "p", files)
    with closing(open_guarded(path)) as source:
        text = describe_source(inspect_source(source))
    assert "skipped     2 files ending in .psd: no pictures of a kind that is read" in text
    assert "skipped     1 file ending in .txt: no pictures" in text
    _, facts = prepare(str(path), Request(), None, lambda line: None, root=tmp_path / "cache", workers=0)
    assert facts["shape"][0] == 2
    why = "(no pictures of a kind that is read)"
    assert f"Skipped: 2 files ending in .psd {why}, 1 file ending in .txt {why}" in describe_preparation(
        facts, Path("facts.json")
    )


def test_only_what_the_name_leaves_open_is_looked_into() -> None:
    def never() -> bytes:
        raise AssertionError

    others = OtherFiles()
    assert not others.is_picture("captions/a.txt", never)
    assert others.is_picture("a.bin", lambda: shade(0)[:64])
    assert not others.is_picture("b.bin", lambda: b"")
    assert others.lines() == [("1 file ending in .txt", "no pictures of a kind that is read"),
                              ("1 file ending in .bin", "no pictures of a kind that is read")]  # fmt: skip


def test_very_many_endings_are_summed_up() -> None:
    others = OtherFiles()
    for number in range(60):
        others.is_picture(f"a.x{number}", lambda: b"")
    assert len(others.lines()) == 51
    assert others.lines()[-1][0] == "10 files with other endings"


@pytest.fixture
def no_heif(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Here too, where the extra is installed."""
    heif_is_read.cache_clear()
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    yield
    heif_is_read.cache_clear()


@pytest.mark.usefixtures("no_heif")
def test_heic_without_its_extra(tmp_path: Path, kept_in: str) -> None:
    few = written(kept_in, tmp_path / "p", {"a.png": shade(1), "b.png": shade(2), "c.heic": HEIC, "d.HIF": HEIC})
    source = open_source(few)
    reason = "HEIC pictures, which pip install 'ganforge[heif]' reads"
    assert list(source.skipped) == [("1 file ending in .heic", reason), ("1 file ending in .hif", reason)]
    source.close()
    most = written(kept_in, tmp_path / "q", {"a.png": shade(1), "c.heic": HEIC, "d.heic": HEIC})
    with pytest.raises(
        UserError, match=r"q holds 2 HEIC pictures, which .* reads, and 1 others; install that, or remove"
    ):
        open_source(most)


def test_heic_with_its_extra(tmp_path: Path) -> None:
    assert heif_is_read()
    written("folder", tmp_path / "p", {"a.heic": encode(COLOUR, "HEIF"), "b": encode(COLOUR, "HEIF")})
    with closing(open_guarded(tmp_path / "p")) as source:
        assert [source.picture(index).size for index in range(2)] == [(4, 5), (4, 5)]


def test_a_folder_of_shards_says_what_else_is_there(tmp_path: Path) -> None:
    written("tar", tmp_path / "a.tar", {"a.png": shade(1), "b.png": shade(2)})
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    (tmp_path / "b.parquet").rename(tmp_path / "b.zip")
    source = open_source(tmp_path)
    assert sorted(source.skipped) == [("1 file ending in .txt", "no pictures of a kind that is read"),
                                      ("1 file ending in .zip", "no pictures of a kind that is read")]  # fmt: skip
    source.close()


def test_other_columns_of_pictures_are_said(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"image": [shade(1), shade(2)], "mask": [shade(3), shade(4)]})
    pq.write_table(table, tmp_path / "a.parquet")
    source = open_source(tmp_path / "a.parquet")
    assert source.skipped == [("column 'mask'", "another one than 'image'")]
    source.close()
