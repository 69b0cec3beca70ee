"""Does what the run keeps fit on the disk?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="disk-too-small",
    order=400,
    title="what the run keeps will not fit on the disk",
    meaning="Checkpoints and snapshots take more than is free where the run is to be. It would end with an error when "
    "the disk is full; what was saved until then is whole.",
    of_length=True,
    source="the sizes of the networks and their moments, times what is kept",
    foretells=True,
    remedies=(
        Remedy("keep less", {"keep_checkpoints": 1, "keep_snapshots": 1, "milestone_nimg": None}),
        Remedy("free some space, or take another place with --out"),
    ),
)


def look(start: Start) -> Seen | None:
    """More is needed than is free."""
    free, needed = start.machine.disk_free, start.machine.disk_needed
    if free is None or needed <= free:
        return None
    return Seen(f"{needed / 1e9:,.2f} GB are needed, and {free / 1e9:,.2f} GB are free", "certain")
