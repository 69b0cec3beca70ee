"""Are many of the pictures the same?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="copied-pictures",
    order=20,
    title="many of the pictures are copies of others",
    meaning="What is there several times, G is to make so much more often, and there are fewer different pictures to "
    "learn from than there seem to be.",
    source="our own rule",
    grave=False,
    remedies=(Remedy("remove the copies; `ganforge data inspect` counts them"),),
)

MANY = 0.05


def look(start: Start) -> Seen | None:
    """More than ``MANY`` of those counted are equal to another one."""
    items = start.items
    if start.is_points or items.copies <= MANY * items.counted:
        return None
    return Seen(f"{items.copies:,} of {items.counted:,} pictures are equal to another one", "certain")
