"""Short runs that can be cut off anywhere, and what is compared of them."""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from ganforge.base.stopping import StopRequest
from ganforge.base.tensorfile import read_tensorfile
from ganforge.config import Config
from ganforge.recipes.catalog import recipe
from ganforge.run.checkpoint import KIND as CHECKPOINT
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import KIND as SNAPSHOT
from ganforge.training.progress import Progress
from ganforge.training.start import resume_run, start_run

TINY: dict[str, Any] = {
    "data": "digits", "max_images": 100, "batch_size": 32, "z_dim": 8, "grid_size": 2, "device": "cpu",
    "report_nimg": 128, "snapshot_nimg": 192, "checkpoint_nimg": 224, "keep_snapshots": 100, "keep_checkpoints": 100,
    "metric_samples": 0,
}  # fmt: skip
"""An epoch of about three steps, a report every four, a snapshot every six, a checkpoint every seven; all are kept."""


class Killed(BaseException):
    """The process ends here: no handler of the run's sees an Exception."""


class Cut(Progress):
    """Plain progress that, after so many steps of this process, asks the run to stop or ends it with ``Killed``."""

    def __init__(self, stop_after: int | None = None, kill_after: int | None = None) -> None:
        super().__init__()
        self.stop = StopRequest()
        self.stop_after, self.kill_after, self.steps = stop_after, kill_after, 0

    def start(self, nimg: int, total_nimg: int) -> None:
        super().start(nimg, total_nimg)
        if self.stop_after == 0:  # asked for after the data were loaded, before the first step
            self.stop.signum = 15

    def wants_update(self) -> bool:  # called once a step
        self.steps += 1
        if self.steps == self.stop_after:
            self.stop.signum = 15
        if self.steps == self.kill_after:
            raise Killed
        return False


def tiny(recipe_name: str, **changes: Any) -> Config:
    """The recipe with ``TINY``'s settings, its mlps narrow, and changes."""
    config = recipe(recipe_name, **(TINY | changes))
    mlps = {"g_hidden": config.generator == "mlp", "d_hidden": config.discriminator == "mlp"}
    return recipe(recipe_name, **(TINY | {name: (32,) for name, there in mlps.items() if there} | changes))


def begin(out: Path, recipe_name: str = "note", *, cut: Cut | None = None, **changes: Any) -> RunFolder:
    """A new tiny run, to its end or the cut."""
    cut = cut or Cut()
    return start_run(tiny(recipe_name, **changes), out, cut, cut.stop)


def go_on_with(out: Path, *, cut: Cut | None = None, **changes: Any) -> RunFolder:
    """Resume it, to its end or the cut."""
    cut = cut or Cut()
    return resume_run(RunFolder(out), changes, cut, cut.stop)


def repeatable(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what the clock and the machine say."""
    return {key: value for key, value in row.items() if not key.startswith(("Timing/", "Resources/"))}


def rows_of(folder: RunFolder) -> list[dict[str, Any]]:
    """Every line of stats.jsonl, none left out, repeatable part; exact, as JSON gives floats back to the bit."""
    return [repeatable(json.loads(line)) for line in folder.stats.read_text(encoding="utf-8").splitlines()]


def figures_of(folder: RunFolder) -> list[dict[str, Any]]:
    """Every line of metrics.jsonl, without how long it took."""
    if not folder.metrics.exists():
        return []
    lines = [json.loads(line) for line in folder.metrics.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def checkpoint_of(folder: RunFolder, nimg: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A checkpoint's tensors and repeatable facts."""
    tensors, facts = read_tensorfile(folder.checkpoint(nimg), CHECKPOINT)
    return tensors, {key: facts[key] for key in ("step", "nimg", "reported_nimg", "measured_nimg")}


def snapshot_of(folder: RunFolder, nimg: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A snapshot's tensors and repeatable facts."""
    tensors, facts = read_tensorfile(folder.snapshot(nimg), SNAPSHOT)
    return tensors, {"nimg": facts["nimg"], "shape": facts["shape"]}
