"""Does G leave out some kinds of things? The cells of the reals' space that hardly any fake falls into."""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="missing-modes",
    order=11,
    title="G leaves out whole kinds of pictures",
    meaning="What G makes is of several kinds, but of kinds that are common among reals it makes none. D sees too "
    "little of that to tell G: for each fake alone, nothing is wrong.",
    source="Richardson & Weiss 2018, arXiv:1805.12462 (NDB); the numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Health/missing", "Health/spread"),
    ruins=True,
    remedies=(
        Remedy("take the recipe's own length of z", {"z_dim": "recipe"}),
        Remedy("penalise D's slope at reals", {"r1_gamma": "auto", "d_norm": "unnormalised"}),
        Remedy("penalise D's slope at reals", {"r1_gamma": "auto"}, mends=True),
    ),
)

MANY, MANY_OF_POINTS, FALL = 0.35, 0.1, 0.15
"""Shares of the reals that lie in cells without fakes: of pictures, where cells are only regions; and of points, where
they are the modes themselves."""
COLLAPSED, RISE = 0.3, 0.1
EARLY, SHORT_Z = 1_600, 8
"""Updates of G before which kinds may still come; but not where z is of so few numbers, which is reason enough."""


def look(history: History) -> Seen | None:
    """Once the early phase is over, more than that is missing, not ``FALL`` less than halfway here, and the figures
    no longer fall. Less spread than ``COLLAPSED`` is a collapse; points that have spread by ``RISE`` since halfway here
    are on their way to other modes."""
    missing, before = history.mean("Health/missing", 4), history.at("Health/missing")
    spread = history.mean("Health/spread", 2)
    early = EARLY if history.number("z_dim", SHORT_Z + 1) > SHORT_Z else EARLY // 2
    if missing is None or before is None or spread is None or spread <= COLLAPSED:
        return None
    if not history.is_settled(early):
        return None
    is_points = history.last("Health/contrast") is None
    if is_points and spread - (history.at("Health/spread") or 0.0) > RISE:
        return None
    if history.gain() or missing < (MANY_OF_POINTS if is_points else MANY) or before - missing > FALL:
        return None
    return Seen(f"of the kinds that are {missing:.0%} of the reals, G makes hardly any")
