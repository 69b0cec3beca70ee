"""Is a picture the same, made alone and among others?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="picture-depends-on-batch",
    order=350,
    title="a picture depends on the others made with it",
    meaning="The same z gives another picture when it is made alone. A norm looks at the batch in use, too, instead of "
    "at what it learned; no picture can be made again for sure.",
    source="Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.1; soumith/dcgan.torch, issue 19",
    remedies=(Remedy("let G's norms use their running averages outside of training (`eval`)"),),
)

MUCH = 1e-3
"""Of the range of values."""


def look(start: Start) -> Seen | None:
    """A value differs by more than ``MUCH`` of the range."""
    if start.tried is None or start.tried.apart <= MUCH:
        return None
    return Seen(f"made alone, it differs by up to {start.tried.apart:.0%} of the range of values", "certain")
