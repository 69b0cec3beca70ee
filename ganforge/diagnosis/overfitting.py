"""Does D know its reals by heart?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="overfitting",
    order=90,
    title="D knows the pictures by heart",
    meaning="D recognises the reals that it has been shown, instead of what makes a picture real. It has nothing more "
    "to teach: from here on, G's pictures get worse, or become copies.",
    source="Karras et al. 2020, arXiv:2006.06676, figure 1; the numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Logits/separation",),
    ruins=True,
    remedies=(
        Remedy(
            "change what D sees at random",
            {"augment": "diffaugment"},
            only=("augment", ("none", "translation")),
            mends=True,
        ),
        Remedy("stop earlier, or use the best snapshot", command="ganforge sample RUN --best"),
        Remedy("find more pictures"),
    ),
)

APART, PASSES, SURE = 0.7, 400, 0.99


def look(history: History) -> Seen | None:
    """D holds reals that it learns from for more real than others in ``APART`` of the pairs; or, where none were set
    aside, it is right on ``SURE`` of the pairs of a real and a fake, and has seen each real ``PASSES`` times."""
    apart, unseen = history.mean("Logits/separation", 4), history.mean("Health/seen_apart")
    if unseen is not None and unseen > APART:
        return Seen(
            f"in {unseen:.0%} of pairs, D holds a real that it has learnt for more real than one that it has not"
        )
    count = history.count
    if apart is None or not count or unseen is not None:
        return None
    passes = history.nimg / count
    if apart < SURE or passes < PASSES:
        return None
    return Seen(f"it has seen each of {count:,.0f} pictures {passes:,.0f} times, and tells {apart:.1%} from fakes")
