"""Which pictures of a model: those of seeds, on the way between seeds, or around a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.noise import draw_z, near, truncate, walk
from ganforge.base.seeding import generator
from ganforge.sampling.model import Model, checked_truncation, labels_for

Way = Literal["seeds", "walk", "near"]

MAX_WALK = 1_000
"""Pictures of a walk, at most: each is a frame in memory."""
MAX_FILM = 100_000
"""Those of a walk as a film or as files, which are made and written one after the other."""
MAX_NEAR = 10_000


@dataclass(frozen=True)
class Selection:
    """What is asked of a model.

    way: `seeds`, one picture each; `walk`, from each seed to the next in so many ``frames``, with ``loop`` back to the
    first (``noise.walk``); `near`, the one seed and ``count - 1`` neighbours, each in a direction of its own that a
    larger ``spread`` only follows farther (``noise.near``).
    classes: given to the seeds in turn, by default each seed's remainder by ``num_classes``; a walk and a neighbourhood
    keep one, by default the first seed's.
    truncation: the psi of ``noise.truncate``.
    longest: pictures of a walk, at most.
    """

    seeds: Sequence[int]
    way: Way = "seeds"
    frames: int = 30
    loop: bool = False
    count: int = 64
    spread: float = 0.3
    classes: Sequence[int] | None = None
    truncation: float = 1.0
    longest: int = MAX_WALK


def choose(model: Model, chosen: Selection) -> tuple[Tensor, Tensor | None]:
    """z [N, z_dim] and labels [N] (None for a model that is told no class), as ``Model.pictures`` takes them.

    Raises UserError for what does not fit the model or is out of range.
    """
    seeds, classes = chosen.seeds, chosen.classes
    if not seeds:
        raise UserError("No seed is given; give one or more, such as 0-63.")
    checked_truncation(model, chosen.truncation)
    if chosen.way == "seeds":
        z, labels = model.z(seeds), labels_for(model, seeds, classes)
    else:
        if classes is not None and len(classes) != 1:
            raise UserError(f"A walk or a neighbourhood keeps one class, not {len(classes)}; give one.")
        z = walk_z(model, chosen) if chosen.way == "walk" else near_z(model, seeds, chosen.count, chosen.spread)
        labels = labels_for(model, seeds[:1], classes)
        labels = None if labels is None else labels.expand(len(z))
    return truncate(z, chosen.truncation), labels


def walk_z(model: Model, chosen: Selection) -> Tensor:
    """``noise.walk`` between seeds. Raises UserError for fewer than two, and for none or too many pictures."""
    seeds, frames, loop = chosen.seeds, chosen.frames, chosen.loop
    total = (len(seeds) - (not loop)) * frames + (not loop)
    if len(seeds) < 2:
        raise UserError("A walk leads from seed to seed; give two seeds or more, such as 3,17,42.")
    if frames < 1:
        raise UserError(f"A walk cannot have {frames} frames from one seed to the next; give 1 or more.")
    if total > chosen.longest:
        long = f"{frames:,} frames from one to the next of {len(seeds):,} seeds are {total:,} pictures"
        raise UserError(f"{long}; give fewer frames or seeds, so that they are {chosen.longest:,} at most.")
    return walk(model.config.noise, model.z(seeds), frames, loop)


def near_z(model: Model, seeds: Sequence[int], count: int, spread: float) -> Tensor:
    """The seed's own z and ``count - 1`` neighbours. Raises UserError for several seeds and another spread."""
    if len(seeds) != 1:
        raise UserError(f"A neighbourhood is that of one seed, not of {len(seeds)}; give one.")
    if not 1 <= count <= MAX_NEAR:
        raise UserError(f"A neighbourhood of {count:,} pictures cannot be made; ask for 1 to {MAX_NEAR:,}.")
    if not 0 < spread <= 1:
        raise UserError(f"The spread is {spread:g}; give more than 0 (the seed itself) and at most 1.")
    kind, z_dim = model.config.noise, model.config.z_dim
    center = model.z(seeds)
    fresh = [draw_z(kind, 1, z_dim, generator(seeds[0], "sample/near", index)) for index in range(1, count)]
    return torch.cat([center, near(kind, center[0], spread, torch.cat(fresh))]) if fresh else center
