"""Checkpoints: everything that a run needs to go on. A new one is verified before an old one goes."""

from typing import Any

from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.tensorfile import DamagedFileError, read_tensorfile, write_tensorfile
from ganforge.base.wording import as_typed
from ganforge.run.folder import RunFolder

KIND = "checkpoint"
FORMAT = 3


def save_checkpoint(folder: RunFolder, nimg: int, tensors: dict[str, Tensor], facts: dict[str, Any], keep: int) -> None:
    """Write the checkpoint of ``nimg`` images, verify it, and only then remove all but the newest ``keep``.

    Raises OSError where it cannot be written; the older checkpoints are then untouched.
    """
    write_tensorfile(folder.checkpoint(nimg), KIND, tensors, {"format": FORMAT, "nimg": nimg} | facts)
    for _, path in folder.all_checkpoints()[:-keep]:
        path.unlink()


def load_newest_checkpoint(folder: RunFolder) -> tuple[dict[str, Tensor], dict[str, Any], list[str]]:
    """Tensors, facts, and a sentence for each newer checkpoint that had to be passed over because it is damaged.

    Without any checkpoint the tensors and facts are empty: such a run starts from its beginning.
    Raises UserError where there are checkpoints but none is whole, or a newer ganforge wrote them.
    """
    complaints: list[str] = []
    for _, path in reversed(folder.all_checkpoints()):
        try:
            tensors, facts = read_tensorfile(path, KIND)
        except DamagedFileError as error:
            complaints.append(str(error))
            continue
        if facts.get("format") != FORMAT:
            told = f"{path} has format {as_typed(facts.get('format'))}"
            raise UserError(f"{told}, and this ganforge reads {FORMAT}; install another.")
        return tensors, facts, complaints
    if complaints:
        raise UserError(f"{folder.path} has no checkpoint that is whole: {' '.join(complaints)}")
    return {}, {}, complaints
