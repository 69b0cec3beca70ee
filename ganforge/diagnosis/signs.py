"""Signs of health: a few cheap numbers on what G makes beside the reals, for every row of the log.

They are no figures of quality (``ganforge.metrics``): they are to cost less than a hundredth of the training, and to
tell a collapse, noise or a blank from pictures. All are pure functions of the weights and nimg.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, one_hot

from ganforge.base.images import to_float
from ganforge.base.seeding import generator
from ganforge.data.dataset import Dataset

COUNT, MOST_REALS = 256, 2_048
"""Fakes looked at, and reals that they are compared with; fewer, but ``FEWEST``, of pictures so large that they would
be more than ``MOST_NUMBERS`` together."""
FEWEST, MOST_NUMBERS = 32, 1 << 25
BINS, ROUNDS = 10, 10
"""Cells of the reals' space, each around the mean of those nearest to it (k-means, Lloyd 1982), and its rounds: the
share of fakes in each is beside that of reals, as in NDB (Richardson & Weiss 2018, arXiv:1805.12462)."""
SIDE = 8
"""Pictures are compared as averages over so many by so many fields."""
GREY, TOLD = 0.02, 1.25
"""A field of the middle value, to within this, is grey. Augmentation can be told by what it makes so much larger."""

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""From pictures, float [N, C, H, W], to changed ones of the same shape."""

Make = Callable[[Tensor | None], Tensor]
"""From labels [count], or None, to fakes of always the same z, float [count, *shape] in [-1, 1]."""


