"""The settings of what D and G are trained for."""

from typing import Annotated, Literal

from pydantic import Field

from ganforge.base.quantities import WHOLE, Gamma, Positive, Weight
from ganforge.base.section import Misfits, Section


class ObjectiveSettings(Section):
    """The objective, and what D pays for being steep."""

    objective: Literal["minimax", "non-saturating", "lsgan", "lsgan-ab", "wgan", "hinge", "relativistic"] = (
        "non-saturating"
    )
    """minimax, non-saturating, lsgan, lsgan-ab, wgan, hinge or relativistic."""
    r1_gamma: Gamma = 0.0
    """gamma / 2 times the squared gradient of D at reals is added to its loss; auto: a picture's numbers / 1000."""
    r2_gamma: Gamma = 0.0
    """The same at fakes."""
    penalty_interval: Annotated[int, Field(ge=1, le=1024), WHOLE] = 1
    """Compute r1_gamma's or r2_gamma's penalty only at every so many updates of D, times as strong."""
    gp_weight: Weight = 0.0
    """Weight of WGAN-GP's penalty on D's slope between reals and fakes."""
    dragan_weight: Weight = 0.0
    """Weight of DRAGAN's penalty on D's slope around reals."""
    clip: Positive | None = None
    """Keep D's weights within plus and minus this."""

    def misfits(self) -> Misfits:
        gammas, weights = self.r1_gamma or self.r2_gamma, self.gp_weight or self.dragan_weight
        lazy = self.penalty_interval > 1
        yield lazy and weights, "gp_weight and dragan_weight are for every update of D; set penalty_interval to 1"
        yield lazy and not gammas, "penalty_interval needs r1_gamma or r2_gamma; where both are 0, set it to 1"
        yield (
            lazy and self.r1_gamma and self.r2_gamma,
            "r1_gamma and r2_gamma together do not converge unless they are computed at every update of D; set "
            "penalty_interval to 1, or leave one of them out",
        )
