"""training/adversarial.py: who learns from what, and that nothing changes once a number is not finite."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ganforge.networks.mlp import Discriminator, Generator
from ganforge.objectives.losses import LossPair, load_losses
from ganforge.objectives.penalties import load_penalties
from ganforge.training.accumulate import mean_terms, step_if_finite
from ganforge.training.adversarial import train_step, update_d
from ganforge.training.optimizer import Adam
from ganforge.training.step_inputs import Batch, StepOptions

NON_SATURATING = load_losses("non-saturating")
BATCH, SHAPE, Z_DIM = 16, (1, 5, 5), 6
BOTH = pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])


class Players:
    """G, D, their optimizers, a batch and noise; ``step`` plays one round."""

    def __init__(self, fused: bool = False, lr: float = 1e-3, objective: LossPair = NON_SATURATING) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.G, self.D = Generator(Z_DIM, SHAPE, (32,)), Discriminator(SHAPE, (32,))
            self.reals, self.z = torch.rand(BATCH, *SHAPE) * 2 - 1, torch.randn(BATCH, Z_DIM)
        self.G_opt, self.D_opt = (Adam(net, lr, (0.5, 0.999), fused=fused) for net in (self.G, self.D))
        self.objective = objective
        self.failed = torch.zeros(())

    def step(self, reals: Tensor | None = None, z: Tensor | None = None) -> dict[str, Tensor]:
        batch = Batch(self.reals if reals is None else reals, self.z if z is None else z)
        return train_step(
            self.G, self.D, self.G_opt, self.D_opt, StepOptions(self.objective), [batch], batch, self.failed
        )

    def everything(self) -> dict[str, Tensor]:
        parts = {"G": self.G.state_dict(), "D": self.D.state_dict()}
        parts |= {"G_opt": self.G_opt.tensors(), "D_opt": self.D_opt.tensors()}
        return {f"{part}.{name}": t.clone() for part, tensors in parts.items() for name, t in tensors.items()}


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """The parts in which some tensor is another one; NaN is the same as NaN."""
    return {k.partition(".")[0] for k in before if before[k].numpy().tobytes() != after[k].numpy().tobytes()}


def nothing_to_learn(*logits: Tensor | None) -> dict[str, Tensor]:
    fake_logits = logits[0] if logits[-1] is None else logits[-1]
    assert fake_logits is not None
    return {"none": fake_logits * 0.0}


@BOTH
def test_a_step_changes_both_networks_and_both_optimizers(fused: bool) -> None:
    players = Players(fused)
    before = players.everything()
    players.step()
    assert changed(before, players.everything()) == {"G", "D", "G_opt", "D_opt"}
    assert players.failed.item() == 0


@BOTH
def test_ds_update_is_ds_alone(fused: bool) -> None:
    """With nothing for G to learn, G stays, and D moves by the gradient of its own loss on G's fakes as constants."""
    players = Players(fused, objective=LossPair(NON_SATURATING.d_loss, nothing_to_learn))
    before = players.everything()
    twin = copy.deepcopy(players.D)
    with torch.no_grad():
        fakes = players.G(players.z)
    terms = NON_SATURATING.d_loss(twin(players.reals), twin(fakes))
    grads = torch.autograd.grad(sum(term.mean() for term in terms.values()), list(twin.parameters()))
    Adam(twin, 1e-3, (0.5, 0.999), fused=fused).step(grads, skip=torch.zeros(()))
    players.step()
    assert "G" not in changed(before, players.everything())
    for ours, expected in zip(players.D.parameters(), twin.parameters(), strict=True):
        assert torch.equal(ours, expected)


@BOTH
def test_gs_update_is_gs_alone(fused: bool) -> None:
    """With nothing for D to learn, D stays, and G moves by the gradient of its loss through D."""
    players = Players(fused, objective=LossPair(nothing_to_learn, NON_SATURATING.g_loss))
    before = players.everything()
    twin = copy.deepcopy(players.G)
    loss = NON_SATURATING.g_loss(players.D(twin(players.z)))["fakes"].mean()
    grads = torch.autograd.grad(loss, list(twin.parameters()))
    Adam(twin, 1e-3, (0.5, 0.999), fused=fused).step(grads, skip=torch.zeros(()))
    players.step()
    assert "D" not in changed(before, players.everything())
    for ours, expected in zip(players.G.parameters(), twin.parameters(), strict=True):
        assert torch.equal(ours, expected)


def test_g_learns_through_the_updated_d() -> None:
    players = Players()
    fakes = players.G(players.z).detach()
    stats = players.step()
    assert torch.equal(stats["Loss/G"], NON_SATURATING.g_loss(players.D(fakes))["fakes"].mean().detach())


def test_no_gradient_is_left_behind() -> None:
    players = Players()
    players.step()
    assert all(p.grad is None and p.requires_grad for net in (players.G, players.D) for p in net.parameters())


