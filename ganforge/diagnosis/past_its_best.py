"""Has the run become worse than it was?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History
from ganforge.metrics.trend import best_so_far, series

RECORD = Detector(
    name="past-its-best",
    order=101,
    title="the run is past its best",
    meaning="The pictures have become worse than they were, and stay so. The best snapshot is kept.",
    source="metrics/trend.py; the numbers are our own, set by benchmarks/diagnosis.py",
    grave=False,
    patience=1,
    remedies=(
        Remedy("use the best snapshot", command="ganforge sample RUN --best"),
        Remedy("lower both learning rates", {"lr": "x0.3", "d_lr": "x0.3"}),
        Remedy("penalise D's slope at reals", {"r1_gamma": "auto", "d_norm": "unnormalised"}),
    ),
)

WORSE, SINCE = 1.5, 3


def look(history: History) -> Seen | None:
    """The last ``SINCE`` measurements all more than ``WORSE`` times as high above the floor as the best one."""
    values, best = series(history.records), best_so_far(history.records)
    if best is None or len(values) <= SINCE:
        return None
    floor = best.floor or 0.0
    height = best.best[1] - floor
    if height <= 0 or any(value - floor < WORSE * height for _, value in values[-SINCE:]):
        return None
    return Seen(f"{best.name} was {best.best[1]:.3g} at {best.best[0]:,} images, and is {values[-1][1]:.3g}")
