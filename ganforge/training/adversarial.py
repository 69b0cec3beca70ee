"""The update: one step of the game between D and G. Everything else in ganforge serves this file.

It knows no device, file, log or setting; randomness comes in as tensors, and nothing in it waits for the device.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganforge.objectives.losses import Objective, Terms
from ganforge.training.adam import Adam


def train_step(
    G: nn.Module,
    D: nn.Module,
    G_opt: Adam,
    D_opt: Adam,
    objective: Objective,
    reals: Tensor,
    z: Tensor,
    failed: Tensor,
) -> dict[str, Tensor]:
    """Update D once, then G once, with the same noise.

    The fakes are computed once: D learns from them as constants, and G from the same ones through the updated D. These
    are the same numbers as in the note's loop, which computes them twice, for about half the work.

    reals: float [N, *shape] in [-1, 1]. z: float [N, z_dim].
    failed: float, 0-d, 0 while all is well. Set to 1 here when a network's loss or gradient is not finite, before that
    network's weights change; no weight changes while it is set.
    Returns, detached: logits [N], the losses and each loss's terms, and both gradient norms (0-d).
    """
    fakes = G(z)

    real_logits, fake_logits = D(reals), D(fakes.detach())
    d_terms, d_loss = mean_terms(objective.d_loss(real_logits, fake_logits))
    d_grads = torch.autograd.grad(d_loss, D_opt.params)
    d_norm = step_if_finite(D_opt, d_loss, d_grads, failed)

    # Gradients are asked for G's parameters only: they pass through D, and D's parameters take none.
    g_terms, g_loss = mean_terms(objective.g_loss(D(fakes)))
    g_grads = torch.autograd.grad(g_loss, G_opt.params)
    g_norm = step_if_finite(G_opt, g_loss, g_grads, failed)

    stats = {"real_logits": real_logits, "fake_logits": fake_logits, "Loss/D": d_loss, "Loss/G": g_loss}
    stats |= {f"Loss/D/{name}": term for name, term in d_terms.items()}
    stats |= {f"Loss/G/{name}": term for name, term in g_terms.items()}
    stats |= {"Gradient/D": d_norm, "Gradient/G": g_norm}
    return {name: value.detach() for name, value in stats.items()}


def mean_terms(terms: Terms) -> tuple[dict[str, Tensor], Tensor]:
    """Each term's mean over the batch, and the sum of the means: the loss."""
    means = {name: term.mean() for name, term in terms.items()}
    first, *rest = means.values()
    return means, sum(rest, start=first)


def step_if_finite(optimizer: Adam, loss: Tensor, grads: Sequence[Tensor], failed: Tensor) -> Tensor:
    """Step the optimizer unless the loss or a gradient, now or in an earlier call, was not finite; returns the norm."""
    norm = total_norm(grads)
    failed.logical_or_(~torch.isfinite(norm + loss.detach()))
    optimizer.step(grads, skip=failed)
    return norm


def total_norm(grads: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all gradients together, 0-d; not finite where one of them is not.

    By dot products, which are faster on a CPU than torch.nn.utils.get_total_norm.
    """
    return torch.stack([torch.dot(g.flatten(), g.flatten()) for g in grads]).sum().sqrt()
