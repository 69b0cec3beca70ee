"""Does the figure gain nothing any more?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History
from ganforge.metrics.trend import best_so_far, plateau_since, series

RECORD = Detector(
    name="plateau",
    order=100,
    title="the figures gain nothing any more",
    meaning="The pictures are about as good as this run will make them. That is how a run should end; to go on costs "
    "time, and may cost quality.",
    source="metrics/trend.py",
    grave=False,
    patience=1,
    remedies=(
        Remedy("stop, and use the best snapshot", command="ganforge sample RUN --best"),
        Remedy("lower both learning rates", {"lr": "x0.3", "d_lr": "x0.3"}),
    ),
)


def look(history: History) -> Seen | None:
    """As ``plateau_since`` has it."""
    best = best_so_far(history.records)
    since = None if best is None else plateau_since(series(history.records), best.floor)
    if best is None or since is None:
        return None
    return Seen(f"no real gain of {best.name} since {since:,} images", "certain")
