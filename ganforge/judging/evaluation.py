"""`ganforge evaluate`: how good are a run's pictures, a snapshot's, or those that some other tool left in a folder?"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.files import is_there, write_text_atomically
from ganforge.base.given import each_given, path_given, whole_given
from ganforge.base.images import grid, save_png, to_uint8
from ganforge.base.noise import draw_z
from ganforge.base.processes import refuse_several_processes
from ganforge.base.runtime import choose_device, keep_freed_memory
from ganforge.base.seeding import generator
from ganforge.base.sizes import size_text
from ganforge.base.terminal import complain, printable
from ganforge.base.wording import pasted
from ganforge.data.catalog import DATA_SETS, locate, short_name
from ganforge.data.dataset import Dataset
from ganforge.data.foreign_pictures import as_grey, read_pictures
from ganforge.data.load import load as load_data
from ganforge.data.load import load_held_out
from ganforge.metrics.evaluate import NUM_FAKES, NUM_FAKES_STACKED, Judge
from ganforge.run.folder import RunFolder
from ganforge.sampling.model import Model, load

CHUNK = 512
PICTURE_FILES = (".npz", ".npy", ".zip", ".tar", ".parquet")
PAIRS = 32
"""Pairs in the picture of samples and their nearest training pictures."""


@dataclass(frozen=True)
class Evaluation:
    """record: the figures, as docs/metrics.md describes them. written: the files that were made."""

    record: dict[str, Any]
    written: list[Path]


def evaluate(
    source: str | os.PathLike[str],
    against: str | os.PathLike[str] | None = None,
    *,
    best: bool = False,
    samples: int | None = None,
    features: Sequence[str] | str | None = None,
    inception_file: Path | None = None,
    data_dir: Path | None = None,
    test_data: str | os.PathLike[str] | None = None,
    device: str = "auto",
    out: str | os.PathLike[str] | None = None,
    poll: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Judge what ``source`` makes or holds; write the record, and samples beside their nearest training pictures.

    source: a run folder (its newest snapshot, or its best), a snapshot, or a folder or file of pictures.
    against: a data set's name, or a path or hub:OWNER/NAME of anybody's pictures, which are brought to the size of
    those judged; by default what the run learned from. test_data: the held-out pictures, likewise. samples: how many to
    judge, 10,000 by default (26,000 for stacked-mnist). features: extractors' names. out: the folder to write to; by
    default a run's own, else the current one. poll: called now and then; raises to stop. Raises UserError for whatever
    cannot be judged.
    """
    refuse_several_processes()
    source = path_given(source, "A run, a snapshot or pictures")
    out = None if out is None else path_given(out, "The folder to write to")
    samples = None if samples is None else whole_given(samples, "samples")
    if samples is not None and samples < 1:
        raise UserError(f"samples is {samples}; give 1 or more.")
    if features is not None:
        features = features.split(",") if isinstance(features, str) else each_given(features, "The features")
    keep_freed_memory()
    chosen = choose_device(device)
    model, pictures = open_source(source, best, device, poll)
    against = None if against is None else str(path_given(against, "What to compare with"))
    test_data = None if test_data is None else str(path_given(test_data, "What is held out"))
    dataset, held_out = open_data(model, pictures, against, data_dir, test_data, poll)
    wanted = samples or (NUM_FAKES_STACKED if dataset.name == "stacked-mnist" else NUM_FAKES)
    if pictures is not None:
        pictures = fit(pictures, dataset, source)
        wanted = min(wanted, len(pictures))
    elif model is not None and model.shape != dataset.shape:
        raise UserError(f"{source} makes items of {model.shape}, and those of {dataset.name} are {dataset.shape}.")
    judge = Judge(dataset, held_out, chosen, names=features, num_fakes=wanted, inception_file=inception_file, poll=poll)
    json_path, png_path = places(source, model, out, judge)
    count = judge.protocol.num_fakes
    batches = made_by(model, judge.dataset, count) if model is not None else drawn_from(pictures, count)
    nimg = model.nimg if model is not None else 0
    record = judge.judge(batches, subject_of(source, model), nimg, poll)
    if judge.copying is not None:
        record["nearest"] = [list(pair) for pair in judge.copying.nearest_names(PAIRS)]
    if held_out is None:
        record["notes"].append(
            f"Whether pictures are copies was not measured: {dataset.name} has no held-out pictures to compare with; "
            "name some with --test-data."
        )
    return Evaluation(record, write(record, judge, json_path, png_path))


def open_source(source: Path, best: bool, device: str, poll: Callable[[], None]) -> tuple[Model | None, Tensor | None]:
    """A model, or pictures uint8 [N, C, H, W]: one of the two."""
    if not is_there(source):
        raise UserError(f"There is no run, snapshot, folder or .npz file of pictures at {source}; check the path.")
    is_pictures = (source.is_dir() and not RunFolder(source).exists()) or source.suffix.lower() in PICTURE_FILES
    if not is_pictures:
        return load(source, device, best=best), None
    if RunFolder(source).runs_within() and source.is_dir():
        raise UserError(RunFolder(source).what_is_there())
    if best:
        raise UserError(f"{source} is not a run folder, so it has no best snapshot; leave --best out.")
    judged = read_pictures(source, poll)
    for note in judged.notes:
        say(note)
    return None, judged.items


