"""How labels are drawn for a conditional generator that is judged."""

import torch

from ganforge.data.dataset import Dataset

ITEMS = torch.zeros(10, 1, 2, 2, dtype=torch.uint8)
ONE_IN_TEN = Dataset("lopsided", "", ITEMS, labels=torch.tensor([1] * 9 + [0]), num_classes=2)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_labels_are_drawn_as_often_as_the_items_have_them() -> None:
    labels = ONE_IN_TEN.draw_labels(10_000, 2, seeded())
    assert labels.dtype == torch.int64
    assert abs(labels.double().mean().item() - 0.9) < 5 * (0.9 * 0.1 / 10_000) ** 0.5  # five standard errors


def test_labels_of_other_classes_are_drawn_evenly() -> None:
    for data in (ONE_IN_TEN, Dataset("unlabelled", "", ITEMS)):
        counts = data.draw_labels(10_000, 4, seeded()).bincount()
        assert len(counts) == 4
        assert (counts - 2_500).abs().max() < 5 * (10_000 * 0.25 * 0.75) ** 0.5
