"""From a snapshot and seeds to pictures."""

import re
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.base.images import to_uint8
from ganforge.base.noise import draw_z
from ganforge.base.runtime import choose_device
from ganforge.base.seeding import generator
from ganforge.base.wording import as_typed
from ganforge.config import Config, make_config
from ganforge.networks.build import build_generator
from ganforge.networks.generate import generate
from ganforge.networks.precision import autocast_forward
from ganforge.run.snapshot import Snapshot, fill_network, load_snapshot


class Model:
    """A generator that is ready to make pictures, with the settings of the run it comes from."""

    def __init__(self, G: nn.Module, config: Config, snapshot: Snapshot, device: torch.device) -> None:
        self.G, self.config, self.device = G, config, device
        self.shape, self.nimg, self.path = snapshot.shape, snapshot.nimg, snapshot.path
        self.num_classes = snapshot.num_classes

    def __repr__(self) -> str:
        return f"Model({self.config.recipe} on {self.config.data}, {self.nimg:,} images, items {self.shape})"

    def z(self, seeds: Iterable[int]) -> Tensor:
        """z [N, z_dim] on the CPU: one row a seed, whatever the other seeds are."""
        rows = [draw_z(self.config.noise, 1, self.config.z_dim, generator(seed, "sample")) for seed in seeds]
        return torch.cat(rows) if rows else torch.empty(0, self.config.z_dim)

    def generate(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """z [N, z_dim] -> items, float [N, *shape] in [-1, 1], on the CPU.

        labels: int64 [N] for a model that is told the class, ``num_classes`` > 0; by default 0, 1, 2, ... in turn.
        """
        if labels is None and self.num_classes:
            labels = torch.arange(len(z)) % self.num_classes
        elif labels is not None and not self.num_classes:
            raise UserError(f"The model in {self.path} is not told any class; leave the labels out.")
        if labels is not None and (labels.shape != (len(z),) or ((labels < 0) | (labels >= self.num_classes)).any()):
            raise UserError(f"{len(z)} labels from 0 to {self.num_classes - 1} are needed, one for each picture.")
        return generate(self.G, z, labels, self.device) if len(z) else torch.empty(0, *self.shape)

    def sample(self, seeds: Iterable[int], labels: Tensor | None = None) -> Tensor:
        """Pictures by seed, uint8 [N, C, H, W]; points (2-D runs) as float [N, 2]. labels as for ``generate``."""
        items = self.generate(self.z(seeds), labels)
        return to_uint8(items) if len(self.shape) == 3 else items


def load(path: str | Path, device: str = "auto", *, best: bool = False) -> Model:
    """The model in a snapshot file, or in a run folder's newest snapshot, or its best. Runs no code from the file.

    Raises UserError where there is none, or the file is damaged, of another kind, or does not fit its own settings.
    """
    snapshot = load_snapshot(Path(path), best=best)
    config = make_config(snapshot.settings, source=snapshot.path)
    chosen = choose_device(device)
    G = build_generator(
        config.generator, config.z_dim, snapshot.shape, config.seed,
        num_classes=snapshot.num_classes, **config.g_sizes,
    )  # fmt: skip
    fill_network(G, snapshot.weights, str(snapshot.path))
    G = G.to(chosen).eval()
    if config.precision == "bfloat16":
        autocast_forward(G, chosen)
    return Model(G, config, snapshot, chosen)


def parse_seeds(text: str) -> list[int]:
    """`0-63,100` -> [0, ..., 63, 100]. Raises UserError for anything else."""
    ranges: list[range] = []
    for part in text.split(","):
        found = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", part.strip())
        ranges.append(range(int(found[1]), int(found[2] or found[1]) + 1) if found else range(0))
        if not ranges[-1]:
            raise UserError(f"The seeds {as_typed(text)!r} are not numbers and ranges such as 0-63 or 1,5,20-29.")
    count = sum(len(one) for one in ranges)
    if count > 100_000:
        raise UserError(f"The seeds {as_typed(text)!r} are {count:,} pictures; ask for at most 100,000 at a time.")
    return [seed for one in ranges for seed in one]
