"""What is known before training, as checks look at it: plain values, whoever worked them out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ganforge.base.images import to_float
from ganforge.base.seeding import generator
from ganforge.base.sizes import is_point
from ganforge.data.dataset import Dataset
from ganforge.data.sources.hints import NEAR_CONSTANT
from ganforge.diagnosis.history import as_number
from ganforge.diagnosis.signs import LinearClasses, Look

MOST_ITEMS, MOST_NUMBERS = 4_096, 1 << 24
"""Looked at, of the data; so many numbers in them are enough, too."""
STRAY = 1e-3
"""The share of values, darkest and brightest, that the range leaves out."""
FEWEST_JUDGED, FEWEST_OF_A_CLASS = 200, 10
"""With fewer items, or fewer of a class, nobody can say whether labels tell anything."""


@dataclass(frozen=True)
class Items:
    """What the data look like, from up to ``MOST_ITEMS`` of them.

    count: of all items to learn from. class_counts: items of each class, of all of them; empty without classes. looked:
    at so many; of these, blank span less than ``NEAR_CONSTANT`` of 255. copies: equal to another one, of so many as are
    counted: those looked at, or all where somebody has counted them. low, high:
    of their values, 0 to 255, but for a few strays. accuracy: the share of ``judged`` items that a linear function
    takes for what their labels say, and majority that of their commonest class; None where there are too few.
    """

    count: int
    shape: tuple[int, ...]
    class_names: Sequence[str] = ()
    class_counts: Sequence[int] = ()
    looked: int = 0
    copies: int = 0
    counted: int = 0
    blank: int = 0
    low: int = 0
    high: int = 255
    accuracy: float | None = None
    majority: float = 0.0
    judged: int = 0


@dataclass(frozen=True)
class Tried:
    """What one step showed that was only tried: nothing moved.

    weights: of G and D, by network. unreached: `layers.0.weight of G`, for each parameter that its network's loss does
    not depend on, or that is frozen. silent: the networks whose gradient is 0 everywhere. astray: parameters that a
    step would move and should not, or should and would not. rise: the cosine between G's step and the way up D's mean
    logit of the fakes. real_logits, fake_logits: mean and standard deviation. d_ends, g_ends: the bounds that the last
    function of each keeps to, as (0, 1) of a sigmoid; None without. apart: how much a picture of one z differs, made
    alone or among others, beside 2, the range of values. memory: bytes that a whole step will take.
    """

    weights: Mapping[str, int] = field(default_factory=dict)
    unreached: Sequence[str] = ()
    silent: Sequence[str] = ()
    astray: Sequence[str] = ()
    rise: float = 1.0
    real_logits: tuple[float, float] = (0.0, 1.0)
    fake_logits: tuple[float, float] = (0.0, 1.0)
    d_ends: tuple[float, float] | None = None
    g_ends: tuple[float, float] | None = None
    apart: float = 0.0
    memory: int = 0


@dataclass(frozen=True)
class Machine:
    """disk_free, disk_needed, memory_free: bytes; None where nobody can say. device: the type. idle: the accelerator
    that is there and not used, by its type."""

    disk_free: int | None = None
    disk_needed: int = 0
    memory_free: int | None = None
    device: str = "cpu"
    idle: str = ""


@dataclass(frozen=True)
class Start:
    """settings: as config.json has them, with numbers for all that was auto. usual: the recipe's own, of a run of that
    length on these data. tried: None where the step was not tried, or ended with an error; failure: that, in words.
    gamma: r1_gamma for data like these."""

    settings: Mapping[str, Any]
    usual: Mapping[str, Any]
    items: Items
    tried: Tried | None = None
    machine: Machine = Machine()
    gamma: float = 1.0
    failure: str = ""

    @property
    def is_points(self) -> bool:
        return is_point(self.items.shape)

    @property
    def is_fine_tuned(self) -> bool:
        """Do its networks start from weights that have learned something?"""
        return self.settings.get("init_from") is not None

    def number(self, setting: str, default: float = 0.0) -> float:
        """A setting's value, or the default where it has none."""
        return default if (value := as_number(self.settings.get(setting))) is None else value

    def usual_number(self, setting: str, default: float = 0.0) -> float:
        """The recipe's own value, likewise."""
        return default if (value := as_number(self.usual.get(setting))) is None else value


def look_at(dataset: Dataset, seed: int, *, conditional: bool) -> Items:
    """The data's facts. The items looked at are drawn by ``seed``."""
    most = max(2, min(MOST_ITEMS, MOST_NUMBERS // max(1, dataset.items[0].numel())))
    rows = torch.randperm(len(dataset), generator=generator(seed, "look"))[:most].sort().values
    items = dataset.items[rows]
    known: dict[str, Any] = {"count": dataset.count, "shape": dataset.shape, "looked": len(items)}
    flat = items.flatten(1)
    known["copies"], known["counted"] = dataset.copies or (len(items) - _different(flat), len(items))
    if not dataset.is_points:
        span = (flat.amax(1).int() - flat.amin(1).int()).cpu()
        known["blank"] = int((span < NEAR_CONSTANT).sum())
        shares = flat.flatten().bincount(minlength=256).double().cumsum(0) / flat.numel()
        known["low"], known["high"] = int((shares <= STRAY).sum()), int((shares < 1 - STRAY).sum())
    if dataset.labels is not None:
        known["class_names"] = dataset.class_names
        known["class_counts"] = dataset.labels.bincount(minlength=dataset.num_classes).tolist()
        if conditional and not dataset.is_points:
            known |= told_by_labels(items, dataset.labels[rows], dataset.num_classes, seed)
    if dataset.release is not None:
        dataset.release()
    return Items(**known)


def _different(flat: torch.Tensor) -> int:
    return len({row.numpy().tobytes() for row in flat.contiguous()})


def told_by_labels(items: torch.Tensor, labels: torch.Tensor, num_classes: int, seed: int) -> dict[str, Any]:
    """accuracy, majority and judged of ``Items``, as far as can be said."""
    judged = len(items) - len(items) // 2
    if judged < max(FEWEST_JUDGED, FEWEST_OF_A_CLASS * num_classes) or num_classes < 2:
        return {}
    order = torch.randperm(len(items), generator=generator(seed, "look/labels"))
    features, labels = Look.of(to_float(items)).features[order], labels[order]
    majority = labels[-judged:].bincount().max().item() / judged
    accuracy = LinearClasses(features, labels, num_classes).on_reals
    return {"accuracy": accuracy, "majority": majority, "judged": judged}
