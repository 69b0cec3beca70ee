"""What is judged: a run's snapshot, a snapshot file, or pictures of any other tool."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.files import is_there
from ganforge.base.seeding import generator
from ganforge.base.tensorfile import is_tensorfile
from ganforge.base.terminal import complain, printable
from ganforge.data.catalog import short_name
from ganforge.data.dataset import Dataset
from ganforge.data.foreign_pictures import as_grey, read_pictures
from ganforge.metrics.fakes import CHUNK, Parts, asked_classes, fakes_in_chunks
from ganforge.run.folder import RunFolder
from ganforge.sampling.model import Model, load
from ganforge.training.processes import digest


@dataclass(frozen=True)
class Judged:
    """source: the path as it was given. model, pictures: one of the two; pictures are uint8 [N, C, H, W]."""

    source: Path
    model: Model | None = None
    pictures: Tensor | None = None

    @property
    def nimg(self) -> int:
        """Real pictures that D had seen; 0 for pictures of other tools."""
        return self.model.nimg if self.model is not None else 0

    def subject(self) -> dict[str, Any]:
        """As a record has it."""
        if self.model is None:
            return {"kind": "pictures", "path": str(self.source), "name": f"the pictures in {self.source}"}
        data, path = short_name(self.model.config.data), self.model.path
        name = f"{self.model.config.recipe} on {data} after {self.nimg:,} images ({path})"
        return {"kind": "snapshot", "path": str(path), "name": name}

    def digest(self) -> str:
        """Of the model's weights, or of the pictures: equal for equal ones."""
        numbers = [self.pictures] if self.pictures is not None else []
        return digest(numbers if self.model is None else self.model.G.state_dict().values())

    def items(self, dataset: Dataset, parts: Parts) -> Iterator[Tensor]:
        """Those of ``fakes.shares``, chunk by chunk."""
        return made_by(self.model, dataset, parts) if self.model is not None else drawn_from(self.pictures, parts)

    def asked(self, dataset: Dataset, count: int) -> Tensor | None:
        """The class that each item is made for, int64 [count]; None where that is none of the data's."""
        model = self.model
        if model is None or (model.class_names and model.class_names != dataset.class_names):
            return None
        return asked_classes(dataset, count, **told(model))

    def beside(self, dataset: Dataset) -> "Judged":
        """The same, its items of the data's shape. Raises UserError where they are of another."""
        if self.pictures is not None:
            return replace(self, pictures=fit(self.pictures, dataset, self.source))
        if self.model is not None and self.model.shape != dataset.shape:
            made = f"{self.source} makes items of {self.model.shape}"
            raise UserError(f"{made}, and those of {dataset.name} are {dataset.shape}.")
        return self


def open_judged(source: Path, best: bool, device: torch.device) -> Judged:
    """What is at a path: any folder that is no run, and any file that is no snapshot, are pictures."""
    if not is_there(source):
        raise UserError(f"There is no run, snapshot, folder or file of pictures at {source}; check the path.")
    folder = RunFolder(source)
    is_model = folder.exists() if source.is_dir() else is_tensorfile(source)
    if is_model:
        return Judged(source, model=load(source, device, best=best))
    if source.is_dir() and folder.runs_within():
        raise UserError(folder.what_is_there())
    if best:
        raise UserError(f"{source} is not a run folder, so it has no best snapshot; leave --best out.")
    judged = read_pictures(source)
    for note in judged.notes:
        complain(printable(note))
    return Judged(source, pictures=judged.items)


def fit(pictures: Tensor, dataset: Dataset, source: Path) -> Tensor:
    """Grey pictures that were saved in colour are taken as grey; nothing else is changed."""
    if dataset.shape[:1] == (1,) and pictures.shape[1] == 3:
        pictures = as_grey(pictures)
    if tuple(pictures.shape[1:]) != dataset.shape:
        raise UserError(
            f"The pictures in {source} are {tuple(pictures.shape[1:])} (channels, height, width), and those of "
            f"{dataset.name} are {dataset.shape}; judge them against data of their own size and channels."
        )
    return pictures


def told(model: Model) -> dict[str, Any]:
    """What decides the classes that a model is told."""
    return {"num_classes": model.num_classes, "seed": 0, "purpose": "evaluate"}


def made_by(model: Model, dataset: Dataset, parts: Parts) -> Iterator[Tensor]:
    """Items of fresh noise, the same for every model of one z_dim; where it is told the class, of each as
    often as the data have it."""
    return fakes_in_chunks(
        model.generate, dataset, parts, noise=model.config.noise, z_dim=model.config.z_dim, **told(model)
    )  # fmt: skip


def drawn_from(pictures: Tensor | None, parts: Parts) -> Iterator[Tensor]:
    """Some of the pictures, in an order that a fixed seed shuffles: folders are often sorted by class."""
    assert pictures is not None
    order = torch.randperm(len(pictures), generator=generator(0, "evaluate/pictures"))
    yield from (pictures[order[index * CHUNK :][:size]] for index, size in parts)
