"""Are batches so small that a step learns from chance?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="small-batch",
    order=140,
    title="the batches are too small",
    meaning="From a handful of pictures a step learns what is special of these, and the next step unlearns it. Batch "
    "norm, where a network has it, works out a mean and a spread of them, which say nothing.",
    source="Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.1; benchmarks/diagnosis.py",
    remedies=(
        Remedy("take the recipe's batches", {"batch_size": "recipe", "accumulate": "recipe"}),
        Remedy("split the recipe's batches, where memory is short", {"batch_size": "recipe", "accumulate": 4}),
    ),
)

FEW = 8


def look(start: Start) -> Seen | None:
    """Fewer than ``FEW`` in a batch, or, for G's batch norm or D's, in a part of one."""
    batch, parts = start.number("batch_size", FEW), start.number("accumulate", 1.0)
    if batch < FEW:
        return Seen(f"batches of {batch:g}; the recipe's have {start.usual_number('batch_size'):g}", "certain")
    if batch / parts < FEW and start.settings.get("generator") == start.settings.get("discriminator") == "dcgan":
        return Seen(f"batch norm sees parts of {batch / parts:g}", "likely")
    return None
