from pathlib import Path

import pytest
import torch

from ganforge.data.dataset import Dataset
from ganforge.data.inspect_dataset import describe_dataset, inspect_dataset
from ganforge.data.load import load


def small() -> Dataset:
    """Five pictures: one constant, three equal ones, classes 0, 0, 2, 2, 2 of 3."""
    a, b = torch.tensor([[0, 10], [20, 30]]), torch.tensor([[255, 1], [1, 1]])
    items = torch.stack([a, b, a, torch.full((2, 2), 7), a]).to(torch.uint8)[:, None]
    return Dataset("small", "by hand", items, torch.tensor([0, 0, 2, 2, 2]), num_classes=3)


def test_facts_by_hand() -> None:
    facts = inspect_dataset(small())
    values = small().items.to(torch.float64)
    assert (facts.count, facts.shape, facts.dtype) == (5, (1, 2, 2), "uint8")
    assert (facts.minimum, facts.maximum) == (0, 255)
    assert facts.mean == pytest.approx(values.mean().item())
    assert facts.std == pytest.approx(values.std(correction=0).item())
    assert facts.class_counts == (2, 0, 3)
    assert facts.duplicates == 2
    assert facts.constant == 1
    assert facts.modes == 0


def test_mean_and_std_over_several_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = inspect_dataset(small())
    monkeypatch.setattr("ganforge.data.inspect_dataset.CHUNK_ITEMS", 2)
    pieces = inspect_dataset(small())
    assert pieces.mean == pytest.approx(whole.mean)
    assert pieces.std == pytest.approx(whole.std)


def test_description_by_hand() -> None:
    assert describe_dataset(inspect_dataset(small())).splitlines() == [
        "data set    small",
        "source      by hand",
        "items       5 of 1 x 2 x 2, uint8",
        "range       0 to 255, mean 23.3, std 54.11",
        "duplicates  2",
        "constant    1 pictures of one single value",
        "class 0     2 ####################",
        "class 1     0",
        "class 2     3 ##############################",
    ]


@pytest.mark.parametrize(("counted", "text"), [
    (torch.arange(51).repeat(2)[1:], "51, of 1 to 2 items each"),
    (torch.arange(40), "51, of 0 to 1 items each, 11 of them empty"),
])  # fmt: skip
def test_many_classes_take_one_line(counted: torch.Tensor, text: str) -> None:
    items = torch.zeros(len(counted), 1, 2, 2, dtype=torch.uint8)
    lines = describe_dataset(inspect_dataset(Dataset("many", "", items, counted, num_classes=51))).splitlines()
    assert lines[-1] == f"classes     {text}"
    assert len(lines) == 7
    fifty = describe_dataset(
        inspect_dataset(Dataset("fifty", "", items, counted.clamp(max=49), num_classes=50))
    ).splitlines()
    assert len(fifty) == 56


def test_points() -> None:
    facts = inspect_dataset(load("grid", "test"))
    assert facts.modes == 25
    assert facts.mode_std == pytest.approx(0.01)
    assert facts.constant == 0
    assert len(facts.class_counts) == 25
    assert sum(facts.class_counts) == 10_000
    (low, high), _ = facts.axis_ranges
    assert -0.9 < low < -0.8 < 0.8 < high < 0.9
    text = describe_dataset(facts)
    assert "25 Gaussians, std 0.01" in text
    assert "axis 1" in text


def test_without_labels() -> None:
    facts = inspect_dataset(Dataset("bare", "", small().items))
    assert facts.class_counts == ()
    assert "no labels" in describe_dataset(facts)


def test_an_empty_data_set_is_refused() -> None:
    with pytest.raises(ValueError, match="no items"):
        inspect_dataset(Dataset("empty", "", torch.zeros(0, 1, 2, 2, dtype=torch.uint8)))


def test_mnist_has_its_known_figures(real_data: Path) -> None:
    facts = inspect_dataset(load("mnist", data_dir=real_data))
    assert facts.mean / 255 == pytest.approx(0.1307, abs=5e-5)
    assert facts.std / 255 == pytest.approx(0.3081, abs=5e-5)
    assert facts.class_counts[0] == 5923
    assert facts.class_counts[1] == 6742
    assert facts.constant == 0
