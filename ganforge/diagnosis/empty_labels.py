"""Do the labels tell anything of the pictures?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="labels-tell-nothing",
    order=70,
    title="the labels tell nothing of the pictures",
    meaning="From what the pictures look like from afar, their classes cannot be guessed any better than by always "
    "naming the commonest. They are probably in another order than the pictures. Then being told the class helps "
    "neither network, and G ignores it.",
    source="our own rule: ridge regression on averages over 8 x 8 fields, judged on other pictures than learned from",
    remedies=(
        Remedy("do not tell the networks the class", {"conditional": False}, only=("conditional", (True,))),
        Remedy("see that labels and pictures are in the same order"),
    ),
)

DEVIATIONS = 3.0
"""So many standard deviations above the commonest class's share, an accuracy is no chance."""


def look(start: Start) -> Seen | None:
    """The accuracy is within chance of the commonest class's share."""
    items = start.items
    if items.accuracy is None or not start.settings.get("conditional"):
        return None
    chance = items.majority + DEVIATIONS * (items.majority * (1 - items.majority) / items.judged) ** 0.5
    if items.accuracy >= chance:
        return None
    return Seen(f"guessed from the picture, {items.accuracy:.0%} are right; always the commonest, {items.majority:.0%}")
