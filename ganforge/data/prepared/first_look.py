"""What a few pictures, spread over all, tell before the others are decoded: the range, the shape, and the time."""

from collections.abc import Sequence

import numpy as np

from ganforge.base.errors import UserError
from ganforge.base.stopping import poll
from ganforge.data.prepared.fit import Target
from ganforge.data.prepared.request import Findings, Request, settle
from ganforge.data.sources.depth import PERCENTILES, Span, brief_number
from ganforge.data.sources.guarded import Guarded
from ganforge.data.sources.pixel_kinds import Unreadable

RANGE_PICTURES, RANGE_NUMBERS = 500, 2_000
"""So many pictures, spread over all, are measured, and of each so many numbers."""
SAMPLE_SIZES, SAMPLE_PICTURES = 200, 24
"""So many headers, and so many pictures, are looked at for a first guess of the shape, and of the time it will take."""


def take_range(source: Guarded, wanted: Span | str | None, indices: Sequence[int]) -> tuple[Span | None, str]:
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
    read = 0
    for index in spread(indices, RANGE_PICTURES):
        poll()
        try:
            found += source.numbers(index, RANGE_NUMBERS)
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


def first_guess(source: Guarded, indices: Sequence[int], request: Request) -> tuple[Target, float]:
    """The shape, and the seconds that one process will take, judged by some pictures spread over all. Raises UserError
    where there are too few."""
    if len(indices) < 2:
        pictures = "1 picture" if len(indices) else "no pictures"
        raise UserError(f"{source.name} holds {pictures} to learn from; give at least 2.")
    found = Findings()
    for index in spread(indices, SAMPLE_SIZES):
        poll()
        try:
            header = source.header(index)
        except Unreadable:
            continue
        found.sizes[header.height, header.width] += 1
    seconds, read = 0.0, 0
    for index in spread(indices, SAMPLE_PICTURES):
        poll()
        try:
            grey, taken = source.ask("try", index)[0]
        except Unreadable:
            continue
        found.coloured += not grey
        read += 1
        seconds += taken
    return settle(request, found), seconds / max(read, 1) * len(indices)


def spread(indices: Sequence[int], count: int) -> list[int]:
    """So many of the indices, or all of them, at equal distances."""
    count = min(count, len(indices))
    return [indices[k * len(indices) // count] for k in range(count)]
