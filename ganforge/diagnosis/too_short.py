"""Did the run end while it was still getting better?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="too-short",
    order=140,
    title="the run ended while it was still getting better",
    meaning="The figures were still falling at the end: what is wrong with the pictures may only be that they are not "
    "done.",
    source="metrics/trend.py; the numbers are our own, set by benchmarks/diagnosis.py",
    grave=False,
    patience=1,
    of_length=True,
    remedies=(Remedy("train longer", {"total_nimg": "x2"}),),
)


def look(history: History) -> Seen | None:
    """At the end, the headline figure is still falling."""
    if history.progress < 1 or not (gain := history.gain()):
        return None
    return Seen(gain, "certain")
