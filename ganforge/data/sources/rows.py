"""Pictures as equal rows of bytes in one file: NumPy's .npy and .npz, and IDX; read row by row, packed or not."""

import gzip
import io
import math
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from ganforge.base.errors import UserError
from ganforge.data.idx import GZIP_MAGIC, unpack_idx
from ganforge.data.sources.budget import MAX_ENTRIES, MAX_LABEL, MAX_NAMES_BYTES, MAX_NOTE_BYTES, words
from ganforge.data.sources.decode import MAX_PIXELS, Unreadable
from ganforge.data.sources.entries import Array, make_entries
from ganforge.data.sources.folder import digest_of
from ganforge.data.sources.labels import all_classes
from ganforge.data.sources.zip import open_zip

ARRAYS = ("images", "arr_0")
"""Names under which an .npz file may hold the pictures; the second is what ``numpy.savez`` gives on its own account."""
NPY_MAGIC = b"\x93NUMPY"
LABELS_BEGIN = 8
"""Bytes of the header in an IDX file of labels."""
IDX_PICTURES, IDX_LABELS = b"\0\0\x08\x03", b"\0\0\x08\x01"
MAX_PACKED = 1100
"""No gzip or zip file that is what it says unpacks to more than this many times its size."""
CHUNK_BYTES = 1 << 20
WANTED = "save the pictures as uint8 [N, H, W, C] or [N, C, H, W], with C 1, 3 or 4, or [N, H, W], 0 to 255"


class RowSource:
    """See ``Source``. shape: of one row as it lies in the file; channels_first: whether that is [C, H, W]."""

    def __init__(
        self, path: Path, kind: str, stream: IO[bytes] | gzip.GzipFile, count: int, shape: tuple[int, ...],
        labels: Sequence[str] | None, labels_from: str, *others: Path, channels_first: bool = False,
        no_labels: str = "",
    ) -> None:  # fmt: skip
        self.name, self.kind = str(path), kind
        self._paths, self._stream, self._begin = (path, *others), stream, stream.tell()
        self._shape, self._channels_first = shape, channels_first
        self.labels_from, self.no_labels = labels_from if labels is not None else "", no_labels
        self.skipped: list[tuple[str, str]] = []
        self.entries = make_entries([f"picture {row}" for row in range(count)], labels)

    def fingerprint(self) -> str:
        try:
            states = [path.stat() for path in self._paths]
        except OSError as error:
            raise UserError(f"{error.filename} is not there any more ({error.strerror}).") from None
        return digest_of([(path.name, s.st_size, s.st_mtime_ns) for path, s in zip(self._paths, states, strict=True)])

    def read(self, index: int) -> Array:
        size = math.prod(self._shape)
        if size > 4 * MAX_PIXELS:
            raise Unreadable(f"takes {size:,} bytes, more than {4 * MAX_PIXELS:,}")
        try:
            self._stream.seek(self._begin + range(len(self.entries))[index] * size)
            content = self._stream.read(size)
        except Exception as error:  # the unpackers raise almost anything on damaged bytes
            raise Unreadable(f"cannot be unpacked ({words(error)})") from None
        if len(content) != size:
            raise Unreadable("cut off")
        row = np.frombuffer(content, np.uint8).reshape(self._shape)
        return row.transpose(1, 2, 0) if self._channels_first else row

    def close(self) -> None:
        self._stream.close()


def open_npy(path: Path) -> RowSource:
    """The pictures in an .npy file. Raises UserError."""
    stream = path.open("rb")
    try:
        return _array_source(path, stream, path.stat().st_size, None)
    except BaseException:
        stream.close()
        raise


