"""Which numbers in a set's files become black and which white: one range for all, given or measured."""

from collections.abc import Callable, Sequence

import numpy as np

from ganforge.base.errors import UserError
from ganforge.data.sources.depth import PERCENTILES, Span, brief_number
from ganforge.data.sources.guarded import Guarded
from ganforge.data.sources.open import Unreadable

SAMPLE_PICTURES, SAMPLE_NUMBERS = 500, 2_000
"""So many pictures, spread over all, are measured, and of each so many numbers."""


def take_range(
    source: Guarded, wanted: Span | str | None, indices: Sequence[int], poll: Callable[[], None]
) -> tuple[Span | None, str]:
    """Have the source's pictures taken by a range; returns it, and where it comes from, for people.

    wanted: (low, high), or "auto": the percentiles of these entries' numbers; None: leave it to the files. Raises
    UserError where all numbers are one.
    """
    if wanted is None:
        return None, ""
    if not isinstance(wanted, str):
        source.take_range(wanted)
        return wanted, ""
    found = list[float]()
    count, read = min(SAMPLE_PICTURES, len(indices)), 0
    for number in range(count):
        poll()
        try:
            found += source.numbers(indices[number * len(indices) // count], SAMPLE_NUMBERS)
        except Unreadable:
            continue
        read += 1
    if not found:
        return None, ""  # none can be read, or none holds a number: which is told where they are decoded
    low, high = (float(number) for number in np.percentile(np.array(found), PERCENTILES))
    if low == high:
        raise UserError(
            f"{source.name}: nearly all numbers in the {read:,} pictures measured are {brief_number(low)}, which is no "
            "range; give the numbers that become black and white, --range LOW,HIGH."
        )
    source.take_range((low, high))
    below, above = PERCENTILES
    return (low, high), f"the {below:g} and {above:g} percentiles of {len(found):,} numbers of {read:,} pictures"
