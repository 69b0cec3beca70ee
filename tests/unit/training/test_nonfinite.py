"""training/nonfinite.py: the message names what was not finite, where, and what is safe."""

import copy
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganforge.base.errors import RunError, UserError
from ganforge.base.stopping import StopRequest
from ganforge.config import Config
from ganforge.data.digits import load_digits
from ganforge.objectives.losses import LossPair, load_losses
from ganforge.recipes.catalog import recipe
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import load_snapshot
from ganforge.training.adversarial import train_step
from ganforge.training.build import build_state
from ganforge.training.feed import Feed
from ganforge.training.nonfinite import explain
from ganforge.training.progress import Progress
from ganforge.training.start import resume_run, start_run
from ganforge.training.state import TrainingState
from ganforge.training.step_inputs import Batch, StepOptions

NON_SATURATING = load_losses("non-saturating")
CPU = torch.device("cpu")
NAN, INF = float("nan"), float("inf")


def tiny(**changes: object) -> Config:
    settings = {"data": "digits", "batch_size": 16, "z_dim": 4, "g_hidden": (32,), "d_hidden": (32,), "device": "cpu"}
    return recipe("note", **(settings | changes))


@pytest.fixture
def feed() -> Feed:
    return Feed(tiny(), load_digits(), CPU)


@pytest.fixture
def state() -> TrainingState:
    return build_state(tiny(), load_digits(), CPU)


def message(state: TrainingState, feed: Feed, tmp_path: Path, nimg: int = 160) -> str:
    """The explanation after a step from ``nimg`` that really failed, and changed no weight in explaining."""
    batches, options = feed.batches(nimg, 0), feed.options(nimg, state)
    train_step(state.G, state.D, state.G_opt, state.D_opt, options, *batches, state.failed)
    assert state.failed.item() == 1
    before = {name: tensor.clone() for name, tensor in state.tensors().items()}
    text = explain(state, feed, [(nimg, 0)], RunFolder(tmp_path), tiny())
    after = state.tensors()
    assert all(before[name].numpy().tobytes() == after[name].numpy().tobytes() for name in before)
    assert all(p.grad is None for net in (state.G, state.D) for p in net.parameters())
    return text


def changed(feed: Feed, **methods: object) -> Feed:
    other = copy.copy(feed)
    vars(other).update(methods)
    return other


def with_batches(feed: Feed, change: Callable[[int, Batch], Batch]) -> Feed:
    """The feed with other batches, all of D's updates and G's."""

    def batches(nimg: int, step: int) -> tuple[list[Batch], Batch]:
        batch = change(nimg, feed.batches(nimg, step)[1])
        return [batch], batch

    return changed(feed, batches=batches)


def fill(tensor: Tensor, value: float) -> None:
    with torch.no_grad():
        tensor.view(-1)[3] = value


