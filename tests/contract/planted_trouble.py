"""A trouble that somebody has planted: it is seen from one row to another, and halving the rates mends it."""

import pytest

from ganforge.diagnosis import findings
from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

AT, UNTIL = 256, 512
RECORD = Detector(
    name="planted",
    order=1,
    title="somebody has planted this",
    meaning="It is seen from one row to another.",
    source="this test",
    remedies=(Remedy("halve the rates", {"lr": "x0.5"}, mends=True),),
    patience=2,
    ruins=True,
    module=__name__,
)


def look(history: History) -> Seen | None:
    return Seen(f"at {history.nimg}") if AT <= history.nimg < UNTIL else None


def plant(patch: pytest.MonkeyPatch) -> None:
    """There is no other trouble, and no check before training; whatever was better was far better."""
    patch.setattr(findings, "DETECTORS", {"planted": RECORD})
    patch.setattr("ganforge.training.opening_look.CHECKS", {})
    patch.setattr("ganforge.training.measure.is_far_worse", lambda value, best, floor: value > best)
