"""Can G make all values that the pictures have?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="values-out-of-reach",
    order=360,
    title="G cannot make values that the pictures have",
    meaning="What its last function gives, and what the pictures have, are different ranges. D tells fakes by that "
    "alone, and nothing that G learns can mend it.",
    source="voletiv/self-attention-GAN-pytorch, issue 6; carpedm20/DCGAN-tensorflow, pull request 24",
    remedies=(Remedy("let G end in tanh: the pictures are from -1 to 1"),),
)

MARGIN = 0.1


def look(start: Start) -> Seen | None:
    """The pictures' values go beyond the bounds of G's last function."""
    ends = None if start.tried is None else start.tried.g_ends
    if start.is_points or ends is None:
        return None
    low, high = (value / 127.5 - 1 for value in (start.items.low, start.items.high))
    if low >= ends[0] - MARGIN and high <= ends[1] + MARGIN:
        return None
    return Seen(f"G's are from {ends[0]:g} to {ends[1]:g}, the pictures' from {low:.2g} to {high:.2g}", "certain")