@pytest.mark.parametrize(
    ("net", "parameter"), [("G", "layers.0.weight"), ("G", "layers.2.bias"), ("D", "layers.2.weight")]
)
def test_a_weight(net: str, parameter: str, state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    fill(getattr(state, net).get_parameter(parameter), NAN)
    assert f"because the weight {parameter} of {net} is not finite; " in message(state, feed, tmp_path)


def test_data(state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    reals = feed.batches(160, 0)[1].reals
    fill(reals, NAN)
    bad = with_batches(feed, lambda nimg, batch: dataclasses.replace(batch, reals=reals))
    assert "because the data hold a number that is not finite; " in message(state, bad, tmp_path)


def test_data_of_a_later_update_of_d(state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    def batches(nimg: int, step: int) -> tuple[list[Batch], Batch]:
        [first], _ = feed.batches(nimg, step)
        reals = first.reals.clone()
        fill(reals, NAN)
        second = dataclasses.replace(first, reals=reals)
        return [first, second], second

    bad = changed(feed, batches=batches)
    assert "because the data hold a number that is not finite; " in message(state, bad, tmp_path)


def test_a_layer_of_d(state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    with torch.no_grad():
        state.D.layers[2].weight.fill_(3e38)
    text = message(state, feed, tmp_path)
    assert "because the layer layers.2 (Linear) of D is not finite for real items; " in text


def test_a_layer_of_g(state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    with torch.no_grad():
        state.G.layers[0].weight.fill_(3e38)
        state.G.layers[0].weight[::2] *= -1
        state.G.layers[2].weight.fill_(3e38)
        state.G.layers[2].weight[:, ::2] *= -1
    feed = with_batches(feed, lambda nimg, batch: dataclasses.replace(batch, z=torch.ones(16, 4)))
    assert "because the layer layers.0 (Linear) of G is not finite for its noise; " in message(state, feed, tmp_path)


def test_a_layer_of_d_for_generated_items_only(state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    with torch.no_grad():
        state.D.layers[0].weight.fill_(3e37)
        state.D.layers[0].bias.zero_()
        state.G.layers[2].weight.zero_()
        state.G.layers[2].bias.fill_(9.0)  # all pixels about 1: 64 times 3e37 overflows
    black = with_batches(feed, lambda nimg, batch: dataclasses.replace(batch, reals=torch.zeros(16, 1, 8, 8)))
    text = message(state, black, tmp_path)
    assert "because the layer layers.0 (Linear) of D is not finite for generated items; " in text


@pytest.mark.parametrize("value", [INF, NAN, -INF])
@pytest.mark.parametrize("side", ["D", "G"])
def test_a_term_of_a_loss(side: str, value: float, state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    def d_loss(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        return NON_SATURATING.d_loss(real, fake) | ({"penalty": fake + value} if side == "D" else {})

    def g_loss(fake: Tensor, real: Tensor | None = None) -> dict[str, Tensor]:
        return NON_SATURATING.g_loss(fake) | ({"penalty": fake + value} if side == "G" else {})

    bad = changed(feed, options=lambda nimg, state: StepOptions(LossPair(d_loss, g_loss)))
    assert f"because the term 'penalty' of {side}'s loss is {value}; " in message(state, bad, tmp_path)


@pytest.mark.parametrize("side", ["D", "G"])
def test_a_gradient_of_a_finite_loss(side: str, state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    def cusp(fake: Tensor) -> dict[str, Tensor]:
        return {"cusp": (fake - fake.detach()).abs().sqrt()}  # 0, with an infinite slope

    def d_loss(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        return NON_SATURATING.d_loss(real, fake) | (cusp(fake) if side == "D" else {})

    def g_loss(fake: Tensor, real: Tensor | None = None) -> dict[str, Tensor]:
        return NON_SATURATING.g_loss(fake) | (cusp(fake) if side == "G" else {})

    bad = changed(feed, options=lambda nimg, state: StepOptions(LossPair(d_loss, g_loss)))
    text = message(state, bad, tmp_path)
    assert (
        f"because the gradient of the term 'cusp' of {side}'s loss is not finite in {side}'s layers.0.weight; " in text
    )


def test_the_candidate_that_failed_is_found(state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    def spoil(nimg: int, batch: Batch) -> Batch:
        if nimg == 48:
            fill(batch.reals, NAN)
        return batch

    candidates = [(nimg, 0) for nimg in range(0, 160, 16)]
    text = explain(state, with_batches(feed, spoil), candidates, RunFolder(tmp_path), tiny())
    assert "after 48 images, because the data hold a number that is not finite; " in text


def test_without_a_cause_it_says_so(state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    text = explain(state, feed, [(0, 0), (16, 1)], RunFolder(tmp_path), tiny())
    assert "because no cause was found when the step was replayed; " in text
    assert "there was no checkpoint yet" in text


def test_the_newest_checkpoint_is_named(state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.checkpoint(1).parent.mkdir()
    for nimg in (64, 128):
        folder.checkpoint(nimg).touch()
    assert f"the last good checkpoint is {folder.checkpoint(128)}." in explain(state, feed, [(0, 0)], folder, tiny())


class TurnsBad:
    """The non-saturating loss of D, which from its n-th use on is not finite."""

    def __init__(self, uses: int) -> None:
        self.left = uses

    def __call__(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        self.left -= 1
        terms = NON_SATURATING.d_loss(real, fake)
        return terms if self.left >= 0 else terms | {"fakes": terms["fakes"] * NAN}


def test_a_run_whose_loss_becomes_nan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with an error, and what it leaves is older than the failure, finite and usable."""
    cadences = {"report_nimg": 48, "snapshot_nimg": 64, "checkpoint_nimg": 80, "ema_halflife_nimg": 50}
    config = tiny(total_nimg=640, **cadences)
    folder = RunFolder(tmp_path / "run")
    bad = LossPair(TurnsBad(14), NON_SATURATING.g_loss)  # the first step is tried before
    monkeypatch.setattr("ganforge.training.feed.load_losses", lambda objective: bad)
    with pytest.raises(RunError) as caught:
        start_run(config, folder.path, Progress(), StopRequest())
    text = str(caught.value)
    assert "after 208 images, because the term 'fakes' of D's loss is nan; " in text
    assert f"the last good checkpoint is {folder.checkpoint(160)}" in text

    status = folder.read_status()
    assert status["state"] == "failed"
    assert "the term 'fakes' of D's loss is nan" in status["reason"]
    assert [nimg for nimg, _ in folder.all_checkpoints()] == [80, 160]
    tensors, facts, complaints = load_newest_checkpoint(folder)
    assert (facts["nimg"], complaints) == (160, {})
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    assert load_snapshot(folder.path).nimg == 192
    assert all(row["Loss/D"] == row["Loss/D"] for row in folder.rows())

    monkeypatch.undo()  # the cause is mended: the run goes on and finishes
    resume_run(folder, {}, Progress(), StopRequest())
    whole = start_run(config, tmp_path / "whole", Progress(), StopRequest())
    ours, theirs = (load_newest_checkpoint(run)[0] for run in (folder, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_too_high_a_learning_rate_ends_the_run_with_the_first_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"of D is not finite.*last good checkpoint is .*000000000\.saf.*lower --lr"):
        start_run(tiny(lr=1e30, total_nimg=640), tmp_path / "run", Progress(), StopRequest())
    folder = RunFolder(tmp_path / "run")
    assert folder.read_status()["state"] == "failed"
    assert [nimg for nimg, _ in folder.all_checkpoints()] == [0]
    with pytest.raises(UserError, match="no snapshot yet"):
        load_snapshot(folder.path)


def test_the_step_is_replayed_in_the_parts_that_fit_into_memory(tmp_path: Path) -> None:
    """Where gradients are accumulated, no network is given more than in the step: D a part's reals and fakes."""
    config, dataset = tiny(accumulate=4), load_digits()
    feed, state = Feed(config, dataset, CPU), build_state(config, dataset, CPU)
    sizes: set[int] = set()
    for network in (state.G, state.D):
        network.register_forward_pre_hook(lambda _, given: sizes.add(len(given[0])))
    assert "no cause was found" in explain(state, feed, [(160, 0)], RunFolder(tmp_path), tiny())
    assert sizes == {4, 8}


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"r1_gamma": 1e36}, "'r1' gives most, is too large.* a lower --r1-gamma (it is 1e+36)"),
        ({"r2_gamma": 1e36}, "'r2' gives most, is too large.* a lower --r2-gamma (it is 1e+36)"),
        ({"gp_weight": 1e36}, "'gp' gives most, is too large.* a lower --gp-weight (it is 1e+36)"),
        ({"dragan_weight": 1e36}, "'dragan' gives most, is too large.* a lower --dragan-weight (it is 1e+36)"),
        ({"r1_gamma": 1e30, "penalty_interval": 4}, "--r1-gamma (it is 1e+30) or --penalty-interval (it is 4)"),
        (
            {"r2_gamma": 1.0, "gamma_end": 1e30, "burn_in_nimg": 160},
            "--r2-gamma (it is 1) or --gamma-end (it is 1e+30)",
        ),
        ({"lr": 1e30}, "the layer layers.2 (Linear) of D is not.* a lower --lr (it is 1e+30)"),
        ({"d_lr": 1e30}, "the layer layers.2 (Linear) of D is not.* a lower --d-lr (it is 1e+30)"),
        ({"lr_end": 1e30, "burn_in_nimg": 160}, "--lr (it is 0.0003) or --lr-end (it is 1e+30)"),
        ({"lr": 1e15, "objective": "lsgan"}, "the term 'reals' of D's loss is inf.* a lower --lr (it is 1e+15)"),
    ],
    ids=str,
)
def test_the_setting_that_mends_it_is_named(settings: dict[str, object], advice: str, tmp_path: Path) -> None:
    pattern = re.escape(advice).replace(r"\.\*", ".*")
    with pytest.raises(RunError, match=rf"{pattern}$"):
        start_run(tiny(total_nimg=320, metric_samples=0, **settings), tmp_path / "run", Progress(), StopRequest())


def test_other_advice_for_data_and_where_no_cause_is_found(state: TrainingState, feed: Feed, tmp_path: Path) -> None:
    reals = feed.batches(160, 0)[1].reals
    fill(reals, INF)
    bad = with_batches(feed, lambda nimg, batch: dataclasses.replace(batch, reals=reals))
    assert message(state, bad, tmp_path).endswith("mend the data, then start a new run")
    text = explain(state, feed, [(0, 0)], RunFolder(tmp_path), tiny())
    assert f"`ganforge resume {tmp_path}` repeats it; should it end so again, start a new run with a lower --lr" in text
