"""Recipes on photographs: colour, transparency and any size, from settings to a finished run."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import ganforge.training.start
from ganforge.base.stopping import StopRequest
from ganforge.data.dataset import Dataset
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.sampling.model import load
from ganforge.training.progress import Progress
from ganforge.training.start import start_run

SHAPES = [(3, 32, 32), (3, 20, 28), (4, 17, 33), (1, 5, 40)]


def trained(monkeypatch: pytest.MonkeyPatch, out: Path, name: str, shape: tuple[int, ...], **changes: Any) -> RunFolder:
    """A run of two steps on noise of five classes."""
    source = torch.Generator().manual_seed(0)
    items = torch.randint(256, (40, *shape), dtype=torch.uint8, generator=source)
    dataset = Dataset("photos", "drawn", items, torch.arange(40) % 5, 5)
    monkeypatch.setattr(ganforge.training.start, "load", lambda *_, **__: dataset)
    settings: dict[str, Any] = {"batch_size": 4, "g_width": 8, "d_width": 8, "metric_samples": 0, "device": "cpu"}
    settings |= {"total_nimg": 8 * recipe(name).d_steps, "grid_size": 2}
    return start_run(recipe(name, **(settings | changes)), out, Progress(), StopRequest())


@pytest.mark.parametrize("conditional", [False, True], ids=["plain", "conditional"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
@pytest.mark.parametrize("name", ["fast", "r3gan", "sngan", "dcgan"])
def test_photographs_of_any_size(
    name: str, shape: tuple[int, ...], conditional: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained(monkeypatch, tmp_path / "run", name, shape, conditional=conditional)
    assert folder.read_status()["state"] == "finished"
    nimg, path = folder.all_fakes()[-1]
    with Image.open(path) as grid:
        assert grid.getbands() == {1: ("L",), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}[shape[0]]
    model = load(folder.snapshot(nimg), device="cpu")
    assert model.num_classes == (5 if conditional else 0)
    assert model.sample(range(3)).shape == (3, *shape)
