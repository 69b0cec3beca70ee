"""The update: one step of the game between D and G. Everything else in ganforge serves this file.

It knows no device, file, log or setting; randomness comes in as tensors, and nothing in it waits for the device.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ganforge.objectives.losses import Objective, Terms
from ganforge.objectives.penalties import clip_weights, dragan_penalty, gradient_penalty, squared_gradient_norm
from ganforge.training.optimizer import Optimizer, refuse_wrapped

Stats = dict[str, Tensor]
"""What a step tells, detached: logits [N]; losses, their terms and gradient norms, 0-d."""


@dataclass(frozen=True)
class Batch:
    """What one update of one network looks at.

    reals: float [N, *shape] in [-1, 1]. z: [N, z_dim]. labels: int64 [N], of the reals and of the fakes, or None.
    penalty_scale: what R1 and R2 are multiplied by in this update of D; 0: they are not computed.
    draws: uniform numbers in [0, 1), a row for each item, by what they are for: "reals", "fakes" and "G" for the
    augmentation of each, "alpha" [N, 1] and "noise" [N, *shape] for the penalties between or around pictures.
    """

    reals: Tensor
    z: Tensor
    labels: Tensor | None = None
    draws: Mapping[str, Tensor] = field(default_factory=dict)
    penalty_scale: float = 1.0

    def split(self, parts: int) -> Iterator["Batch"]:
        """Equal parts, for the accumulation of gradients."""
        size = len(self.reals) // parts
        for first in range(0, size * parts, size):
            part = slice(first, first + size)
            labels = None if self.labels is None else self.labels[part]
            draws = {name: d[part] for name, d in self.draws.items()}
            yield Batch(self.reals[part], self.z[part], labels, draws, self.penalty_scale)


@dataclass(frozen=True)
class Rules:
    """What D and G play by.

    r1_gamma, r2_gamma: gamma / 2 times the squared gradient norm on reals and on fakes is added to D's loss. gp_weight,
    dragan_weight: likewise. clip: D's weights are kept within +-clip. augment: (images, draws) -> images, for all
    that D judges; the penalties of gp_weight and dragan_weight are at or between the images as they are. shared_noise:
    G learns from the fakes that D's last update was about. accumulate: gradients are summed over so many parts of a
    batch, which then need not fit into memory together. one_pass: D looks at reals and fakes in one batch, in its own
    update: the same numbers up to rounding, if D judges each item by itself.
    """

    objective: Objective
    r1_gamma: float = 0.0
    r2_gamma: float = 0.0
    gp_weight: float = 0.0
    dragan_weight: float = 0.0
    clip: float | None = None
    augment: Callable[[Tensor, Tensor], Tensor] | None = None
    shared_noise: bool = True
    accumulate: int = 1
    one_pass: bool = False

    def show(self, images: Tensor, batch: Batch, whose: str) -> Tensor:
        """What D gets to see of the images."""
        return images if self.augment is None else self.augment(images, batch.draws[whose])


def train_step(
    G: nn.Module,
    D: nn.Module,
    G_opt: Optimizer,
    D_opt: Optimizer,
    rules: Rules,
    d_batches: Sequence[Batch],
    g_batch: Batch,
    failed: Tensor,
) -> Stats:
    """Update D once for each of ``d_batches``, then G once.

    With shared noise, the fakes of D's last update are computed once: D learns from them as constants, and G from the
    same ones through the updated D. These are the same numbers as in the note's loop, which computes them twice, for
    about half the work. ``g_batch`` is then the last of ``d_batches``.

    failed: float, 0-d, 0 while all is well. Set to 1 here when a network's loss or gradient is not finite, before that
    network's weights change; no weight changes while it is set.

    Raises UserError for networks in DistributedDataParallel or its like: their processes would not be synchronised.
    """
    refuse_wrapped(G, D)
    d_stats: Stats = {}
    fakes = None
    for batch in d_batches:
        d_stats, fakes = update_d(G, D, D_opt, rules, batch, failed)
    return d_stats | update_g(G, D, G_opt, rules, g_batch, fakes, failed)


def update_d(
    G: nn.Module, D: nn.Module, D_opt: Optimizer, rules: Rules, batch: Batch, failed: Tensor
) -> tuple[Stats, Tensor | None]:
    """One update of D; returns the fakes, too, where G can learn from the same ones."""
    if rules.clip is not None:
        clip_weights(D_opt.params, rules.clip)
    share = rules.shared_noise and rules.accumulate == 1
    fakes = None
    parts = []
    for part in batch.split(rules.accumulate) if rules.accumulate > 1 else [batch]:
        with torch.set_grad_enabled(share):
            fakes = G(part.z, part.labels)
        real_logits, fake_logits, terms = d_terms(D, rules, part, fakes.detach())
        means, loss = mean_terms(terms)
        grads = torch.autograd.grad(loss, D_opt.params)
        parts.append(({"real_logits": real_logits, "fake_logits": fake_logits}, means, loss, grads))
    return finish("D", D_opt, parts, failed), fakes if share else None


def d_terms(D: nn.Module, rules: Rules, batch: Batch, fakes: Tensor) -> tuple[Tensor, Tensor, Terms]:
    """D's logits on reals and on fakes (constants), and the terms of its loss."""
    reals, labels = batch.reals, batch.labels
    r1_gamma, r2_gamma = rules.r1_gamma * batch.penalty_scale, rules.r2_gamma * batch.penalty_scale
    if r1_gamma:
        reals = reals.detach().requires_grad_()
    if r2_gamma:
        fakes = fakes.requires_grad_()
    shown = rules.show(reals, batch, "reals"), rules.show(fakes, batch, "fakes")
    if rules.one_pass:
        real_logits, fake_logits = D(torch.cat(shown), None if labels is None else labels.repeat(2)).chunk(2)
    else:
        real_logits, fake_logits = (D(items, labels) for items in shown)
    terms = rules.objective.d_loss(real_logits, fake_logits)
    if r1_gamma:
        terms["r1"] = r1_gamma / 2 * squared_gradient_norm(real_logits, reals)
    if r2_gamma:
        terms["r2"] = r2_gamma / 2 * squared_gradient_norm(fake_logits, fakes)
    if rules.gp_weight:
        alpha = batch.draws["alpha"].squeeze(1)
        terms["gp"] = rules.gp_weight * gradient_penalty(D, reals, fakes, alpha, labels)
    if rules.dragan_weight:
        alpha = batch.draws["alpha"].squeeze(1)
        terms["dragan"] = rules.dragan_weight * dragan_penalty(D, reals, alpha, batch.draws["noise"], labels)
    return real_logits, fake_logits, terms


