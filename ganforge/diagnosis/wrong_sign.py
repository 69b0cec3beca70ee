"""Does G's step make D take its fakes for more real?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="g-learns-backwards",
    order=320,
    title="G learns the wrong way",
    meaning="Its step lowers D's logits of its fakes: D will take them for less real after it. The sign of G's loss "
    "is wrong, or D's loss takes a high logit for fake.",
    source="Zeleni9/pytorch-wgan, issue 51 and pull request 53: such a sign stood in it for years",
    remedies=(Remedy("turn the sign of G's loss"),),
)

DOWN = -0.02
"""Of the cosine between G's step and the way up D's mean logit."""


def look(start: Start) -> Seen | None:
    """The step points down. Not where D has learned before: then a logit may be past what G aims at."""
    if start.tried is None or start.is_fine_tuned or start.tried.rise >= DOWN:
        return None
    return Seen(f"the cosine between its step and the way up D's logits is {start.tried.rise:.2f}", "certain")
