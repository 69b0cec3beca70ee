"""Parquet files read row by row: a row group at a time, a few rows of it in hand."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import MAX_ENTRIES, MAX_FILE_BYTES, MAX_LABEL, read_json, words
from ganforge.data.sources.columns import is_number, named, picture_column
from ganforge.data.sources.entries import is_label
from ganforge.data.sources.pixel_kinds import Unreadable

BATCH_ROWS, BATCH_BYTES = 16, 64 << 20
"""Rows that are held at a time, as far as they take no more than these bytes."""
LABEL_ROWS = 1 << 16
"""Rows whose classes are read at a time."""
BUFFER_BYTES = 1 << 20
HUB_EXTRA = "install it with pip install 'ganforge[hub]'"


class ParquetRows:
    """The picture files in the rows of several Parquet files; rows in ascending order are read once."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._open: tuple[int, str, Any] | None = None  # which of the files, its column of pictures, the file
        self._batches: Iterator[Any] = iter(())
        self._at, self._first, self._rows = (-1, -1), 0, list[Any]()  # file and group; its rows in hand, from that on

    def read(self, number: int, group: int, row: int) -> bytes:
        """The picture file in a row of a row group of a file. Raises Unreadable."""
        try:
            self._advance(number, group, row)
            held = self._rows[row - self._first].as_py()
        except Exception as error:  # pyarrow's errors and those of the codecs below it
            self.close()
            raise Unreadable(f"cannot be read from the file ({words(error)})") from None
        return picture_bytes(held)

    def _advance(self, number: int, group: int, row: int) -> None:
        """Bring a row into hand: on from where the last one was, or from the start of its row group."""
        if self._open is None or self._open[0] != number:
            self.close()
            file = opened_parquet(self._paths[number])
            self._open = number, picture_column(self._paths[number], file.schema_arrow), file
        _, column, file = self._open
        if self._at != (number, group) or row < self._first:
            rows = _rows_at_once(file.metadata.row_group(group))
            self._batches = file.iter_batches(rows, row_groups=[group], columns=[column])
            self._at, self._first, self._rows = (number, group), 0, []
        while row >= self._first + len(self._rows):
            self._first, self._rows = self._first + len(self._rows), next(self._batches).column(0)

    def close(self) -> None:
        self._batches, self._at, self._first, self._rows = iter(()), (-1, -1), 0, []
        if self._open is not None:
            self._open[2].close()
            self._open = None


def opened_parquet(path: Path, texts: list[str] | None = None) -> Any:
    """A ParquetFile; texts: columns that come as a list of the different ones, and numbers. Raises UserError."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise UserError(f"{path} is a Parquet file, and reading it needs pyarrow; {HUB_EXTRA}.") from None
    try:
        return pq.ParquetFile(
            path, read_dictionary=texts, buffer_size=BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
        )
    except Exception as error:  # pyarrow's own errors, OSError, and what damaged metadata set off
        raise UserError(f"{path} cannot be read as a Parquet file ({words(error)}); get it again.") from None


def rows_of_groups(name: str, file: Any) -> list[int]:
    """How many rows each of its row groups has. Raises UserError where they cannot be, or are too many."""
    metadata = file.metadata
    counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    if metadata.num_rows > MAX_ENTRIES:
        raise UserError(f"{name} holds more than {MAX_ENTRIES:,} rows; split it.")
    if min(counts, default=0) < 0 or sum(counts) != metadata.num_rows:
        raise UserError(f"{name} has another number of rows than its row groups; get it again.")
    return counts


def _rows_at_once(group: Any) -> int:
    return max(1, min(BATCH_ROWS, BATCH_BYTES * group.num_rows // max(1, group.total_byte_size)))


def values_in(path: Path, file: Any, label: str | None, count: int) -> list[Any]:
    """What stands in the column of classes, for each of so many rows; nothing without one. Raises UserError."""
    if label is None:
        return []
    schema, labels = file.schema_arrow, list[Any]()
    names = _class_names(schema, label)
    try:
        # Texts as numbers of the different ones, as which they mostly lie in the file: they are not written out.
        with file if is_number(schema.field(label).type) else opened_parquet(path, [label]) as opened:
            for batch in opened.iter_batches(LABEL_ROWS, columns=[label]):
                labels += named(short_values(batch.column(0)), names)
                if len(labels) > count:
                    break
    except Exception as error:
        raise UserError(f"The column '{label}' of {path} cannot be read ({words(error)}); get it again.") from None
    if len(labels) != count:
        raise UserError(f"{path} has {count:,} rows and {len(labels):,} labels; get the file again.")
    return labels


def short_values(column: Any) -> list[Any]:
    """A column of an Arrow table in Python. Raises ValueError, before anything is copied, for a text that is too long
    for the name of a class."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = column.dictionary if pa.types.is_dictionary(column.type) else column
    if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type):
        longest = pc.max(pc.utf8_length(texts)).as_py() or 0
        if longest > MAX_LABEL:
            raise ValueError(f"a class whose name has {longest:,} characters, more than {MAX_LABEL}")
    return list(column.to_pylist())


def _class_names(schema: Any, label: str) -> list[str]:
    """From what Hugging Face writes into the file's metadata; empty where it is not there."""
    try:
        features = read_json((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = features[label]["names"]
    except (KeyError, TypeError, ValueError):
        return []
    return [str(name) for name in names] if isinstance(names, list) and all(map(is_label, names)) else []


def picture_bytes(held: Any) -> bytes:
    """A cell's picture file. Raises Unreadable."""
    content = held.get("bytes") if isinstance(held, dict) else held
    if not isinstance(content, bytes):
        path = held.get("path") if isinstance(held, dict) else None
        raise Unreadable("its bytes are not in the file, only a path" if path else "no picture in this row")
    if len(content) > MAX_FILE_BYTES:
        raise Unreadable(f"takes {len(content) >> 20:,} MiB, more than {MAX_FILE_BYTES >> 20}")
    return content
