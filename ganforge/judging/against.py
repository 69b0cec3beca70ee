"""What is judged against: the real items, and those that were held out."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.given import path_given
from ganforge.base.sizes import size_text
from ganforge.base.terminal import complain, printable
from ganforge.base.wording import pasted
from ganforge.data.catalog import DATA_SETS, has_gone, locate
from ganforge.data.dataset import Dataset
from ganforge.data.load import load as load_data
from ganforge.data.load import load_held_out
from ganforge.judging.judged import Judged
from ganforge.sampling.model import Model

Place = str | os.PathLike[str]


@dataclass(frozen=True)
class Against:
    """data: a data set's name, or a path or hub:OWNER/NAME of anybody's pictures, which are brought to the size of
    those judged; None for what the run learned from. test_data: the held-out pictures, likewise. data_dir: where named
    data sets are kept; None for the usual place."""

    data: Place | None = None
    test_data: Place | None = None
    data_dir: Path | None = None

    def place(self) -> str | None:
        """The data as text. Raises UserError for what is no path."""
        return None if self.data is None else str(path_given(self.data, "What to compare with"))

    def held_out_place(self) -> str | None:
        """The held-out pictures, likewise."""
        return None if self.test_data is None else str(path_given(self.test_data, "What is held out"))


def open_data(judged: Judged, against: Against) -> tuple[Dataset, Dataset | None]:
    """The real items, and the held-out ones where there are any. Lines about long work go to stderr."""
    model, place, test_data, data_dir = judged.model, against.place(), against.held_out_place(), against.data_dir
    if place is None and model is None:
        known = ", ".join(DATA_SETS)
        raise UserError(
            f"Which data are the pictures to be judged against? Give --against, with one of: {known}; or with a folder "
            "or file of pictures."
        )
    name = place_of(model) if place is None and model is not None else locate(place or "")
    own = model is not None and (name == model.config.data or (has_gone(model.config.data) and name not in DATA_SETS))
    max_images = None
    settings = load_settings(judged)
    if own and model is not None:
        moved = {} if name == model.config.data else settings
        settings, max_images = model.config.data_settings() | moved, model.config.max_images
        test_data = test_data or held_out_place(model)
        if data_dir is None and model.config.data_dir is not None:
            data_dir = Path(model.config.data_dir)
    elif name in DATA_SETS:
        settings = {}
    elif model is not None and settings.get("range") == "auto":  # the numbers that it learned by, not those of others
        learned = load_data(place_of(model), say=say, **model.config.data_settings())
        settings["range"] = learned.range
    train = load_data(name, data_dir=data_dir, max_images=max_images, say=say, **settings)
    if not own:  # of its own data, a run has been told
        for note in train.notes:
            if not note.startswith("warning: "):  # of what would hurt a training
                say(note)
    policy = {key: settings[key] for key in ("fit", "background", "max_broken", "pages") if key in settings}
    return train, load_held_out(name, test_data, train, data_dir, say, **policy)


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


def load_settings(judged: Judged) -> dict[str, Any]:
    """How anybody's pictures are taken to be judged against: in a model's shape and range; of pictures, the size."""
    model = judged.model
    if judged.pictures is not None:
        return {"size": size_text(*judged.pictures.shape[2:])}
    if model is None or len(model.shape) != 3:
        return {}
    channels, height, width = model.shape
    return {"size": size_text(height, width), "channels": channels, "range": model.config.range}


def say(line: str) -> None:
    complain(printable(line))