def open_data(
    model: Model | None, pictures: Tensor | None, against: str | None, data_dir: Path | None, test_data: str | None,
    poll: Callable[[], None],
) -> tuple[Dataset, Dataset | None]:  # fmt: skip
    """The real items, and the held-out ones where there are any. Lines about long work go to stderr."""
    if against is None and model is None:
        known = ", ".join(DATA_SETS)
        raise UserError(
            f"Which data are the pictures to be judged against? Give --against, with one of: {known}; or with a folder "
            "or file of pictures."
        )
    name = place_of(model) if against is None and model is not None else locate(against or "")
    own = model is not None and (name == model.config.data or (has_gone(model.config.data) and name not in DATA_SETS))
    max_images = None
    settings = load_settings(model, pictures)
    if own and model is not None:
        moved = {} if name == model.config.data else settings
        settings, max_images = model.config.data_settings() | moved, model.config.max_images
        test_data = test_data or held_out_place(model)
        if data_dir is None and model.config.data_dir is not None:
            data_dir = Path(model.config.data_dir)
    elif name in DATA_SETS:
        settings = {}
    elif model is not None and settings.get("range") == "auto":  # the numbers that it learned by, not those of others
        learned = load_data(place_of(model), poll=poll, say=say, **model.config.data_settings())
        settings["range"] = learned.range
    train = load_data(name, data_dir=data_dir, max_images=max_images, poll=poll, say=say, **settings)
    if not own:  # of its own data, a run has been told
        for note in train.notes:
            if not note.startswith("warning: "):  # of what would hurt a training
                say(note)
    policy = {key: settings[key] for key in ("fit", "background", "max_broken", "pages") if key in settings}
    return train, load_held_out(name, test_data, train, data_dir, poll, say, **policy)


def place_of(model: Model) -> str:
    """What a model learned from. Raises UserError where it has gone from its place."""
    data = model.config.data
    if has_gone(data):
        where = f"now says --against: `ganforge evaluate {pasted(model.path)} --against PLACE`"
        raise UserError(f"{model.path} learned from {data}, and nothing is there; where the pictures are {where}.")
    return data


def held_out_place(model: Model) -> str | None:
    """What a model's run names to be judged by, likewise."""
    place = model.config.test_data
    if place is not None and has_gone(place):
        raise UserError(
            f"The held-out pictures of {model.path} were in {place}, and nothing is there; say --test-data."
        )
    return place


def has_gone(data: str) -> bool:
    """Is it a path with nothing there?"""
    return Path(data).is_absolute() and not is_there(Path(data))


def load_settings(model: Model | None, pictures: Tensor | None) -> dict[str, Any]:
    """How anybody's pictures are taken to be judged against: in a model's shape and range; of pictures, the size."""
    if pictures is not None:
        return {"size": size_text(*pictures.shape[2:])}
    if model is None or len(model.shape) != 3:
        return {}
    channels, height, width = model.shape
    return {"size": size_text(height, width), "channels": channels, "range": model.config.range}


def say(line: str) -> None:
    complain(printable(line))


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


def made_by(model: Model, dataset: Dataset, count: int) -> Iterator[Tensor]:
    """``count`` items of fresh noise, the same for every model of one z_dim; where it is told the class, of each as
    often as the data have it."""
    for index, first in enumerate(range(0, count, CHUNK)):
        size = min(CHUNK, count - first)
        z = draw_z(model.config.noise, size, model.config.z_dim, generator(0, "evaluate/z", index))
        labels = None
        if model.num_classes:
            labels = dataset.draw_labels(size, model.num_classes, generator(0, "evaluate/labels", index))
        items = model.generate(z, labels)
        yield items if model.shape == (2,) else to_uint8(items)


def drawn_from(pictures: Tensor | None, count: int) -> Iterator[Tensor]:
    """``count`` of the pictures, in an order that a fixed seed shuffles: folders are often sorted by class."""
    assert pictures is not None
    order = torch.randperm(len(pictures), generator=generator(0, "evaluate/pictures"))[:count]
    yield from (pictures[part] for part in order.split(CHUNK))


def subject_of(source: Path, model: Model | None) -> dict[str, Any]:
    if model is None:
        return {"kind": "pictures", "path": str(source), "name": f"the pictures in {source}"}
    name = f"{model.config.recipe} on {short_name(model.config.data)} after {model.nimg:,} images ({model.path})"
    return {"kind": "snapshot", "path": str(model.path), "name": name}


def places(source: Path, model: Model | None, out: Path | None, judge: Judge) -> tuple[Path, Path]:
    """Where the record goes, and the picture where pictures were judged. Raises UserError where, outside a run's own
    folder, something lies there that ganforge did not make."""
    folder = RunFolder(source)
    if out is None and folder.exists() and model is not None:
        return folder.evaluation(model.nimg, judge.protocol.id), folder.nearest(model.nimg)
    name = source.resolve().stem
    out = out or Path()
    json_path, png_path = out / f"evaluation-{name}-{judge.protocol.id}.json", out / f"nearest-{name}.png"
    refuse_foreign(json_path)
    if judge.copying is not None:
        refuse_foreign(png_path)
    return json_path, png_path


def write(record: dict[str, Any], judge: Judge, json_path: Path, png_path: Path) -> list[Path]:
    """The record as JSON, and the picture where pictures were judged; returns where they are."""
    json_path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(json_path, json.dumps(record, indent=2) + "\n")
    written = [json_path]
    if judge.copying is not None:
        save_png(grid(judge.copying.nearest_pictures(PAIRS), columns=8), png_path)
        written.append(png_path)
    return written
