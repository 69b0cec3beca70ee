"""Agreement: worked out by hand, and of classes that are asked for."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ganforge.data.dataset import Dataset
from ganforge.metrics import agreement
from ganforge.metrics.asked import floor_labels
from ganforge.metrics.fakes import asked_classes, fakes_in_chunks, shares
from ganforge.metrics.features import Extractor
from ganforge.metrics.judge import Judge, Plan
from ganforge.metrics.protocol import Protocol, split_rows
from ganforge.metrics.sides import Reference, Sides, Tally

CPU = torch.device("cpu")


def sides(asked: list[int], taken_for: list[int], most: int | None = None) -> Sides:
    probabilities = one_hot(torch.tensor(taken_for), 3).float()
    tally = Tally(
        Extractor("own", "0", 1, lambda rows: (rows.float()[:, None], probabilities[rows])), 1.0, most,
        torch.tensor(asked),
    )  # fmt: skip
    for part in torch.arange(len(asked)).split(7):
        tally.add(part)
    nothing, reals = torch.empty(0), torch.full((3,), 1 / 3, dtype=torch.float64)
    reference = Reference(1.0, tally.sums.moments(), nothing, nothing, nothing, reals, 0, reals)
    return Sides(tally, reference, Protocol("d", "f", "train", 40, 40, 40, {"own": "0"}, None, 0, 0))


def test_by_hand() -> None:
    """Of 10 of class 0, 9 are taken for it; of 20 of class 2, 12: 21 of 30 in all. Class 1 is never asked for."""
    both = sides([0] * 10 + [2] * 20, [0] * 9 + [1] + [2] * 12 + [0] * 8)
    assert "asked classes" in both.offers
    found = agreement.measure(both)
    assert found["agreement"].value == pytest.approx(21 / 30) and found["lowest agreement"].value == pytest.approx(0.6)
    by_class = both.judged.agreed()
    assert by_class is not None and by_class[:1].tolist() == [0.9] and bool(by_class[1].isnan())


def test_of_the_first_items_alone_where_there_are_more_than_in_the_floor() -> None:
    found = agreement.measure(sides([0] * 20 + [1] * 30, [0] * 15 + [1] * 35, most=20))
    assert found["agreement"].value == pytest.approx(0.75)


def test_few_items_of_a_class_have_no_lowest() -> None:
    found = agreement.measure(sides([0] * 10 + [1] * 9, [0] * 19))
    assert found["agreement"].value == pytest.approx(10 / 19)
    assert (
        found["lowest agreement"].value is None and "there are 9 items of some class" in found["lowest agreement"].note
    )


def labelled() -> Dataset:
    """Bright and dark noise, in the data set whose classes the digit classifier knows."""
    draws = torch.Generator().manual_seed(0)
    items = torch.randint(256, (600, 1, 28, 28), generator=draws, dtype=torch.uint8)
    return Dataset("mnist", "made for a test", items, torch.randint(10, (600,), generator=draws), 10)


def test_the_classes_asked_for_are_those_that_g_was_told() -> None:
    dataset, told = labelled(), list[Tensor]()

    def make(z: Tensor, labels: Tensor | None) -> Tensor:
        assert labels is not None
        told.append(labels)
        return torch.zeros(len(z), 1, 28, 28)

    what = {"num_classes": 10, "seed": 3, "purpose": "evaluate"}
    list(fakes_in_chunks(make, dataset, shares(700), noise="normal", z_dim=2, **what))  # type: ignore[arg-type]
    asked = asked_classes(dataset, 700, **what)  # type: ignore[arg-type]
    assert asked is not None and torch.equal(torch.cat(told), asked)
    assert asked_classes(dataset, 700, num_classes=0, seed=3, purpose="evaluate") is None
    assert asked_classes(dataset, 700, num_classes=9, seed=3, purpose="evaluate") is None


def test_the_floor_is_that_of_fresh_reals_and_their_labels(tmp_path: Path) -> None:
    dataset = labelled()
    judge = Judge(dataset, None, CPU, Plan(names=["classifier", "random"], kernel_subsets=2), cache_dir=tmp_path)
    floor = split_rows(dataset, judge.protocol)[0]
    assert dataset.labels is not None
    record = judge.judge([dataset.items[floor]], {"kind": "pictures"}, 0, asked=dataset.labels[floor])
    figure = record["figures"]["agreement/classifier"]
    assert figure["value"] == figure["floor"] and "agreement/random" not in record["figures"]
    assert set(record["agreement"]) == {"classifier"} and all(
        a == b for a, b in record["agreement"]["classifier"].values()
    )
    seen = judge.sides[0][0].extract(dataset.items[floor])[1]
    assert seen is not None
    right = (seen.argmax(1) == dataset.labels[floor]).float().mean().item()
    assert figure["value"] == pytest.approx(right)
    assert floor_labels(judge.sides[0][0], replace(dataset, name="others"), judge.protocol) is None
    others = judge.judge([dataset.items[floor]], {"kind": "pictures"}, 0, asked=seen.argmax(1))
    assert others["figures"]["agreement/classifier"]["value"] == 1
    assert "agreement/classifier" not in judge.judge([dataset.items[floor]], {"kind": "pictures"}, 0)["figures"]
    relabelled = Dataset("mnist", "", dataset.items, (dataset.labels + 1) % 10, 10)
    again = Judge(relabelled, None, CPU, Plan(names=["classifier"], kernel_subsets=2), cache_dir=tmp_path)
    assert again.sides[0][2]["agreement/classifier"].value != figure["floor"]
