"""Pictures as equal rows of numbers in one file: NumPy's .npy, and IDX; read row by row, packed or not."""

import gzip
import io
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from ganforge.base.errors import UserError
from ganforge.data.idx import GZIP_MAGIC, unpack_idx
from ganforge.data.sources.budget import MAX_ENTRIES, MAX_NOTE_BYTES, words
from ganforge.data.sources.decode import MAX_PIXELS
from ganforge.data.sources.entries import Array, digest_of_files, make_entries
from ganforge.data.sources.pixel_kinds import Unreadable

NPY_MAGIC = b"\x93NUMPY"
LABELS_BEGIN = 8
"""Bytes of the header in an IDX file of labels."""
IDX_PICTURES, IDX_LABELS = b"\0\0\x08\x03", b"\0\0\x08\x01"
MAX_PACKED = 1100
"""No gzip or zip file that is what it says unpacks to more than this many times its size."""
CHUNK_BYTES = 1 << 20
WANTED = "save the pictures as numbers [N, H, W, C] or [N, C, H, W], with C 1, 3 or 4, or [N, H, W], best as uint8"


@dataclass(frozen=True)
class Rows:
    """Equal pictures, one after the other. shape: of one as it lies in the file; channels_first: whether that is
    [C, H, W]. begin: of the first, in the stream. split: which one they are, where that is told."""

    stream: IO[bytes] | gzip.GzipFile
    begin: int
    count: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    channels_first: bool = False
    split: str = ""

    def read(self, row: int) -> Array:
        size = math.prod(self.shape) * self.dtype.itemsize
        if size > 4 * MAX_PIXELS:
            raise Unreadable(f"takes {size:,} bytes, more than {4 * MAX_PIXELS:,}")
        try:
            self.stream.seek(self.begin + row * size)
            content = self.stream.read(size)
        except Exception as error:  # the unpackers raise almost anything on damaged bytes
            raise Unreadable(f"cannot be unpacked ({words(error)})") from None
        if len(content) != size:
            raise Unreadable("cut off")
        numbers = np.frombuffer(content, self.dtype).reshape(self.shape)
        if self.dtype == np.bool_:
            numbers = numbers * np.uint8(255)
        return numbers.transpose(1, 2, 0) if self.channels_first else numbers


class RowSource:
    """See ``Source``. rows: several of them are one after the other."""

    def __init__(
        self, path: Path, kind: str, rows: Sequence[Rows], labels: Sequence[str | None] | None, labels_from: str,
        *others: Path, skipped: Sequence[tuple[str, str]] = (), no_labels: str = "",
    ) -> None:  # fmt: skip
        self.name, self.kind = str(path), kind
        self._paths, self._rows = (path, *others), rows
        self.labels_from, self.no_labels = labels_from if labels is not None else "", no_labels
        self.skipped = list(skipped)
        _refuse_many(path, sum(one.count for one in rows))
        names = [f"{one.split}{', ' * bool(one.split)}picture {row}" for one in rows for row in range(one.count)]
        self.entries = make_entries(names, labels, [one.split for one in rows for _ in range(one.count)])

    def fingerprint(self) -> str:
        return digest_of_files(self._paths)

    def read(self, index: int) -> Array:
        row = range(len(self.entries))[index]
        for one in self._rows:
            if row < one.count:
                return one.read(row)
            row -= one.count
        raise IndexError(index)

    def close(self) -> None:
        for one in self._rows:
            one.stream.close()


def open_npy(path: Path) -> RowSource:
    """The pictures in an .npy file. Raises UserError."""
    stream = path.open("rb")
    try:
        return RowSource(path, "array", [rows_in(path, stream, path.stat().st_size)], None, "")
    except BaseException:
        stream.close()
        raise


def rows_in(path: Path, stream: IO[bytes], size: int, split: str = "") -> Rows:
    """The pictures in an array of so many bytes, header included. Raises UserError."""
    shape, dtype, by_columns = npy_header(path, stream)
    held = f"{path} holds {dtype} {list(shape)}"
    order = _order(shape)
    if dtype.kind not in "buif" or dtype.itemsize > 8 or order is None or 0 in shape:
        raise UserError(f"{held}; {WANTED}.")
    if by_columns:
        raise UserError(f"{held} in Fortran's order; save numpy.ascontiguousarray(images).")
    _refuse_many(path, shape[0])
    if size - stream.tell() != math.prod(shape) * dtype.itemsize:
        raise UserError(f"{held}, and {size - stream.tell():,} bytes of data; save it again.")
    return Rows(stream, stream.tell(), shape[0], shape[1:], dtype, order == "NCHW", split)


