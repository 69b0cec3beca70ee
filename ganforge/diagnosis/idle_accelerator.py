"""Is there an accelerator that the run does not use?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="accelerator-unused",
    order=420,
    title="there is an accelerator, and the run is on the CPU",
    meaning="Large networks learn many times faster on it. Small ones, as the note's, hardly do.",
    source="benchmarks/results/accelerator.md",
    grave=False,
    remedies=(
        Remedy("let it be used", {"device": "auto"}),
        Remedy("install a PyTorch that can use it (pytorch.org/get-started)"),
    ),
)


def look(start: Start) -> Seen | None:
    """The device is the CPU, and another one is there."""
    idle = start.machine.idle
    return Seen(f"{idle} is there", "certain") if idle and start.machine.device == "cpu" else None
