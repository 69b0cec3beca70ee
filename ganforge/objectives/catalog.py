"""The objectives and penalties: which there are, and what is true of each. Importing this loads no PyTorch."""

import math
from dataclasses import dataclass
from typing import Literal

from ganforge.base.records import Record, read_records

LN_2 = math.log(2)
"""The cross-entropy of one answer of a D that cannot tell, in nats."""
RIGHT_95 = -math.log(0.95)
"""The same of a D that gives the truth 95 %."""
VERY_SURE = -math.log(0.01)
"""The same of an answer with 1 % for what is true; nearly the logit of one with 99 %, too."""
NO_SCALE = "It has no absolute scale with this loss: only the gap between reals and fakes counts."
LOG_ODDS = "0: cannot tell; 2.2: 90 % sure of real; -2.2: 90 % sure of fake; 4.6: 99 %."
LIKE_A_CROSS_ENTROPY = f"{LN_2:.3f} when D cannot tell; 4.6 when D gives a fake a 1 % chance of being real."
Band = tuple[float, float]
"""The lowest and the highest value while both networks are in the game. Bands are no law: they follow from how sure D
is. For the cross-entropies they reach from "D cannot tell" to "D is right with 95 %" (or, for single answers,
99 %); for the others to the values that the loss aims at. Outside of them one network has nearly won."""


@dataclass(frozen=True, kw_only=True)
class Objective(Record):
    """What is true of a pair of losses. Its file has the functions ``d_loss`` and ``g_loss``.

    meaning: how to read D's loss without penalties. undecided: its value when D cannot tell.
    healthy: its band; None where it has no absolute scale.
    g_meaning, g_undecided, g_healthy: the same of G's loss. g_above: what it means to be above the band.
    logits_meaning: how to read D's mean logits. real_logits, fake_logits: their bands.
    boundary: the logit at which D cannot tell; None where only a real's logit against a fake's tells anything.
    needs_real_logits: G's loss is made of D's logits of reals, too.
    needs_fresh_noise: G must not learn from the fakes of D's update.
    needs_bounded_slope: what to set where nothing bounds D's slope; empty where nothing has to.
    """

    undecided: float
    healthy: Band | None = None
    g_meaning: str = ""
    g_undecided: float | None = None
    g_healthy: Band | None = None
    g_above: str = "G is not keeping up with D."
    logits_meaning: str = NO_SCALE
    real_logits: Band | None = None
    fake_logits: Band | None = None
    boundary: float | None = 0.0
    needs_real_logits: bool = False
    needs_fresh_noise: bool = False
    needs_bounded_slope: str = ""


@dataclass(frozen=True, kw_only=True)
class Penalty(Record):
    """What is true of a penalty. Its file has the function ``penalty``: (Judged) -> [N], before the weight.

    name: of the term in the log. setting, help: the weight's option, and its line there.
    gradient_at: whose gradient is asked for, as D saw them in its loss; None: the penalty shows D items of its own.
    draws: the uniform numbers that it needs: "alpha", one for each item; "noise", as many as an item has.
    may_be_auto: the weight may follow from the data's shape. may_be_lazy: it may be computed at every k-th update of D
    only, k times as strong. follows_gamma_end: gamma_end scales it.
    needs_items_judged_alone: D must not mix the items of a batch. needs_whole_batch: a part of a batch will not do.
    """

    setting: str
    help: str
    gradient_at: Literal["reals", "fakes"] | None = None
    draws: tuple[Literal["alpha", "noise"], ...] = ()
    may_be_auto: bool = False
    may_be_lazy: bool = False
    follows_gamma_end: bool = False
    needs_items_judged_alone: bool = True
    needs_whole_batch: bool = False


OBJECTIVES = read_records("ganforge.objectives", Objective)
PENALTIES = read_records("ganforge.objectives", Penalty)
