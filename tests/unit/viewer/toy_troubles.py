"""Troubles for tests: what they see is told by the row itself, so that no threshold of a real detector matters."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from ganforge.diagnosis.catalog import DETECTORS, Detector, Remedy, Seen
from ganforge.diagnosis.history import History

Look = Callable[[History], Seen | None]


@dataclass(frozen=True, kw_only=True)
class Toy(Detector):
    """Sees it where the row's column ``name`` is above 0."""

    look: Look | None = None

    def load(self) -> ModuleType:
        return cast(ModuleType, SimpleNamespace(look=self.look or self._look))

    def _look(self, history: History) -> Seen | None:
        value = history.last(self.name)
        return Seen(f"a value of {value:.2g}") if value else None


def toy(name: str = "too-red", **more: Any) -> Toy:
    usual: dict[str, Any] = {
        "order": 1, "meaning": "All is red.", "source": "-", "title": "the pictures are red", "patience": 1,
        "needs": (name,), "remedies": (Remedy("lower the rate", {"lr": "x0.1"}), Remedy("look at the data")),
        "for_objective": {"non-saturating": "D likes red."},
    }  # fmt: skip
    return Toy(name=name, **usual | more)


@contextmanager
def only(*toys: Detector) -> Iterator[None]:
    """In the context, there are no other detectors."""
    found: Mapping[str, Detector] = {one.name: one for one in toys}
    with patch.dict(DETECTORS, found, clear=True):
        yield
