"""What asks for more than the budget is refused, or passed over, before it is held; memory is watched, not clocks."""

import gzip
import io
import json
import re
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from picture_files import COLOUR, encode, shade

from ganforge.base.errors import UserError
from ganforge.data.idx import to_tensor, unpack_idx
from ganforge.data.prepared.prepare import prepare
from ganforge.data.prepared.request import Request
from ganforge.data.sources.budget import MAX_MEMORY_BYTES, SHOWN, brief, read_json
from ganforge.data.sources.decode import MAX_EXIF, decode
from ganforge.data.sources.entries import is_label, make_entries, name_fault
from ganforge.data.sources.open import open_source
from ganforge.data.sources.pixel_kinds import Unreadable

FEW = 64 << 20
"""Bytes: far less than the inputs here promise, or unpack to."""


@contextmanager
def in_little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < FEW
    finally:
        tracemalloc.stop()


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes], before: bytes = b"") -> Path:
    with path.open("wb") as file:
        file.write(before)
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def tar_header(kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def npy_header(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize("value", [b"{},", b"[],", b"1,", b'{"a":1},', b"[[[1]]],"])
def test_json_of_very_many_values(value: bytes) -> None:
    content = b"[" + value * 1000 + b"1]"
    assert len(read_json(content)) == 1001
    with pytest.raises(ValueError, match="it holds more than 500 commas, colons and brackets"):
        read_json(content, 500)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b"", b"\xff", b"9" * 5000])
def test_json_that_is_none(content: bytes) -> None:
    with pytest.raises(ValueError, match="it is not JSON"):
        read_json(content)


def test_labels_of_a_folder_or_zip(tmp_path: Path) -> None:
    bomb = b'{"labels":[' + b"{}," * 5_000_000 + b"1]}"
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.png").write_bytes(shade(1))
    (tmp_path / "p" / "dataset.json").write_bytes(bomb)
    for path in (tmp_path / "p", zipped(tmp_path / "a.zip", {"a.png": shade(1), "dataset.json": bomb})):
        with in_little_memory(), pytest.raises(UserError, match="it holds more than 8,000,000 commas, colons and"):
            open_source(path)
    with (tmp_path / "p" / "dataset.json").open("wb") as file:
        file.truncate(1 << 33)
    with (
        in_little_memory(),
        pytest.raises(UserError, match="takes 8,192 MiB, more than 128; correct it or remove"),
    ):
        open_source(tmp_path / "p")


@pytest.mark.parametrize(
    ("shape", "kind"), [((1_200_000_000,), "|u1"), ((2_000_000,), "<U255"), ((4,), "<U9000"), ((4, 1, 1), "|u1")]
)
def test_labels_of_arrays(tmp_path: Path, shape: tuple[int, ...], kind: str) -> None:
    files = {"images.npy": npy_header((4, 8, 8)) + bytes(256), "labels.npy": npy_header(shape, kind) + bytes(200 << 20)}
    path = zipped(tmp_path / "a.npz", files, zipfile.ZIP_DEFLATED)
    with in_little_memory(), pytest.raises(UserError, match="are not whole numbers from 0, or texts of up to 255 char"):
        open_source(path)


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_headers_of_arrays(tmp_path: Path, kind: str) -> None:
    begin = b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1)
    if kind == "npz":
        zipped(tmp_path / "a.npz", {"images.npy": begin + b" " * (200 << 20)}, zipfile.ZIP_DEFLATED)
    else:
        with (tmp_path / "a.npy").open("wb") as file:
            file.write(begin)
            file.truncate(5 << 30)
    with in_little_memory(), pytest.raises(UserError, match="a header of 4,294,967,295 bytes"):
        open_source(tmp_path / f"a.{kind}")


@pytest.mark.parametrize("name", ["a.npy", "images-idx3-ubyte", "images-idx3-ubyte.gz"])
def test_very_many_rows(tmp_path: Path, name: str) -> None:
    count = 2_000_001
    begin = npy_header((count, 1, 1)) if name.endswith("npy") else struct.pack(">IIII", 0x803, count, 1, 1)
    content = begin + bytes(count)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with in_little_memory(), pytest.raises(UserError, match="it holds 2,000,001 pictures, and 2,000,000 are the most"):
        open_source(tmp_path / name)


def test_rows_that_are_too_large(tmp_path: Path) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        file.write(npy_header((2, 40_000, 40_000)))
        file.truncate(file.tell() + 2 * 40_000**2)
    source = open_source(tmp_path / "a.npy")
    with in_little_memory(), pytest.raises(Unreadable, match="takes 1,600,000,000 bytes, more than 256,000,000"):
        source.read(1)
    source.close()


