"""Sizes of pictures as people type them."""

import re

from ganforge.base.errors import UserError
from ganforge.base.wording import as_typed

LARGEST_SIDE = 4096


def parse_size(text: str) -> tuple[int, int]:
    """`64` -> (64, 64); `64x96` -> (64, 96): height, then width, in pixels. Raises UserError for anything else."""
    found = re.fullmatch(r"([0-9]{1,4})(?:[xX×]([0-9]{1,4}))?", text.strip())
    height, width = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
        wanted = f"height x width in pixels, such as 64 or 64x96, up to {LARGEST_SIDE:,} each"
        raise UserError(f"size cannot be '{as_typed(text)}': give {wanted}")
    return height, width


def size_text(height: int, width: int) -> str:
    """64x96, as ``parse_size`` takes it."""
    return f"{height}x{width}"
