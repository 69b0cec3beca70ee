"""The hinge: D gains nothing from logits beyond 1 for reals and beyond -1 for fakes."""

from torch import Tensor
from torch.nn.functional import relu

from ganforge.objectives.catalog import Objective
from ganforge.objectives.losses import Terms

RECORD = Objective(
    name="hinge",
    order=60,
    meaning="How far D's logits fall short of 1 for reals and of -1 for fakes: 2 when D cannot tell; 0 when it "
    "is sure of everything.",
    source="Miyato et al. 2018, arXiv:1802.05957, equations 16 and 17",
    undecided=2.0,
    healthy=(0.1, 2.1),
    g_meaning="Minus the fakes' mean logit, of any sign: negative is not a bug. 0: D cannot tell.",
    logits_meaning="Beyond 1 for reals and -1 for fakes D gains nothing more; 0: cannot tell.",
    real_logits=(-0.25, 3.0),
    fake_logits=(-3.0, 0.25),
)


def d_loss(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """max(0, 1 - r) and max(0, 1 + f): equation 16 with its sign turned."""
    return {"reals": relu(1 - real_logits), "fakes": relu(1 + fake_logits)}


def g_loss(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """-f, of any sign: equation 17 with its sign turned."""
    return {"fakes": -fake_logits}
