"""Sizes of pictures, and numbers of them, as people type them."""

import re
from collections.abc import Sequence
from decimal import Decimal

from ganforge.base.errors import UserError
from ganforge.base.given import each_given, whole_given
from ganforge.base.wording import as_typed

LARGEST_SIDE = 4096
COUNT = re.compile(r"([+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?)([kKmMgG]?)")
TIMES = {"": 0, "k": 3, "m": 6, "g": 9}


def parse_count(text: str) -> int | None:
    """5000, 1e5, 100k, 1.5M or 2G as a whole number, to the last digit; None for anything else, such as 1.5."""
    if not (found := COUNT.fullmatch(text.strip())):
        return None
    number = Decimal(found[1]).scaleb(TIMES[found[2].lower()])
    return int(number) if number == number.to_integral_value() else None


def parse_size(text: str) -> tuple[int, int]:
    """`64` -> (64, 64); `64x96` -> (64, 96): height, then width, in pixels. Raises UserError for anything else."""
    found = re.fullmatch(r"([0-9]{1,4})(?:[xX×]([0-9]{1,4}))?", text.strip())
    height, width = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
        wanted = f"height x width in pixels, such as 64 or 64x96, up to {LARGEST_SIDE:,} each"
        raise UserError(f"size cannot be '{as_typed(text)}': give {wanted}")
    return height, width


def size_given(size: object) -> str:
    """A size as ``parse_size`` takes it, from Python: such a text, 64, or (64, 96). Raises UserError."""
    if isinstance(size, str):
        return size
    sides = each_given(size, "The two sides of a size") if isinstance(size, Sequence) else [size]
    return "x".join(str(whole_given(side, "A side of a size")) for side in sides)


def is_point(shape: Sequence[int]) -> bool:
    """Is this the shape of a point in the plane, (2,), and not that of a picture, (C, H, W)?"""
    return tuple(shape) == (2,)


def size_text(height: int, width: int) -> str:
    """64x96, as ``parse_size`` takes it."""
    return f"{height}x{width}"


def gib(size: float) -> str:
    """73.2 MiB; 1.5 GiB."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:,.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"
