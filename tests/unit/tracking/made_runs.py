"""Run folders made by hand, and read trackers by hand."""

import json
from pathlib import Path
from typing import Any

from PIL import Image

from ganforge.run.folder import RunFolder
from ganforge.tracking.taken import KINDS

CONFIG = {
    "settings": {"data": "digits", "lr": 0.0003, "g_hidden": [16, 8], "d_lr": None},
    "data": {"name": "digits", "count": 7},
    "environment": [{"torch": "1"}, {"torch": "2"}],
}
NOTHING = dict.fromkeys(KINDS, -1)


def row(nimg: int, **more: Any) -> dict[str, Any]:
    return {"nimg": nimg, "step": nimg // 10, "Loss/D": nimg / 100, "Loss/D/fakes": 0.25} | more


def record(nimg: int) -> dict[str, Any]:
    figures = {"FD/random": {"value": nimg / 10, "floor": 0.5}, "recall/random": {"value": None, "floor": None}}
    return {"format": 2, "nimg": nimg, "headline": "FD/random", "figures": figures, "notes": []}


def make_run(
    path: Path, rows: tuple[int, ...] = (), records: tuple[int, ...] = (), state: str = "running"
) -> RunFolder:
    """A run with these rows, a grid for each, and these records."""
    folder = RunFolder(path)
    path.mkdir()
    folder.make_trackers()
    folder.config.write_text(json.dumps(CONFIG), encoding="utf-8")
    folder.write_status(state, 0, 100)
    for nimg in rows:
        report(folder, nimg)
    for nimg in records:
        folder.append_metrics(record(nimg))
    return folder


def report(folder: RunFolder, nimg: int) -> None:
    Image.new("L", (6, 4), nimg % 256).save(folder.fakes(nimg))
    folder.append_row(row(nimg))
