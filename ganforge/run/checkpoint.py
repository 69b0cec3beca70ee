"""Checkpoints: everything that a run needs to go on. A new one is verified before an old one goes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.base.tensorfile import DamagedFileError, Shapes, read_tensorfile, write_tensorfile
from ganforge.base.terminal import printable
from ganforge.base.wording import as_typed, pasted
from ganforge.run.folder import RunFolder

T = TypeVar("T")
KIND = "checkpoint"
FORMAT = 3


def save_checkpoint(folder: RunFolder, nimg: int, tensors: dict[str, Tensor], facts: dict[str, Any], keep: int) -> None:
    """Write the checkpoint of ``nimg`` images, verify it, and only then remove all older ones but ``keep - 1``.

    The logs are brought to the disk before, since the checkpoint knows how far they go. Raises OSError where it cannot
    be written; the older checkpoints are then untouched.
    """
    folder.sync_logs()
    write_tensorfile(folder.checkpoint(nimg), KIND, tensors, {"format": FORMAT, "nimg": nimg} | facts)
    for _, path in [pair for pair in folder.all_checkpoints() if pair[0] <= nimg][:-keep]:
        path.unlink()


def save_best(folder: RunFolder, nimg: int, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write the checkpoint of ``nimg`` images as the one to go back to, in the place of the one before it. No run goes
    on from it by itself. Raises OSError where it cannot be written; the one before it is then untouched."""
    write_tensorfile(folder.best_checkpoint, KIND, tensors, {"format": FORMAT, "nimg": nimg} | facts)


def load_best(folder: RunFolder, nimg: int, check: Callable[[dict[str, Any], Shapes], object]) -> dict[str, Tensor]:
    """The tensors of the one to go back to. check: as for ``read_tensorfile``. Raises UserError where there is none, or
    it is damaged, or of other images."""
    tensors, facts = read_tensorfile(folder.best_checkpoint, KIND, check)
    if (facts.get("format"), facts.get("nimg")) != (FORMAT, nimg):
        told = f"{folder.best_checkpoint} is of {as_typed(facts.get('nimg'))} images, format"
        raise UserError(f"{told} {as_typed(facts.get('format'))}.")
    return tensors


def part_of(tensors: dict[str, T], part: str) -> dict[str, T]:
    """`G.layers.0.weight` -> `layers.0.weight`, of one part of a checkpoint."""
    return {name.removeprefix(f"{part}."): t for name, t in tensors.items() if name.startswith(f"{part}.")}


def load_newest_checkpoint(
    folder: RunFolder, check: Callable[[dict[str, Any], Shapes], object] = lambda facts, shapes: None
) -> tuple[dict[str, Tensor], dict[str, Any], dict[Path, str]]:
    """Tensors, facts, and a sentence for each that is damaged or no file at all and had to be passed over, by its path.

    check: as for ``read_tensorfile``; what it says is damaged is passed over, too. Without any checkpoint the tensors
    and facts are empty. Raises UserError where there are checkpoints but none is whole, where one may not look, or a
    newer ganforge wrote them.
    """
    complaints: dict[Path, str] = {}
    try:
        found = [(nimg, path, True) for nimg, path in folder.all_checkpoints()]
        found += [(nimg, path, False) for nimg, path in folder.no_checkpoints()]
    except OSError as error:
        raise UserError(f"The checkpoints cannot be read: {reason(error)}; nothing was changed.") from None
    for _, path, plain in sorted(found, reverse=True):
        if not plain:
            complaints[path] = f"{path} is a folder, link, pipe or device, not a checkpoint."
            continue
        try:
            tensors, facts = read_tensorfile(path, KIND, check)
        except DamagedFileError as error:
            complaints[path] = str(error)
            continue
        if facts.get("format") != FORMAT:
            told = f"{path} has format {as_typed(facts.get('format'))}"
            raise UserError(f"{told}, and this ganforge reads {FORMAT}; install another.")
        return tensors, facts, complaints
    if complaints:
        raise UserError(
            f"{folder.path} has no checkpoint that is whole: {' '.join(complaints.values())} Put back a copy of one, "
            f"or {begin_anew(folder)}; nothing was changed."
        )
    return {}, {}, complaints


def begin_anew(folder: RunFolder) -> str:
    """What is left to do without a checkpoint: `start a new run ...`. Raises OSError."""
    if not (snapshots := folder.all_snapshots()):
        return "start a new run"
    newest = printable(pasted(snapshots[-1][1]))
    return f"start a new run with this one's settings from its newest snapshot, by `--init-from {newest}`"
