"""Does each network's step move its own weights and no others?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="step-reaches-other-network",
    order=310,
    title="a step moves what it should not",
    meaning="D is to learn from the fakes as constants, and G through a D that stands still. Where they share weights, "
    "or an optimizer has those of another network, each step undoes the other's.",
    source="Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1",
    remedies=(Remedy("give each network weights of its own, and each optimizer its network's"),),
)

NAMED = 3


def look(start: Start) -> Seen | None:
    """Parameters that a step would move and should not, or should and would not."""
    if start.tried is None or not start.tried.astray:
        return None
    names = start.tried.astray
    more = f", and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return Seen(f"{'; '.join(names[:NAMED])}{more}", "certain")
