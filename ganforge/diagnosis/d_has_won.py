"""Does D tell reals from fakes so well that G learns nothing more?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="d-has-won",
    order=20,
    title="D has won, and G learns nothing more",
    meaning="D tells nearly every real from nearly every fake, and G's pictures do not become more like the reals. "
    "What D tells G is then of no use: it is as sure of a fake that is a little better as of the one before.",
    source="Arjovsky & Bottou 2017, arXiv:1701.04862, section 2; numbers of our own, set by benchmarks/diagnosis.py",
    needs=("Logits/separation", "Health/spread", "Health/missing"),
    for_objective={
        "non-saturating": "G still has a gradient where D is sure, but one that hardly depends on what the fake is.",
        "minimax": "G's loss is flat where D is sure: its gradient vanishes.",
        "hinge": "D's own loss is 0 where all its answers are beyond 1 and -1: it does not learn, either.",
        "wgan": "To keep them apart is what the critic is for; but with a slope that is bounded, G should gain by it.",
    },
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

SURE, LOSS, SPREAD, MISSING = 0.95, 0.5, 0.3, 0.6
RISE, FALL, ROWS = 0.05, 0.1, 5


def look(history: History) -> Seen | None:
    """D is right on ``SURE`` of the pairs, its loss below ``LOSS`` of one that cannot tell (of a loss that has such a
    scale), and fakes are poor (spread below ``SPREAD``, or ``MISSING`` of the reals' kinds not made) and no richer than
    halfway here; all by the median of ``ROWS`` rows, since losses jump."""
    apart, spread, missing = (history.median(name, ROWS) for name in RECORD.needs)
    old_spread, old_missing = history.at("Health/spread"), history.at("Health/missing")
    if apart is None or spread is None or missing is None or old_spread is None or old_missing is None:
        return None
    if not history.is_under_way or apart < SURE or (spread > SPREAD and missing < MISSING):
        return None
    objective, loss = history.objective, history.median("Loss/D", ROWS)
    if objective and objective.undecided > 0 and loss is not None and loss > LOSS * objective.undecided:
        return None
    if spread - old_spread > RISE or old_missing - missing > FALL:
        return None
    return Seen(f"D is right on {apart:.1%} of pairs of a real and a fake, and fakes gain nothing by it")
