"""Snapshots: the weights that make pictures, with all that is needed to use them, in one safetensors file."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.base.schedules import is_due
from ganforge.base.tensorfile import Shapes, read_tensorfile, write_tensorfile
from ganforge.base.wording import as_typed
from ganforge.metrics.trend import best_of, bests, series
from ganforge.run.checkpoint import load_newest_checkpoint, part_of
from ganforge.run.folder import RunFolder
from ganforge.run.hub_snapshot import local
from ganforge.run.stored_facts import SnapshotFacts

KIND = "snapshot"
FORMAT = 1


@dataclass(frozen=True)
class Snapshot:
    """path: where it was read from. weights: G's (or its moving average's) tensors. settings: the run's, as JSON gives
    them. shape: of one item, (C, H, W) or (2,). num_classes: that G is told, or 0. nimg: real pictures that D had
    seen. class_names: of the classes that G is told, or empty where they have none. note: a sentence on what it is,
    where that is not what was asked for. mended: changes of the settings that were made as the run went."""

    path: Path
    weights: dict[str, Tensor]
    settings: dict[str, Any]
    shape: tuple[int, ...]
    num_classes: int
    nimg: int
    class_names: tuple[str, ...] = ()
    note: str = ""
    mended: tuple[dict[str, Any], ...] = ()


def save_snapshot(
    folder: RunFolder, nimg: int, G: nn.Module, settings: dict[str, Any], shape: tuple[int, ...],
    num_classes: int, class_names: Sequence[str] = (), mended: Sequence[dict[str, Any]] = (),
) -> None:  # fmt: skip
    """Write G's weights, then remove all but the newest ``keep_snapshots`` of the settings, the best one by each
    protocol, and those at multiples of ``milestone_nimg``. Those of later images, which a killed process had made, stay
    until the run has come to them again. settings: that the run began with; mended: how they were changed since."""
    facts = {"format": FORMAT, "nimg": nimg, "shape": list(shape), "num_classes": num_classes, "settings": settings}
    if class_names:
        facts["class_names"] = list(class_names)
    if mended:
        facts["mended"] = list(mended)
    write_tensorfile(folder.snapshot(nimg), KIND, G.state_dict(), facts)
    there = [(at, path) for at, path in folder.all_snapshots() if at <= nimg]
    # What was judged of this one and of later ones, by a killed process, is judged anew when the run has come there.
    best = bests(row for row in folder.judged_rows() if row["nimg"] < nimg and folder.snapshot(row["nimg"]).exists())
    keep, milestone_nimg = settings["keep_snapshots"], settings.get("milestone_nimg")
    images = settings["batch_size"] * (100 if settings.get("wgan_schedule") else settings["d_steps"])
    for at, path in there[:-keep]:
        if at in best:
            continue
        if milestone_nimg is None or not is_due(at, images, milestone_nimg):
            path.unlink()


def find_snapshot(path: Path, *, best: bool = False) -> Path:
    """A run folder's newest snapshot, or its best one by all figures of training; or the snapshot file itself.
    Raises UserError where there is none."""
    if not os.path.lexists(path):
        raise UserError(f"There is no run or snapshot {path}; check the path.")
    if not path.is_dir():
        if best:
            raise UserError(f"{path} is not a run folder, so it has no best snapshot; leave --best out.")
        return path
    folder = RunFolder(path)
    folder.read_config()
    try:
        snapshots, odd = dict(folder.all_snapshots()), [each for _, each in folder.no_pictures() if each.parent != path]
    except OSError as error:
        raise UserError(f"The snapshots cannot be read: {reason(error)}.") from None
    if not snapshots and odd:
        raise UserError(f"{odd[-1]} is a link, folder, pipe or device, not a file of the run's own; choose another.")
    if not snapshots:
        raise UserError(f"{path} has no snapshot yet: wait for the first one, or train with a smaller --snapshot-nimg.")
    if not best:
        return snapshots[max(snapshots)]
    found = best_of([pair for pair in series(folder.judged_rows()) if pair[0] in snapshots])
    if found is None:
        raise UserError(f"{path} has no snapshot with a figure, so none is known to be best; leave --best out.")
    return snapshots[found[0]]


def load_snapshot(
    path: Path, *, best: bool = False, check: Callable[[Snapshot, Shapes], object] = lambda snapshot, shapes: None
) -> Snapshot:
    """Read a snapshot file, or a run folder's newest or best one; the newest checkpoint of a run that has none yet;
    or hub:OWNER/NAME[@REVISION] (``hub_snapshot.local``).

    check: is given the snapshot, still without its weights, and their shapes, before any is read; what it raises goes
    out. Raises UserError for anything wrong with the file.
    """
    path = local(path)
    if not best and path.is_dir() and (instead := _from_checkpoint(RunFolder(path), check)) is not None:
        return instead
    path = find_snapshot(path, best=best)
    found: list[Snapshot] = []

    def look(facts: dict[str, Any], shapes: Shapes) -> None:
        found.append(_without_weights(path, facts))
        check(found[0], shapes)

    tensors, _ = read_tensorfile(path.resolve() if path.is_symlink() else path, KIND, look)
    return replace(found[0], weights=tensors)


def _from_checkpoint(folder: RunFolder, check: Callable[[Snapshot, Shapes], object]) -> Snapshot | None:
    """What makes the pictures in the newest checkpoint: the average of G's weights where there is one, else G. None
    where there is a snapshot, or no checkpoint from after the first picture."""
    data = folder.read_config()["data"]
    try:
        if folder.all_snapshots() or any(path.parent != folder.path for _, path in folder.no_pictures()):
            return None
        if not any(nimg for nimg, _ in folder.all_checkpoints()):
            return None
    except OSError:
        return None
    found: list[Snapshot] = []

    def look(facts: dict[str, Any], shapes: Shapes) -> None:
        settings, nimg = facts.get("settings"), facts.get("nimg")
        told = isinstance(settings, dict) and settings.get("conditional") is True
        path = folder.checkpoint(nimg if type(nimg) is int else 0)
        classes = {name: data[name] for name in ("num_classes", "class_names") if told and name in data}
        facts = {"format": FORMAT, "nimg": nimg, "shape": data.get("shape"), "settings": settings,
                 "mended": facts.get("mended", [])} | classes  # fmt: skip
        found.append(_without_weights(path, facts))
        check(found[-1], part_of(shapes, "G"))

    tensors, _, complaints = load_newest_checkpoint(folder, look)
    average = part_of(tensors, "G_ema")
    which = "the average of G's weights" if average else "G's weights"
    said = [f"{complaint} Taken is the one before it." for complaint in complaints.values()]
    said.append(f"{folder.path} has no snapshot yet: taken is {which} in its checkpoint of {found[-1].nimg:,} images.")
    return replace(found[-1], weights=average or part_of(tensors, "G"), note=" ".join(said))


def _without_weights(path: Path, told: dict[str, Any]) -> Snapshot:
    if told.get("format") != FORMAT:
        text = f"{path} has format {as_typed(told.get('format'))}, and this ganforge reads {FORMAT}"
        raise UserError(f"{text}; install another.")
    try:
        facts = SnapshotFacts.model_validate(told)
    except ValidationError:
        facts = None
    if facts is None or not facts.fits():
        raise UserError(f"The snapshot {path} lacks valid settings, shape or nimg; use another.")
    return Snapshot(path, {}, facts.settings, facts.shape, facts.num_classes, facts.nimg, facts.class_names,
                    mended=facts.mended)  # fmt: skip


def refuse_other_shapes(expected: Mapping[str, Tensor], shapes: Shapes, where: str) -> None:
    """Raise UserError unless tensors of these names and shapes are the expected ones, which may hold no numbers."""
    _refuse(_other_shapes(expected, shapes), where, " A snapshot of another version of ganforge is for that one only.")


def fill_network(network: nn.Module, weights: dict[str, Tensor], where: str) -> None:
    """Copy weights into a network after checking names, shapes, types and values. Raises UserError, copying nothing."""
    expected = network.state_dict()
    faults = _other_shapes(expected, {name: tuple(tensor.shape) for name, tensor in weights.items()})
    for name in expected.keys() & weights.keys():
        if weights[name].shape != expected[name].shape:
            continue
        if weights[name].dtype != expected[name].dtype:
            faults.append(f"{name} is {weights[name].dtype} instead of {expected[name].dtype}")
        elif weights[name].is_floating_point() and not torch.isfinite(weights[name]).all():
            faults.append(f"{name} holds numbers that are not finite")
    _refuse(faults, where)
    network.load_state_dict(weights)


def _other_shapes(expected: Mapping[str, Tensor], shapes: Shapes) -> list[str]:
    faults = [f"{name} is missing" for name in expected if name not in shapes]
    faults += [f"{as_typed(name)} is not known" for name in shapes if name not in expected]
    return faults + [
        f"{name} is {as_typed(repr(shapes[name]))} instead of {tuple(expected[name].shape)}"
        for name in expected.keys() & shapes.keys()
        if shapes[name] != tuple(expected[name].shape)
    ]


def _refuse(faults: Sequence[str], where: str, why: str = "") -> None:
    if faults:
        more = f", and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise UserError(f"{where} does not fit its own settings: {'; '.join(sorted(faults)[:5])}{more}.{why}")