def _refuse_many(path: Path, count: int) -> None:
    if count > MAX_ENTRIES:
        raise UserError(f"{path} says that it holds {count:,} pictures, and {MAX_ENTRIES:,} are the most; split it.")


def _order(shape: tuple[int, ...]) -> str | None:
    """What the axes are; of two axes that could be the channels', 1 or 3 goes before 4, and then the last one."""
    if len(shape) == 3:
        return "NHW"
    if len(shape) != 4:
        return None
    likely = [(3, (1, 3), "NHWC"), (1, (1, 3), "NCHW"), (3, (4,), "NHWC"), (1, (4,), "NCHW")]
    return next((order for axis, channels, order in likely if shape[axis] in channels), None)


def npy_header(path: Path, stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    try:
        version = np.lib.format.read_magic(stream)
        begin = stream.read(2 if version == (1, 0) else 4)
        length = int.from_bytes(begin, "little")
        if length > MAX_NOTE_BYTES:  # NumPy reads it whole before it looks at its size
            raise ValueError(f"a header of {length:,} bytes")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read(io.BytesIO(begin + stream.read(length)))
    except Exception as error:  # NumPy's reader of headers raises almost anything on damaged ones
        raise unreadable_array(path, error) from None
    if any(side < 0 for side in shape):
        raise UserError(f"{path} holds {dtype} {list(shape)}; {WANTED}.")
    return shape, dtype, by_columns


def unreadable_array(path: Path, error: BaseException) -> UserError:
    return UserError(f"{path} cannot be read as arrays ({words(error)}); save it again with numpy.savez.")


def is_idx(path: Path, magic: bytes = IDX_PICTURES) -> bool:
    """Does the file, unpacked if it is gzipped, begin like an IDX file of pictures?"""
    try:
        with path.open("rb") as file:
            begin = file.read(4)
        if begin.startswith(GZIP_MAGIC):
            with gzip.open(path) as unzipped:
                begin = unzipped.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return begin == magic


def open_idx(path: Path) -> RowSource:
    """The pictures in an IDX file, and the labels in the file whose name says "labels" and "idx1" instead.

    Source: see ``ganforge.data.idx``. Raises UserError.
    """
    with path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC
    stream: IO[bytes] | gzip.GzipFile = gzip.GzipFile(path) if packed else path.open("rb")
    try:
        header = stream.read(16)
        count, height, width = struct.unpack(">III", header[4:]) if len(header) == 16 else (0, 0, 0)
        promised, size = count * height * width, path.stat().st_size
        if not promised or (promised > MAX_PACKED * size if packed else promised != size - 16):
            sizes = f"{count:,} x {height:,} x {width:,}"
            raise UserError(f"{path} does not hold what its header promises ({sizes}); get the file again.")
        _refuse_many(path, count)
        labels_path = _idx_labels(path)
        labels = None if labels_path is None else [str(label) for label in unpack_idx(labels_path)[LABELS_BEGIN:]]
        if labels is not None and len(labels) != count:
            raise UserError(
                f"{path} holds {count:,} pictures and {labels_path} {len(labels):,} labels; get them again."
            )
        others = [] if labels_path is None else [labels_path]
        where = labels_path.name if labels_path is not None else ""
        rows = Rows(stream, stream.tell(), count, (height, width), np.dtype(np.uint8))
        return RowSource(path, "idx", [rows], labels, where, *others)
    except (OSError, EOFError, zlib.error) as error:
        stream.close()
        raise UserError(f"{path} cannot be unpacked ({words(error)}); get the file again.") from None
    except BaseException:
        stream.close()
        raise


def _idx_labels(path: Path) -> Path | None:
    """The labels' file beside the pictures' file, or None."""
    name = path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    beside = [path.with_name(name + suffix) for suffix in ("", ".gz")]
    return next((other for other in beside if other != path and other.is_file() and is_idx(other, IDX_LABELS)), None)
