"""The update: one step of the game between D and G. Everything else in ganforge serves this file.

It knows no device, file, log or setting; randomness comes in as tensors, and nothing in it waits for the device.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganforge.base.gradients import differentiated_twice
from ganforge.objectives.losses import Terms
from ganforge.objectives.penalties import Judged, clip_weights
from ganforge.training.accumulate import Stats, part_of, take_step
from ganforge.training.optimizer import Optimizer
from ganforge.training.step_inputs import Batch, StepOptions


def train_step(
    G: nn.Module,
    D: nn.Module,
    G_opt: Optimizer,
    D_opt: Optimizer,
    options: StepOptions,
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

    G and D: as their optimizers were made for them, which refuse wrapped ones; wrap neither afterwards.
    """
    d_stats: Stats = {}
    fakes = None
    for batch in d_batches:
        d_stats, fakes = update_d(G, D, D_opt, options, batch, failed)
    return d_stats | update_g(G, D, G_opt, options, g_batch, fakes, failed)


def update_d(
    G: nn.Module, D: nn.Module, D_opt: Optimizer, options: StepOptions, batch: Batch, failed: Tensor
) -> tuple[Stats, Tensor | None]:
    """One update of D; returns the fakes, too, where G can learn from the same ones."""
    if options.clip is not None:
        clip_weights(D_opt.params, options.clip)
    share = options.shared_noise and options.accumulate == 1
    fakes = None
    parts = []
    for part in batch.split(options.accumulate):
        with torch.set_grad_enabled(share):
            fakes = G(part.z, part.labels)
        real_logits, fake_logits, terms = d_terms(D, options, part, fakes.detach())
        parts.append(part_of(terms, D_opt.params, real_logits=real_logits, fake_logits=fake_logits))
    return take_step("D", D_opt, parts, failed), fakes if share else None


def d_terms(D: nn.Module, options: StepOptions, batch: Batch, fakes: Tensor) -> tuple[Tensor, Tensor, Terms]:
    """D's logits on reals and on fakes (constants), and the terms of its loss."""
    reals, labels, penalties = batch.reals, batch.labels, options.penalties_of(batch)
    gradients_at = {penalty.record.gradient_at for penalty in penalties}
    if "reals" in gradients_at:
        reals = reals.detach().requires_grad_()
    if "fakes" in gradients_at:
        fakes = fakes.requires_grad_()
    shown = options.augmented(reals, batch, "reals"), options.augmented(fakes, batch, "fakes")
    with differentiated_twice(bool(gradients_at - {None})):
        if options.one_pass:
            real_logits, fake_logits = D(torch.cat(shown), None if labels is None else labels.repeat(2)).chunk(2)
        else:
            real_logits, fake_logits = (D(items, labels) for items in shown)
    terms = options.losses.d_loss(real_logits, fake_logits)
    judged = Judged(D, reals, fakes, labels, real_logits, fake_logits, batch.draws)
    for penalty in penalties:
        terms[penalty.record.name] = penalty.weight * penalty.function(judged)
    return real_logits, fake_logits, terms


def update_g(
    G: nn.Module,
    D: nn.Module,
    G_opt: Optimizer,
    options: StepOptions,
    batch: Batch,
    fakes: Tensor | None,
    failed: Tensor,
) -> Stats:
    """One update of G; fakes: with their graph, made from this batch's z, or None to make them here."""
    parts = []
    for part in batch.split(options.accumulate):
        made = fakes if fakes is not None else G(part.z, part.labels)
        # Gradients are asked for G's parameters only: they pass through D, and D's parameters take none.
        parts.append(part_of(g_terms(D, options, part, made), G_opt.params))
    return take_step("G", G_opt, parts, failed)


def g_terms(D: nn.Module, options: StepOptions, batch: Batch, fakes: Tensor) -> Terms:
    """The terms of G's loss. D's logits of reals, where they are needed, are constants."""
    real_logits = None
    if options.losses.needs_real_logits:
        with torch.no_grad():
            real_logits = D(options.augmented(batch.reals, batch, "reals"), batch.labels)
    return options.losses.g_loss(D(options.augmented(fakes, batch, "G"), batch.labels), real_logits)