def open_npz(path: Path) -> RowSource:
    """The pictures in an .npz file: ``images`` or ``arr_0``, and their classes in ``labels``. Raises UserError."""
    with open_zip(path) as archive:
        infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        pictures = next((infos[name] for name in ARRAYS if name in infos), None)
        if pictures is None:
            raise UserError(f"{path} holds no array named {' or '.join(ARRAYS)}; save the pictures under one of them.")
        values = _npz_labels(path, archive, infos["labels"]) if "labels" in infos else None
        try:
            stream = archive.open(pictures)
        except Exception as error:  # the unpackers raise almost anything on damaged bytes
            raise _unreadable_array(path, error) from None
        try:
            if pictures.file_size > MAX_PACKED * pictures.compress_size:
                raise UserError(f"{path} says that it unpacks to {pictures.file_size:,} bytes, which cannot be true.")
            return _array_source(path, stream, pictures.file_size, values)
        except BaseException:
            stream.close()
            raise


def _array_source(path: Path, stream: IO[bytes], size: int, values: list[Any] | None) -> RowSource:
    shape, dtype, by_columns = _npy_header(path, stream)
    held = f"{path} holds {dtype} {list(shape)}"
    order = _order(shape)
    if dtype != np.uint8 or order is None or 0 in shape:
        raise UserError(f"{held}; {WANTED}.")
    if by_columns:
        raise UserError(f"{held} in Fortran's order; save numpy.ascontiguousarray(images).")
    _refuse_many(path, shape[0])
    if size - stream.tell() != math.prod(shape):
        raise UserError(f"{held}, and {size - stream.tell():,} bytes of data; save it again.")
    if values is not None and len(values) != shape[0]:
        raise UserError(f"{path} holds {shape[0]:,} pictures and {len(values):,} labels; save one for each.")
    labels, why = (None, "") if values is None else all_classes(values, "array 'labels'", lambda at: f"picture {at}")
    return RowSource(
        path, "array", stream, shape[0], shape[1:], labels, "array 'labels'",
        channels_first=order == "NCHW", no_labels=why,
    )  # fmt: skip


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


def _npy_header(path: Path, stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    try:
        version = np.lib.format.read_magic(stream)
        begin = stream.read(2 if version == (1, 0) else 4)
        length = int.from_bytes(begin, "little")
        if length > MAX_NOTE_BYTES:  # NumPy reads it whole before it looks at its size
            raise ValueError(f"a header of {length:,} bytes")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read(io.BytesIO(begin + stream.read(length)))
    except Exception as error:  # NumPy's reader of headers raises almost anything on damaged ones
        raise _unreadable_array(path, error) from None
    if any(side < 0 for side in shape):
        raise UserError(f"{path} holds {dtype} {list(shape)}; {WANTED}.")
    return shape, dtype, by_columns


def _npz_labels(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> list[Any]:
    """Numbers or texts, [N], or the first of several for a picture. Raises UserError for other things."""
    try:
        with archive.open(info) as file:
            shape, dtype, _ = _npy_header(path, file)
            if dtype.hasobject:
                raise ValueError("objects, which may be programs")
            if len(shape) == 2 and shape[1] > 1 and shape[0] <= MAX_ENTRIES:
                return [[f"{shape[1]:,} of them"]] * shape[0]
            fits = shape[1:] in ((), (1,)) and shape[0] <= MAX_ENTRIES and dtype.itemsize * shape[0] <= MAX_NAMES_BYTES
            wanted = fits and dtype.kind in "iufU" and dtype.itemsize <= 4 * MAX_LABEL
            content = file.read(shape[0] * dtype.itemsize) if wanted else b""
            file.read(1)  # at the end, zipfile compares the checksum
    except UserError:
        raise
    except Exception as error:  # the unpackers raise almost anything on damaged bytes
        raise _unreadable_array(path, error) from None
    if not wanted or len(content) != shape[0] * dtype.itemsize:
        raise UserError(
            f"The labels in {path} are not whole numbers from 0, or texts of up to {MAX_LABEL} characters, one for "
            f"each of up to {MAX_ENTRIES:,} pictures."
        )
    return list(np.frombuffer(content, dtype).tolist())


def _unreadable_array(path: Path, error: BaseException) -> UserError:
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
        return RowSource(path, "idx", stream, count, (height, width), labels, where, *others)
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
