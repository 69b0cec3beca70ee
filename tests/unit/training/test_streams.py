"""What is drawn for a step is drawn for that step, that player and that purpose alone."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from ganforge.config import with_gammas
from ganforge.data.dataset import Dataset
from ganforge.recipes.catalog import RECIPES, recipe
from ganforge.training.build import build_state
from ganforge.training.feed import Feed, images_in
from ganforge.training.step_inputs import Batch

CPU = torch.device("cpu")
N, ITEMS = 4, 40
ALL_DRAWS: list[dict[str, Any]] = [
    {"augment": "ada", "gp_weight": 1.0, "shared_noise": False, "conditional": True, "d_steps": 2},
    {"augment": "diffaugment", "dragan_weight": 1.0, "shared_noise": False, "noise": "normal", "d_steps": 2},
    {"augment": "ada", "gp_weight": 1.0, "dragan_weight": 1.0, "mirror": True, "d_steps": 3},
    {"wgan_schedule": True, "d_steps": 5, "shared_noise": False, "augment": "diffaugment"},
    {"g_batch_factor": 3, "shared_noise": False, "augment": "ada", "gp_weight": 1.0},
]


def numbered() -> Dataset:
    """Picture i has i in its first column and 100 + i in its second; its label is i."""
    number = torch.arange(ITEMS)
    items = torch.stack([number, number + 100], dim=1).to(torch.uint8).view(-1, 1, 1, 2).repeat(1, 1, 2, 1)
    return Dataset("numbered", "", items, number, num_classes=ITEMS)


def steps_of(steps: int = 6, **changes: Any) -> Iterator[tuple[list[Batch], Batch]]:
    """The batches of a run's first steps."""
    config = recipe("note", data="digits", batch_size=N, z_dim=3, **changes)
    feed, nimg = Feed(config, numbered(), CPU), 0
    for step in range(steps):
        yield feed.batches(nimg, step)
        nimg += images_in(config, step)


def drawn(changes: dict[str, Any], steps: int = 6) -> dict[str, list[Tensor]]:
    """Every draw that is not of the data, by whose it is and what for: a tensor for each update."""
    found: dict[str, list[Tensor]] = {}
    for d_batches, g_batch in steps_of(steps, **changes):
        own = [("G", g_batch)] if g_batch is not d_batches[-1] else []
        for whose, batch in [*(("D", each) for each in d_batches), *own]:
            for name, tensor in {"z": batch.z, **batch.draws}.items():
                found.setdefault(f"{whose} {name}", []).append(tensor)
    return found


def rows_in(tensors: list[Tensor]) -> list[bytes]:
    return [row.contiguous().numpy().tobytes() for tensor in tensors for row in tensor]


@pytest.mark.parametrize("changes", ALL_DRAWS, ids=str)
def test_no_draw_comes_twice(changes: dict[str, Any]) -> None:
    """Not for another item, update, step, player or purpose."""
    found = drawn(changes)
    assert len(found) >= 5
    every = [row for tensors in found.values() for row in rows_in(tensors)]
    assert len(set(every)) == len(every)
    means = {name: torch.cat(tensors).double().mean().item() for name, tensors in found.items()}
    for name, tensors in found.items():
        assert len(torch.cat(tensors).unique()) > 0.99 * torch.cat(tensors).numel(), name
    middle = {name: 0.0 if name.endswith(" z") else 0.5 for name in found}
    assert means == pytest.approx(middle, abs=0.3)


@pytest.mark.parametrize("changes", ALL_DRAWS, ids=str)
def test_another_seed_draws_anew_and_the_same_one_again(changes: dict[str, Any]) -> None:
    one, again, other = drawn(changes, 2), drawn(changes, 2), drawn(changes | {"seed": 1}, 2)
    for name, tensors in one.items():
        assert rows_in(again[name]) == rows_in(tensors)
        assert not {*rows_in(tensors)} & {*rows_in(other[name])}, name


def seen(batch: Batch) -> list[tuple[int, bool]]:
    """(number, mirrored?) of a batch's pictures; its labels, where there are any, are theirs."""
    first, second = (((batch.reals[:, 0, 0, column] + 1) * 127.5).round().long().tolist() for column in (0, 1))
    items = [(min(pair), pair[0] > pair[1]) for pair in zip(first, second, strict=True)]
    if batch.labels is not None:
        assert batch.labels.tolist() == [number for number, _ in items]
    return items


