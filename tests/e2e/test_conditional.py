"""Class-conditional runs: what is asked for by class is made by class, and looks like it."""

from pathlib import Path

import pytest
import torch
from PIL import Image

import ganforge
from ganforge.cli.main import main
from ganforge.data.digits import load_digits
from ganforge.sampling.model import Model

SMALL = {
    "data": "digits", "g_hidden": (64,), "d_hidden": (64,), "z_dim": 8, "lr": 1e-3, "total_nimg": 100_000,
    "report_nimg": 100_000, "snapshot_nimg": 100_000, "metric_samples": 0, "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ganforge.train("cgan", out=tmp_path_factory.mktemp("conditional") / "run", **SMALL).path


@pytest.fixture(scope="module")
def model(run: Path) -> Model:
    return ganforge.load(run, device="cpu")


def nearest_class(pictures: torch.Tensor) -> torch.Tensor:
    """The class whose mean picture is nearest: right for 91 % of the real digits."""
    digits = load_digits()
    assert digits.labels is not None
    means = torch.stack([digits.items[digits.labels == c].float().flatten(1).mean(0) for c in range(10)])
    return torch.cdist(pictures.float().flatten(1), means).argmin(1)


def test_pictures_are_of_the_class_that_was_asked_for(model: Model) -> None:
    assert model.num_classes == 10
    labels = torch.arange(500) % 10
    right = nearest_class(model.sample(range(500), labels)) == labels
    assert right.double().mean() > 0.7  # 0.88 to 0.95 over seeds 0 to 5; guessing gives 0.1
    assert all(right[labels == c].double().mean() > 0.3 for c in range(10))  # the least over those seeds: 0.62


def test_without_labels_the_classes_come_in_turn(model: Model) -> None:
    assert torch.equal(model.sample(range(25)), model.sample(range(25), torch.arange(25) % 10))


def test_seed_and_class_are_free_of_each_other(model: Model) -> None:
    one_seed = model.sample([3] * 10, torch.arange(10))
    assert len({picture.numpy().tobytes() for picture in one_seed}) == 10
    alone = model.sample([3], torch.tensor([7]))
    assert torch.equal(alone[0], one_seed[7])


def test_the_command_line_samples_it(run: Path, tmp_path: Path) -> None:
    assert main(["sample", str(run), "--seeds", "0-19", "--out", str(tmp_path / "grid.png"), "--device=cpu"]) == 0
    with Image.open(tmp_path / "grid.png") as grid:
        assert min(grid.size) > 8
