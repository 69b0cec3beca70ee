"""Which columns of a table hold pictures and which classes: of Parquet files, and of data sets on the hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import brief
from ganforge.data.sources.entries import LABEL_COLUMNS, PICTURE_COLUMNS


def file_columns(schema: Any) -> list[str]:
    """The columns of files: bytes, or Hugging Face's struct of bytes and path."""
    import pyarrow as pa

    def holds_files(kind: Any) -> bool:
        if pa.types.is_struct(kind):
            return any(field.name == "bytes" and holds_files(field.type) for field in kind)
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)

    return [field.name for field in schema if holds_files(field.type)]


def other_columns(found: Sequence[str], chosen: str) -> list[tuple[str, str]]:
    """For ``skipped``: the columns of pictures that are not the chosen one."""
    return [(f"column '{brief(name)}'", f"another one than '{brief(chosen)}'") for name in found if name != chosen]


def picture_column(path: Path, schema: Any) -> str:
    """The column of picture files. Raises UserError."""
    found = file_columns(schema)
    usual = [name for name in PICTURE_COLUMNS if name in found]
    if usual or len(found) == 1:
        return (usual or found)[0]
    if found:
        names = brief(", ".join(found))
        raise UserError(f"{path} has several columns of bytes ({names}); name the pictures' one 'image'.")
    names = brief(", ".join(map(str, schema.names[:20])))
    raise UserError(f"{path} has no column of picture files among its columns ({names}); name another file.")


def label_column(schema: Any) -> str | None:
    """The column of the classes: numbers or texts."""
    return next((one for one in LABEL_COLUMNS if one in schema.names and holds_labels(schema.field(one).type)), None)


def holds_labels(kind: Any) -> bool:
    """May cells of this type be classes, as far as the type tells?"""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return numbers or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def label_fault(schema: Any, picture: str) -> str:
    """Why there are no classes, where no column holds any: the columns that people might take for such."""
    import pyarrow as pa

    for name in LABEL_COLUMNS:
        if name in schema.names:
            kind = schema.field(name).type
            several = pa.types.is_nested(kind)
            told = "several values for one picture, and only one class for each can be told" if several else str(kind)
            return f"column '{name}' holds {brief(told)}"
    others = brief(", ".join([str(name) for name in schema.names if name != picture][:20]))
    return (
        f"no column is called {', '.join(LABEL_COLUMNS[:-1])} or {LABEL_COLUMNS[-1]}, only {others}" if others else ""
    )


def is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def named(values: list[Any], names: list[str]) -> list[Any]:
    """The names of classes by their numbers, where they are among the names; else the values themselves."""
    return [names[one] if type(one) is int and 0 <= one < len(names) else one for one in values]
