"""Does training wait for its data?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="slow-feeding",
    order=130,
    title="training waits for its pictures",
    meaning="To draw and change the next batch takes a large part of the time, in which neither network learns.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    grave=False,
    patience=4,
    needs=("Timing/feeding_share",),
    remedies=(Remedy("keep the data on a faster disk, or make the pictures smaller with --size"),),
)

SHARE, ROWS = 0.3, 5


def look(history: History) -> Seen | None:
    """More than ``SHARE`` of the time, over ``ROWS`` rows."""
    share = history.mean("Timing/feeding_share", ROWS)
    return None if share is None or share < SHARE else Seen(f"it takes {share:.0%} of the time", "certain")
