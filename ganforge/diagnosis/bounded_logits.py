"""Does D end in a function that bounds it?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="bounded-logits",
    order=340,
    title="D ends in a sigmoid, and the loss takes logits",
    meaning="The loss has the sigmoid in it already, or, as Wasserstein's and the hinge, has to have numbers without a "
    "bound. Squashed twice, D can never be sure of anything, and its gradient is small everywhere.",
    source="pytorch.org, BCEWithLogitsLoss; martinarjovsky/WassersteinGAN, issues 61 and 72",
    remedies=(Remedy("leave out the last function of D"),),
)


def look(start: Start) -> Seen | None:
    """Its last function keeps to bounds."""
    if start.tried is None or start.tried.d_ends is None:
        return None
    low, high = start.tried.d_ends
    return Seen(f"all that comes out of D lies between {low:g} and {high:g}", "certain")