def test_labels_in_idx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.data.idx.MAX_BYTES", 5 << 20)
    monkeypatch.setattr("ganforge.data.idx.CHUNK_BYTES", 1 << 20)
    (tmp_path / "labels").write_bytes(gzip.compress(struct.pack(">II", 0x801, 200 << 20) + bytes(200 << 20)))
    with in_little_memory(), pytest.raises(UserError, match="labels unpacks to more than 5 MiB"):
        to_tensor(unpack_idx(tmp_path / "labels"))


def test_a_zip_directory_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "a.zip").open("wb") as file:
        file.write(b"PK\3\4" + bytes(26))
        file.truncate(3 << 30)
        file.seek(3 << 30)
        file.write(struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 10, 10, (3 << 30) - 30, 30, 0))
    with in_little_memory(), pytest.raises(UserError, match=r"its directory would take 3,07[12] MiB"):
        open_source(tmp_path / "a.zip")


FILES = {f"{name}.png": shade(1) for name in "abcd"}


@pytest.mark.parametrize(("ending", "module", "make"), [("zip", "zip", zipped), ("tar", "tar_listing", tarred)])
def test_very_many_files(
    tmp_path: Path, ending: str, module: str, make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "a", {f"{name}.txt": b"" for name in "abcd"} | FILES)
    assert len(open_source(path.rename(path.with_suffix(f".{ending}"))).entries) == 4
    monkeypatch.setattr(f"ganforge.data.sources.{module}.MAX_ENTRIES", 7)
    with pytest.raises(UserError, match="holds more than 7 files; split it"):
        open_source(path.with_suffix(f".{ending}"))


def test_very_many_files_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr("ganforge.data.sources.picture_folder.MAX_ENTRIES", 3)
    with pytest.raises(UserError, match="holds more than 3 pictures; split it"):
        open_source(tmp_path)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_headers_of_a_tar_entry(tmp_path: Path, kind: bytes) -> None:
    with tarred(tmp_path / "a.tar", {}, tar_header(kind, 6 << 30)).open("r+b") as file:
        file.truncate(7 << 30)
    with in_little_memory(), pytest.raises(UserError, match=r"damaged after file 0 \(a header of 6,144 MiB\)"):
        open_source(tmp_path / "a.tar")


def test_numbers_in_a_tar_header(tmp_path: Path) -> None:
    numbers = b"9" * 300_000 + b" a=b\n"
    before = tar_header(tarfile.XHDTYPE, len(numbers)) + numbers + bytes(-len(numbers) % 512)
    with pytest.raises(UserError, match="a header with an endless number"):
        open_source(tarred(tmp_path / "a.tar", FILES, before))


def test_where_the_holes_are_is_not_read(tmp_path: Path) -> None:
    records = b"".join(b"%d %s\n" % (len(one) + 4, one) for one in (b"GNU.sparse.major=1", b"GNU.sparse.minor=0"))
    before = tar_header(tarfile.XHDTYPE, len(records)) + records + bytes(-len(records) % 512)
    lines = b"9999999\n" + b"1\n" * (20 << 20)
    with in_little_memory():
        source = open_source(tarred(tmp_path / "a.tar", {"hole.png": lines, **FILES}, before))
    assert len(source.entries) == 4
    assert source.skipped == [("hole.png", "stored with holes in it")]


def test_labels_beside_pictures_in_a_tar(tmp_path: Path) -> None:
    files = {"a.png": shade(1), "a.cls": b"x" * 1_000_000, "b.png": shade(1), "b.cls": b"short"}
    source = open_source(tarred(tmp_path / "a.tar", files))
    assert [entry.label for entry in source.entries] == [None, None]
    assert re.match(r"what lies beside the pictures holds what is no class \(x{80} for a\.png\)", source.no_labels)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_long_names(tmp_path: Path, make: Callable[..., Path]) -> None:
    names = ("x" * 252 + ".png", "y/" * 2048 + "a.png", "x" * 251 + ".png", "y/" * 2045 + "a.png")
    path = make(tmp_path / "a", dict.fromkeys(names, shade(1)))
    source = open_source(path.rename(path.with_suffix(".tar" if make is tarred else ".zip")))
    assert len(source.entries) == 2
    assert all(why.startswith("its name is longer than 4,096") for _, why in source.skipped)
    assert max(len(name) for name, _ in source.skipped) == SHOWN
    source.close()


