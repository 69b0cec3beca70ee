"""Are there so few pictures that D learns them by heart?"""

from ganforge.data.sources.hints import FEW
from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="few-pictures",
    order=10,
    title="there are few pictures to learn from",
    meaning="D can learn them by heart. From then on it tells G nothing of what makes a picture real, and G ends in "
    "noise or in copies. To show D the pictures changed at random, reals and fakes alike, makes many of few.",
    source="Zhao et al. 2020, arXiv:2006.10738; Karras et al. 2020, arXiv:2006.06676; benchmarks/results/small_data.md",
    grave=False,
    remedies=(
        Remedy("change what D sees at random", {"augment": "diffaugment"}, only=("augment", ("none", "translation"))),
    ),
)


def look(start: Start) -> Seen | None:
    """Fewer than ``FEW`` pictures, and no augmentation, or hardly any."""
    count = start.items.count
    if start.is_points or count >= FEW or start.settings.get("augment") not in ("none", "translation"):
        return None
    little = "nothing augments them" if start.settings.get("augment") == "none" else "they are shifted alone"
    return Seen(f"{count:,} pictures, and {little}", "certain")
