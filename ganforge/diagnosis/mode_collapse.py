"""Does G make hardly more than one kind of thing? By how much fakes differ from each other, beside reals."""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="mode-collapse",
    order=10,
    title="G makes hardly more than one kind of picture",
    meaning="Whatever z is, nearly the same comes out: G has found something that D takes for real, and makes nothing "
    "else. D can follow it, so that it may move from one kind to the next without ever making all of them.",
    source="Goodfellow 2016, arXiv:1701.00160, section 5.1.1; the numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Health/spread",),
    ruins=True,
    remedies=(
        Remedy(
            "take the recipe's own learning rates and betas",
            {"lr": "recipe", "d_lr": "recipe", "beta1": "recipe"},
            mends=True,
        ),
        Remedy("penalise D's slope at reals", {"r1_gamma": "auto", "d_norm": "unnormalised"}),
        Remedy("penalise D's slope at reals", {"r1_gamma": "auto"}, mends=True),
    ),
)

ONE, LOW, HIGH, RISE, EARLY = 0.02, 0.3, 0.6, 0.05, 1_500
"""EARLY: updates of G. The note's GAN makes one digit at a time in its first 1,300."""


def look(history: History) -> Seen | None:
    """The fakes' mean distance from each other below ``ONE`` times that of reals; or below ``LOW`` times, after it was
    above ``HIGH``, or, once the early phase is over, where it has not risen by ``RISE`` over the second half so far."""
    now, before = history.mean("Health/spread", 2), history.at("Health/spread")
    if now is None or before is None or now > LOW:
        return None
    text = f"fakes differ from each other {now:.2g} times as much as reals do"
    if (most := max(history.recent("Health/spread", 50))) > HIGH:
        return Seen(f"{text}, after {most:.2g} times", "certain")
    if now < ONE and history.is_under_way:
        return Seen(f"{text}: all are one picture", "certain")
    if history.is_settled(steps=EARLY) and now - before < RISE:
        return Seen(f"{text}; halfway here it was {before:.2g}")
    return None