def test_gs_step_raises_ds_opinion_of_its_fakes() -> None:
    players = Players(objective=LossPair(nothing_to_learn, NON_SATURATING.g_loss))
    with torch.no_grad():
        before = players.D(players.G(players.z)).mean()
    players.step()
    with torch.no_grad():
        assert players.D(players.G(players.z)).mean() > before


def test_ds_step_tells_reals_from_fakes_better() -> None:
    players = Players(objective=LossPair(NON_SATURATING.d_loss, nothing_to_learn))
    with torch.no_grad():
        fakes = players.G(players.z)
        real, fake = players.D(players.reals).mean(), players.D(fakes).mean()
    players.step()
    with torch.no_grad():
        assert players.D(players.reals).mean() - players.D(fakes).mean() > real - fake


def test_the_statistics() -> None:
    players = Players()
    with torch.no_grad():
        real_logits, fake_logits = players.D(players.reals), players.D(players.G(players.z))
    stats = players.step()
    assert list(stats) == [
        "real_logits", "fake_logits", "Loss/D", "Loss/D/reals", "Loss/D/fakes", "Gradient/D",
        "Loss/G", "Loss/G/fakes", "Gradient/G",
    ]  # fmt: skip
    assert torch.equal(stats["real_logits"], real_logits)
    assert torch.equal(stats["fake_logits"], fake_logits)
    assert torch.equal(stats["Loss/D"], stats["Loss/D/reals"] + stats["Loss/D/fakes"])
    assert all(value.dim() == 0 for name, value in stats.items() if "/" in name)
    assert not any(value.requires_grad for value in stats.values())


def test_the_gradient_norm_is_that_of_all_parameters_together() -> None:
    players = Players()
    terms = NON_SATURATING.d_loss(players.D(players.reals), players.D(players.G(players.z).detach()))
    grads = torch.autograd.grad(sum(t.mean() for t in terms.values()), list(players.D.parameters()))
    expected = torch.cat([grad.flatten() for grad in grads]).norm()
    torch.testing.assert_close(players.step()["Gradient/D"], expected)


def test_equal_players_end_equal() -> None:
    one, two = Players(), Players()
    for _ in range(3):
        one.step(), two.step()
    assert not changed(one.everything(), two.everything())


@BOTH
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("place", ["reals", "z", "G", "D"])
def test_a_number_that_is_not_finite_changes_no_weight(fused: bool, value: float, place: str) -> None:
    """In the batch, in the noise, in a weight of G or of D; and once it has happened, no later step changes any."""
    players = Players(fused)
    players.step()
    reals, z = players.reals.clone(), players.z.clone()
    if place in ("reals", "z"):
        (reals if place == "reals" else z).view(-1)[7] = value
        if place == "z":
            z.fill_(float("nan"))  # ReLU makes zeros of -inf, tanh ones of inf: only NaN gets through G
    else:
        with torch.no_grad():
            getattr(players, place).layers[0].weight.fill_(float("nan") if place == "G" else value)
    before = players.everything()
    players.step(reals, z)
    assert players.failed.item() == 1
    assert not changed(before, players.everything())
    players.step()
    assert players.failed.item() == 1
    assert not changed(before, players.everything())


@BOTH
@pytest.mark.parametrize("loss", ["nan", "inf", "-inf"])
def test_a_loss_that_is_not_finite_changes_no_weight(fused: bool, loss: str) -> None:
    players = Players(fused, objective=LossPair(lambda r, f: {"odd": f * 0 + float(loss)}, NON_SATURATING.g_loss))
    before = players.everything()
    players.step()
    assert players.failed.item() == 1
    assert not changed(before, players.everything())


@BOTH
def test_a_failure_of_gs_half_changes_nothing_of_g(fused: bool) -> None:
    """D's half was in order and has been done by then; from the next step on, D does not change either."""
    players = Players(fused, objective=LossPair(NON_SATURATING.d_loss, lambda f, r=None: {"odd": f * float("nan")}))
    before = players.everything()
    players.step()
    assert players.failed.item() == 1
    assert not changed(before, players.everything()) & {"G", "G_opt"}
    stopped = players.everything()
    players.objective = NON_SATURATING
    players.step()
    assert not changed(stopped, players.everything())


