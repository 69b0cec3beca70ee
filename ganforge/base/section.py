"""Settings that belong together: frozen, typed, and checked for what does not fit within them."""

from collections.abc import Iterator
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

Conflicts = Iterator[tuple[object, str]]
"""Of all that would do nothing, or not what it says: whether it is so (as a truth value), and what is then said."""


class Section(BaseModel):
    """A room's settings. ``ganforge.config.Config`` is all of them, by the same names.

    A section's ``conflicts`` tells what does not fit within it; a class made of several sections asks each of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, defer_build=True)

    def conflicts(self) -> Conflicts:
        yield from ()

    @model_validator(mode="after")
    def _settings_fit_each_other(self) -> Self:
        owners = [owner for owner in type(self).__mro__ if "conflicts" in vars(owner) and owner is not Section]
        for owner in reversed(owners):
            for is_so, why in owner.conflicts(self):  # type: ignore[attr-defined]
                if is_so:
                    raise ValueError(why)
        return self
