"""R2: D's squared slope at fakes."""

from torch import Tensor

from ganforge.objectives.catalog import Penalty
from ganforge.objectives.penalties import Judged, squared_gradient_norm

RECORD = Penalty(
    name="r2",
    order=20,
    meaning="gamma / 2 times the squared gradient of D at fakes.",
    source="Mescheder et al. 2018, arXiv:1801.04406, equation 10",
    setting="r2_gamma",
    help="The same at fakes.",
    gradient_at="fakes",
    may_be_auto=True,
    may_be_lazy=True,
    follows_gamma_end=True,
)


def penalty(judged: Judged) -> Tensor:
    """||grad D(G(z))||^2 / 2 per sample, [N], to be weighed by gamma; for the rest as R1."""
    return squared_gradient_norm(judged.fake_logits, judged.fakes) / 2