@BOTH
def test_an_infinite_gradient_of_a_finite_loss_changes_no_weight(fused: bool) -> None:
    def cusp(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        return {"cusp": (fake - fake.detach()).abs().sqrt()}  # 0, with an infinite slope

    players = Players(fused, objective=LossPair(cusp, NON_SATURATING.g_loss))
    before = players.everything()
    stats = players.step()
    assert stats["Loss/D"].item() == 0
    assert players.failed.item() == 1
    assert not changed(before, players.everything())


def test_mean_terms() -> None:
    means, loss = mean_terms({"a": torch.tensor([1.0, 3.0]), "b": torch.tensor([10.0, 20.0, 60.0])})
    assert {name: value.item() for name, value in means.items()} == {"a": 2.0, "b": 30.0}
    assert loss.item() == 32.0


def test_step_if_finite_returns_the_norm_and_steps() -> None:
    players, failed = Players(), torch.zeros(())
    before = players.everything()
    grads = [torch.ones_like(p) for p in players.G_opt.params]
    norm = step_if_finite(players.G_opt, torch.tensor(1.0), grads, failed)
    assert norm.item() == pytest.approx(sum(g.numel() for g in grads) ** 0.5, rel=1e-6)
    assert changed(before, players.everything()) == {"G", "G_opt"}
    before = players.everything()
    step_if_finite(players.G_opt, torch.tensor(float("nan")), grads, failed)
    assert failed.item() == 1
    assert not changed(before, players.everything())


class Waits(TorchDispatchMode):
    """Counts the operations for which a program waits for its device."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.name() in ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal"):
            self.names.append(func.name())
        return func(*args, **(kwargs or {}))


def test_nothing_waits_for_the_device() -> None:
    players = Players(fused=True)
    with Waits() as waits:
        players.step()
        assert waits.names == []
        players.failed.item()
    assert waits.names == ["aten::_local_scalar_dense"]


class Unlabelled(nn.Sequential):
    def forward(self, items: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(items)


def test_points_and_any_network_will_do() -> None:
    """The update knows of no shape: any G and D that fit each other."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        G, D = Unlabelled(nn.Linear(3, 2)), Unlabelled(nn.Linear(2, 1), nn.Flatten(0))
    failed = torch.zeros(())
    G_opt, D_opt = (Adam(net, 1e-3, (0.5, 0.999), fused=False) for net in (G, D))
    batch = Batch(torch.ones(8, 2), torch.ones(8, 3))
    stats = train_step(G, D, G_opt, D_opt, StepOptions(NON_SATURATING), [batch], batch, failed)
    assert stats["fake_logits"].shape == (8,)
    assert failed.item() == 0


@pytest.mark.parametrize(("scale", "same_as"), [(0.0, 0.0), (3.0, 6.0), (1.0, 2.0)])
@pytest.mark.parametrize("gamma", ["r1", "r2"])
@pytest.mark.parametrize("accumulate", [1, 4])
def test_a_scaled_penalty_is_a_stronger_gamma(gamma: str, scale: float, same_as: float, accumulate: int) -> None:
    """And at 0 it is not there at all."""
    made = []
    for strength, penalty_scale in ((2.0, scale), (same_as, 1.0)):
        one = Players()
        options = StepOptions(NON_SATURATING, load_penalties({gamma: strength}), accumulate=accumulate)
        batch = Batch(one.reals, one.z, penalty_scale=penalty_scale)
        stats = train_step(one.G, one.D, one.G_opt, one.D_opt, options, [batch], batch, one.failed)
        assert (f"Loss/D/{gamma}" in stats) == (scale > 0)
        made.append(one.everything())
    assert all(torch.equal(made[0][name], tensor) for name, tensor in made[1].items())


def test_one_pass_over_reals_and_fakes_is_two_up_to_rounding() -> None:
    made = []
    for one_pass in (False, True):
        one = Players()
        batch = Batch(one.reals, one.z)
        options = StepOptions(NON_SATURATING, one_pass=one_pass)
        looks = []
        one.D.register_forward_hook(lambda D, given, logits, looks=looks: looks.append(len(logits)))
        stats = train_step(one.G, one.D, one.G_opt, one.D_opt, options, [batch], batch, one.failed)
        assert looks == ([2 * BATCH, BATCH] if one_pass else [BATCH, BATCH, BATCH])
        made.append(stats | one.everything())
    for name, tensor in made[0].items():
        torch.testing.assert_close(made[1][name], tensor, rtol=1e-5, atol=1e-6)


def test_in_one_pass_each_item_keeps_its_class() -> None:
    """The fakes' classes are the reals', in the same order."""
    made = []
    for one_pass in (False, True):
        one = Players()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            G, D = Generator(Z_DIM, SHAPE, (32,), num_classes=3), Discriminator(SHAPE, (32,), num_classes=3)
            for weight in D.parameters():
                torch.nn.init.normal_(weight)
        labels = torch.tensor([0, 1, 1, 2] * (BATCH // 4))
        D_opt = Adam(D, 1e-3, (0.5, 0.999), fused=False)
        options = StepOptions(NON_SATURATING, one_pass=one_pass)
        stats, _ = update_d(G, D, D_opt, options, Batch(one.reals, one.z, labels), one.failed)
        made.append(stats | {name: tensor.clone() for name, tensor in D.state_dict().items()})
    for name, tensor in made[0].items():
        torch.testing.assert_close(made[1][name], tensor, rtol=1e-4, atol=1e-5)
