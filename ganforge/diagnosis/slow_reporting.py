"""Do reports take a large part of the time?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="slow-reporting",
    order=131,
    title="reports take a large part of the time",
    meaning="To draw the pictures, measure and write takes time in which neither network learns. Less often would do.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    grave=False,
    patience=4,
    needs=("Timing/reporting_share",),
    remedies=(Remedy("report less often", {"report_nimg": "x4"}),),
)

SHARE, ROWS = 0.35, 5


def look(history: History) -> Seen | None:
    """More than ``SHARE`` of the time, over ``ROWS`` rows."""
    share = history.mean("Timing/reporting_share", ROWS)
    return None if share is None or share < SHARE else Seen(f"they take {share:.0%} of the time", "certain")
