"""Did the run end while it was still getting better?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History
from ganforge.metrics.trend import best_so_far, series

RECORD = Detector(
    name="too-short",
    order=140,
    title="the run ended while it was still getting better",
    meaning="The figures were still falling at the end: what is wrong with the pictures may only be that they are not "
    "done.",
    source="metrics/trend.py; the numbers are our own, set by benchmarks/diagnosis.py",
    grave=False,
    patience=1,
    remedies=(Remedy("train longer", {"total_nimg": "x2"}),),
)

GAIN = 0.8


def look(history: History) -> Seen | None:
    """At the end, the best of the last third is below ``GAIN`` of the best before, above the floor."""
    best, values = best_so_far(history.records), series(history.records)
    if best is None or history.progress < 1:
        return None
    old = [value for nimg, value in values if nimg <= history.nimg * 2 / 3]
    floor = best.floor or 0.0
    if not old or best.best[1] <= floor or best.best[1] - floor > GAIN * (min(old) - floor):
        return None
    return Seen(f"{best.name} fell from {min(old):.3g} to {best.best[1]:.3g} in the last third", "certain")
