"""What the process that reads does for Parquet shards: it lists one by its footer, and takes picture files out of rows.

A row's place is its row group and its row in that, in one number: ``group << GROUP_BITS | row``.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.data.sources.columns import file_columns, label_column, label_fault, other_columns, picture_column
from ganforge.data.sources.parquet_rows import ParquetRows, opened_parquet, rows_of_groups, values_in
from ganforge.data.sources.pixel_kinds import Unreadable

GROUP_BITS = 32
MAX_GROUP_BYTES = 256 << 20
"""Of the pictures in a row group: to have one of them, half of the others are read, too, on average."""
MAX_FOOTER_BYTES = 64 << 20
FOOTER = "footer "
"""So begins the digest of a footer, and not that of a whole file."""


def is_parquet(name: str) -> bool:
    """A URL may end in a question."""
    return name.lower().endswith(".parquet") or name.partition("?")[0].lower().endswith(".parquet")


def row_of(place: int) -> tuple[int, int]:
    """(row group, row in it)"""
    return place >> GROUP_BITS, place & (1 << GROUP_BITS) - 1


def list_rows(path: Path) -> tuple[list[tuple[int, int]], list[Any], str, str, list[tuple[str, str]], str]:
    """The place of each row and about how many bytes it takes, what stands for its class, in which column, and why
    nothing does, what was passed over, and the footer's SHA-256. Only the footer and that column are read. Raises
    UserError."""
    with opened_parquet(path) as file:
        schema, groups = file.schema_arrow, rows_of_groups(str(path), file)
        picture, label = picture_column(path, schema), label_column(schema)
        places: list[tuple[int, int]] = []
        for group, count in enumerate(groups):
            held = [file.metadata.row_group(group).column(leaf) for leaf in _leaves(file, picture)]
            if (size := sum(one.total_uncompressed_size for one in held)) > MAX_GROUP_BYTES:
                raise UserError(
                    f"has row groups of {size >> 20:,} MiB, more than {MAX_GROUP_BYTES >> 20}: write it with smaller "
                    "ones, such as row_group_size=100."
                )
            places += [(group << GROUP_BITS | row, max(1, size // count)) for row in range(count)]
        skipped = other_columns(file_columns(schema), picture)
        why = "" if label else label_fault(schema, picture) or "there is no column but that of the pictures"
        return places, values_in(path, file, label, len(places)), label or "", why, skipped, digest_of_footer(path)


def parts_of(path: str, places: Iterable[int] | None) -> list[tuple[int, int]]:
    """(begin, size) of the bytes in which the pictures at these places lie, or, for None, all classes. Raises
    UserError."""
    with opened_parquet(Path(path)) as file:
        column = label_column(file.schema_arrow) if places is None else picture_column(Path(path), file.schema_arrow)
        wanted = range(file.metadata.num_row_groups) if places is None else sorted({row_of(one)[0] for one in places})
        leaves = _leaves(file, column) if column else []
        held = [file.metadata.row_group(group).column(leaf) for group in wanted for leaf in leaves]
    begins = [min(filter(None, (one.dictionary_page_offset, one.data_page_offset)), default=0) for one in held]
    return [(begin, one.total_compressed_size) for begin, one in zip(begins, held, strict=True)]


def footer_begin(size: int, end: bytes) -> int:
    """Where the footer begins in a file of so many bytes that ends so. Raises Unreadable where that is no Parquet."""
    length = int.from_bytes(end[-8:-4], "little")
    if end[-4:] != b"PAR1" or length > size - 8:
        raise Unreadable("no Parquet file, or cut off")
    if length > MAX_FOOTER_BYTES:
        raise Unreadable(f"has a footer of {length >> 20:,} MiB, more than {MAX_FOOTER_BYTES >> 20}")
    return size - 8 - length


def digest_of_footer(path: Path) -> str:
    """Raises Unreadable, and OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        file.seek(footer_begin(size, file.read(8)))
        return f"{FOOTER}{hashlib.sha256(file.read()).hexdigest()}"


def _leaves(file: Any, column: str) -> list[int]:
    """The columns as they are stored: a struct's fields are one each."""
    names = [file.schema.column(leaf).path for leaf in range(file.metadata.num_columns)]
    return [leaf for leaf, name in enumerate(names) if name == column or name.startswith(f"{column}.")]


def take_out(
    path: str, places: Sequence[int], out: str, reported: Callable[[int, Callable[[int], list[int]]], Any]
) -> Iterable[Any]:
    """Write the picture files at these places behind what is in a file; of each, what ``reported`` makes of its (begin,
    size) there."""
    with Path(out).open("ab", buffering=0) as file, closing(ParquetRows([Path(path)])) as rows:

        def put(place: int) -> list[int]:
            content = rows.read(0, *row_of(place))
            begin = file.tell()
            file.write(content)
            return [begin, len(content)]

        for place in places:
            yield reported(place, put)
