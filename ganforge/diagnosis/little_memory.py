"""Does a step fit into memory?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="memory-too-small",
    order=410,
    title="a step will not fit into memory",
    meaning="What a step keeps for its gradients, for a whole batch, is more than is free. It would end with an error "
    "in the first step, or the computer would become very slow.",
    source="what the tried step kept, times the batch",
    foretells=True,
    remedies=(
        Remedy("split each batch into parts that fit", {"accumulate": "auto"}),
        Remedy("smaller batches", {"batch_size": "x0.25"}),
    ),
)


def look(start: Start) -> Seen | None:
    """More is needed than is free."""
    free = start.machine.memory_free
    if free is None or start.tried is None or start.tried.memory <= free:
        return None
    return Seen(f"about {start.tried.memory / 1e9:,.1f} GB are needed, and {free / 1e9:,.1f} GB are free", "likely")
