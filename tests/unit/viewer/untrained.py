"""A run folder with an untrained snapshot: all that exploring needs."""

from pathlib import Path

import torch

from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot


def make_run(
    folder: Path, shape: tuple[int, ...] = (1, 8, 8), nimg: int = 640, num_classes: int = 0,
    class_names: tuple[str, ...] = (), **changes: object,
) -> RunFolder:  # fmt: skip
    """One on the embedded digits, unless the changes say otherwise. A folder that is there gets one more snapshot."""
    settings: dict[str, object] = {"data": "digits", "keep_snapshots": 100, "g_hidden": (32,)}
    settings["conditional"] = num_classes > 0
    config, run = recipe("note", **settings | changes), RunFolder(folder)
    values = config.model_dump(mode="json")
    if not run.exists():
        run.create({"settings": values, "data": {}, "environment": [{}]})
        run.write_status("finished", nimg, nimg)
    G = build_generator("mlp", config.z_dim, shape, nimg, hidden=config.g_hidden, num_classes=num_classes)
    with torch.no_grad():
        for weight in G.parameters():
            weight.mul_(3)  # far enough from zero that pictures differ
    save_snapshot(run, nimg, G, values, shape, num_classes, class_names)
    return run
