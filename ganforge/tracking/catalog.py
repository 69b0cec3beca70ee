"""The trackers: which there are, and what is true of each. Importing this loads none of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from ganforge.base.errors import UserError
from ganforge.base.records import Record, read_records

Ending = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True, kw_only=True)
class Tracker(Record):
    """What is true of a tracker. Its file has the class ``Target``.

    package: what has to be installed, as it is imported. install: how, for the sentence that says it is missing.
    takes_back: can rows be hidden that a resumed run has taken out of its log? Else they stay in the tracker.
    """

    package: str
    install: str
    takes_back: bool


@dataclass(frozen=True)
class Start:
    """What a tracker is told at the start.

    name: the run's. facts: settings, facts of the data and of the machine, by name. own_folder: in the run's, for
    trackers that have no place of their own. run: the tracker's own name of its run, where this one goes on with it.
    take_back_after: hide what was logged after so many images; None: nothing.
    """

    name: str
    facts: dict[str, str | int | float | bool]
    own_folder: Path
    run: str | None = None
    take_back_after: int | None = None


class Target(Protocol):
    """A run in a tracker, made of a ``Start``. Each of these may raise anything and take any time.

    run: the tracker's own name for it; another than the one asked for where that is not there any more. place: where
    one looks at it, without any password.
    """

    run: str
    place: str

    def numbers(self, nimg: int, values: dict[str, float]) -> None:
        """Log numbers by name. nimg never falls from call to call."""

    def picture(self, nimg: int, path: Path) -> None:
        """Log a grid, a PNG file."""

    def close(self, ending: Ending) -> None:
        """The run has ended. Nothing follows."""


TRACKERS = read_records("ganforge.tracking", Tracker)


def _named(value: Any) -> Any:
    """`tensorboard,wandb` as people type it, or a list, each name once."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(name in [*TRACKERS] for name in names):
        raise PydanticCustomError("trackers", f"it should be one or more of {', '.join(TRACKERS)}")
    return tuple(dict.fromkeys(names))


Trackers = Annotated[tuple[str, ...], BeforeValidator(_named)]
"""Names of trackers, as a setting."""


def require(names: Iterable[str]) -> None:
    """Raise UserError where a tracker is not installed."""
    for name in names:
        spec = find_spec(TRACKERS[name].package)
        if spec is None or spec.origin is None:  # a folder of that name, where one is, that is no package
            raise UserError(f"The tracker {name} is not installed: {TRACKERS[name].install}.")
