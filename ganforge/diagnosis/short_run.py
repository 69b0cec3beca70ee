"""Is the run too short to learn anything?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="short-run",
    order=190,
    title="the run is short",
    meaning="It ends before the networks have had the steps that first shapes take, or before they have seen each "
    "picture once. Its pictures will be noise or blurs.",
    source="our own rule; our quickest recipes need about 1,000 steps for first shapes",
    grave=False,
    of_length=True,
    remedies=(Remedy("make it ten times as long", {"total_nimg": "x10"}),),
)

FEW_STEPS = 500


def look(start: Start) -> Seen | None:
    """Fewer than ``FEW_STEPS`` updates of D, or than one look at each picture."""
    total, batch = start.number("total_nimg"), start.number("batch_size", 1.0)
    updates = total / batch
    if updates < FEW_STEPS:
        return Seen(f"{total:,.0f} images are {updates:,.0f} batches", "certain")
    if total < start.items.count:
        return Seen(f"{total:,.0f} images, of {start.items.count:,} there are to learn from", "certain")
    return None
