"""ganforge: train, judge, show and ship generative adversarial networks in PyTorch.

    import ganforge

    run = ganforge.train("note", data="digits", total_nimg=200_000)
    model = ganforge.load(run.path)
    ganforge.grid(model.sample(range(64)))

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganforge._version import __version__

if TYPE_CHECKING:
    from ganforge.base.errors import RunError, UserError
    from ganforge.base.images import grid
    from ganforge.data.load import load as load_data
    from ganforge.recipes.catalog import recipe
    from ganforge.sampling.model import Model, load
    from ganforge.training.start import resume, train

_HOMES = {
    "RunError": "base.errors:RunError",
    "UserError": "base.errors:UserError",
    "grid": "base.images:grid",
    "load_data": "data.load:load",
    "recipe": "recipes.catalog:recipe",
    "Model": "sampling.model:Model",
    "load": "sampling.model:load",
    "resume": "training.start:resume",
    "train": "training.start:train",
}

__all__ = [
    "Model", "RunError", "UserError", "__version__", "grid", "load", "load_data", "recipe", "resume", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ganforge' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(f"ganforge.{module}"), attribute)


def __dir__() -> list[str]:
    return __all__
