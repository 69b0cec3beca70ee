"""Does every weight learn?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="no-gradient",
    order=300,
    title="some weights cannot learn",
    meaning="No gradient reaches them: they are frozen, the loss does not depend on them, or something on the way cuts "
    "it off, such as `detach`.",
    source="torch.autograd.grad; pytorch.org, Autograd mechanics",
    remedies=(Remedy("see what stands between these weights and the loss, in the network's forward"),),
)

NAMED = 3


def look(start: Start) -> Seen | None:
    """Parameters without a gradient, or a network whose gradient is 0 everywhere."""
    if start.tried is None:
        return None
    if names := start.tried.unreached:
        more = f", and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        return Seen(f"no gradient reaches {', '.join(names[:NAMED])}{more}", "certain")
    if start.tried.silent:
        return Seen(f"the gradient of {' and of '.join(start.tried.silent)} is 0 everywhere", "certain")
    return None
