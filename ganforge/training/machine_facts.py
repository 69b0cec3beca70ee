"""What a run depends on beside its settings: where its data lie on this machine, and what computes it."""

import contextlib
import os
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.runtime import environment
from ganforge.config import Config
from ganforge.data.catalog import locate
from ganforge.data.load import refuse_same
from ganforge.run.hub_snapshot import pinned
from ganforge.training.feed import Feed

PLACES = {"data", "data_dir", "test_data", "init_from", "device", "threads"}
"""Settings that may be others on the machines of one run."""


def with_absolute_paths(config: Config) -> Config:
    """The settings with the data's paths made absolute, so that they mean the same from any folder, and what is on the
    hub by its commit. Raises UserError where there is nothing of that name, or the held-out pictures are those to learn
    from."""
    places = {"data": locate(config.data)}
    if config.test_data is not None:
        refuse_same(config.data, config.test_data)
        places["test_data"] = locate(config.test_data)
    if config.init_from is not None:
        source = config.init_from
        places["init_from"] = str(Path(source).absolute()) if os.path.lexists(source) else pinned(source)
    return config.model_copy(update=places)


def with_absolute_changes(changes: dict[str, Any]) -> dict[str, Any]:
    """The same for settings asked of a run that has its data; a name of nothing stays, and is refused as a change."""
    places = {}
    for name in {"data", "test_data"} & changes.keys():
        with contextlib.suppress(UserError):
            places[name] = locate(str(changes[name]))
    return changes | places


def environment_of(config: Config, feed: Feed) -> dict[str, Any]:
    """What config.json keeps of the machine, of the number of processes and, on CUDA, of the way of computing."""
    ways = {"capture": config.capture, "deterministic": config.deterministic} if feed.device.type == "cuda" else {}
    return environment(feed.device) | ways | {"processes": feed.processes.count}