def test_names_and_classes_that_take_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number}.png" for number in range(10)]
    monkeypatch.setattr("ganforge.data.sources.entries.MAX_CLASSES", 9)
    assert len(make_entries(names, ["a"] * 10)) == 10
    with pytest.raises(UserError, match=r"are of 10 classes .*, and 9 are the most; remove the classes, or group"):
        make_entries(names, names)
    monkeypatch.setattr("ganforge.data.sources.entries.MAX_NAMES_BYTES", 49)
    with pytest.raises(UserError, match="names take more than"):
        make_entries(names, None)


def test_what_is_a_class() -> None:
    assert all(map(is_label, [0, 2**63 - 1, "x" * 255]))
    assert not any(map(is_label, [10**5000, 2**63, -1, "", "x" * 256, 1.0, True, None, [1]]))


def test_what_leads_out_of_an_archive() -> None:
    assert [bool(name_fault(path)) for path in ("a/b.png", "/a", "C:/a", "a/../b", "a..b/c")] == [
        False, True, True, True, False,
    ]  # fmt: skip


def test_words_of_others_are_brief_and_harmless() -> None:
    assert brief("a\x1b[2J\nb") == "a\\x1b[2J\\nb"
    assert brief("\x1b" * 10**7) == ("\\x1b" * SHOWN)[: SHOWN - 3] + "..."


@pytest.mark.parametrize("pieces", [MAX_EXIF, MAX_EXIF + 1])
def test_exif_in_very_many_pieces(pieces: int) -> None:
    content = encode(COLOUR, "JPEG")
    piece = b"\xff\xe1" + struct.pack(">H", 18) + b"Exif\0\0" + bytes(10)
    content = content[:2] + piece * pieces + content[2:]
    if pieces > MAX_EXIF:
        with pytest.raises(Unreadable, match="very many pieces of EXIF data"):
            decode(content)
    else:
        assert decode(content).size == COLOUR.shape[1::-1]


def test_very_many_broken_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.data.prepared.finish.MAX_LISTED", 3)
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(shade(1) if number < 4 else b"")
    with pytest.raises(UserError, match="4 of 8 pictures cannot be read, and 3 are the most that can be left out"):
        prepare(str(tmp_path), Request(), 99, lambda line: None, root=tmp_path / "cache", workers=0)


def test_a_listing_that_takes_too_much_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("ganforge.data.sources.zip.read_tree", full)
    most = f"{MAX_MEMORY_BYTES >> 20:,}"
    with pytest.raises(UserError, match=rf"Listing .*a.zip would take more than {most} MiB of memory; split it"):
        open_source(zipped(tmp_path / "a.zip", FILES))


def test_any_other_fault_in_listing_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise KeyError("x\x1b[2J")

    monkeypatch.setattr("ganforge.data.sources.zip.read_tree", damaged)
    with pytest.raises(UserError, match=r"a\.zip cannot be read \('x\\x1b\[2J'\); check its name"):
        open_source(zipped(tmp_path / "a.zip", FILES))


class TestParquet:
    pa = pytest.importorskip("pyarrow")

    def write(self, path: Path, labels: object) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table({"image": pa.array([shade(1)] * 2000, pa.binary()), "label": labels})
        pq.write_table(table, path, compression="zstd", store_schema=False)
        return path

    def test_long_labels(self, tmp_path: Path) -> None:
        import pyarrow as pa

        short = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["x" * 255]))
        assert open_source(self.write(tmp_path / "a.parquet", short)).entries[7].label == "x" * 255
        long = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["x" * 1_000_000]))
        before = pa.total_allocated_bytes()
        with (
            in_little_memory(),
            pytest.raises(UserError, match="a class whose name has 1,000,000 characters"),
        ):
            open_source(self.write(tmp_path / "b.parquet", long))
        assert pa.total_allocated_bytes() - before < FEW

    def test_names_of_columns(self, tmp_path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"a\x1b[2J\n": pa.array([b""]), "b" * 999: pa.array([b""])}), tmp_path / "a.parquet")
        with pytest.raises(UserError, match=r"several columns of bytes \(a\\x1b\[2J\\n, b+\.\.\.\); name the"):
            open_source(tmp_path / "a.parquet")


def test_listings_are_json_for_the_parent(tmp_path: Path) -> None:
    """Names that are no Unicode, and all others, can be told."""
    source = open_source(zipped(tmp_path / "a.zip", {"cl\x1b[31m/\u202e.png": shade(1), "\U0001f600/b.png": shade(1)}))
    assert json.loads(json.dumps([[entry.name, entry.label] for entry in source.entries])) == [
        [entry.name, entry.label] for entry in source.entries
    ]
    source.close()
