"""Will the disk be full before the run's end?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="disk-fills",
    order=133,
    title="the disk is about to be full",
    meaning="A checkpoint that cannot be written ends the run. The one before stays whole.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    grave=False,
    of_length=True,
    needs=("Resources/disk_left_mib",),
    remedies=(
        Remedy("make room, or keep fewer snapshots: --keep-snapshots, --keep-checkpoints"),
        Remedy("see what runs take, and remove old ones", command="ganforge runs"),
    ),
)

LITTLE, SOON = 500, 5_000
"""MiB."""


def look(history: History) -> Seen | None:
    """Less than ``LITTLE`` left; or less than ``SOON``, and that would go, too, as it went since halfway here."""
    left, before = history.last("Resources/disk_left_mib"), history.at("Resources/disk_left_mib", count=1)
    if left is None or left > SOON:
        return None
    rest = max(0.0, history.number("total_nimg") - history.nimg)
    needed = 0.0 if before is None else (before - left) * rest / max(1.0, 0.5 * history.nimg)
    if left > LITTLE and needed < left:
        return None
    return Seen(f"{left:,.0f} MiB are left", "certain")
