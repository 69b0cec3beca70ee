"""Can the first step be computed at all?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="step-fails",
    order=305,
    title="the first step cannot be computed",
    meaning="On the first batch the networks or the losses end with an error. Training will end with it, too.",
    source="the error itself",
    remedies=(Remedy("mend what the error names"),),
)


def look(start: Start) -> Seen | None:
    """Trying it ended with an error."""
    return Seen(start.failure, "certain") if start.failure else None
