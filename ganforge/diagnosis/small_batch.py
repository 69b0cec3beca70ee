"""Are batches so small that a step learns from chance?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen, Sureness

RECORD = Check(
    name="small-batch",
    order=140,
    title="the batches are too small",
    meaning="From a handful of pictures a step learns what is special of these, and the next step unlearns it. Batch "
    "norm, where a network has it, works out a mean and a spread of them, which say nothing. Without it, more "
    "and smaller steps may come as far with the same images, but take many times as long.",
    source="Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.1; benchmarks/diagnosis.py",
    foretells=True,
    remedies=(
        Remedy("take the recipe's batches", {"batch_size": "recipe", "accumulate": "recipe"}),
        Remedy("split the recipe's batches, where memory is short", {"batch_size": "recipe", "accumulate": 4}),
    ),
)

FEW = 8


def look(start: Start) -> Seen | None:
    """Fewer than ``FEW`` in a batch, or, for G's batch norm or D's, in a part of one."""
    has_batch_norm = start.settings.get("generator") == start.settings.get("discriminator") == "dcgan"
    batch, parts = start.number("batch_size", FEW), start.number("accumulate", 1.0)
    if batch < FEW:
        sure: Sureness = "certain" if has_batch_norm else "possible"
        return Seen(f"batches of {batch:g}; the recipe's have {start.usual_number('batch_size'):g}", sure)
    if batch / parts < FEW and has_batch_norm:
        return Seen(f"batch norm sees parts of {batch / parts:g}", "likely")
    return None
