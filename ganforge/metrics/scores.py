"""What a classifier says of generated pictures: the classifier score, and how often each class comes."""

from itertools import pairwise

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.metrics.distances import check_features, repeated, to_float64

SPLITS = 10
"""By convention."""
PER_CLASS = 10
"""Fewer items for a class on average leave its share to chance: each split of the score, and each class distance, has
as many at least."""
SUM_TOLERANCE = 1e-3  # a softmax in float32 is far inside it, logits far outside


def classifier_score(probabilities: Tensor, splits: int = 10) -> tuple[float, float]:
    """exp of the mean KL(p(y|x) || p(y)): its mean and population standard deviation over consecutive splits.

    probabilities: [N, K], rows sum to 1. Between 1 (all rows equal) and K (certain, and all classes equally
    often). With the Inception network's probabilities it is the Inception score; that of another classifier compares
    with nothing but itself, and neither sees missing variety within a class. Raises UserError for what are not
    probabilities, and for fewer samples than splits. Source: Salimans et al. 2016, arXiv:1606.03498, section 4.
    """
    check_features(probabilities, "generated", at_least=splits)
    rows = to_float64(probabilities)
    if (rows < 0).any() or (rows.sum(dim=1) - 1).abs().max() > SUM_TOLERANCE:
        raise UserError("The classifier score needs probabilities, and these do not sum to 1; apply softmax to logits.")
    bounds = [split * len(rows) // splits for split in range(splits + 1)]
    scores = torch.stack([_score(rows[start:end]) for start, end in pairwise(bounds)])
    return scores.mean().item(), scores.std(correction=0).item()


def splits_for(count: int, num_classes: int) -> int:
    """How many splits of the score there are of so many samples: ``SPLITS``, or fewer, so that each is large enough."""
    return max(1, min(SPLITS, count // (PER_CLASS * num_classes)))


def no_score(count: int, distinct: int, shares: Tensor) -> str:
    """Why the score of so many samples says nothing, "" where it does. shares: of the classes among the reals."""
    return no_classes(count, shares, len(shares)) or repeated("judged", distinct, count)


def no_classes(count: int, shares: Tensor, needed: int = 0) -> str:
    """Why the classes of so many samples say nothing, "" where they do. shares: float64 [K], of the reals. needed: so
    many classes are to be met, by default those that the reals have."""
    present = int((shares > 0).sum())
    if present < 2:
        return "the classifier finds a single class in the real items"
    least = PER_CLASS * (needed or present)
    return f"it needs {least:,} items, {PER_CLASS} for each class, and there are {count:,}" if count < least else ""


def class_histogram(classes: Tensor, num_classes: int) -> Tensor:
    """The share of each class: classes int64 [N] in [0, num_classes) -> float64 [num_classes], summing to 1.

    Raises UserError where there are none, or a class is out of range.
    """
    if not len(classes):
        raise UserError("There are no samples to count; generate some.")
    if classes.min() < 0 or classes.max() >= num_classes:
        found = f"{int(classes.min())} to {int(classes.max())}"
        raise UserError(
            f"The classes run from {found}, and must lie in 0 to {num_classes - 1}; use a fitting classifier."
        )
    return torch.bincount(classes, minlength=num_classes).to("cpu", torch.float64) / len(classes)


def _score(rows: Tensor) -> Tensor:
    """The entropy of the mean less the mean entropy is the mean divergence from the mean."""
    return (torch.special.entr(rows.mean(dim=0)).sum() - torch.special.entr(rows).sum(dim=1).mean()).exp()
