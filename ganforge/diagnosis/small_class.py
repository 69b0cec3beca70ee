"""Is there a class of hardly any pictures?"""

from ganforge.data.sources.hints import SMALL_CLASS
from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="small-class",
    order=50,
    title="a class has hardly any pictures",
    meaning="Its pictures are seen so rarely that G learns little of them; told the class, it makes copies of the few, "
    "or pictures of another class.",
    source="our own rule, that of `ganforge data inspect`",
    grave=False,
    remedies=(Remedy("get more pictures of it, or put it together with another class"),),
)


def look(start: Start) -> Seen | None:
    """A class has less than a tenth (``SMALL_CLASS``) of the classes' mean, or nothing."""
    items = start.items
    counts = items.class_counts
    if len(counts) < 2:
        return None
    small = [number for number, count in enumerate(counts) if count * SMALL_CLASS * len(counts) < sum(counts)]
    if not small:
        return None
    least = min(small, key=lambda number: counts[number])
    name = items.class_names[least] if items.class_names else str(least)
    others = f", and {len(small) - 1:,} more are small" if len(small) > 1 else ""
    return Seen(f"class {name[:40]} has {counts[least]:,} of {sum(counts):,} pictures{others}", "certain")
