"""How far a tracker has come with a run, as `trackers/NAME.json` in the run's folder tells it."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ganforge.base.files import read_plain_json, write_text_atomically
from ganforge.base.terminal import printable
from ganforge.run.folder import RunFolder

KINDS = ("rows", "figures", "grids")
"""What is sent of a run."""
MAX_BYTES = 64 << 10


@dataclass
class Taken:
    """session: number of the process that wrote it: one for each start of a training. run: the tracker's own name of
    its run; place: where one looks at it. upto: of each kind, the nimg of the newest that the tracker has; -1: none.
    error: why it takes nothing now. closed: was the tracker's run closed at the end of that process?"""

    session: int = 0
    run: str = ""
    place: str = ""
    upto: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, -1))
    error: str = ""
    closed: bool = False


def read_taken(folder: RunFolder, name: str) -> Taken:
    """As it was written; nothing taken where there is no such file, or it is none of ganforge's."""
    try:
        content = read_plain_json(folder.tracker(name), MAX_BYTES)
    except (OSError, ValueError):
        return Taken()
    return _checked(content) or Taken()


def _checked(content: Any) -> Taken | None:
    plain = Taken()
    if not isinstance(content, dict) or content.keys() != asdict(plain).keys():
        return None
    if any(type(content[key]) is not type(value) for key, value in asdict(plain).items()):
        return None
    upto = content["upto"]
    if upto.keys() != {*KINDS} or any(type(nimg) is not int for nimg in upto.values()):
        return None
    texts = {key: printable(content[key]) for key in ("run", "place", "error")}
    return replace(plain, **content | texts)


def write_taken(folder: RunFolder, name: str, taken: Taken) -> None:
    """Raises OSError."""
    write_text_atomically(folder.tracker(name), json.dumps(asdict(taken)) + "\n")


def newest(folder: RunFolder) -> dict[str, int]:
    """Of each kind, the nimg of the newest that the run has; -1: none. Raises OSError, and UserError for a log that is
    none."""
    rows = max((row["nimg"] for row in folder.rows()), default=-1)
    figures = max((row["nimg"] for row in folder.metrics_rows()), default=-1)
    grids = folder.all_fakes()
    return dict(zip(KINDS, (rows, figures, grids[-1][0] if grids else -1), strict=True))


def cut_at(upto: dict[str, int], there: dict[str, int]) -> int | None:
    """After how many images a resumed run has taken something out of its log that a tracker has; None: nothing."""
    return min((there[kind] for kind in KINDS if upto[kind] > there[kind]), default=None)
