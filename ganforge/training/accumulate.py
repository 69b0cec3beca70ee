"""From the parts of a batch to one step of an optimizer: their mean gradient, and no step where it is not finite.

Where several processes share the batch (``base.shared_batches``), this is where what each found becomes what all go by.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ganforge.base.shared_batches import Sharers, sharers
from ganforge.objectives.losses import Terms
from ganforge.training.optimizer import Optimizer

Stats = dict[str, Tensor]
"""What a step tells, detached: logits [N]; losses, their terms and gradient norms, 0-d."""
BUCKET = 1 << 24
"""So many numbers, or one tensor, are summed over the processes at a time: it takes as much memory."""


class Part(NamedTuple):
    """What a part of a batch, or the whole, gave.

    logits: [N] each, by name. means: of the loss's terms, 0-d. loss: their sum. grads: one for each parameter.
    """

    logits: Stats
    means: dict[str, Tensor]
    loss: Tensor
    grads: Sequence[Tensor]


def part_of(terms: Terms, params: Sequence[Tensor], **logits: Tensor) -> Part:
    """Differentiate a loss, the sum of its terms' means, by these parameters and by nothing else."""
    means, loss = mean_terms(terms)
    return Part(logits, means, loss, torch.autograd.grad(loss, params))


def mean_terms(terms: Terms) -> tuple[dict[str, Tensor], Tensor]:
    """Each term's mean over the batch, and the sum of the means: the loss."""
    means = {name: term.mean() for name, term in terms.items()}
    first, *rest = means.values()
    return means, sum(rest, start=first)


def take_step(network: str, optimizer: Optimizer, parts: Sequence[Part], failed: Tensor) -> Stats:
    """Step with the parts' mean gradient, if it is finite; returns what the step tells, under the network's name."""
    whole = parts[0] if len(parts) == 1 else average(parts)
    group = sharers()
    logits, means, loss, grads = whole if group is None else of_all(whole, len(parts), group)
    norm = step_if_finite(optimizer, loss, grads, failed)
    stats = logits | {f"Loss/{network}": loss} | {f"Loss/{network}/{term}": mean for term, mean in means.items()}
    return {name: value.detach() for name, value in (stats | {f"Gradient/{network}": norm}).items()}


def average(parts: Sequence[Part]) -> Part:
    """Equal parts together: logits joined, all else averaged."""
    logits, means, losses, grads = zip(*parts, strict=True)

    def mean(values: Iterable[Tensor]) -> Tensor:
        return torch.stack(list(values)).mean(0)

    joined = {name: torch.cat([one[name] for one in logits]) for name in logits[0]}
    terms = {name: mean(one[name] for one in means) for name in means[0]}
    return Part(joined, terms, mean(losses), [mean(same) for same in zip(*grads, strict=True)])


@torch.no_grad()
def of_all(share: Part, parts: int, group: Sharers) -> Part:
    """What the whole batch gave, from the shares that this process and the others have in each of its parts: logits
    joined in the batch's order, all else averaged. The same bits on each process."""
    names = list(share.logits)
    placed = [share.logits[name].new_zeros(parts, group.count, len(share.logits[name]) // parts) for name in names]
    for among_others, name in zip(placed, names, strict=True):
        among_others[:, group.rank] = share.logits[name].view(parts, -1)
    sums = summed([*placed, share.loss, *share.means.values(), *share.grads], group)
    joined, rest = [one.flatten() for one in sums[: len(names)]], torch._foreach_div(sums[len(names) :], group.count)
    loss, means, grads = rest[0], rest[1 : 1 + len(share.means)], rest[1 + len(share.means) :]
    return Part(dict(zip(names, joined, strict=True)), dict(zip(share.means, means, strict=True)), loss, grads)


def summed(tensors: Sequence[Tensor], group: Sharers) -> list[Tensor]:
    """Each tensor's sum over the processes: many in one go, as asking takes longer than sending."""
    buckets: list[list[Tensor]] = [[]]
    for tensor in tensors:
        if buckets[-1] and sum(one.numel() for one in buckets[-1]) + tensor.numel() > BUCKET:
            buckets.append([])
        buckets[-1].append(tensor)
    sums: list[Tensor] = []
    for bucket in buckets:
        flat = torch.cat([tensor.flatten() for tensor in bucket])
        group.sum(flat)
        parts = flat.split([tensor.numel() for tensor in bucket])
        sums += [part.view(tensor.shape) for part, tensor in zip(parts, bucket, strict=True)]
    return sums


def step_if_finite(optimizer: Optimizer, loss: Tensor, grads: Sequence[Tensor], failed: Tensor) -> Tensor:
    """Step the optimizer unless the loss or a gradient, now or in an earlier call, was not finite; returns the norm."""
    norm = total_norm(grads)
    failed.logical_or_((norm + loss.detach()) * 0 != 0)  # of NaN and infinity, 0 times is NaN: quicker than isfinite
    optimizer.step(grads, skip=failed)
    return norm


def total_norm(grads: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all gradients together, 0-d; not finite where one of them is not.

    On a CPU by dot products, which are faster there than torch.nn.utils.get_total_norm.
    """
    if grads[0].device.type != "cpu":
        return torch.nn.utils.get_total_norm(grads)
    flat = [g.flatten() for g in grads]
    return torch.stack([torch.dot(g, g) for g in flat]).sum().sqrt()
