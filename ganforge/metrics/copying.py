"""Are the fakes copies? The memorisation figures, in pixels and in features, each beside that of held-out pictures."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.seeding import generator
from ganforge.base.stopping import poll
from ganforge.data.dataset import Dataset
from ganforge.metrics.catalog import definitions
from ganforge.metrics.copy_sides import CopySides, Space
from ganforge.metrics.features import Extractor
from ganforge.metrics.figure import Figures, as_json, compare, figures_from_json, with_floors
from ganforge.metrics.kept_statistics import kept_or_measured
from ganforge.metrics.nearest import Neighbours, Sketch, nearest, sketch_of
from ganforge.metrics.protocol import MAX_SAMPLES_FOR_COPIES, Protocol

KIND = "neighbourhoods"
FORMAT = 4
SKETCH = ("sketch.center", "sketch.axes", "sketch.rows")
CHUNK = 1_000


class Copying:
    """The training pictures, ready to be compared with; ``keep`` takes the fakes in, ``figures`` compares them."""

    def __init__(self, dataset: Dataset, spaces: list[Space]) -> None:
        self.dataset, self.spaces = dataset, spaces
        self.samples = dataset.items[:0]
        self.neighbours: Neighbours | None = None

    def start(self) -> None:
        """Forget the fakes taken in so far."""
        self.samples, self.neighbours = self.dataset.items[:0], None

    def keep(self, fakes: Tensor) -> None:
        """Take fakes uint8 [N, C, H, W] in, up to ``MAX_SAMPLES_FOR_COPIES`` of them in all."""
        self.samples = torch.cat([self.samples, fakes[: MAX_SAMPLES_FOR_COPIES - len(self.samples)].cpu()])

    def figures(self) -> Figures:
        """The figures of copying in each space, with their floors."""
        figures: Figures = {}
        for space in self.spaces:
            poll()
            sides = CopySides(space, space.embed(self.samples))
            figures |= with_floors(compare(sides), space.floors)
            if space.name == "pixels":
                self.neighbours = sides.neighbours
        return figures

    def nearest_pictures(self, count: int) -> Tensor:
        """The ``count`` samples that are nearest to a training picture in pixels, the nearest first, each followed by
        that picture: uint8 [2 count, C, H, W]."""
        order, rows, _ = self._nearest(count)
        return torch.stack([self.samples[order], self.dataset.items[rows]], dim=1).flatten(0, 1)

    def nearest_names(self, count: int) -> list[tuple[str, float]]:
        """What those training pictures are called in their source, and how far the samples are from them: the root of
        the mean squared difference over all pixels and channels, in grey levels, 0 to 255."""
        _, rows, distances = self._nearest(count)
        scaled = (distances / self.samples[0].numel() ** 0.5).tolist()
        return list(zip(self.dataset.name_items(rows.tolist()), scaled, strict=True))

    def _nearest(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of the ``count`` nearest samples: which they are, the training pictures' rows, and their distances."""
        assert self.neighbours is not None, "figures come first"
        order = self.neighbours.distances.argsort()[:count]
        return order, self.neighbours.indices[order], self.neighbours.distances[order]


def prepare_copying(
    dataset: Dataset,
    held_out: Dataset,
    extractor: Extractor | None,
    protocol: Protocol,
    cache_dir: Path | None,
) -> Copying:
    """The spaces of pixels and of an extractor, if there is one, from the cache where it holds them.

    Raises UserError where the two splits differ in shape.
    """
    if held_out.shape != dataset.shape:
        raise UserError(f"The splits of {dataset.name} differ in shape; give data whose splits agree.")
    order = torch.randperm(len(held_out), generator=generator(protocol.seed, "metrics/held out"))
    fresh = held_out.items[order[:MAX_SAMPLES_FOR_COPIES]]

    def space(name: str, identity: str, function: Callable[[Tensor], Tensor]) -> Space:
        return prepare_space(name, identity, function, dataset, fresh, protocol, cache_dir)

    spaces = [space("pixels", "pixels", lambda pictures: pictures.flatten(1))]
    if extractor is not None:
        spaces.append(space(extractor.name, extractor.hash, partial(embedded, extractor)))
    return Copying(dataset, spaces)


def embedded(extractor: Extractor, pictures: Tensor) -> Tensor:
    """The features of pictures, some at a time."""
    found = []
    for chunk in pictures.split(CHUNK):
        poll()
        found.append(extractor.extract(chunk)[0].cpu())
    return torch.cat(found)


def prepare_space(
    name: str, identity: str, embed: Callable[[Tensor], Tensor], dataset: Dataset, fresh: Tensor, protocol: Protocol,
    cache_dir: Path | None,
) -> Space:  # fmt: skip
    """One space: from the cache if it is there and whole, else measured."""
    parts = [
        FORMAT, protocol.conventions, protocol.fingerprint, protocol.held_out, protocol.seed, len(fresh), name,
        identity, definitions(),
    ]  # fmt: skip

    def from_file(tensors: dict[str, Tensor], facts: dict[str, Any]) -> Space:
        train = tensors["train"] if "train" in tensors else embed(dataset.items)
        sketch = Sketch(*(tensors[part] for part in SKETCH)) if SKETCH[0] in tensors else None
        floors = figures_from_json(facts["floors"])
        return Space(name, embed, train, sketch, tensors["held_out"], float(facts["near"]), floors)

    def to_file(space: Space) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = {"held_out": space.held_out} | ({} if name == "pixels" else {"train": space.train})
        tensors |= dict(zip(SKETCH, space.sketch, strict=True)) if space.sketch else {}
        return tensors, {"near": space.near, "floors": as_json(space.floors)}

    return kept_or_measured(
        KIND, parts, "the held-out pictures", cache_dir, from_file,
        lambda: measure_space(name, embed, embed(dataset.items), embed(fresh)), to_file,
    )  # fmt: skip


def measure_space(name: str, embed: Callable[[Tensor], Tensor], train: Tensor, fresh: Tensor) -> Space:
    """The held-out side: how far held-out pictures are from the training set, and from each other."""
    sketch = sketch_of(train)
    neighbours = nearest(fresh, train, sketch=sketch)
    poll()
    among = nearest(fresh, fresh, skip=torch.arange(len(fresh))).distances if len(fresh) > 1 else torch.zeros(1)
    space = Space(name, embed, train, sketch, neighbours.distances, among.median().item() / 2)
    sides = CopySides(space, fresh, are_held_out=True)
    vars(sides)["neighbours"] = neighbours  # a cached property, which is known already
    return replace(space, floors=compare(sides))
