"""Do the pictures use a small part of the range of values, or one half of it?"""

from ganforge.data.sources.hints import NARROW
from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="narrow-values",
    order=40,
    title="the pictures use a part of the range of values only",
    meaning="Networks see values from -1 to 1, and G can make all of them. Where the pictures have a small part of "
    "them, or one half, they were probably scaled for another range, and everything that has to be learned is small.",
    source="voletiv/self-attention-GAN-pytorch, issue 6; carpedm20/DCGAN-tensorflow, pull request 24",
    grave=False,
    remedies=(
        Remedy("give the range that your files have, as --range LOW,HIGH, or save them with values from 0 to 255"),
    ),
)

HALVES = (120, 135)
"""Of 0 to 255: pictures that begin above the first, or end below the second, use one half."""


def look(start: Start) -> Seen | None:
    """They span less than ``NARROW``, or stay in one half."""
    low, high = start.items.low, start.items.high
    if start.is_points or (high - low >= NARROW and low <= HALVES[0] and high >= HALVES[1]):
        return None
    return Seen(f"their values go from {low} to {high}, of 0 to 255", "certain" if high - low < NARROW else "likely")
