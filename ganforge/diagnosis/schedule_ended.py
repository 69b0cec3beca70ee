"""Has the schedule brought the learning rate to 0 before the run's end?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="schedule-ended",
    order=120,
    title="the schedule has ended, and nothing is learnt any more",
    meaning="The learning rate went down to 0 and stays there, while the run goes on: the weights stay as they are.",
    source="base/schedules.py",
    grave=False,
    patience=1,
    remedies=(Remedy("let the schedule last as long as the run", {"burn_in_nimg": "recipe"}),),
)


def look(history: History) -> Seen | None:
    """lr_end is 0, and the burn-in is over by a twentieth."""
    burn_in = history.number("burn_in_nimg")
    if history.number("lr_end", 1.0) != 0 or not burn_in or history.nimg < 1.05 * burn_in:
        return None
    return Seen(f"it ended at {burn_in:,.0f} images", "certain")
