"""Parquet files with a column of picture files, as Hugging Face and others keep them."""

from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import MAX_ENTRIES, brief
from ganforge.data.sources.columns import file_columns, label_column, label_fault, other_columns, picture_column
from ganforge.data.sources.entries import digest_of_files, make_entries
from ganforge.data.sources.labels import all_classes
from ganforge.data.sources.parquet_rows import ParquetRows, opened_parquet, rows_of_groups, values_in


class ParquetSource:
    """See ``Source``. Holds a few rows; rows in ascending order are read once."""

    kind = "parquet"

    def __init__(self, name: str, paths: list[Path]) -> None:
        self.name, self._paths = name, paths
        self.skipped: list[tuple[str, str]] = []
        self._places: list[tuple[int, int, int]] = []  # of each entry: the file, the row group, and the row in that
        self._rows = ParquetRows(paths)
        values: list[Any] = []
        names: list[str] = []
        columns = set()
        for number, path in enumerate(paths):
            with opened_parquet(path) as file:
                schema = file.schema_arrow
                picture, label = picture_column(path, schema), label_column(schema)
                groups = rows_of_groups(name, file)
                if len(names) + sum(groups) > MAX_ENTRIES:
                    raise UserError(f"{name} holds more than {MAX_ENTRIES:,} rows; split it.")
                columns.add((picture, label))
                self.skipped = other_columns(file_columns(schema), picture)
                self.no_labels = label_fault(schema, picture)
                values += values_in(path, file, label, sum(groups))
            names += [f"{path.name}, row {row}" for row in range(sum(groups))]
            self._places += [(number, group, row) for group, count in enumerate(groups) for row in range(count)]
        if len(columns) > 1:
            raise UserError(f"The files in {name} have different columns; keep files of one kind together.")
        [(_, label)] = columns
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
        return self._rows.read(*self._places[index])

    def close(self) -> None:
        self._rows.close()
