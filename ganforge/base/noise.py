"""z: what G makes pictures from; and the ways from one z to others that stay where G has learned to be.

What G has learned is the noise it was trained with. So every path and every neighbourhood here keeps to that noise: on
the way between two normal z the norm stays in the shell where normal noise lies, and uniform z stay in (-1, 1).
"""

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

PARALLEL = 1e-6
"""The sine of an angle from which on two directions lie on one line, and no arc between them is defined."""


def draw_z(kind: str, count: int, z_dim: int, generator: Generator) -> Tensor:
    """z [count, z_dim] on the CPU. kind: uniform, over (-1, 1) in each dimension, or normal, N(0, 1)."""
    if kind == "uniform":
        return torch.rand(count, z_dim, generator=generator).mul_(2).sub_(1)
    return torch.randn(count, z_dim, generator=generator)


def draw_z_by_seed(kind: str, seeds: Sequence[int], z_dim: int) -> Tensor:
    """z [N, z_dim] on the CPU, each row as ``draw_z`` draws it alone from a generator of its seed; one generator serves
    all, since a new one takes longer than the numbers do."""
    z, generator = torch.empty(len(seeds), z_dim), Generator()
    for row, seed in zip(z, seeds, strict=True):
        generator.manual_seed(seed)
        if kind == "uniform":
            row.uniform_(generator=generator)
        else:
            row.normal_(generator=generator)
    return z.mul_(2).sub_(1) if kind == "uniform" else z


def between(kind: str, start: Tensor, end: Tensor, share: float) -> Tensor:
    """z [z_dim] at a share in [0, 1] of the way from start to end, both [z_dim]; at 0 and 1 these two, to the bit.

    Uniform noise: on the line. Normal noise: on the arc, since the middle of the line between two draws is nearer to 0
    than nearly any draw. Sources: Shoemake 1985, "Animating rotation with quaternion curves" (slerp); White 2016,
    arXiv:1609.04468 (why). Where both lie on one line through 0, no arc is defined and the line is taken.
    """
    a, b = start.to(torch.float64), end.to(torch.float64)
    if kind == "uniform":
        return (a * (1 - share) + b * share).to(start.dtype)
    norms = (a.norm() * b.norm()).item()
    angle = math.acos(max(-1.0, min(1.0, (a @ b).item() / norms))) if norms > 0 else 0.0
    sine = math.sin(angle)
    if sine < PARALLEL:
        return (a * (1 - share) + b * share).to(start.dtype)
    return (a * (math.sin((1 - share) * angle) / sine) + b * (math.sin(share * angle) / sine)).to(start.dtype)


def walk(kind: str, stops: Tensor, frames: int, loop: bool = False) -> Tensor:
    """The way from each of stops [K, z_dim] to the next in ``frames`` even steps each: [(K - 1) frames + 1, z_dim].

    Row ``k * frames`` is stop k to the bit. loop: and back to the first stop, which is not repeated at the end, so that
    an endless animation does not halt there: [K frames, z_dim]. Raises ValueError for fewer than 2 stops or 1 frame.
    """
    if len(stops) < 2 or frames < 1:
        raise ValueError(f"there are {len(stops)} stops and {frames} frames; 2 and 1 are the least")
    ends: Sequence[int] = [*range(1, len(stops)), *([0] if loop else [])]
    rows = [
        between(kind, stops[leg], stops[end], step / frames) for leg, end in enumerate(ends) for step in range(frames)
    ]
    return torch.stack(rows if loop else [*rows, stops[-1]])


def near(kind: str, center: Tensor, spread: float, fresh: Tensor) -> Tensor:
    """Neighbours [N, z_dim] of center [z_dim], one in the direction of each row of fresh [N, z_dim], draws of its kind.

    spread: in [0, 1]; at 0 all are the center. Where the center is itself a draw, so is each neighbour, whatever the
    spread. Normal noise: sqrt(1 - spread^2) center + spread fresh, at 1 the fresh draws. Uniform noise: each number
    moves by spread times the fresh one, and what leaves (-1, 1) is reflected at the border.
    """
    if kind == "uniform":
        moved = center + spread * fresh
        return torch.where(moved.abs() > 1, 2 * moved.sign() - moved, moved)
    return math.sqrt(1 - spread**2) * center + spread * fresh


def truncate(z: Tensor, psi: float) -> Tensor:
    """z times psi, in (0, 1]: nearer to the middle of normal noise, where G's pictures are more typical and more alike;
    1 changes nothing.

    Related to the truncation of Brock et al. 2019, arXiv:1809.11096, which draws large numbers anew: here a seed keeps
    its direction, so its pictures for several psi belong together.
    """
    return z if psi == 1 else z * psi
