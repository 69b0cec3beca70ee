"""A batch that several processes share, each with its rows: what layers and penalties ask of the whole of it.

A process learns here whether the batch at hand is such a share (``sharers``), and of whom. Where it is not, as always
in a process that works alone, layers and penalties are what they are without this file, to the bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad


class Sharers(Protocol):
    """The processes that have an equal share each: how many, which of them this one is, from 0, and their sum."""

    rank: int
    count: int

    def sum(self, tensor: Tensor) -> None:
        """Replace the numbers of a contiguous tensor by their sums over all processes, the same bits on each."""


_SHARERS: ContextVar[Sharers | None] = ContextVar("sharers", default=None)


@contextmanager
def shared_by(sharers: Sharers | None) -> Iterator[None]:
    """In the context, batches are shares of a larger one. All sharers compute the same in it, in the same order."""
    token = _SHARERS.set(sharers)
    try:
        yield
    finally:
        _SHARERS.reset(token)


def sharers() -> Sharers | None:
    """Who shares the batch at hand; None where this process has the whole of it."""
    return _SHARERS.get()


def of_each(tensor: Tensor, sharers: Sharers) -> Tensor:
    """What each process has of a tensor of one shape: [count, *shape]; differentiable, as often as one likes."""
    row = tensor.flatten()[None]
    rows: Tensor = _Sum.apply(pad(row, (0, 0, sharers.rank, sharers.count - sharers.rank - 1)), sharers)
    return rows.view(sharers.count, *tensor.shape)


def whole_moments(mean: Tensor, variance: Tensor, sharers: Sharers) -> tuple[Tensor, Tensor]:
    """Mean and variance over the whole batch from those over this process's share; both without correction.

    By the shares' own moments, since a difference of the squares' sums would lose what is small beside the mean.
    """
    means, variances = of_each(torch.stack([mean, variance]), sharers).unbind(1)
    mean = means.mean(0)
    return mean, variances.mean(0) + (means - mean).square().mean(0)


def deviation(items: Tensor) -> Tensor:
    """The standard deviation, without correction, over all numbers of the whole batch, 0-d."""
    if (group := sharers()) is None:
        return items.std(correction=0)
    variance, mean = torch.var_mean(items, correction=0)
    return whole_moments(mean, variance, group)[1].sqrt()


class _Sum(torch.autograd.Function):
    """(tensor, sharers) -> the sum over the processes. All of them ask for the gradient, which is the sum of theirs:
    what each process's loss gains by this process's numbers."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, sharers: Sharers) -> Tensor:
        ctx.sharers = sharers
        total = tensor.clone(memory_format=torch.contiguous_format)
        sharers.sum(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        total: Tensor = _Sum.apply(grad, ctx.sharers)
        return total, None
