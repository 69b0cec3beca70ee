"""training/capture.py, without a GPU: a stand-in for a recording does again what it was shown, with the numbers that
lie in the memory it was shown, and all other memory is spoiled before."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ganforge.config import Config, with_gammas
from ganforge.data.dataset import Dataset
from ganforge.data.digits import load_digits
from ganforge.recipes.catalog import RECIPES, recipe
from ganforge.training.accumulate import Stats
from ganforge.training.build import build_state, step_taker
from ganforge.training.capture import Captured
from ganforge.training.feed import Feed, following, images_at, schedule_optimizers
from ganforge.training.optimizer import Optimizer
from ganforge.training.state import TrainingState
from ganforge.training.whole_step import whole_step

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {"data": "digits", "batch_size": 8, "total_nimg": 10_000}
SIZES: dict[str, dict[str, Any]] = {
    "mlp": {"g_hidden": (16,), "d_hidden": (16,)}, "dcgan": {"g_width": 4, "d_width": 4},
    "resnet": {"g_width": 4, "d_width": 4}, "r3gan": {}, "smooth": {"g_width": 4, "d_width": 4},
}  # fmt: skip
SCHEDULED: dict[str, Any] = {"gamma_end": 0.0, "lr_end": 0.1, "beta2": 0.9, "beta2_end": 0.99, "burn_in_nimg": 200}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in RECIPES if name != "wgan"} | {
    "wgan": ("wgan", {"wgan_schedule": False}),
    "everything": (
        "r1",
        SCHEDULED | {"r1_gamma": 1.0, "penalty_interval": 3, "d_steps": 2, "augment": "ada", "conditional": True}
        | {"accumulate": 2, "ema_rampup": True, "ema_halflife_nimg": 1000},
    ),
    "fresh noise": ("note", {"shared_noise": False, "d_steps": 2, "dragan_weight": 1.0, "augment": "diffaugment"}),
}  # fmt: skip


class StandIn:
    """Counts what is recorded and replayed. As in a recording, the optimizers' numbers stay those of that moment."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0
        self.optimizers: list[Optimizer] = []

    def record(self, take: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        rates = [(optimizer, optimizer.lr, optimizer.betas) for optimizer in self.optimizers]

        def replay() -> None:
            self.replayed += 1
            for optimizer, lr, betas in rates:
                optimizer.lr, optimizer.betas = lr, betas
            take()

        return replay


def config_of(name: str, dataset: Dataset, **changes: Any) -> Config:
    recipe_name, own = RUNS[name]
    sizes = SIZES[recipe(recipe_name).generator]
    return with_gammas(recipe(recipe_name, **(SMALL | sizes | own | changes)), dataset.shape)


def trained(
    config: Config, dataset: Dataset, take: Any, graph: StandIn | None = None
) -> tuple[TrainingState, list[Stats]]:
    """The state after some steps, and what each told. graph: then each step's batches are spoiled once it is taken."""
    feed, state, told = Feed(config, dataset, CPU), build_state(config, dataset, CPU), []
    if graph is not None:
        graph.optimizers = [state.G_opt, state.D_opt]
    for step in range(16 if config.penalty_interval == 3 else 6):
        images = images_at(config, state.nimg, step)
        schedule_optimizers(config, state, state.nimg)
        d_batches, g_batch = feed.batches(state.nimg, step)
        then = following(config, state.nimg, images)
        told.append(take(state, feed.options(state.nimg, state), d_batches, g_batch, then))
        for tensor in [t for batch in (*d_batches, g_batch) for t in batch.tensors()] * (graph is not None):
            tensor.fill_(float("nan") if tensor.is_floating_point() else 0)
        state.nimg += images
    return state, told


def assert_alike(one: dict[str, Tensor], other: dict[str, Tensor], **tolerance: float) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], msg=lambda text, name=name: f"{name}: {text}", **tolerance)


@pytest.mark.parametrize("name", RUNS)
def test_replayed_steps_are_the_steps(name: str) -> None:
    dataset, graph = load_digits(), StandIn()
    config = config_of(name, dataset)
    beta2_changes = config.beta2_end is not None
    captured = Captured(CPU, pytest.fail, beta2_changes=beta2_changes, record=graph.record)
    state, told = trained(config, dataset, captured, graph)
    never = Captured(CPU, pytest.fail, beta2_changes=beta2_changes, record=graph.record)
    never.refused = True
    as_it_is, told_as_it_is = trained(config, dataset, never)
    assert graph.replayed >= 2
    # To the bit what the same operations give without a recording; and, up to rounding, what they give with numbers
    # in place of tensors.
    assert_alike(state.tensors(), as_it_is.tensors(), rtol=0, atol=0)
    for one, other in zip(told, told_as_it_is, strict=True):
        assert_alike(one, other, rtol=0, atol=0)
    plain, _ = trained(config, dataset, whole_step)
    assert_alike(state.tensors(), plain.tensors(), rtol=2e-3, atol=2e-5)


def test_few_recordings_serve_all_steps() -> None:
    dataset, graph = load_digits(), StandIn()
    config = config_of("everything", dataset, gamma_end=0.5)
    trained(config, dataset, Captured(CPU, pytest.fail, beta2_changes=True, record=graph.record))
    # D alone and D with G, each with and without the lazy penalty, which is due in every third update of D.
    assert 3 <= graph.recorded <= 4


def test_what_cannot_be_recorded_is_taken_as_it_is() -> None:
    def record(take: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    said: list[str] = []
    dataset = load_digits()
    config = config_of("note", dataset)
    state, _ = trained(config, dataset, Captured(CPU, said.append, beta2_changes=False, record=record))
    never = Captured(CPU, said.append, beta2_changes=False, record=record)
    never.refused = True
    assert_alike(state.tensors(), trained(config, dataset, never)[0].tensors(), rtol=0, atol=0)
    [line] = said
    assert line.endswith("they cannot be recorded to be replayed: operation not permitted when stream is capturing")


def test_a_step_that_is_not_finite_changes_nothing() -> None:
    dataset, graph = load_digits(), StandIn()
    config = config_of("everything", dataset)
    captured = Captured(CPU, pytest.fail, beta2_changes=True, record=graph.record)
    feed, state = Feed(config, dataset, CPU), build_state(config, dataset, CPU)
    for step in range(8):
        schedule_optimizers(config, state, state.nimg)
        if step == 5:
            before = {name: value.clone() for name, value in state.tensors().items()}
            state.D_opt.lr = state.G_opt.lr = 1e-3
        d_batches, g_batch = feed.batches(state.nimg, step)
        if step >= 5:
            for batch in d_batches:
                batch.reals.fill_(float("nan"))
        captured(state, feed.options(state.nimg, state), d_batches, g_batch, following(config, state.nimg, 16))
        state.nimg += 16
    assert state.failed.item() == 1
    after = state.tensors()
    weights = {f"{one}.{name}" for one in "GD" for name, _ in getattr(state, one).named_parameters()}
    kept = [name for name in after if name in weights or "_opt." in name or name.startswith("ada")]
    assert_alike({n: after[n] for n in kept}, {n: before[n] for n in kept}, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("changes", "device", "kind"),
    [({}, "cpu", "plain"), ({"capture": False}, "cuda", "plain"), ({"fused_adam": False}, "cuda", "said")],
)
def test_who_takes_the_steps(changes: dict[str, Any], device: str, kind: str) -> None:
    said: list[str] = []
    assert step_taker(config_of("note", load_digits(), **changes), torch.device(device), said.append) is whole_step
    assert bool(said) == (kind == "said")