@pytest.mark.parametrize("mirror", [False, True], ids=["plain", "mirrored"])
@pytest.mark.parametrize("d_steps", [1, 2])
def test_every_picture_comes_once_an_epoch_to_d(d_steps: int, mirror: bool) -> None:
    epoch = ITEMS * (1 + mirror)
    changes = {"d_steps": d_steps, "shared_noise": False, "mirror": mirror, "conditional": True}
    pictures = [
        pair for d_batches, _ in steps_of(3 * epoch // N // d_steps, **changes) for b in d_batches for pair in seen(b)
    ]
    epochs = [pictures[at : at + epoch] for at in range(0, len(pictures), epoch)]
    whole = sorted((number, flip) for number in range(ITEMS) for flip in (False, True)[: 1 + mirror])
    assert [sorted(each) for each in epochs] == [whole] * 3
    assert len({tuple(each) for each in epochs}) == 3


def test_a_larger_batch_of_gs() -> None:
    """All that it has is as long; D's is as before, and in an epoch no picture comes to G twice."""
    changes = {"g_batch_factor": 2, "shared_noise": False, "conditional": True, "augment": "ada"}
    batches = list(steps_of(ITEMS // N // 2, **changes))
    assert [len(seen(g)) for _, g in batches] == [2 * N] * len(batches)
    assert {len(tensor) for _, g in batches for tensor in g.tensors()} == {2 * N}
    assert len({number for _, g in batches for number, _ in seen(g)}) == ITEMS
    for (one, _), (other, _) in zip(batches, steps_of(ITEMS // N // 2, **changes | {"g_batch_factor": 1}), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one[0].tensors(), other[0].tensors(), strict=True))


@pytest.mark.parametrize("mirror", [False, True], ids=["plain", "mirrored"])
def test_gs_own_pictures_are_others_at_every_step(mirror: bool) -> None:
    """In one epoch none comes twice with one update of D a step, and none is there by D's order."""
    epoch = ITEMS * (1 + mirror)
    changes = {"shared_noise": False, "mirror": mirror, "conditional": True}
    pairs = [(seen(d_batches[0]), seen(g)) for d_batches, g in steps_of(epoch // N, **changes)]
    of_d, of_g = ([picture for each in pairs for picture in each[place]] for place in (0, 1))
    assert len({*of_g}) == epoch
    assert of_d != of_g
    assert sum(one == two for one, two in zip(of_d, of_g, strict=True)) < epoch / 4
    assert {flip for _, flip in of_g} == ({False, True} if mirror else {False})


def test_another_seed_shows_the_pictures_in_another_order() -> None:
    """To D and to G."""
    orders = []
    for seed in (0, 1):
        batches = [*steps_of(ITEMS // N, seed=seed, shared_noise=False)]
        orders += [[p for each in batches for p in seen(each[0][0])], [p for each in batches for p in seen(each[1])]]
    assert len({*map(tuple, orders)}) == 4


@pytest.mark.parametrize("name", [name for name in RECIPES if not recipe(name).shared_noise])
def test_g_of_a_recipe_with_a_batch_of_its_own_gets_another_at_every_step(name: str) -> None:
    config = with_gammas(recipe(name, batch_size=N), numbered().shape)
    feed = Feed(config, numbered(), CPU)
    nimgs = [step * images_in(config, 25 + step) for step in range(5)]
    batches = [feed.batches(nimg, 25 + step)[1] for step, nimg in enumerate(nimgs)]
    for what in ("reals", "z"):
        assert len({getattr(batch, what).numpy().tobytes() for batch in batches}) == len(batches), what


@pytest.mark.parametrize("name", RECIPES)
def test_what_g_shares_with_d_is_ds_last_batch(name: str) -> None:
    config = with_gammas(recipe(name, batch_size=N), numbered().shape)
    d_batches, g_batch = Feed(config, numbered(), CPU).batches(0, 30)
    assert (g_batch is d_batches[-1]) == config.shared_noise
    assert len(d_batches) == config.d_steps


def test_first_weights_are_others_for_g_d_and_another_seed() -> None:
    states = [
        build_state(recipe("note", data="digits", g_hidden=(8,), d_hidden=(8,), z_dim=4, seed=s), numbered(), CPU)
        for s in (0, 1)
    ]
    first = [next(network.parameters()).flatten()[:8].tolist() for s in states for network in (s.G, s.D)]
    assert len({*map(tuple, first)}) == 4
