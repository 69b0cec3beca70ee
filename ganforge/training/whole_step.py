"""A whole step: the update, then what follows from it: the augmentation's probability and the average of G.

Whatever a schedule changes from step to step comes in as a number, or, where the step is recorded and replayed
(``training.capture``), as a 0-d tensor.
"""

from collections.abc import Sequence

import torch

from ganforge.data.augment import next_p, sign_mean
from ganforge.training.accumulate import Stats
from ganforge.training.adversarial import train_step
from ganforge.training.ema import update_ema
from ganforge.training.state import TrainingState
from ganforge.training.step_inputs import Batch, Following, StepOptions


def whole_step(
    state: TrainingState, options: StepOptions, d_batches: Sequence[Batch], g_batch: Batch, then: Following
) -> Stats:
    """One step of everything that is in the state but its counters. Returns what the update tells."""
    stats = train_step(state.G, state.D, state.G_opt, state.D_opt, options, d_batches, g_batch, state.failed)
    if state.with_ada:
        p = next_p(state.ada_p, sign_mean(stats["real_logits"], stats["fake_logits"], then.boundary), then.images)
        state.ada_p.copy_(torch.where(state.failed > 0, state.ada_p, p))
    if state.G_ema is not None:
        update_ema(state.G_ema, state.G, then.new_share)
    return stats
