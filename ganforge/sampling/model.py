"""A snapshot as a model that makes pictures."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.base.given import path_given, shown
from ganforge.base.images import to_uint8
from ganforge.base.noise import draw_z_by_seed, truncate
from ganforge.base.picture_format import PictureFormat
from ganforge.base.runtime import choose_device
from ganforge.base.seeding import derive
from ganforge.base.selections import Labels, Seeds, labels_given, seeds_given, z_given
from ganforge.base.tensorfile import Shapes
from ganforge.base.terminal import complain, printable
from ganforge.config import Config, make_config
from ganforge.networks.construct import build_generator, on_device
from ganforge.networks.generate import BATCH_SIZE, batch_size_for, generate
from ganforge.networks.precision import autocast_forward, tf32
from ganforge.run.snapshot import Snapshot, fill_network, load_snapshot, refuse_other_shapes
from ganforge.sampling.picture_plan import Plan, weights_digest
from ganforge.sampling.save import MAKERS, Making, save_pictures

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
        return draw_z_by_seed(
            self.config.noise, [derive(seed, "sample") for seed in seeds_given(seeds)], self.config.z_dim
        )

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
        told = self._labels(range(len(z)), labels)
        if not len(z):
            return finish(torch.empty(0, *self.shape))
        return generate(self.G, z, told, self.device, self.batch_size, finish)

    def sample(self, seeds: Seeds, labels: Labels = None) -> Tensor:
        """Pictures by seed, uint8 [N, C, H, W]; points (2-D runs) as float [N, 2].

        seeds: whole numbers, such as range(64); one alone; or as typed, "0-63". labels: of a model that is told the
        class: numbers or names of classes, one for each seed, or a single one for all; by default each seed's remainder
        by ``num_classes``, so that a seed's picture is its own, whichever others are asked for. Raises UserError.
        """
        seeds = seeds_given(seeds)
        return self.pictures(self.z(seeds), self._labels(seeds, labels))

    def pictures(self, z: Tensor, labels: Labels = None) -> Tensor:
        """``generate``, with pictures as uint8 [N, C, H, W]; points stay float [N, 2]."""
        return self._made(z, labels, to_uint8 if len(self.shape) == 3 else lambda points: points)

    def _labels(self, seeds: Sequence[int], labels: Labels = None) -> Tensor | None:
        """The seeds' classes, int64 [N], as ``sample`` takes them; None for a model that is told none. Raises
        UserError."""
        if labels is None:
            return labels_for(self, seeds, None)
        if not self.num_classes:
            raise UserError(f"The model in {self.path} is not told any class; leave the labels out.")
        return labels_given(labels, len(seeds), self.num_classes, self.class_names)

    def stream(self, seeds: Seeds, labels: Labels = None, *, truncation: float = 1.0) -> Iterator[Tensor]:
        """``sample``, batch by batch, so that any number can be made: the pictures of up to ``batch_size`` seeds each
        time. truncation: the psi of ``noise.truncate``. Raises UserError, at once."""
        seeds = rows_of(seeds)
        return self._stream(seeds, self._labels(seeds, labels), checked_truncation(self, truncation))

    def _stream(self, seeds: Sequence[int], labels: Tensor | None, truncation: float) -> Iterator[Tensor]:
        for first in range(0, len(seeds), self.batch_size):
            yield self._rows(seeds, labels, truncation, slice(first, first + self.batch_size))

    def _rows(self, seeds: Sequence[int], labels: Tensor | None, truncation: float, part: slice) -> Tensor:
        z = truncate(self.z(seeds[part]), truncation)
        return self.pictures(z, None if labels is None else labels[part])

    def save(
        self, out: str | os.PathLike[str], seeds: Seeds, labels: Labels = None, *, truncation: float = 1.0,
        kind: str = "png", quality: int | None = None, upscale: int = 1,
    ) -> list[Path]:  # fmt: skip
        """The pictures of ``stream`` as files, one a seed, in a folder, a .zip or .tar files; or in an .npz file.

        out: what it is is told by its ending (docs/pictures.md). kind, quality, upscale: as of ``PictureFormat``.
        Returns what was written. The same call goes on where an earlier
        one was stopped. Raises UserError where that cannot be, and leaves alone what is there already.
        """
        seeds, look = rows_of(seeds), PictureFormat(kind, quality, upscale)
        told = self._labels(seeds, labels)
        about = {"recipe": self.config.recipe, "model": weights_digest(self.G), "batch_size": self.batch_size}
        about |= {"precision": self.config.precision, "device": self.device.type, "torch": torch.__version__}
        plan = Plan(
            seeds, told, tuple(self.class_names), self.shape, self.nimg, checked_truncation(self, truncation), look,
            about,
        )  # fmt: skip

        with tf32(False):  # several threads generate, and each would put back what another has set
            return save_pictures(
                out, plan, lambda part: self._rows(seeds, told, plan.truncation, part),
                Making(self.batch_size, at_once=MAKERS if self.device.type == "cpu" else 1),
            )  # fmt: skip


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


def checked_truncation(model: Model, psi: float) -> float:
    """The psi. Raises UserError for one outside (0, 1], and for one below 1 where the noise has no middle to go to."""
    if isinstance(psi, bool) or not isinstance(psi, int | float):
        raise UserError(f"The truncation is a number, not {shown(psi)}.")
    if not 0 < psi <= 1:
        raise UserError(f"The truncation is {psi:g}; give more than 0 and at most 1, which changes nothing.")
    if psi < 1 and model.config.noise != "normal":
        raise UserError(
            f"Truncation is for normal noise, and the model in {model.path} learned from {model.config.noise} noise, "
            "whose middle is no more typical than the rest, so that nothing narrows it; leave the truncation out, look "
            "around a picture that you like (--around SEED --spread 0.1), or train with --noise normal."
        )
    return float(psi)


def rows_of(seeds: Seeds) -> Sequence[int]:
    """The seeds; a range stays one, so that it takes no memory. Raises UserError for anything else."""
    return seeds if isinstance(seeds, range) else seeds_given(seeds)
