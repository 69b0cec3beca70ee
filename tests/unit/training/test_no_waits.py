"""A step of any recipe waits for nothing that its device computes, and mixes no two devices."""

import contextlib
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ganforge.config import Config, with_gammas
from ganforge.data.dataset import Dataset
from ganforge.data.digits import load_digits
from ganforge.recipes.catalog import RECIPES, recipe
from ganforge.training.build import build_state
from ganforge.training.capture import Captured, StepTaker
from ganforge.training.feed import Feed, following, schedule_optimizers
from ganforge.training.whole_step import whole_step

SMALL: dict[str, Any] = {"data": "digits", "batch_size": 4, "d_steps": 2, "wgan_schedule": False}
PENALISED: dict[str, Any] = {"r1_gamma": 1.0, "r2_gamma": 1.0, "gp_weight": 1.0, "gamma_end": 0.5, "burn_in_nimg": 64}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in RECIPES} | {
    "plain": ("note", {"fused_adam": False}),
    "all penalties": ("note", PENALISED | {"dragan_weight": 1.0, "augment": "diffaugment", "conditional": True}),
    "in parts": ("note", PENALISED | {"accumulate": 2, "augment": "ada", "clip": 0.1, "fused_adam": False}),
}
"""name -> recipe, and what is changed in it."""
EACH = pytest.mark.parametrize("name", RUNS)
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "unique_dim", "_unique2")
"""Operations whose result, or its size, has to come back from the device."""


class Refuses(TorchDispatchMode):
    """Raises AssertionError where a program waits for its device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.name().removeprefix("aten::").partition(".")[0] not in WAITING, f"{func.name()} waits"
        return func(*args, **(kwargs or {}))


def config_of(name: str, dataset: Dataset) -> Config:
    recipe_name, changes = RUNS[name]
    return with_gammas(recipe(recipe_name, **(SMALL | changes)), dataset.shape)


def take_steps(config: Config, dataset: Dataset, device: str, inside: Any, take: StepTaker = whole_step) -> Any:
    """The state after two steps, taken ``inside`` a context once their batches are drawn."""
    feed, state = Feed(config, dataset, torch.device(device)), build_state(config, dataset, torch.device(device))
    for step in range(2):
        nimg = step * 8
        d_batches, g_batch = feed.batches(nimg, step)
        with inside:
            schedule_optimizers(config, state, nimg)
            options = feed.options(nimg, state)
            take(state, options, d_batches, g_batch, following(config, nimg, 8))
    return state


@EACH
def test_no_step_waits_for_the_device(name: str) -> None:
    dataset = load_digits()
    state = take_steps(config_of(name, dataset), dataset, "cpu", Refuses())
    assert state.failed.item() == 0


@pytest.mark.parametrize("name", [name for name, (_, changes) in RUNS.items() if changes.get("fused_adam", True)])
def test_no_step_with_its_numbers_on_the_device_waits_for_it(name: str) -> None:
    """As it is recorded on CUDA, where waiting ends a recording."""
    dataset = load_digits()
    config = config_of(name, dataset)
    changes = config.beta2_end is not None
    taker = Captured(torch.device("cpu"), pytest.fail, beta2_changes=changes, record=pytest.fail)
    taker.refused = True
    assert take_steps(config, dataset, "cpu", Refuses(), taker).failed.item() == 0


@EACH
def test_a_step_stays_on_one_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The meta device computes no numbers, and refuses those of another device. It has no autocast."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())
    dataset = load_digits()
    state = take_steps(config_of(name, dataset), dataset, "meta", contextlib.nullcontext())
    tensors = [*state.G_opt.tensors().values(), *state.D_opt.tensors().values(), state.failed]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_who_waits_is_refused() -> None:
    with pytest.raises(AssertionError, match="_local_scalar_dense waits"), Refuses():
        bool(torch.zeros(()))
