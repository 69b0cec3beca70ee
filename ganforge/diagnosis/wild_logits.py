"""Are D's logits, before anything is learned, where they should be?"""

import math

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="wild-logits",
    order=330,
    title="D is sure before it has learned anything",
    meaning="Its logits are far from 0 with fresh weights, which are too large, or the pictures' values are. The first "
    "steps will be huge, or, where the loss is flat there, nothing.",
    source="Glorot & Bengio 2010; He et al. 2015, arXiv:1502.01852, section 2.2, on first weights",
    foretells=True,
    remedies=(Remedy("give D's layers first weights of mean square 1 / their inputs"),),
)

FAR = 30.0
"""Of mean or standard deviation. Spectrally normalised residual networks begin with up to about 6."""


def look(start: Start) -> Seen | None:
    """Mean or standard deviation beyond ``FAR``, or no number, with fresh weights."""
    if start.tried is None or start.is_fine_tuned:
        return None
    for what, (mean, spread) in (("reals", start.tried.real_logits), ("fakes", start.tried.fake_logits)):
        if not (math.isfinite(mean) and math.isfinite(spread)) or abs(mean) > FAR or spread > FAR:
            return Seen(f"D's logits of {what} are {mean:.3g} on average, and differ by {spread:.3g}", "certain")
    return None
