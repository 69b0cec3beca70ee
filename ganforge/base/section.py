"""Settings that belong together: frozen, typed, and checked for what does not fit within them."""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

Conflicts = Iterator[tuple[object, str]]
"""Of all that would do nothing, or not what it says: whether it is so (as a truth value), and what is then said."""
DESCRIBED = re.compile(r'^    (\w+): .*(?:\n {8}.*|\n    \).*)*\n    """([^"]*)"""', re.MULTILINE)
"""A field of a class, over as many lines as it takes, and the string under it."""


class Section(BaseModel):
    """A room's settings. ``ganforge.config.Config`` is all of them, by the same names.

    A section's ``conflicts`` tells what does not fit within it; a class made of several sections asks each of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Take the string under each field as its description, as pydantic's ``use_attribute_docstrings`` does, in a
        tenth of its time, which whoever asks for help waits for."""
        if place := getattr(sys.modules[cls.__module__], "__file__", None):
            source = Path(place).read_text(encoding="utf-8")
            own = source.partition(f"\nclass {cls.__name__}(")[2].partition("\nclass ")[0]
            for name, text in DESCRIBED.findall(own):
                cls.model_fields[name].description = inspect.cleandoc(text)

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
