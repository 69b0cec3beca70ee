"""Small sets whose figures, classes and better ways are known beforehand; and what the caches of reals go by."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganforge.data.dataset import Dataset
from ganforge.metrics.class_shares import measure
from ganforge.metrics.copying import prepare_space
from ganforge.metrics.features import Extractor
from ganforge.metrics.judge import Judge, Plan
from ganforge.metrics.nearest import nearest
from ganforge.metrics.protocol import Protocol
from ganforge.metrics.sides import Reference, Sides, Tally


def noise(count: int, seed: int = 0) -> Tensor:
    return torch.randint(256, (count, 1, 8, 8), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def tally_of(probabilities: Tensor, name: str = "classifier") -> Tally:
    """Of items that an extractor sees these class probabilities in; an item's one feature is its place."""
    rows = torch.arange(len(probabilities), dtype=torch.float32).unsqueeze(1)
    tally = Tally(Extractor(name, "0" * 16, 1, lambda items: (rows[items], probabilities[items])))
    for part in torch.arange(len(probabilities)).split(7):
        tally.add(part)
    return tally


def one_hot(classes: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(classes, 10).float()


def test_each_channel_of_a_stack_has_its_own_class() -> None:
    digits = torch.tensor([[1, 2, 3], [9, 0, 4], [7, 7, 8]])
    tally = tally_of(one_hot(digits).flatten(1), "channel classifier")
    assert torch.equal(torch.cat(tally.classes).long(), digits)


def test_the_total_variation_of_classes_is_half_of_what_the_shares_differ_by() -> None:
    """All of one class, where the reals have two: half of the items are of the wrong one."""
    reals = torch.zeros(10, dtype=torch.float64)
    reals[:2] = 0.5
    judged = tally_of(one_hot(torch.zeros(200, dtype=torch.int64)))
    nothing = torch.empty(0)
    reference = Reference(1.0, judged.sums.moments(), nothing, nothing, nothing, reals, 0)
    protocol = Protocol("d", "f", "train", 200, 400, 200, {"classifier": "1"}, None, 0, 0)
    assert measure(Sides(judged, reference, protocol))["class TV"].value == pytest.approx(0.5)


def test_so_many_features_are_kept_over_all_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.metrics.sides.MAX_KEPT", 10)
    tally = tally_of(one_hot(torch.arange(20) % 10))
    assert tally.count == 20
    assert tally.kept.flatten().tolist() == list(range(10))


BETTER = {
    "FD": "lower", "KID": "lower", "precision": "higher", "recall": "higher", "density": "near floor",
    "coverage": "higher", "copies": "lower", "exact duplicates": "lower", "near duplicates": "lower",
    "AuthPct": "near floor", "C_T": "near floor",
}  # fmt: skip


def judge_of(tmp_path: Path, held_out: int) -> Judge:
    reals, fresh = Dataset("noise", "drawn", noise(300)), Dataset("noise", "drawn", noise(60, held_out))
    return Judge(reals, fresh, torch.device("cpu"), Plan(num_fakes=60), cache_dir=tmp_path)


def test_which_way_each_figure_is_better(tmp_path: Path) -> None:
    judge = judge_of(tmp_path, 1)
    record = judge.judge([noise(judge.protocol.num_fakes, 2)], {"name": "x"}, 0)
    better = {name: figure["better"] for name, figure in record["figures"].items()}
    known = {name: way for name, way in better.items() if name.partition("/")[0] in BETTER}
    assert known == {name: BETTER[name.partition("/")[0]] for name in known}
    assert {name.partition("/")[0] for name in better} >= BETTER.keys()


def test_other_held_out_pictures_have_other_distances(tmp_path: Path) -> None:
    """Also where both are cached, are as many, and belong to the same training pictures."""
    judge, dataset = judge_of(tmp_path, 1), Dataset("noise", "drawn", noise(300))
    given: list[Any] = ["pixels", "pixels", lambda pictures: pictures.flatten(1), dataset]
    spaces = []
    for seed in (1, 3):
        fresh = noise(60, seed)
        protocol = replace(judge.protocol, held_out=str(seed))
        spaces.append(prepare_space(*given, fresh, protocol, tmp_path))
    assert not torch.equal(spaces[0].held_out, spaces[1].held_out)


def test_the_nearest_of_several_chunks_is_found_by_exact_distances() -> None:
    """The last of four is nearer by less than float32 sees."""
    lengths = 1 + torch.tensor([3e-9, 2e-9, 1e-9, 0.0], dtype=torch.float64)
    reference = torch.diag(lengths)
    found = nearest(torch.zeros(1, 4, dtype=torch.float64), reference, chunk=1)
    assert found.indices.tolist() == [3]
    assert found.distances.tolist() == [1.0]


def test_more_reals_than_are_kept_are_no_repeated_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the kept ones are compared with each other: of all others it is not known, and nothing is said."""
    for module in ("sides", "protocol"):
        monkeypatch.setattr(f"ganforge.metrics.{module}.MAX_KEPT", 40)
    points = torch.randn(600, 2, generator=torch.Generator().manual_seed(0))
    reals = Dataset("points", "drawn", points)
    judge = Judge(reals, None, torch.device("cpu"), Plan(names=["coordinates"], num_fakes=200), cache_dir=tmp_path)
    figures = judge.judge([points[:200] + 1], {"name": "x"}, 0)["figures"]
    assert figures["FD/coordinates"]["value"] == pytest.approx(2.0, abs=0.3)
    assert figures["KID/coordinates"]["value"] is not None
    assert figures["precision/coordinates"]["value"] is not None
