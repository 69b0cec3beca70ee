"""Parquet files with a column of picture files, as Hugging Face and others keep them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import MAX_ENTRIES, MAX_FILE_BYTES, MAX_LABEL, brief, read_json, words
from ganforge.data.sources.columns import (
    file_columns,
    is_number,
    label_column,
    label_fault,
    named,
    other_columns,
    picture_column,
)
from ganforge.data.sources.entries import digest_of_files, is_label, make_entries
from ganforge.data.sources.labels import all_classes
from ganforge.data.sources.pixel_kinds import Unreadable

BATCH_ROWS, BATCH_BYTES = 16, 64 << 20
"""Rows that are held at a time, as far as they take no more than these bytes."""
LABEL_ROWS = 1 << 16
"""Rows whose classes are read at a time."""
BUFFER_BYTES = 1 << 20
HUB_EXTRA = "install it with pip install 'ganforge[hub]'"


class ParquetSource:
    """See ``Source``. Holds up to ``BATCH_ROWS`` rows; rows in ascending order are read once."""

    kind = "parquet"

    def __init__(self, name: str, paths: list[Path]) -> None:
        self.name, self._paths = name, paths
        self.skipped: list[tuple[str, str]] = []
        self._rows: list[tuple[int, int]] = []  # of each entry: the file, and the row in it
        self._open: tuple[int, Any] | None = None
        self._batches: Iterator[Any] = iter(())
        self._held: tuple[int, int, Any] = (-1, 0, [])  # a file, its first row in hand, the pictures from there on
        values: list[Any] = []
        names: list[str] = []
        columns = set()
        for number, path in enumerate(paths):
            with _opened(path) as file:
                schema = file.schema_arrow
                picture, label = picture_column(path, schema), label_column(schema)
                count = file.metadata.num_rows
                if len(names) + count > MAX_ENTRIES:
                    raise UserError(f"{name} holds more than {MAX_ENTRIES:,} rows; split it.")
                columns.add((picture, label))
                self.skipped = other_columns(file_columns(schema), picture)
                self.no_labels = label_fault(schema, picture)
                values += _values(path, file, schema, label, count)
            names += [f"{path.name}, row {row}" for row in range(count)]
            self._rows += [(number, row) for row in range(count)]
        if len(columns) > 1:
            raise UserError(f"The files in {name} have different columns; keep files of one kind together.")
        [(self._column, label)] = columns
        if not names:
            raise UserError(f"{name} holds no rows; check the file.")
        labels = None
        if label:
            labels, self.no_labels = all_classes(values, f"column '{label}'", lambda at: brief(names[at]))
        self.labels_from = f"column '{label}'" if labels is not None else ""
        self.entries = make_entries(names, labels)

    def fingerprint(self) -> str:
        return digest_of_files(self._paths)

    def read(self, index: int) -> bytes:
        number, row = self._rows[index]
        try:
            self._advance(number, row)
            held = self._held[2][row - self._held[1]].as_py()
        except Exception as error:  # pyarrow's errors and those of the codecs below it
            self.close()
            raise Unreadable(f"cannot be read from the file ({words(error)})") from None
        return picture_bytes(held)

    def _advance(self, number: int, row: int) -> None:
        """Bring a row into hand: on from where the last one was, or from the start of its row group."""
        import pyarrow.parquet as pq

        if self._open is None or self._open[0] != number:
            self.close()
            path = self._paths[number]
            self._open = (number, pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False))
        held, first, rows = self._held
        end = first + len(rows)
        if held == number and first <= row < end:
            return
        group, begin = _group(self._open[1].metadata, row)
        if held != number or row < first or begin > end:
            self._batches = self._open[1].iter_batches(
                _rows_at_once(self._open[1].metadata.row_group(group)),
                row_groups=list(range(group, self._open[1].num_row_groups)),
                columns=[self._column],
            )
            end = begin
        while True:
            batch = next(self._batches)
            self._held = (number, end, batch.column(0))
            end += len(batch)
            if row < end:
                return

    def close(self) -> None:
        self._batches, self._held = iter(()), (-1, 0, [])
        if self._open is not None:
            self._open[1].close()
            self._open = None


def _opened(path: Path, texts: list[str] | None = None) -> Any:
    """A ParquetFile; texts: columns that come as a list of the different ones, and numbers. Raises UserError."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise UserError(f"{path} is a Parquet file, and reading it needs pyarrow; {HUB_EXTRA}.") from None
    try:
        return pq.ParquetFile(path, read_dictionary=texts, buffer_size=BUFFER_BYTES, pre_buffer=False)
    except Exception as error:  # pyarrow's own errors, OSError, and what damaged metadata set off
        raise UserError(f"{path} cannot be read as a Parquet file ({words(error)}); get it again.") from None


def _rows_at_once(group: Any) -> int:
    return max(1, min(BATCH_ROWS, BATCH_BYTES * group.num_rows // max(1, group.total_byte_size)))


def _group(metadata: Any, row: int) -> tuple[int, int]:
    """The row group that a row is in, and its first row."""
    begin = 0
    for group in range(metadata.num_row_groups):
        count = metadata.row_group(group).num_rows
        if row < begin + count:
            return group, begin
        begin += count
    raise IndexError(f"there is no row {row}")


def _values(path: Path, file: Any, schema: Any, label: str | None, count: int) -> list[Any]:
    if label is None:
        return []
    names, labels = _class_names(schema, label), list[Any]()
    try:
        # Texts as numbers of the different ones, as which they mostly lie in the file: they are not written out.
        with file if is_number(schema.field(label).type) else _opened(path, [label]) as opened:
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
