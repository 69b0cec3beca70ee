"""What the sample worker does with a request: load the model, make the items, turn them into files."""

from collections import OrderedDict
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from ganforge.base.animations import encode_animation
from ganforge.base.errors import UserError
from ganforge.base.images import grid
from ganforge.base.plots import scatter
from ganforge.base.runtime import is_out_of_memory
from ganforge.base.selections import parse_seeds
from ganforge.data.dataset import Dataset
from ganforge.data.draw import draw_frames, draw_items
from ganforge.data.summary import sample_note
from ganforge.metrics.nearest import nearest_pictures
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import find_snapshot
from ganforge.sampling.model import Model, load
from ganforge.sampling.selection import Selection, choose
from ganforge.viewer.read.formatting import class_words
from ganforge.viewer.read.training_data import training_data
from ganforge.viewer.read.untrusted import is_plain, mapping, read_object, whole
from ganforge.viewer.sampler.sample_request import ModelSummary, RenderedSamples, SampleRequest

MODELS_KEPT = 3
MAX_ITEMS = 1_100
"""A walk of ``sampling.MAX_WALK`` pictures, and no more seeds than that at once."""
MAX_BYTES = 24_000_000
"""Of all files of an answer: the browser gets them at once."""
NEAREST = 6
POINT_SIDE = 320
"""Pixels of a walk's frame that shows points."""


class SampleRenderer:
    """The models and the data that were used last."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self.models: OrderedDict[tuple[Path, int, int], Model] = OrderedDict()
        self.data: tuple[object, Dataset] | None = None

    def answer(self, request: SampleRequest) -> RenderedSamples | str:
        """The samples, or one sentence on why there are none. Whatever a snapshot holds, nothing is raised."""
        try:
            return self.render(request)
        except UserError as error:
            return str(error)
        except Exception as error:
            if is_out_of_memory(error):
                return "The memory of this machine does not suffice for these pictures; ask for fewer."
            return f"The pictures cannot be made ({type(error).__name__}: {str(error)[:300]}); try another snapshot."

    def render(self, request: SampleRequest) -> RenderedSamples:
        """Raises UserError where the request does not fit the model, or the model or its data cannot be had."""
        seeds = parse_seeds(request.seeds)
        if len(seeds) > MAX_ITEMS:
            raise UserError(f"{len(seeds):,} seeds are too many for the page; `ganforge sample` makes such grids.")
        model = self.model(find_snapshot(request.source, best=request.best))
        chosen = Selection(
            seeds, request.way, request.frames, request.loop, request.count, request.spread, request.classes,
            request.truncation,
        )  # fmt: skip
        z, told = choose(model, chosen)
        if request.row is not None:
            rows = torch.tensor([min(max(0, request.row), len(z) - 1)])
            z, told = z[rows], None if told is None else told[rows]
        items = model.pictures(z, told)
        labels = [] if told is None else told.tolist()
        if request.form == "nearest":
            files, captions, note = self.nearest(model, items[0], request)
        else:
            files, captions, note = self.files(items, request), [], ""
        size = sum(map(len, files))
        if size > MAX_BYTES:
            much = f"These are {size / 1e6:.0f} MB of pictures, which is too much for the page"
            raise UserError(f"{much}; ask for fewer, or use `ganforge sample`.")
        summary = ModelSummary(model.nimg, model.shape, model.config.noise, model.num_classes, model.class_names)
        return RenderedSamples(summary, files, captions, seeds, labels, note)

    def model(self, path: Path) -> Model:
        """Loaded, or kept since it was used last."""
        if path.parent.is_symlink() or not is_plain(path):
            raise UserError(f"There is no snapshot {path}, or it is not a file of the run's own; choose another.")
        facts = path.stat()
        key = (path, facts.st_mtime_ns, facts.st_size)
        if key not in self.models:
            self.models[key] = load(path, "cpu")  # an accelerator is the training's
            while len(self.models) > MODELS_KEPT:
                self.models.popitem(last=False)
        self.models.move_to_end(key)
        return self.models[key]

    def files(self, items: Tensor, request: SampleRequest) -> list[bytes]:
        """The items in the form that was asked for."""
        if request.form in ("webp", "gif"):
            return [encode_animation(draw_frames(items), request.form, loop=request.loop)]
        if request.form == "grid":
            return [encode_png(draw_items(items))]
        if items.dim() == 4:
            return [encode_png(grid(items[row : row + 1], scale=1)) for row in range(len(items))]
        if request.way != "walk":
            return [encode_png(scatter(items))]
        ones = [items[row : row + 1] for row in range(len(items))]
        return [encode_png(scatter(one, POINT_SIDE, reference=items, centers=one)) for one in ones]

    def nearest(self, model: Model, item: Tensor, request: SampleRequest) -> tuple[list[bytes], list[str], str]:
        """The training pictures nearest to the item [C, H, W], how far each is, and of which they are."""
        if item.dim() != 3:
            raise UserError("Nearest training pictures are for pictures; points lie beside their data on the run page.")
        dataset = self.dataset(model, request)
        if dataset.shape != model.shape:
            raise UserError(f"The data set {dataset.name} has items of {dataset.shape}, and this model {model.shape}.")
        found = nearest_pictures(item, dataset.items, NEAREST)
        files = [encode_png(grid(dataset.items[row : row + 1], scale=1)) for row, _ in found]
        captions, names = [], dataset.name_items([row for row, _ in found])
        for (row, distance), name in zip(found, names, strict=True):
            named = ""
            if dataset.labels is not None:
                named = f", {class_words(int(dataset.labels[row]), dataset.class_names)}"
            captions.append(f"{name}{named}: {'the same' if distance == 0 else f'{distance:.1f} away'}")
        return files, captions, sample_note(len(dataset), whole(self.facts(request).get("count")))

    def facts(self, request: SampleRequest) -> Mapping[str, Any]:
        """The run's own on its data."""
        run = request.source if request.source.is_dir() else request.source.parent.parent
        return mapping(read_object(RunFolder(run).config, []).get("data"))

    def dataset(self, model: Model, request: SampleRequest) -> Dataset:
        """What the model learned from, if it is on this machine where the page may look."""
        facts = self.facts(request)
        key = (model.config.data, model.config.max_images, model.config.data_settings(), facts, request.data)
        if self.data is None or self.data[0] != key:
            self.data = None
            try:
                self.data = key, training_data(model.config, facts, request.data)
            except UserError as error:
                why = str(error).splitlines()[0]
                raise UserError(
                    f"The training pictures are not on this machine, and the page downloads none: {why}"
                ) from None
        return self.data[1]


def encode_png(picture: Image) -> bytes:
    written = BytesIO()
    picture.save(written, format="PNG")
    return written.getvalue()
