"""Does G make few kinds of things? By how much fakes differ from each other, beside reals."""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="mode-collapse",
    order=10,
    title="G makes hardly more than one kind of picture",
    meaning="Whatever z is, nearly the same comes out: G has found something that D takes for real, and makes nothing "
    "else. D can follow it, so that it may move from one kind to the next without ever making all of them.",
    source="Goodfellow 2016, arXiv:1701.00160, section 5.1.1; the numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Health/spread",),
    remedies=(Remedy("give D a penalty on its slope", {"r1_gamma": "auto", "d_norm": "unnormalised"}),),
)

LOW = 0.3


def look(history: History) -> Seen | None:
    """The fakes' mean distance from each other below ``LOW`` times that of reals."""
    spread = history.last("Health/spread")
    if spread is None or spread > LOW:
        return None
    return Seen(f"fakes differ from each other {spread:.2g} times as much as reals do")
