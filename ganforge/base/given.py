"""What callers from Python gave: taken as what it stands for, or refused in one sentence."""

import operator
import os
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.terminal import printable


def shown(value: object) -> str:
    """A value of any type, in a few words and one line."""
    if is_array(value):
        return f"an array of {tuple(value.shape)}"  # type: ignore[attr-defined]
    try:
        return printable(reprlib.repr(value))
    except Exception:  # whose repr is at fault
        return f"a {type(value).__name__}"


def is_array(value: object) -> bool:
    """NumPy's, PyTorch's or another's with at least one axis."""
    return bool(getattr(value, "shape", None)) and hasattr(value, "tolist")


def path_given(value: object, what: str) -> Path:
    """A path. what: for the sentence, such as "The run". Raises UserError for what is none."""
    try:
        text = os.fspath(value)  # type: ignore[call-overload]
    except TypeError:
        text = None
    if not isinstance(text, str) or not text or "\0" in text:
        raise UserError(f"{what} must be given as a path, not {shown(value)}.")
    return Path(text)


def whole_given(value: object, what: str) -> int:
    """A whole number, also as NumPy and PyTorch have it. Raises UserError for anything else."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        raise UserError(f"{what} must be a whole number, not {shown(value)}.") from None


def each_given(values: object, what: str) -> list[Any]:
    """What a sequence, an array of one axis or an iterator holds. Raises UserError for anything else."""
    if is_array(values):
        values = values.tolist()  # type: ignore[attr-defined]
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise UserError(f"{what} must be a list, not {shown(values)}.")
    return list(values)


def plain_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with paths as text, and arrays as lists. Raises UserError for an array of pictures in a path's place."""
    plain = {}
    for name, value in values.items():
        if is_array(value) and name in ("data", "test_data"):
            raise UserError(
                f"{name} names a data set or a path, and is {shown(value)}: save it by numpy.save('pictures.npy', "
                "array) and give the file."
            )
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        elif is_array(value):
            value = value.tolist()
        sides = isinstance(value, list | tuple) or (hasattr(value, "__index__") and not isinstance(value, bool))
        if name == "size" and sides:
            value = "x".join(map(str, value)) if isinstance(value, list | tuple) else str(operator.index(value))
        plain[name] = value
    return plain
