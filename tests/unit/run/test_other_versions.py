"""Weights of a version whose networks were others are refused in a sentence that says so."""

from pathlib import Path
from typing import Any

import pytest
import torch

import ganforge
from ganforge.base.errors import UserError
from ganforge.base.tensorfile import write_tensorfile
from ganforge.data.dataset import Dataset
from ganforge.recipes.catalog import recipe
from ganforge.run.snapshot import FORMAT, KIND, Snapshot
from ganforge.sampling.model import network_of
from ganforge.training.build import build_state

SHAPE = (1, 8, 8)


def test_an_r3gan_that_is_told_the_class_by_a_one_hot_code(tmp_path: Path) -> None:
    settings = recipe("r3gan", conditional=True, data="digits").model_dump(mode="json")
    weights = network_of(Snapshot(tmp_path, {}, settings, SHAPE, 10, 1)).state_dict()
    del weights["classes"]
    weights["scales.weight"] = torch.zeros(16, 64 + 10)
    facts: dict[str, Any] = {"format": FORMAT, "nimg": 1, "shape": list(SHAPE), "num_classes": 10}
    write_tensorfile(tmp_path / "old.safetensors", KIND, weights, facts | {"settings": settings})
    with pytest.raises(UserError) as caught:
        ganforge.load(tmp_path / "old.safetensors", device="cpu")
    told = "classes is missing; scales.weight is (16, 74) instead of (16, 128)"
    assert str(caught.value) == (
        f"{tmp_path / 'old.safetensors'} does not fit its own settings: {told}. A snapshot of another version of "
        "ganforge is for that one only."
    )


def test_an_sngan_whose_head_has_a_shift() -> None:
    config = recipe("sngan", data="digits", g_width=2, d_width=2)
    dataset = Dataset("noise", "drawn", torch.zeros(4, *SHAPE, dtype=torch.uint8), None, 0)
    state = build_state(config, dataset, torch.device("cpu"))
    tensors = state.tensors() | {"D.head.logit.bias": torch.zeros(1)}
    with pytest.raises(UserError) as caught:
        state.load(tensors, state.facts())
    assert str(caught.value) == (
        "The checkpoint does not fit the run's settings: D.head.logit.bias. A run of another version goes on with that "
        "version only."
    )
