"""R1: D's squared slope at reals."""

from torch import Tensor

from ganforge.objectives.catalog import Penalty
from ganforge.objectives.penalties import Judged, squared_gradient_norm

RECORD = Penalty(
    name="r1",
    order=10,
    meaning="gamma / 2 times the squared gradient of D at reals.",
    source="Mescheder et al. 2018, arXiv:1801.04406, equation 9",
    setting="r1_gamma",
    help="gamma / 2 times the squared gradient of D at reals is added to its loss; auto: a picture's numbers / 1000.",
    gradient_at="reals",
    may_be_auto=True,
    may_be_lazy=True,
    follows_gamma_end=True,
)


def penalty(judged: Judged) -> Tensor:
    """||grad D(x)||^2 / 2 per sample, [N], to be weighed by gamma.

    The paper's code leaves out the 1/2: its gamma counts double.

    R1 alone may be computed on every k-th step only, times k (Karras et al. 2020, arXiv:1912.04958, section 3.1); so
    may R2 alone. With R3GAN, whose D pays both, that fails to converge on Stacked MNIST and in the plane (Huang et al.
    2024, arXiv:2501.05441, appendix E): settings that ask for it are refused.
    """
    return squared_gradient_norm(judged.real_logits, judged.reals) / 2
