"""Do fakes look as if they had been augmented?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="leaking-augmentation",
    order=92,
    title="augmentation leaks into the pictures",
    meaning="G makes pictures as augmentation changes them: too bright or too dark, shifted, with grey holes. It "
    "cannot tell that from what reals look like: D sees hardly any unchanged ones, or fakes are not changed likewise.",
    source="Karras et al. 2020, arXiv:2006.06676, section 2.2; the numbers are our own, set on runs of "
    "benchmarks/diagnosis_cases.py",
    patience=3,
    needs=("Health/leak",),
    remedies=(
        Remedy("take the milder augmentation", {"augment": "diffaugment"}, only=("augment", ("ada",))),
        Remedy("use the best snapshot", command="ganforge sample RUN --best"),
        Remedy("find more pictures, and show D them as they are"),
    ),
)

LEAKS, EARLY = 0.6, 500
"""0 is where reals are, 1 where augmented reals are. Without a leak, fakes of healthy runs lie from -0.2 to 0.3, and
poor ones up to 0.5."""


def look(history: History) -> Seen | None:
    """The fakes lie more than ``LEAKS`` of the way from reals to augmented reals."""
    leak = history.last("Health/leak")
    if leak is None or leak < LEAKS or not history.is_settled(EARLY):
        return None
    return Seen(
        f"by their brightness, or by grey fields, fakes are {leak:.0%} of the way from reals to augmented reals"
    )
