"""agreement: is a picture that was made for a class taken for it?"""

from ganforge.metrics.catalog import FigureRecord
from ganforge.metrics.class_shares import PER_CLASS
from ganforge.metrics.figure import Value
from ganforge.metrics.sides import Sides

RECORDS = (
    FigureRecord(
        name="agreement",
        order=104,
        meaning="Of the items that were made for a class, the share that a classifier takes for it.",
        source="as accuracy is; for generators, Shmelkov et al. 2018 (GAN-test), arXiv:1807.09499",
        better="higher",
        needs="asked classes",
        range="0 to 1",
        blind_to="variety within a class; typical pictures of each class agree more often than the reals",
        is_share=True,
    ),
    FigureRecord(
        name="lowest agreement",
        order=106,
        meaning="The same of the class where it is lowest.",
        source="as `agreement`",
        better="higher",
        needs="asked classes",
        range="0 to 1",
        blind_to="the other classes; by chance the lowest of several is too low, the more so the fewer items there are",
        is_share=True,
    ),
)


def measure(sides: Sides) -> dict[str, Value]:
    judged = sides.judged
    by_class, asked = judged.agreed(), judged.asked
    assert by_class is not None and asked is not None, "asked classes are offered"
    counts = asked[: judged.sums.count].bincount(minlength=len(by_class))
    there = counts > 0
    overall = float((by_class[there] * counts[there]).sum() / counts.sum())
    if (least := int(counts[there].min())) < PER_CLASS:
        few = f"there are {least:,} items of some class, and {PER_CLASS} are the least"
        return {"agreement": Value(overall), "lowest agreement": Value(None, note=few)}
    return {"agreement": Value(overall), "lowest agreement": Value(float(by_class[there].min()))}