class Signs:
    """What is to be known of the reals, once, so that fakes can be looked at again and again."""

    def __init__(self, dataset: Dataset, seed: int, *, conditional: bool, augment: Augment | None = None) -> None:
        """Looks at up to ``MOST_REALS`` reals, drawn by ``seed``. augment: changes them as it ever does what D sees.
        count: of the fakes that it is to be shown."""
        source = generator(seed, "signs")
        most = max(FEWEST, MOST_NUMBERS // dataset.items[0].numel())
        self.count = min(COUNT, most)
        rows = torch.randperm(len(dataset), generator=source)[: min(MOST_REALS, most)]
        self.look = Look.of(items := to_float(dataset.items[rows]))
        self.traces = None
        if augment is not None:
            self.traces = traces(items), traces(augment(items[: self.count], generator(seed, "signs/augment")))
        self.is_points = dataset.is_points
        self.labels = dataset.draw_labels(self.count, dataset.num_classes, source) if conditional else None
        self.num_classes = dataset.num_classes if conditional else 0
        reals = self.look.features
        self.spread, self.nearest = mean_distance(reals[: self.count]), to_nearest(reals[: self.count])
        self.centers = dataset.mixture.centers if dataset.mixture else k_means(reals, source)
        self.shares = shares_of(reals, self.centers)
        self.classes = None
        if conditional and dataset.labels is not None and len(reals) > 1:
            self.classes = LinearClasses(reals, dataset.labels[rows], dataset.num_classes)
        self.copies_count = len(reals) if len(reals) == len(dataset) else 0
        if dataset.release is not None:
            dataset.release()

    def of(self, make: Make, make_plain: Make | None = None) -> dict[str, float | list[float]]:
        """Columns of the log, by name. make: the G that the pictures are of; make_plain: G where that is an average."""
        items = make(self.labels)
        look = Look.of(items)
        fakes = look.features
        shares = shares_of(fakes, self.centers)
        signs: dict[str, float | list[float]] = {
            "Health/spread": mean_distance(fakes) / max(self.spread, 1e-12),
            "Health/duplicates": (to_nearest(fakes) < 0.5 * self.nearest.quantile(0.05)).float().mean().item(),
            "Health/shares": [round(share, 4) for share in shares.tolist()],
            "Health/overlap": torch.minimum(shares, self.shares).sum().item(),
            "Health/missing": self.shares[(shares < 0.1 * self.shares)].sum().item(),
        }
        if not self.is_points:
            reals = self.look
            signs["Health/contrast"] = look.contrast / max(reals.contrast, 1e-12)
            signs["Health/roughness"] = look.roughness / max(reals.roughness, 1e-12)
            signs["Health/level"] = (look.level - reals.level) / max(reals.deviation, 1e-12)
        if self.traces is not None:
            signs |= leak(items, *self.traces)
        if self.copies_count > 1:
            to_reals = torch.cdist(fakes, self.look.features).amin(1).median()
            signs["Health/nearest"] = (to_reals / to_nearest(self.look.features).median().clamp(min=1e-12)).item()
        if self.labels is not None:
            others = Look.of(make((self.labels + 1) % self.num_classes)).features
            effect = (fakes - others).norm(dim=1).mean()
            signs["Health/class_effect"] = (effect / max(self.spread, 1e-12)).item()
            if self.classes is not None:
                signs["Health/agreement"] = self.classes.agreement(fakes, self.labels)
                signs["Health/agreement_reals"] = self.classes.on_reals
        if make_plain is not None:
            gap = (Look.of(make_plain(self.labels)).features - fakes).norm(dim=1).mean()
            signs["Health/average_gap"] = (gap / max(self.spread, 1e-12)).item()
        return signs


class Look:
    """What pictures, or points, look like from afar.

    features: float32 [N, F]: averages over fields, or the coordinates. contrast: mean over pictures of the standard
    deviation within one. roughness: mean squared step from pixel to neighbour / (2 variance), over all: 0 for a plain,
    1 for white noise, 2 for a checkerboard. level, deviation: mean and standard deviation of all pixels.
    """

    def __init__(self, features: Tensor, contrast: float, roughness: float, level: float, deviation: float) -> None:
        self.features, self.contrast, self.roughness = features, contrast, roughness
        self.level, self.deviation = level, deviation

    @classmethod
    def of(cls, items: Tensor) -> "Look":
        """items: float pictures [N, C, H, W] in [-1, 1], or points [N, 2]."""
        if items.dim() == 2:
            return cls(items.float(), 0.0, 0.0, 0.0, 1.0)
        features = adaptive_avg_pool2d(items, (min(SIDE, items.shape[2]), min(SIDE, items.shape[3]))).flatten(1)
        within = items.flatten(1).std(1, correction=0)
        steps = [items.diff(dim=dim).square().mean().item() for dim in (2, 3) if items.shape[dim] > 1]
        variance = items.flatten(2).var(2, correction=0).mean().item()
        roughness = sum(steps) / max(1, len(steps)) / max(2 * variance, 1e-12) if variance > 1e-10 else 0.0
        return cls(features, within.mean().item(), roughness, items.mean().item(), items.std(correction=0).item())


class LinearClasses:
    """Tells the classes apart by a linear function of the features (ridge regression on half of the reals).

    on_reals: the share of the other half that it gets right.
    """

    def __init__(self, features: Tensor, labels: Tensor, num_classes: int) -> None:
        half = len(features) // 2
        self.mean = features.mean(0)
        inputs = self._inputs(features[:half]).double()
        targets = one_hot(labels[:half], num_classes).double()
        gram = inputs.T @ inputs
        ridge = 1e-2 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
        self.weights = torch.linalg.solve(gram + ridge, inputs.T @ targets).float()
        self.on_reals = self.agreement(features[half:], labels[half:])

    def _inputs(self, features: Tensor) -> Tensor:
        return torch.cat([features - self.mean, torch.ones(len(features), 1)], dim=1)

    def agreement(self, features: Tensor, labels: Tensor) -> float:
        """The share of items that it takes for their labels."""
        return ((self._inputs(features) @ self.weights).argmax(1) == labels).float().mean().item()


def traces(pictures: Tensor) -> Tensor:
    """[2]: how much the levels of pictures differ from each other, and the share of their fields that are plain grey,
    as shifts and cutouts leave them: by either, augmented pictures are told from others."""
    fields = adaptive_avg_pool2d(pictures, (min(SIDE, pictures.shape[2]), min(SIDE, pictures.shape[3])))
    levels, grey = pictures.mean((1, 2, 3)).std(correction=0), (fields.abs().amax(1) < GREY).float().mean()
    return torch.stack([levels, grey])


def leak(fakes: Tensor, plain: Tensor, changed: Tensor) -> dict[str, float | list[float]]:
    """How far fakes are on the way from the reals' traces, 0, to those of changed reals, 1: the larger of what tells
    these two apart. Nothing where nothing does."""
    apart = changed > TOLD * plain + GREY
    if not apart.any():
        return {}
    return {"Health/leak": ((traces(fakes) - plain) / (changed - plain))[apart].max().item()}


def mean_distance(features: Tensor) -> float:
    """Of all pairs; 0 for a single item."""
    return torch.pdist(features).mean().item() if len(features) > 1 else 0.0


def to_nearest(features: Tensor) -> Tensor:
    """[N]: from each to the nearest other one; [1] of 0 for a single item."""
    if len(features) < 2:
        return torch.zeros(1)
    return torch.cdist(features, features).fill_diagonal_(float("inf")).amin(1)


def k_means(features: Tensor, source: torch.Generator) -> Tensor:
    """[up to BINS, F]: centers, by Lloyd's rounds from items drawn at random."""
    centers = features[torch.randperm(len(features), generator=source)[:BINS]]
    for _ in range(ROUNDS):
        nearest = torch.cdist(features, centers).argmin(1)
        sums = torch.zeros_like(centers).index_add_(0, nearest, features)
        counts = nearest.bincount(minlength=len(centers))
        centers = torch.where(counts[:, None] > 0, sums / counts[:, None].clamp(min=1), centers)
    return centers


def shares_of(features: Tensor, centers: Tensor) -> Tensor:
    """[centers]: the share of items that are nearest to each."""
    counts = torch.cdist(features, centers).argmin(1).bincount(minlength=len(centers))
    return counts / counts.sum()
