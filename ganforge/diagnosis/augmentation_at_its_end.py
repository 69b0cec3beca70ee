"""Is adaptive augmentation at the end of what it can do?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="augmentation-at-its-end",
    order=91,
    title="augmentation is at its end, and may leak into the pictures",
    meaning="Nearly every picture that D sees is changed, and D still knows its reals. From about 0.8 on G cannot tell "
    "any more what the unchanged pictures look like, and makes changed ones, too.",
    source="Karras et al. 2020, arXiv:2006.06676, section 2.2 and appendix C",
    grave=False,
    needs=("Augmentation/p",),
    remedies=(
        Remedy("find more pictures"),
        Remedy("use the best snapshot", command="ganforge sample RUN --best"),
    ),
)

LEAKS = 0.8


def look(history: History) -> Seen | None:
    """p at or above ``LEAKS``."""
    p = history.mean("Augmentation/p", 2)
    return None if p is None or p < LEAKS else Seen(f"p is {p:.2f}", "possible")
