"""Small run folders for the viewer's tests, made without a training."""

import json
from pathlib import Path
from typing import Any

from ganforge.run.folder import RunFolder

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c6360000000020001"
    "48afa4710000000049454e44ae426082"
)


def make_run(path: Path, state: str = "finished", rows: int = 3, **status: Any) -> RunFolder:
    """A run with so many rows, each with a grid."""
    folder = RunFolder(path)
    settings = {"recipe": "note", "data": "digits", "objective": "non-saturating", "total_nimg": 3_000}
    folder.create({"settings": settings, "data": {"name": "digits"}, "environment": [{"python": "3.11"}]})
    for row in range(1, rows + 1):
        folder.append_row(row_at(1_000 * row))
        folder.fakes(1_000 * row).write_bytes(PNG)
    folder.reals.write_bytes(PNG)
    folder.write_status(state, 1_000 * rows, 3_000)
    if status:
        folder.status.write_text(json.dumps(folder.read_status() | status), encoding="utf-8")
    return folder


def row_at(nimg: int, **more: float) -> dict[str, Any]:
    """A row of the log."""
    losses = {"Loss/D": 1.2, "Loss/D/reals": 0.5, "Loss/D/fakes": 0.7, "Loss/G": 0.9, "Loss/G/fakes": 0.9}
    return {"nimg": nimg, "step": nimg // 100} | losses | {"Timing/images_per_sec": 100.0} | more


def record_at(nimg: int, value: float, protocol: str = "p1", name: str = "FD/random") -> dict[str, Any]:
    """A record of figures."""
    figures = {name: {"value": value, "floor": 0.5, "better": "lower"}}
    return {"nimg": nimg, "protocol": {"id": protocol}, "headline": name, "figures": figures}