def update_g(
    G: nn.Module, D: nn.Module, G_opt: Optimizer, rules: Rules, batch: Batch, fakes: Tensor | None, failed: Tensor
) -> Stats:
    """One update of G; fakes: with their graph, made from this batch's z, or None to make them here."""
    parts: list[Part] = []
    for part in batch.split(rules.accumulate) if rules.accumulate > 1 else [batch]:
        made = fakes if fakes is not None else G(part.z, part.labels)
        means, loss = mean_terms(g_terms(D, rules, part, made))
        # Gradients are asked for G's parameters only: they pass through D, and D's parameters take none.
        grads = torch.autograd.grad(loss, G_opt.params)
        parts.append(({}, means, loss, grads))
    return finish("G", G_opt, parts, failed)


def g_terms(D: nn.Module, rules: Rules, batch: Batch, fakes: Tensor) -> Terms:
    """The terms of G's loss. D's opinion of reals, where it is needed, is a constant."""
    real_logits = None
    if rules.objective.needs_real_logits:
        with torch.no_grad():
            real_logits = D(rules.show(batch.reals, batch, "reals"), batch.labels)
    return rules.objective.g_loss(D(rules.show(fakes, batch, "G"), batch.labels), real_logits)


def mean_terms(terms: Terms) -> tuple[dict[str, Tensor], Tensor]:
    """Each term's mean over the batch, and the sum of the means: the loss."""
    means = {name: term.mean() for name, term in terms.items()}
    first, *rest = means.values()
    return means, sum(rest, start=first)


Part = tuple[Stats, dict[str, Tensor], Tensor, Sequence[Tensor]]
"""Logits, means of the terms, loss and gradients of a part of a batch."""


def finish(name: str, optimizer: Optimizer, parts: Sequence[Part], failed: Tensor) -> Stats:
    """Step with the parts' mean gradient, if it is finite; returns what the step tells, under the network's name."""
    logits, means, loss, grads = parts[0] if len(parts) == 1 else average(parts)
    norm = step_if_finite(optimizer, loss, grads, failed)
    stats = logits | {f"Loss/{name}": loss} | {f"Loss/{name}/{term}": mean for term, mean in means.items()}
    return {key: value.detach() for key, value in (stats | {f"Gradient/{name}": norm}).items()}


def average(parts: Sequence[Part]) -> Part:
    """Equal parts together: logits joined, all else averaged."""
    logits, means, losses, grads = zip(*parts, strict=True)

    def mean(values: Iterable[Tensor]) -> Tensor:
        return torch.stack(list(values)).mean(0)

    joined = {name: torch.cat([one[name] for one in logits]) for name in logits[0]}
    terms = {name: mean(one[name] for one in means) for name in means[0]}
    return joined, terms, mean(losses), [mean(same) for same in zip(*grads, strict=True)]


def step_if_finite(optimizer: Optimizer, loss: Tensor, grads: Sequence[Tensor], failed: Tensor) -> Tensor:
    """Step the optimizer unless the loss or a gradient, now or in an earlier call, was not finite; returns the norm."""
    norm = total_norm(grads)
    failed.logical_or_((norm + loss.detach()) * 0 != 0)  # of NaN and infinity, 0 times is NaN: quicker than isfinite
    optimizer.step(grads, skip=failed)
    return norm


def total_norm(grads: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all gradients together, 0-d; not finite where one of them is not.

    By dot products, which are faster on a CPU than torch.nn.utils.get_total_norm.
    """
    flat = [g.flatten() for g in grads]
    return torch.stack([torch.dot(g, g) for g in flat]).sum().sqrt()
