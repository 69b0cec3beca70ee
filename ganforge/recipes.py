"""Recipes: named, complete settings, each with its source, what to expect of it, and what it costs."""

from collections.abc import Callable
from typing import Any

from ganforge.base.errors import UserError
from ganforge.config import Config, make_config, suggestion


def note(**changes: Any) -> Config:
    """The simple GAN of the tutorial note: fully connected, on MNIST, non-saturating loss, 10 epochs.

    Source: a tutorial note on GANs in PyTorch (docs/sources.md); loss: Goodfellow et al. 2014, arXiv:1406.2661.
    Expect: digits that are recognisable but not complete, because the networks are only fully connected.
    Cost: 500,000 pictures, 64 seconds on two CPU cores (benchmarks/results/note_run.md).
    """
    # All but the data's size are Config's defaults; 10 epochs of 50,000 pictures are 500,000.
    return make_config({"recipe": "note", "data": "mnist", "max_images": 50_000} | changes)


RECIPES: dict[str, Callable[..., Config]] = {"note": note}


def recipe(name: str, **changes: Any) -> Config:
    """The named recipe's settings, with changes. Raises UserError for an unknown recipe or a setting that is wrong."""
    if name not in RECIPES:
        known = ", ".join(RECIPES)
        raise UserError(f"There is no recipe {name!r}{suggestion(name, RECIPES)} (the recipes: {known}).")
    return RECIPES[name](**changes)
