"""training/warm_start.py: which weights are taken over, which are adapted and how, and what stays fresh."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.config import Config
from ganforge.data.dataset import Dataset, Mixture
from ganforge.recipes.catalog import recipe
from ganforge.training.build import build_state
from ganforge.training.state import TrainingState
from ganforge.training.warm_start import Items, Source, fit, other_channels, warm_start

FAMILIES = ("mlp", "dcgan", "resnet", "r3gan")
DISCRIMINATORS = (*FAMILIES, "recurrent", "logistic")
GREY, COLOUR = Items((1, 8, 8), 0), Items((3, 8, 8), 0)


def config_of(generator: str = "dcgan", discriminator: str = "dcgan", **changes: Any) -> Config:
    settings: dict[str, Any] = {"generator": generator, "discriminator": discriminator, "z_dim": 4}
    settings |= {"g_hidden": (8,)} if generator == "mlp" else {"g_width": 8}
    settings |= {"mlp": {"d_hidden": (8,)}, "logistic": {}}.get(discriminator, {"d_width": 8})
    return recipe("note", **(settings | changes))


def state_of(items: Items, seed: int, **changes: Any) -> TrainingState:
    """A state as training leaves it: no weight or buffer is what it was at first."""
    config = config_of(**{"seed": seed, "conditional": items.num_classes > 0} | changes)
    if len(items.shape) == 1:
        dataset = Dataset("points", "drawn", torch.zeros(4, 2), mixture=Mixture(torch.zeros(1, 2), 1.0))
    else:
        labels = torch.zeros(4, dtype=torch.int64)
        dataset = Dataset("pictures", "", torch.zeros(4, *items.shape, dtype=torch.uint8), labels, items.num_classes)
    state = build_state(config, dataset, torch.device("cpu"))
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in [t for network in networks(state) for t in network.state_dict().values()]:
            if tensor.is_floating_point():
                tensor.copy_(tensor + 0.1 * torch.rand(tensor.shape, generator=source))
    return state


def networks(state: TrainingState) -> list[torch.nn.Module]:
    return [network for network in (state.G, state.D, state.G_ema) if network is not None]


def source_of(state: TrainingState, items: Items, *, snapshot: bool = False) -> Source:
    copies = [{k: t.clone() for k, t in n.state_dict().items()} for n in (state.G_for_sampling, state.G, state.D)]
    return Source(Path("run/1.safetensors"), {}, items, 64_000, *(copies[:1] if snapshot else copies))


def outputs(state: TrainingState, z: Tensor, labels: Tensor | None = None) -> list[Tensor]:
    with torch.no_grad():
        return [G.eval()(z, labels) for G in networks(state) if G is not state.D]


def scores(state: TrainingState, images: Tensor) -> Tensor:
    with torch.no_grad():
        return state.D.eval()(images)


Z = torch.randn(3, 4, generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize("discriminator", DISCRIMINATORS)
@pytest.mark.parametrize("generator", [*FAMILIES, "upsample"])
def test_the_same_networks_are_taken_whole(generator: str, discriminator: str) -> None:
    names = {"generator": generator, "discriminator": discriminator, "ema_halflife_nimg": 100}
    old, new = state_of(GREY, 1, **names), state_of(GREY, 2, **names)
    said = warm_start(new, source_of(old, GREY), GREY)
    for ours, theirs in zip(networks(new), networks(old), strict=True):
        assert all(torch.equal(t, theirs.state_dict()[name]) for name, t in ours.state_dict().items())
    counts = [len(network.state_dict()) for network in (old.G, old.D)]
    assert said == f"From run/1.safetensors (64,000 images): G {counts[0]} tensors taken; D {counts[1]} tensors taken"


def test_without_a_moving_average_of_its_own_g_starts_from_the_sources() -> None:
    old, new = state_of(GREY, 1, ema_halflife_nimg=100), state_of(GREY, 2)
    warm_start(new, source_of(old, GREY), GREY)
    assert torch.equal(outputs(new, Z)[0], outputs(old, Z)[1])


def test_a_snapshot_leaves_d_fresh() -> None:
    old, new = state_of(GREY, 1), state_of(GREY, 2, ema_halflife_nimg=100)
    images = torch.rand(2, 1, 8, 8)
    before = scores(new, images)
    said = warm_start(new, source_of(old, GREY, snapshot=True), GREY)
    assert said.endswith("tensors taken; D is fresh, since a snapshot has none")
    assert torch.equal(scores(new, images), before)
    assert all(torch.equal(made, outputs(old, Z)[0]) for made in outputs(new, Z))


@pytest.mark.parametrize("generator", [*FAMILIES, "upsample"])
def test_a_grey_g_draws_the_same_in_colour(generator: str) -> None:
    old, new = state_of(GREY, 1, generator=generator), state_of(COLOUR, 2, generator=generator)
    said = warm_start(new, source_of(old, GREY), COLOUR)
    [grey], [colour] = outputs(old, Z), outputs(new, Z)
    torch.testing.assert_close(colour, grey.expand(-1, 3, -1, -1))
    assert "adapted (1 -> 3 channels)" in said
    assert "fresh" not in said


@pytest.mark.parametrize("discriminator", ["mlp", "logistic", "recurrent", "dcgan", "r3gan"])
def test_a_grey_d_scores_the_same_in_colour_and_back(discriminator: str) -> None:
    grey, colour = state_of(GREY, 1, discriminator=discriminator), state_of(COLOUR, 2, discriminator=discriminator)
    images = torch.rand(5, 1, 8, 8)
    warm_start(colour, source_of(grey, GREY), COLOUR)
    torch.testing.assert_close(scores(colour, images.expand(-1, 3, -1, -1)), scores(grey, images))
    again = state_of(GREY, 3, discriminator=discriminator)
    warm_start(again, source_of(colour, COLOUR), GREY)
    torch.testing.assert_close(scores(again, images), scores(grey, images))


def test_a_colour_g_becomes_grey_by_the_mean() -> None:
    old = torch.rand(3, 8, 1, 1)
    made = other_channels(old, torch.zeros(1, 8, 1, 1), COLOUR, GREY, outputs=True)
    torch.testing.assert_close(made, old.mean(0, keepdim=True))
    summed = other_channels(old.movedim(0, 1), torch.zeros(8, 1, 1, 1), COLOUR, GREY, outputs=False)
    torch.testing.assert_close(summed, old.sum(0)[:, None])


def test_transparency_starts_fresh_beside_the_colours() -> None:
    old, new = torch.rand(8, 3, 2, 2), torch.rand(8, 4, 2, 2)
    made = other_channels(old, new, COLOUR, Items((4, 8, 8), 0), outputs=False)
    assert made is not None
    assert torch.equal(made, torch.cat([old, new[:, 3:]], dim=1))


@pytest.mark.parametrize(
    ("old", "new", "was", "items"),
    [
        ((8, 1), (8, 3), Items((1, 8, 8), 1), Items((3, 8, 8), 3)),  # a column for each class
        ((8, 64), (8, 75), GREY, Items((3, 5, 5), 0)),  # another size, too
        ((8, 1, 2), (4, 3, 2), GREY, COLOUR),
        ((8, 1), (8, 3, 2), GREY, COLOUR),
        ((8, 2), (8, 6), GREY, COLOUR),  # thrice as much, but of what?
        ((8, 1), (8, 3), GREY, GREY),
    ],
)
def test_what_does_not_count_channels_is_left_alone(
    old: tuple[int, ...], new: tuple[int, ...], was: Items, items: Items
) -> None:
    assert other_channels(torch.rand(old), torch.rand(new), was, items, outputs=False) is None


@pytest.mark.parametrize("counts", [(10, 3), (0, 3), (3, 0)], ids=str)
def test_an_r3gans_noise_keeps_its_weights_whatever_the_classes(counts: tuple[int, int]) -> None:
    """What it is told of a class is of one length."""
    was, items = (Items((1, 8, 8), count) for count in counts)
    old, new = (state_of(i, s, generator="r3gan", discriminator="r3gan") for s, i in enumerate((was, items)))
    fresh = {name: tensor.clone() for name, tensor in new.G.state_dict().items()}
    warm_start(new, source_of(old, was), items)
    there = new.G.state_dict()
    assert torch.equal(there["scales.weight"][:, :4], old.G.state_dict()["scales.weight"][:, :4])
    assert "classes" not in there or torch.equal(there["classes"], fresh["classes"])


@pytest.mark.parametrize("generator", ["mlp", "dcgan"])
def test_other_classes_leave_the_noise_its_weights(generator: str) -> None:
    was, items = Items((1, 8, 8), 10), Items((1, 8, 8), 3)
    old, new = (state_of(i, seed, generator=generator) for seed, i in enumerate((was, items)))
    said = warm_start(new, source_of(old, was), items)
    assert "1 adapted (10 -> 3 classes)" in said
    assert "fresh: head.classes.weight" in said or "fresh: classes.weight" in said
    first = [next(t for t in s.G.state_dict().values() if t.dim() == 2) for s in (old, new)]
    assert first[1].shape[1] == 4 + 3
    assert torch.equal(first[0][:, :4], first[1][:, :4])


@pytest.mark.parametrize("family", FAMILIES)
def test_another_size_takes_what_fits_counted_from_the_picture(family: str) -> None:
    large = Items((1, 28, 28), 0)
    old, new = (state_of(i, s, generator=family, discriminator=family) for s, i in ((1, large), (2, GREY)))
    said = warm_start(new, source_of(old, large), GREY)
    assert "fresh" in said
    for network, theirs in ((new.G, old.G), (new.D, old.D)):
        ours, before = list(network.state_dict().values()), list(theirs.state_dict().values())
        here = {t.numpy().tobytes() for t in ours if t.numel() > 1}
        there = {t.numpy().tobytes() for t in before if t.numel() > 1}
        assert 1 <= len(here & there) < len(here)
    if family != "mlp":  # the layer that makes the pictures
        last = [[t for t in s.G.state_dict().values() if t.dim() == 4][-1] for s in (old, new)]
        assert torch.equal(*last)


def test_numbers_that_are_not_finite_are_not_taken() -> None:
    fresh = {"layers.0.weight": torch.zeros(2, 2), "layers.0.bias": torch.zeros(2)}
    old = {"layers.0.weight": torch.full((2, 2), float("nan")), "layers.0.bias": torch.ones(2)}
    done = fit(old, fresh, GREY, GREY, outputs=False)
    assert (done.taken, done.fresh) == (["layers.0.bias"], ["layers.0.weight"])
    assert done.weights["layers.0.weight"].eq(0).all()
    done = fit({"layers.0.bias": torch.ones(2, dtype=torch.float64)}, fresh, GREY, GREY, outputs=False)
    assert done.taken == []


def test_points_and_pictures_have_nothing_in_common() -> None:
    points = Items((2,), 0)
    with pytest.raises(UserError, match=r"^run/1.safetensors makes points, and the data are pictures; start from"):
        warm_start(state_of(GREY, 1), source_of(state_of(points, 2), points), GREY)


def test_where_nothing_fits_nothing_changes() -> None:
    new = state_of(GREY, 1)
    before = {name: t.clone() for name, t in new.G.state_dict().items()}
    source = Source(Path("run/1.safetensors"), {}, GREY, 0, {"layers.0.weight": torch.ones(5, 7)})
    with pytest.raises(UserError, match=r"^No layer of the G in run/1.safetensors fits the new one; start from"):
        warm_start(new, source, GREY)
    assert all(torch.equal(t, before[name]) for name, t in new.G.state_dict().items())
