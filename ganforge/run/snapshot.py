"""Snapshots: the weights that make pictures, with all that is needed to use them, in one safetensors file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.run.folder import RunFolder
from ganforge.run.tensorfile import read_tensorfile, write_tensorfile

KIND = "snapshot"
FORMAT = 1
MAX_SIDE = 65_536


@dataclass(frozen=True)
class Snapshot:
    """path: where it was read from. weights: G's (or its moving average's) tensors. settings: the run's, as JSON gives
    them. shape: of one item, (C, H, W) or (2,). nimg: real pictures that D had seen."""

    path: Path
    weights: dict[str, Tensor]
    settings: dict[str, Any]
    shape: tuple[int, ...]
    nimg: int


def save_snapshot(
    folder: RunFolder, nimg: int, G: nn.Module, settings: dict[str, Any], shape: tuple[int, ...],
    keep: int, milestone_nimg: int | None,
) -> None:  # fmt: skip
    """Write G's weights, then remove all but the newest ``keep`` snapshots and the milestones."""
    facts = {"format": FORMAT, "nimg": nimg, "shape": list(shape), "settings": settings}
    write_tensorfile(folder.snapshot(nimg), KIND, G.state_dict(), facts)
    for at, path in folder.all_snapshots()[:-keep]:
        if milestone_nimg is None or not is_milestone(at, milestone_nimg, settings["batch_size"]):
            path.unlink()


def is_milestone(nimg: int, milestone_nimg: int, batch_size: int) -> bool:
    """Did the batch that ended at ``nimg`` pass a multiple of ``milestone_nimg``?"""
    return nimg // milestone_nimg > (nimg - batch_size) // milestone_nimg


def find_snapshot(path: Path) -> Path:
    """The newest snapshot of a run folder, or the snapshot file itself. Raises UserError where there is none."""
    if not path.is_dir():
        return path
    folder = RunFolder(path)
    folder.read_config()
    snapshots = folder.all_snapshots()
    if not snapshots:
        raise UserError(f"{path} has no snapshot yet: wait for the first one, or train with a smaller --snapshot-nimg.")
    return snapshots[-1][1]


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot file, or a run folder's newest one. Raises UserError for anything that is wrong with it."""
    path = find_snapshot(path)
    tensors, facts = read_tensorfile(path, KIND)
    if facts.get("format") != FORMAT:
        raise UserError(f"{path} has format {facts.get('format')}, and this ganforge reads {FORMAT}; install another.")
    try:
        shape = tuple(map(int, facts["shape"]))
        if shape != (2,) and not (len(shape) == 3 and all(0 < n <= MAX_SIDE for n in shape)):
            raise ValueError(shape)
        return Snapshot(path, tensors, dict(facts["settings"]), shape, int(facts["nimg"]))
    except (KeyError, TypeError, ValueError):
        raise UserError(f"The snapshot {path} does not tell its settings, shape and nimg; use another.") from None


def fill_network(network: nn.Module, weights: dict[str, Tensor], where: str) -> None:
    """Copy weights into a network after checking names, shapes, types and values. Raises UserError, copying nothing."""
    expected = network.state_dict()
    faults = [f"{name} is missing" for name in expected if name not in weights]
    faults += [f"{name} is not known" for name in weights if name not in expected]
    for name in expected.keys() & weights.keys():
        if weights[name].shape != expected[name].shape:
            faults.append(f"{name} is {tuple(weights[name].shape)} instead of {tuple(expected[name].shape)}")
        elif weights[name].dtype != expected[name].dtype:
            faults.append(f"{name} is {weights[name].dtype} instead of {expected[name].dtype}")
        elif weights[name].is_floating_point() and not torch.isfinite(weights[name]).all():
            faults.append(f"{name} holds numbers that are not finite")
    if faults:
        more = f", and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise UserError(f"{where} does not fit its own settings: {'; '.join(sorted(faults)[:5])}{more}.")
    network.load_state_dict(weights)
