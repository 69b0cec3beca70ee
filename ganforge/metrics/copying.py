"""Are the fakes copies? The memorisation figures, in pixels and in features, each beside that of held-out pictures."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pooch
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.files import is_there
from ganforge.base.seeding import generator
from ganforge.base.tensorfile import DamagedFileError, read_tensorfile, write_tensorfile
from ganforge.base.terminal import complain
from ganforge.data.dataset import Dataset
from ganforge.metrics.distances import distinct_rows
from ganforge.metrics.features import Extractor
from ganforge.metrics.figures import Figure, Figures, figure
from ganforge.metrics.memorisation import (
    auth_pct,
    c_t,
    copies,
    distinct_pictures,
    exact_duplicates,
    near_duplicates,
    no_held_out,
    no_memorisation,
    no_spacing,
    spacing_of,
)
from ganforge.metrics.nearest import Neighbours, Sketch, nearest, sketch_of
from ganforge.metrics.protocol import MAX_SAMPLES_FOR_COPIES, Protocol

KIND = "neighbourhoods"
FORMAT = 3
SKETCH = ("sketch.center", "sketch.axes", "sketch.rows")
CHUNK = 1_000


@dataclass(frozen=True)
class Space:
    """Where distances are taken.

    name: "pixels", or an extractor's. embed: pictures uint8 [N, C, H, W] -> [N, D]. train: [M, D], all training
    pictures. sketch: of those, to search them by. held_out: float64 [H], the distance of each held-out picture to its
    nearest training picture. near: two fakes nearer than this count as near duplicates: half the median distance of
    held-out pictures to their nearest others. floors: the figures of the held-out pictures, by name; not of those that
    cannot be read of them, for which ``why`` has the reason.
    """

    name: str
    embed: Callable[[Tensor], Tensor]
    train: Tensor
    sketch: Sketch | None
    held_out: Tensor
    near: float
    floors: dict[str, float]
    why: dict[str, str] = field(default_factory=dict)


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

    def figures(self, poll: Callable[[], None]) -> Figures:
        """AuthPct, C_T and near duplicates in each space, exact duplicates and copies in pixels."""
        figures: Figures = {}
        for space in self.spaces:
            poll()
            vectors = space.embed(self.samples)
            neighbours = nearest(vectors, space.train, sketch=space.sketch)
            found: Figures = {}
            if space.name == "pixels":
                self.neighbours = neighbours
                found["copies"] = Figure(copies(self.samples, self.dataset.items), "lower")
                found["exact duplicates"] = Figure(exact_duplicates(self.samples), "lower")
            poll()
            found |= memorisation_figures(space, vectors, neighbours)
            figures |= {f"{name}/{space.name}": beside_floor(each, name, space) for name, each in found.items()}
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


def memorisation_figures(space: Space, vectors: Tensor, neighbours: Neighbours) -> Figures:
    """AuthPct, C_T and near duplicates of fakes, [N, D] in this space. As near duplicates come more often among more
    fakes, they are counted among as many as there are held-out pictures."""
    spacing = spacing_of(neighbours, space.train, space.sketch)
    distinct = distinct_pictures(vectors) if vectors.dtype == torch.uint8 else distinct_rows(vectors)
    why = no_memorisation(space.held_out, distinct, len(vectors))
    no_near = no_held_out(space.held_out) or ("" if space.near > 0 else "most held-out pictures equal another one")
    return {
        "AuthPct": figure("near floor", why or no_spacing(spacing), lambda: auth_pct(neighbours.distances, spacing)),
        "C_T": c_t_figure(why, neighbours.distances, space.held_out),
        "near duplicates": figure(
            "lower", no_near, lambda: near_duplicates(vectors[: len(space.held_out)], space.near)
        ),
    }  # fmt: skip


def c_t_figure(why: str, distances: Tensor, held_out: Tensor) -> Figure:
    try:
        return figure("near floor", why, lambda: c_t(distances, held_out))
    except UserError as error:
        return Figure(None, "near floor", note=f"{str(error)[0].lower()}{str(error)[1:].removesuffix('.')}")


def beside_floor(each: Figure, name: str, space: Space) -> Figure:
    """The figure with its floor; without one it has no value either."""
    if name not in space.why or each.value is None:
        return replace(each, floor=space.floors.get(name))
    return replace(each, value=None, note=f"its floor cannot be read: {space.why[name]}")


def prepare_copying(
    dataset: Dataset,
    held_out: Dataset,
    extractor: Extractor,
    protocol: Protocol,
    cache_dir: Path | None,
    poll: Callable[[], None],
) -> Copying:
    """Both spaces, from the cache where it holds them. Raises UserError where the two splits differ in shape."""
    if held_out.shape != dataset.shape:
        raise UserError(f"The splits of {dataset.name} differ in shape; give data whose splits agree.")
    order = torch.randperm(len(held_out), generator=generator(protocol.seed, "metrics/held out"))
    fresh = held_out.items[order[:MAX_SAMPLES_FOR_COPIES]]

    def embed(pictures: Tensor) -> Tensor:
        found = []
        for chunk in pictures.split(CHUNK):
            poll()
            found.append(extractor.extract(chunk)[0].cpu())
        return torch.cat(found)

    spaces = []
    for name, function in (("pixels", lambda pictures: pictures.flatten(1)), (extractor.name, embed)):
        identity = extractor.hash if name == extractor.name else "pixels"
        spaces.append(prepare_space(name, identity, function, dataset, fresh, protocol, cache_dir, poll))
    return Copying(dataset, spaces)


def prepare_space(
    name: str, identity: str, embed: Callable[[Tensor], Tensor], dataset: Dataset, fresh: Tensor, protocol: Protocol,
    cache_dir: Path | None, poll: Callable[[], None],
) -> Space:  # fmt: skip
    """One space: from the cache if it is there and whole, else measured."""
    parts = [
        FORMAT,
        protocol.conventions,
        protocol.fingerprint,
        protocol.held_out,
        protocol.seed,
        len(fresh),
        name,
        identity,
    ]
    key = hashlib.sha256(json.dumps([*parts, FORMAT]).encode()).hexdigest()[:32]
    folder = cache_dir or Path(pooch.os_cache("ganforge")) / "statistics"
    path = folder / f"{key}.safetensors"
    if is_there(path):
        try:
            tensors, facts = read_tensorfile(path, KIND)
            train = tensors["train"] if "train" in tensors else embed(dataset.items)
            sketch = Sketch(*(tensors[part] for part in SKETCH)) if SKETCH[0] in tensors else None
            floors, why = dict(facts["floors"]), dict(facts["why"])
            return Space(name, embed, train, sketch, tensors["held_out"], float(facts["near"]), floors, why)
        except (DamagedFileError, KeyError, TypeError, ValueError):
            complain(f"{path} in the cache is damaged: measuring the held-out pictures again")
        except UserError as error:
            complain(f"{error} Measuring the held-out pictures again.")
    train = embed(dataset.items)
    space = measure_space(name, embed, train, embed(fresh), poll)
    tensors = {"held_out": space.held_out} | ({} if name == "pixels" else {"train": train})
    tensors |= dict(zip(SKETCH, space.sketch, strict=True)) if space.sketch else {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_tensorfile(path, KIND, tensors, facts_of(space))
    except OSError as error:
        complain(f"The held-out pictures' statistics are not kept: {folder}: {error.strerror}")
    return space


def measure_space(
    name: str, embed: Callable[[Tensor], Tensor], train: Tensor, fresh: Tensor, poll: Callable[[], None]
) -> Space:
    """The held-out side: how far held-out pictures are from the training set, and from each other."""
    sketch = sketch_of(train)
    neighbours = nearest(fresh, train, sketch=sketch)
    poll()
    among = nearest(fresh, fresh, skip=torch.arange(len(fresh))).distances if len(fresh) > 1 else torch.zeros(1)
    near, half = among.median().item() / 2, len(fresh) // 2
    space = Space(name, embed, train, sketch, neighbours.distances, near, {}, {})
    floors = memorisation_figures(space, fresh, neighbours)
    if half:
        floors["C_T"] = c_t_figure(floors["C_T"].note, neighbours.distances[:half], neighbours.distances[half:])
    if name == "pixels":
        floors["copies"] = Figure((neighbours.distances == 0).to(torch.float64).mean().item(), "lower")
        floors["exact duplicates"] = Figure(exact_duplicates(fresh), "lower")
    values = {figure: each.value for figure, each in floors.items() if each.value is not None}
    return replace(space, floors=values, why={figure: each.note for figure, each in floors.items() if each.note})


def facts_of(space: Space) -> dict[str, Any]:
    return {"near": space.near, "floors": space.floors, "why": space.why}
