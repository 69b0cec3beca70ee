"""Are many of the pictures of one colour?"""

from ganforge.data.sources.hints import MANY_BLANK, NEAR_CONSTANT
from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="blank-pictures",
    order=30,
    title="there are blank pictures among them",
    meaning="They show nothing, and G learns to make them, too. Often they come from a fault in how the pictures were "
    "made or read.",
    source="our own rule",
    grave=False,
    remedies=(Remedy("remove them, unless they are meant to be so; `ganforge data inspect` shows which they are"),),
)


def look(start: Start) -> Seen | None:
    """More than ``MANY_BLANK`` of those looked at hardly change from pixel to pixel."""
    items = start.items
    if start.is_points or items.blank <= MANY_BLANK * items.looked:
        return None
    return Seen(
        f"{items.blank:,} of {items.looked:,} pictures looked at span less than {NEAR_CONSTANT} of 255 values",
        "certain",
    )
