"""Parameters that learn nothing, by name: those that no gradient reaches, or one of zeros only."""

import torch
from torch import nn

from ganforge.objectives.losses import Terms
from ganforge.training.accumulate import mean_terms
from ganforge.training.adversarial import d_terms, g_terms
from ganforge.training.feed import Feed
from ganforge.training.state import TrainingState

ENOUGH_STEPS = 8
"""From so many steps on every parameter should have had a gradient: behind weights that start from 0, as those of some
residual branches do, there is none in the first."""


def out_of_reach(state: TrainingState, feed: Feed, nimg: int, step: int) -> list[str]:
    """Why a step cannot be computed: `layers.0.weight of D is frozen`, for each parameter that is or that the loss does
    not depend on; empty where it is for another reason."""
    found = [
        f"{parameter} of {name} is frozen (requires_grad is off)"
        for name, network in (("G", state.G), ("D", state.D))
        for parameter, weight in network.named_parameters()
        if not weight.requires_grad
    ]
    if found:
        return found
    d_batches, g_batch = feed.batches(nimg, step)
    options = feed.options(nimg, state)
    [d_batch, *_], [g_batch, *_] = list(d_batches[0].split(options.accumulate)), list(g_batch.split(options.accumulate))
    with torch.no_grad():
        fakes = state.G(d_batch.z, d_batch.labels)
    unused = _unused("D", state.D, d_terms(state.D, options, d_batch, fakes)[2])
    return unused + _unused("G", state.G, g_terms(state.D, options, g_batch, state.G(g_batch.z, g_batch.labels)))


def _unused(name: str, network: nn.Module, terms: Terms) -> list[str]:
    named = dict(network.named_parameters())
    _, loss = mean_terms(terms)
    grads = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return [
        f"{parameter} of {name} has no part in its loss"
        for parameter, grad in zip(named, grads, strict=True)
        if grad is None
    ]


def without_gradient(state: TrainingState) -> list[str]:
    """`layers.0.weight of D`, for each parameter whose gradient has been 0 in every step: its moments tell. Not those
    of one number, such as the bias of D's logit, which some objectives do not depend on."""
    if state.step < ENOUGH_STEPS:
        return []
    found = []
    for name, network, optimizer in (("G", state.G, state.G_opt), ("D", state.D, state.D_opt)):
        moments = optimizer.tensors()
        for parameter, weight in network.named_parameters():
            kinds = [moments[key] for kind in ("exp_avg", "exp_avg_sq", "square_avg")
                     if (key := f"{parameter}.{kind}") in moments]  # fmt: skip
            if weight.numel() > 1 and not any(bool(moment.any()) for moment in kinds):
                found.append(f"{parameter} of {name}")
    return found
