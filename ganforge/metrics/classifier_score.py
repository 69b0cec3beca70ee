"""classifier score: the Inception score's formula with another classifier."""

from itertools import pairwise

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.metrics.catalog import FigureRecord
from ganforge.metrics.class_shares import PER_CLASS, no_classes
from ganforge.metrics.figure import Value
from ganforge.metrics.sides import Sides
from ganforge.metrics.vectors import check_features, repeated, to_float64

RECORD = FigureRecord(
    name="classifier score",
    order=100,
    meaning="Are the classes certain for each picture, and equally frequent over all? It has the Inception score's "
    "formula, but is not that score: the classifier is another.",
    source="Salimans et al. 2016, arXiv:1606.03498, section 4",
    better="near floor",
    needs="class probabilities",
    range="1 to 10",
    blind_to="variety within a class; a picture of each class is enough. About 6 for real MNIST: this classifier was "
    "trained with smoothed labels, and is never quite certain",
)
SPLITS = 10
"""By convention."""
SUM_TOLERANCE = 1e-3  # a softmax in float32 is far inside it, logits far outside


def measure(sides: Sides) -> dict[str, Value]:
    judged, (_, reals) = sides.judged, sides.shares
    count = len(judged.first)
    if why := no_score(count, judged.distinct, reals):
        return {"classifier score": Value(None, note=why)}
    splits = splits_for(count, len(reals))
    value, spread = classifier_score(torch.cat(judged.probabilities), splits)
    return {"classifier score": Value(value, spread if splits > 1 else None)}


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
    """Why the score of so many samples cannot be read, "" where it can. shares: of the classes among the reals."""
    return no_classes(count, shares, len(shares)) or repeated("judged", distinct, count)


def _score(rows: Tensor) -> Tensor:
    """The entropy of the mean less the mean entropy is the mean divergence from the mean."""
    return (torch.special.entr(rows.mean(dim=0)).sum() - torch.special.entr(rows).sum(dim=1).mean()).exp()
