"""Snapshots: the weights that make pictures, with all that is needed to use them, in one safetensors file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.base.tensorfile import read_tensorfile, write_tensorfile
from ganforge.metrics.trend import best_of, series
from ganforge.run.folder import RunFolder

KIND = "snapshot"
FORMAT = 1
MAX_SIDE = 65_536


@dataclass(frozen=True)
class Snapshot:
    """path: where it was read from. weights: G's (or its moving average's) tensors. settings: the run's, as JSON gives
    them. shape: of one item, (C, H, W) or (2,). num_classes: that G is told, or 0. nimg: real pictures that D had
    seen. class_names: of the classes that G is told, or empty where they have none."""

    path: Path
    weights: dict[str, Tensor]
    settings: dict[str, Any]
    shape: tuple[int, ...]
    num_classes: int
    nimg: int
    class_names: tuple[str, ...] = ()


def save_snapshot(
    folder: RunFolder, nimg: int, G: nn.Module, settings: dict[str, Any], shape: tuple[int, ...],
    num_classes: int, keep: int, milestone_nimg: int | None, class_names: Sequence[str] = (),
) -> None:  # fmt: skip
    """Write G's weights, then remove all but the newest ``keep`` snapshots, the best one and the milestones."""
    facts = {"format": FORMAT, "nimg": nimg, "shape": list(shape), "num_classes": num_classes, "settings": settings}
    if class_names:
        facts["class_names"] = list(class_names)
    write_tensorfile(folder.snapshot(nimg), KIND, G.state_dict(), facts)
    best = best_of(series(folder.metrics_rows()))
    for at, path in folder.all_snapshots()[:-keep]:
        if best is not None and at == best[0]:
            continue
        images = settings["batch_size"] * (100 if settings.get("wgan_schedule") else settings["d_steps"])
        if milestone_nimg is None or not is_milestone(at, milestone_nimg, images):
            path.unlink()


def is_milestone(nimg: int, milestone_nimg: int, images: int) -> bool:
    """Did the step of so many images that ended at ``nimg`` pass a multiple of ``milestone_nimg``?"""
    return nimg // milestone_nimg > (nimg - images) // milestone_nimg


def find_snapshot(path: Path, *, best: bool = False) -> Path:
    """A run folder's newest snapshot, or its best one by the figures in metrics.jsonl; or the snapshot file itself.
    Raises UserError where there is none."""
    if not path.is_dir():
        if best:
            raise UserError(f"{path} is not a run folder, so it has no best snapshot; leave --best out.")
        return path
    folder = RunFolder(path)
    folder.read_config()
    snapshots = dict(folder.all_snapshots())
    if not snapshots:
        raise UserError(f"{path} has no snapshot yet: wait for the first one, or train with a smaller --snapshot-nimg.")
    if not best:
        return snapshots[max(snapshots)]
    found = best_of([pair for pair in series(folder.metrics_rows()) if pair[0] in snapshots])
    if found is None:
        raise UserError(f"{path} has no snapshot with a figure, so none is known to be best; leave --best out.")
    return snapshots[found[0]]


def load_snapshot(path: Path, *, best: bool = False) -> Snapshot:
    """Read a snapshot file, or a run folder's newest or best one. Raises UserError for anything wrong with it."""
    path = find_snapshot(path, best=best)
    tensors, facts = read_tensorfile(path, KIND)
    if facts.get("format") != FORMAT:
        raise UserError(f"{path} has format {facts.get('format')}, and this ganforge reads {FORMAT}; install another.")
    try:
        shape = tuple(map(int, facts["shape"]))
        if shape != (2,) and not (len(shape) == 3 and all(0 < n <= MAX_SIDE for n in shape)):
            raise ValueError(shape)
        num_classes, names = int(facts.get("num_classes", 0)), tuple(map(str, facts.get("class_names", ())))
        if len(names) not in (0, num_classes):
            raise ValueError(names)
        return Snapshot(path, tensors, dict(facts["settings"]), shape, num_classes, int(facts["nimg"]), names)
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
