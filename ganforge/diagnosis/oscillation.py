"""Does G go round and round? How the kinds that it makes change from row to row."""

from itertools import pairwise

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="oscillation",
    order=60,
    title="G hops from one kind of picture to the next",
    meaning="At each report G makes other kinds than at the one before: D follows G round in a circle, and neither "
    "comes nearer.",
    source="Mescheder et al. 2018, arXiv:1801.04406; the numbers are our own, set by benchmarks/diagnosis.py",
    patience=3,
    needs=("Health/shares",),
    ruins=True,
    remedies=(
        Remedy("penalise D's slope at reals", {"r1_gamma": "auto", "d_norm": "unnormalised"}),
        Remedy("penalise D's slope at reals", {"r1_gamma": "auto"}, mends=True),
        Remedy("lower both learning rates", {"lr": "x0.3", "d_lr": "x0.3"}, mends=True),
    ),
)

HOP, ROWS, EARLY, RISE = 0.65, 5, 2_000, 0.1
"""EARLY: updates of G. The note's GAN hops so in its first 1,700."""


def look(history: History) -> Seen | None:
    """Once the early phase is over, from each of the last ``ROWS`` rows to the next, a mean share ``HOP`` of the fakes
    is of another kind (the total variation distance), and fakes do not spread any more, by ``RISE`` since halfway."""
    shares = history.shares(ROWS)
    if len(shares) < ROWS or not history.is_settled(EARLY):
        return None
    spread, before = history.mean("Health/spread", 2), history.at("Health/spread")
    if spread is not None and before is not None and spread - before > RISE:
        return None
    hops = [sum(abs(a - b) for a, b in zip(old, new, strict=True)) / 2 for old, new in pairwise(shares)]
    if (hop := sum(hops) / len(hops)) < HOP:
        return None
    return Seen(f"from one report to the next, {hop:.0%} of what G makes becomes of another kind")
