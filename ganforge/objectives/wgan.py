"""The Wasserstein distance, as a D of bounded slope sees it."""

from torch import Tensor

from ganforge.objectives.catalog import NO_SCALE, Objective
from ganforge.objectives.losses import Terms

RECORD = Objective(
    name="wgan",
    order=50,
    meaning="Without penalties: minus the distance that D sees between reals and fakes, up to a factor. Negative is "
    "not a bug; 0: D sees none. Watch its trend towards 0, not its value.",
    source="Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1",
    undecided=0.0,
    g_meaning=f"Minus the fakes' mean logit, of any sign. {NO_SCALE}",
    boundary=None,
    needs_bounded_slope="set gp_weight (10 in its paper), clip (0.01), or d_norm spectral",
)


def d_loss(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """-r and f, of any sign. D's slope must be bounded by other means: a penalty, or weights that are clipped."""
    return {"reals": -real_logits, "fakes": fake_logits}


def g_loss(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """-f, of any sign."""
    return {"fakes": -fake_logits}
