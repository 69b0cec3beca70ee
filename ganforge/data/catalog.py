"""The data sets' names, and what else may be learned from, for ``--help`` and messages; importing this loads little."""

from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.files import is_there
from ganforge.base.wording import as_typed, suggestion
from ganforge.data.shards.pattern import (
    has_local_shards,
    is_remote,
    is_shards,
    pattern_name,
    pattern_stem,
    shards_of,
)

DATA_SETS: dict[str, str] = {
    "mnist": "handwritten digits, 60,000 pictures of 28 x 28, grey; found locally or downloaded (12 MB)",
    "stacked-mnist": "120,000 stacks of three such digits as red, green and blue; 1,000 kinds; 282 MB of memory",
    "digits": "handwritten digits, 1,797 pictures of 8 x 8, grey; comes with scikit-learn, needs no download",
    "ring": "50,000 points from 8 Gaussians on a circle; made on the spot",
    "grid": "50,000 points from 25 Gaussians on a 5 x 5 grid; made on the spot",
}

POINTS = ("ring", "grid")
"""Those of them that are points; all others are pictures."""

HUB = "hub:"
"""How the names of data sets on the Hugging Face hub begin."""


def locate(name: str) -> str:
    """What a run keeps as its data: the name of a data set in ``DATA_SETS``, hub:OWNER/NAME as it is, or a path, or
    pattern of shards, made absolute, so that it means the same from any folder. Raises UserError where it is none of
    them."""
    if name in DATA_SETS or name.startswith(HUB):
        return name
    if is_shards(name):
        if is_remote(name):
            shards_of(name)
            return name
        if has_local_shards(name):
            return str(Path(name).absolute())
    if name and is_there(Path(name)):
        return str(Path(name).absolute())
    hint = f"{near} The" if (near := suggestion(name, DATA_SETS)) else "; the"
    raise UserError(
        f"There is no data set {as_typed(name)!r}, and no file or folder of that name{hint} data sets are "
        f"{', '.join(DATA_SETS)}, and a path, hub:OWNER/NAME or a pattern of shards names anybody's pictures."
    )


def has_gone(data: str) -> bool:
    """Is it a path, or a pattern of shards on this machine, with nothing there?"""
    if not Path(data).is_absolute() or is_there(Path(data)):
        return False
    return not (is_shards(data) and has_local_shards(data))


def short_name(name: str) -> str:
    """What people call it: a data set's name, a file's, or a folder's with a slash, so that they are told apart."""
    if name in DATA_SETS or name.startswith(HUB):
        return name
    if is_shards(name):
        return pattern_name(name)
    path = Path(name)
    return path.name if path.is_file() else f"{path.name}/"


def folder_name(name: str) -> str:
    """The same as part of a run folder's name."""
    if name in DATA_SETS:
        return name
    if is_shards(name):
        return pattern_stem(name)
    return (name.rpartition("/")[2] if name.startswith(HUB) else Path(name).stem) or "pictures"
