"""A snapshot as a model that makes pictures."""

import math
import os
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.base.given import path_given, shown
from ganforge.base.images import to_uint8
from ganforge.base.noise import draw_z
from ganforge.base.runtime import choose_device
from ganforge.base.seeding import generator
from ganforge.base.selections import Labels, Seeds, labels_given, seeds_given, z_given
from ganforge.base.tensorfile import Shapes
from ganforge.base.terminal import complain, printable
from ganforge.config import Config, make_config
from ganforge.networks.construct import build_generator, on_device
from ganforge.networks.generate import BATCH_SIZE, batch_size_for, generate
from ganforge.networks.precision import autocast_forward
from ganforge.run.snapshot import Snapshot, fill_network, load_snapshot, refuse_other_shapes

MAX_NUMBERS = 2**31
"""In all the pictures that are made together: 2 GiB as bytes."""


class Model:
    """A generator that is ready to make pictures, with the settings of the run it comes from."""

    def __init__(
        self, G: nn.Module, config: Config, snapshot: Snapshot, device: torch.device, batch_size: int = BATCH_SIZE
    ) -> None:
        self.G, self.config, self.device, self.batch_size = G, config, device, batch_size
        self.shape, self.nimg, self.path = snapshot.shape, snapshot.nimg, snapshot.path
        self.num_classes, self.class_names = snapshot.num_classes, snapshot.class_names

    def __repr__(self) -> str:
        return f"Model({self.config.recipe} on {self.config.data}, {self.nimg:,} images, items {self.shape})"

    def z(self, seeds: Seeds) -> Tensor:
        """z [N, z_dim] on the CPU: one row a seed, whatever the other seeds are. Raises UserError for what is none."""
        kind, z_dim = self.config.noise, self.config.z_dim
        rows = [draw_z(kind, 1, z_dim, generator(seed, "sample")) for seed in seeds_given(seeds)]
        return torch.cat(rows) if rows else torch.empty(0, self.config.z_dim)

    def generate(self, z: Tensor, labels: Labels = None) -> Tensor:
        """z [N, z_dim] -> items, float [N, *shape] in [-1, 1], on the CPU.

        labels: for a model that is told the class, ``num_classes`` > 0: numbers or names of classes, one for each row,
        or a single one for all; by default 0, 1, 2, ... in turn. Raises UserError for other labels or another z, and
        for more than ``MAX_NUMBERS`` numbers.
        """
        return self._made(z, labels, lambda items: items)

    def _made(self, z: Tensor, labels: Labels, finish: Callable[[Tensor], Tensor]) -> Tensor:
        z = z_given(z, self.config.z_dim)
        if len(z) * math.prod(self.shape) > MAX_NUMBERS:
            size = " x ".join(map(str, self.shape))
            raise UserError(f"{len(z):,} pictures of {size} are more than fit into memory; ask for fewer.")
        if labels is not None and not self.num_classes:
            raise UserError(f"The model in {self.path} is not told any class; leave the labels out.")
        if self.num_classes:
            in_turn = torch.arange(len(z)) % self.num_classes
            labels = in_turn if labels is None else labels_given(labels, len(z), self.num_classes, self.class_names)
        if not len(z):
            return finish(torch.empty(0, *self.shape))
        told = labels if isinstance(labels, Tensor) else None
        return generate(self.G, z, told, self.device, self.batch_size, finish)

    def sample(self, seeds: Seeds, labels: Labels = None) -> Tensor:
        """Pictures by seed, uint8 [N, C, H, W]; points (2-D runs) as float [N, 2].

        seeds: whole numbers, such as range(64); one alone; or as typed, "0-63". labels: of a model that is told the
        class: numbers or names of classes, one for each seed, or a single one for all; by default each seed's remainder
        by ``num_classes``, so that a seed's picture is its own, whichever others are asked for. Raises UserError.
        """
        seeds = seeds_given(seeds)
        return self.pictures(self.z(seeds), labels_for(self, seeds, None) if labels is None else labels)

    def pictures(self, z: Tensor, labels: Labels = None) -> Tensor:
        """``generate``, with pictures as uint8 [N, C, H, W]; points stay float [N, 2]."""
        return self._made(z, labels, to_uint8 if len(self.shape) == 3 else lambda points: points)


def load(path: str | os.PathLike[str], device: str | torch.device = "auto", *, best: bool = False) -> Model:
    """The model in a snapshot file, or in a run folder's newest snapshot, or its best. Runs no code from the file.

    Of a run that was stopped before its first snapshot, that of its newest checkpoint; a line on stderr says so.
    Raises UserError where there is none, or the file is damaged, of another kind, or does not fit its own settings.
    """
    path, chosen = path_given(path, "A snapshot or run"), choose_device(device)
    if not isinstance(best, bool):
        raise UserError(f"best is True or False, and {shown(best)} is neither.")
    snapshot = load_snapshot(path, best=best, check=refuse_other_networks)
    config, outline = make_config(snapshot.settings, source=snapshot.path), network_of(snapshot, meta=True)
    batch_size = batch_size_for(outline, config.z_dim, snapshot.num_classes)
    if not batch_size:
        raise UserError(f"{snapshot.path} makes pictures of {snapshot.shape} by layers that do not fit into memory.")
    if snapshot.note:
        complain(printable(snapshot.note))
    G = network_of(snapshot)
    fill_network(G, snapshot.weights, str(snapshot.path))
    G = on_device(G, chosen, tuned=config.fused_adam, narrow=config.precision == "bfloat16").eval()
    if config.precision == "bfloat16":
        autocast_forward(G)
    return Model(G, config, snapshot, chosen, batch_size)


def network_of(snapshot: Snapshot, *, meta: bool = False) -> nn.Module:
    """The G that a snapshot tells of, with fresh weights, or (meta) its outline. Raises UserError for settings that are
    wrong."""
    config = make_config(snapshot.settings, source=snapshot.path)
    return build_generator(
        config.generator, config.z_dim, snapshot.shape, config.seed,
        num_classes=snapshot.num_classes, meta=meta, **config.g_sizes,
    )  # fmt: skip


def refuse_other_networks(snapshot: Snapshot, shapes: Shapes) -> None:
    """Raise UserError unless weights of these shapes, not read yet, are those of the snapshot's own settings: a small
    file may ask for a large network."""
    refuse_other_shapes(network_of(snapshot, meta=True).state_dict(), shapes, str(snapshot.path))


def labels_for(model: Model, seeds: Sequence[int], classes: Sequence[int] | None) -> Tensor | None:
    """int64 [N], the classes in turn or by seed; None for a model that is told none. Raises UserError otherwise."""
    if not model.num_classes:
        if classes is not None:
            raise UserError(f"The model in {model.path} is not told any class; leave the class out.")
        return None
    if classes is None:
        return torch.tensor([seed % model.num_classes for seed in seeds], dtype=torch.int64)
    unknown = [one for one in classes if not 0 <= one < model.num_classes]
    if unknown:
        raise UserError(f"There is no class {unknown[0]} in {model.path}; give one from 0 to {model.num_classes - 1}.")
    return torch.tensor([classes[row % len(classes)] for row in range(len(seeds))], dtype=torch.int64)
