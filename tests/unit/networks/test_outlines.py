"""Networks' outlines, on the meta device: what is too large is known before memory is asked for."""

from pathlib import Path
from typing import Any

import pytest
import torch

import ganforge
from ganforge.base.errors import UserError
from ganforge.networks import generate as generating
from ganforge.networks.catalog import DISCRIMINATORS, GENERATORS
from ganforge.networks.construct import MAX_WEIGHTS, build_discriminator, build_generator
from ganforge.networks.generate import BATCH_SIZE, batch_size_for, generate

CLASSES = pytest.mark.parametrize("num_classes", [0, 3])


def shapes(network: torch.nn.Module) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in network.state_dict().items()}


@CLASSES
@pytest.mark.parametrize("name", GENERATORS)
def test_a_gs_outline_has_its_names_and_shapes_and_no_numbers(name: str, num_classes: int) -> None:
    before = torch.get_rng_state()
    outline = build_generator(name, 5, (3, 12, 10), 0, num_classes=num_classes, meta=True)
    assert shapes(outline) == shapes(build_generator(name, 5, (3, 12, 10), 0, num_classes=num_classes))
    assert {tensor.device.type for tensor in outline.state_dict().values()} == {"meta"}
    assert torch.equal(torch.get_rng_state(), before)


@CLASSES
@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_ds_outline_likewise(name: str, num_classes: int) -> None:
    outline = build_discriminator(name, (3, 12, 10), 0, num_classes=num_classes, meta=True)
    assert shapes(outline) == shapes(build_discriminator(name, (3, 12, 10), 0, num_classes=num_classes))
    assert {tensor.device.type for tensor in outline.state_dict().values()} == {"meta"}


@pytest.mark.parametrize(
    ("name", "z_dim", "sizes"),
    [
        ("mlp", 96, {"hidden": (65_536,) * 64}),
        ("mlp", 65_536, {"hidden": (65_536, 65_536)}),
        ("dcgan", 65_536, {"width": 65_536, "base_size": 65_536}),
        ("upsample", 65_536, {"width": 65_536}),
        ("resnet", 96, {"width": 65_536}),
        ("r3gan", 96, {"width": 65_536, "blocks": 64}),
        ("smooth", 65_536, {"width": 65_536}),
    ],
)
@pytest.mark.parametrize("meta", [False, True])
def test_too_many_weights_are_refused(name: str, z_dim: int, sizes: dict[str, Any], meta: bool) -> None:
    with pytest.raises(UserError, match=rf"G would have [\d,^]+.* weights, and {MAX_WEIGHTS:,} are the most"):
        build_generator(name, z_dim, (3, 4096, 4096), 0, meta=meta, **sizes)


@CLASSES
@pytest.mark.parametrize("name", GENERATORS)
def test_usual_sizes_are_made_in_whole_batches(name: str, num_classes: int) -> None:
    outline = build_generator(name, 96, (3, 64, 64), 0, num_classes=num_classes, meta=True)
    assert batch_size_for(outline, 96, num_classes) == BATCH_SIZE


def test_batches_shrink_as_layers_grow_until_one_item_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    outline = build_generator("mlp", 4, (1, 2, 2), 0, hidden=(100,), meta=True)
    sizes = []
    for most in (10_000, 640, 250, 100, 25, 24):
        monkeypatch.setattr(generating, "MAX_LAYER", most)
        sizes.append(batch_size_for(outline, 4, 0))
    assert sizes == [64, 6, 2, 1, 1, 0]


def test_an_item_does_not_depend_on_the_others_in_small_batches_either() -> None:
    G = build_generator("dcgan", 4, (1, 8, 8), 0)
    z = torch.randn(7, 4)
    together = generate(G, z, None, torch.device("cpu"), 3)
    assert all(
        torch.equal(generate(G, z[row : row + 1], None, torch.device("cpu"), 3)[0], together[row]) for row in range(7)
    )


def test_pictures_that_do_not_fit_into_memory_together_are_not_begun(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    run = ganforge.train(
        "note", out=tmp_path / "run", data="digits", g_hidden=[8], d_hidden=[8], total_nimg=128, device="cpu",
        metric_samples=0,
    )  # fmt: skip
    monkeypatch.setattr("ganforge.sampling.model.MAX_NUMBERS", 64 * 10)
    model = ganforge.load(run.path, device="cpu")
    assert len(model.sample(range(10))) == 10
    with pytest.raises(UserError, match=r"11 pictures of 1 x 8 x 8 are more than fit into memory; ask for fewer\."):
        model.sample(range(11))


def test_a_models_batches_follow_its_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ganforge.train(
        "note", out=tmp_path / "run", data="digits", g_hidden=[80], d_hidden=[8], total_nimg=128, device="cpu",
        metric_samples=0,
    )  # fmt: skip
    monkeypatch.setattr(generating, "MAX_LAYER", 250)
    assert ganforge.load(run.path, device="cpu").batch_size == 3
    monkeypatch.setattr(generating, "MAX_LAYER", 19)
    with pytest.raises(UserError, match=r"by layers that do not fit into memory\."):
        ganforge.load(run.path, device="cpu")
