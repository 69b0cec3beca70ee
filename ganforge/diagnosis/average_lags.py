"""Is the average of G's weights far behind G?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="average-lags",
    order=80,
    title="the average of G lags far behind G",
    meaning="Pictures, figures and snapshots are of the average of G's weights over the last images. It still holds so "
    "much of old weights that it makes other pictures than G does, and is likely to be worse.",
    source="Yazici et al. 2019, arXiv:1806.04498; the numbers are our own, set by benchmarks/diagnosis.py",
    patience=3,
    needs=("Health/average_gap",),
    remedies=(
        Remedy("take the recipe's own half-life", {"ema_halflife_nimg": "recipe", "ema_rampup": "recipe"}),
        Remedy("forget old weights in a tenth of the images", {"ema_halflife_nimg": "x0.1"}, mends=True),
    ),
)

FAR, FALL = 0.6, 0.8


def look(history: History) -> Seen | None:
    """Once the early phase is over, pictures of the average and of G, of the same z, lie further apart than ``FAR``
    times what two reals do, and than ``FALL`` times what they did halfway here: G slows down as it learns."""
    gap = history.mean("Health/average_gap", 4)
    before = history.at("Health/average_gap")
    if gap is None or before is None or gap < max(FAR, FALL * before) or not history.is_settled():
        return None
    halflife = history.number("ema_halflife_nimg")
    return Seen(
        f"of the same z, the average and G make pictures {gap:.2g} times as far apart as two reals; its half-life is "
        f"{halflife:,.0f} images"
    )
