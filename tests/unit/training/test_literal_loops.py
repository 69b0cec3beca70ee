"""training/adversarial.py: with every objective and penalty, D and G learn what a plain loop teaches them.

The loop is written as a paper's algorithm is: `backward` and torch.optim, fakes made anew for each use, formulas as
they stand in the papers. All is in float64, where another order of adding changes less than 1e-9 of a weight.
"""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ganforge.networks import dcgan, mlp
from ganforge.objectives.losses import load_losses
from ganforge.objectives.penalties import load_penalties
from ganforge.training.adversarial import train_step, update_d, update_g
from ganforge.training.optimizer import Adam
from ganforge.training.step_inputs import Batch, StepOptions

N, SHAPE, Z_DIM, CLASSES = 8, (1, 5, 4), 3, 3
LR, BETAS, ROUNDS = 1e-2, (0.5, 0.9), 3


def log_sigmoid(logits: Tensor) -> Tensor:
    return torch.log(1 / (1 + torch.exp(-logits)))


LOSSES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "minimax": (lambda r, f: -log_sigmoid(r) - log_sigmoid(-f), lambda r, f: log_sigmoid(-f)),
    "non-saturating": (lambda r, f: -log_sigmoid(r) - log_sigmoid(-f), lambda r, f: -log_sigmoid(f)),
    "lsgan": (lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda r, f: (f - 1) ** 2 / 2),
    "lsgan-ab": (lambda r, f: ((r - 1) ** 2 + (f + 1) ** 2) / 2, lambda r, f: f**2 / 2),
    "wgan": (lambda r, f: f - r, lambda r, f: -f),
    "hinge": (lambda r, f: relu(1 - r) + relu(1 + f), lambda r, f: -f),
    "relativistic": (lambda r, f: -log_sigmoid(r - f), lambda r, f: -log_sigmoid(f - r)),
}
"""objective -> (D's loss, G's loss), per sample, of logits of reals and of fakes."""


def brighten(images: Tensor, draws: Tensor) -> Tensor:
    """An augmentation by which one can see which draws were used."""
    return images * (0.5 + draws[:, :1, None, None])


def penalty_of(options: StepOptions, D: nn.Module, batch: Batch, fakes: Tensor) -> Tensor:
    """The mean over the batch of all that D pays for its slope."""

    def slope(items: Tensor, whose: str | None = None) -> Tensor:
        items = items.detach().requires_grad_()
        shown = items if whose is None or options.augment is None else options.augment(items, batch.draws[whose])
        [grad] = torch.autograd.grad(D(shown, batch.labels).sum(), items, create_graph=True)
        return grad.flatten(1).norm(dim=1)

    reals, alpha = batch.reals, batch.draws["alpha"][:, :, None, None]
    paid = torch.zeros(N, dtype=torch.float64)
    weights = {penalty.record.name: penalty.weight for penalty in options.penalties}
    if gamma := weights.get("r1"):
        paid = paid + gamma / 2 * slope(reals, "reals") ** 2
    if gamma := weights.get("r2"):
        paid = paid + gamma / 2 * slope(fakes, "fakes") ** 2
    if weight := weights.get("gp"):
        paid = paid + weight * (slope(alpha * reals + (1 - alpha) * fakes) - 1) ** 2
    if weight := weights.get("dragan"):
        perturbed = reals + 0.5 * reals.std(correction=0) * batch.draws["noise"]
        paid = paid + weight * (slope(reals + alpha * (perturbed - reals)) - 1) ** 2
    return paid.mean()


class Loop:
    """The loop written out, one round of the game a call."""

    def __init__(self, G: nn.Module, D: nn.Module, options: StepOptions, objective: str) -> None:
        self.G, self.D, self.options = G, D, options
        self.d_formula, self.g_formula = LOSSES[objective]
        self.G_optimizer = torch.optim.Adam(G.parameters(), LR, BETAS)
        self.D_optimizer = torch.optim.Adam(D.parameters(), LR, BETAS)

    def show(self, images: Tensor, batch: Batch, whose: str) -> Tensor:
        return self.D(
            images if self.options.augment is None else self.options.augment(images, batch.draws[whose]), batch.labels
        )

    def __call__(self, d_batches: list[Batch], g_batch: Batch) -> tuple[float, float]:
        for batch in d_batches:
            if self.options.clip is not None:
                for weight in self.D.parameters():
                    weight.data.clamp_(-self.options.clip, self.options.clip)
            fakes = self.G(batch.z, batch.labels).detach()
            d_loss = self.d_formula(self.show(batch.reals, batch, "reals"), self.show(fakes, batch, "fakes")).mean()
            d_loss = d_loss + penalty_of(self.options, self.D, batch, fakes)
            self.D_optimizer.zero_grad()
            d_loss.backward()
            self.D_optimizer.step()
        real_logits = torch.zeros(())
        if self.options.losses.needs_real_logits:
            real_logits = self.show(g_batch.reals, g_batch, "reals").detach()
        g_loss = self.g_formula(real_logits, self.show(self.G(g_batch.z, g_batch.labels), g_batch, "G")).mean()
        self.G_optimizer.zero_grad()
        g_loss.backward()
        self.G_optimizer.step()
        return d_loss.item(), g_loss.item()


def batch_of(seed: int, labelled: bool = False) -> Batch:
    source = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(N, *shape, generator=source, dtype=torch.float64)

    draws = {name: uniform(1) for name in ("reals", "fakes", "G", "alpha")} | {"noise": uniform(*SHAPE)}
    labels = torch.randint(CLASSES, (N,), generator=source) if labelled else None
    return Batch(uniform(*SHAPE) * 2 - 1, uniform(Z_DIM) * 2 - 1, labels, draws)


def batches_of(round_: int, d_steps: int, shared_noise: bool, labelled: bool = False) -> tuple[list[Batch], Batch]:
    d_batches = [batch_of(100 * round_ + index, labelled) for index in range(d_steps)]
    return d_batches, d_batches[-1] if shared_noise else batch_of(100 * round_ + 99, labelled)


def networks(num_classes: int = 0, family: Any = mlp) -> tuple[nn.Module, nn.Module]:
    sizes: tuple[dict[str, Any], dict[str, Any]] = ({"hidden": (7, 7)}, {"hidden": (6, 6)})
    if family is dcgan:
        sizes = {"width": 3, "base_size": 2}, {"width": 3, "base_size": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        G = family.Generator(Z_DIM, SHAPE, num_classes=num_classes, **sizes[0])
        D = family.Discriminator(SHAPE, num_classes=num_classes, **sizes[1])
    return G.double(), D.double()


def assert_equal(ours: nn.Module, theirs: nn.Module) -> None:
    expected = theirs.state_dict()
    for name, tensor in ours.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=1e-9, msg=name)


OPTIONS: dict[str, dict[str, Any]] = {
    "alone": {},
    "r1": {"penalties": load_penalties({"r1": 3.0})},
    "r2": {"penalties": load_penalties({"r2": 3.0})},
    "r1 and r2": {"penalties": load_penalties({"r1": 2.0, "r2": 5.0})},
    "gp": {"penalties": load_penalties({"gp": 10.0})},
    "dragan": {"penalties": load_penalties({"dragan": 10.0})},
    "clip": {"clip": 0.1},
    "all, augmented": {
        "penalties": load_penalties({"r1": 1.0, "r2": 2.0, "gp": 3.0, "dragan": 4.0}),
        "augment": brighten,
    },
}


@pytest.mark.parametrize("options_name", OPTIONS)
@pytest.mark.parametrize("objective", LOSSES)
@pytest.mark.parametrize(("d_steps", "shared_noise"), [(1, True), (1, False), (3, True), (3, False)])
def test_a_literal_loop(objective: str, options_name: str, d_steps: int, shared_noise: bool) -> None:
    options = StepOptions(load_losses(objective), shared_noise=shared_noise, **OPTIONS[options_name])
    labelled = options_name == "all, augmented"
    G, D = networks(CLASSES if labelled else 0)
    literal = Loop(copy.deepcopy(G), copy.deepcopy(D), options, objective)
    G_opt, D_opt = (Adam(network, LR, BETAS, fused=False) for network in (G, D))
    failed = torch.zeros((), dtype=torch.float64)
    for round_ in range(ROUNDS):
        batches = batches_of(round_, d_steps, shared_noise, labelled)
        stats = train_step(G, D, G_opt, D_opt, options, *batches, failed)
        d_loss, g_loss = literal(*batches)
        assert stats["Loss/D"].item() == pytest.approx(d_loss, rel=1e-9)
        assert stats["Loss/G"].item() == pytest.approx(g_loss, rel=1e-9)
        assert_equal(G, literal.G)
        assert_equal(D, literal.D)
    assert failed.item() == 0


@pytest.mark.parametrize("objective", ["non-saturating", "relativistic"])
def test_batch_norms_learn_what_they_do_in_a_literal_loop(objective: str) -> None:
    """All buffers, too: means, variances and counts, of G and of D."""
    options = StepOptions(load_losses(objective), shared_noise=False)
    G, D = networks(family=dcgan)
    literal = Loop(copy.deepcopy(G), copy.deepcopy(D), options, objective)
    G_opt, D_opt = (Adam(network, LR, BETAS, fused=False) for network in (G, D))
    for round_ in range(ROUNDS):
        batches = batches_of(round_, 2, False)
        train_step(G, D, G_opt, D_opt, options, *batches, torch.zeros(()))
        literal(*batches)
    assert_equal(G, literal.G)
    assert_equal(D, literal.D)
    counts = [t.item() for name, t in G.state_dict().items() if name.endswith("num_batches_tracked")]
    assert set(counts) == {ROUNDS * 3}


def test_shared_noise_is_one_pass_through_g_the_less() -> None:
    G, D = networks(family=dcgan)
    G_opt, D_opt = (Adam(network, LR, BETAS, fused=False) for network in (G, D))
    train_step(G, D, G_opt, D_opt, StepOptions(load_losses("wgan")), *batches_of(0, 2, True), torch.zeros(()))
    assert {t.item() for name, t in G.state_dict().items() if name.endswith("num_batches_tracked")} == {2}


@pytest.mark.parametrize("parts", [2, 4, 8])
@pytest.mark.parametrize("shared_noise", [True, False])
@pytest.mark.parametrize("objective", ["non-saturating", "relativistic", "wgan"])
def test_a_batch_in_parts_is_the_same_batch(objective: str, shared_noise: bool, parts: int) -> None:
    """With penalties, labels and augmentation, where nothing mixes the items of a batch."""
    penalties = load_penalties({"r1": 1.0, "r2": 2.0, "gp": 3.0})
    ends = []
    for accumulate in (1, parts):
        options = StepOptions(
            load_losses(objective), penalties, augment=brighten, shared_noise=shared_noise, accumulate=accumulate
        )
        G, D = networks(CLASSES)
        G_opt, D_opt = (Adam(network, LR, BETAS, fused=False) for network in (G, D))
        for round_ in range(ROUNDS):
            batches = batches_of(round_, 2, shared_noise, labelled=True)
            stats = train_step(G, D, G_opt, D_opt, options, *batches, torch.zeros(()))
        ends.append((G, D, stats))
    (G, D, stats), (G_parts, D_parts, stats_parts) = ends
    assert_equal(G_parts, G)
    assert_equal(D_parts, D)
    assert list(stats) == list(stats_parts)
    for name, value in stats.items():
        torch.testing.assert_close(stats_parts[name], value, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("shared_noise", [True, False])
def test_in_each_half_only_one_network_takes_gradients(shared_noise: bool) -> None:
    """A hook on a weight is called when its gradient is computed, whether or not anybody keeps it."""
    G, D = networks()
    optimizers = [Adam(network, LR, BETAS, fused=False) for network in (G, D)]
    options = StepOptions(
        load_losses("relativistic"), load_penalties({"r1": 1.0, "r2": 1.0}), shared_noise=shared_noise
    )
    called: set[str] = set()
    for name, network in (("G", G), ("D", D)):
        for weight in network.parameters():
            weight.register_hook(lambda grad, name=name: called.add(name))
    batch = batch_of(0)
    _, fakes = update_d(G, D, optimizers[1], options, batch, torch.zeros(()))
    assert called == {"D"}
    assert (fakes is not None) == shared_noise
    called.clear()
    update_g(G, D, optimizers[0], options, batch, fakes, torch.zeros(()))
    assert called == {"G"}
    assert all(weight.grad is None for network in (G, D) for weight in network.parameters())


def test_the_formulas_say_undecided() -> None:
    """The loop's own formulas at logits of 0, by hand."""
    zero, log2 = torch.zeros(1), math.log(2)
    at_zero = {name: (d(zero, zero).item(), g(zero, zero).item()) for name, (d, g) in LOSSES.items()}
    expected = {"minimax": (2 * log2, -log2), "non-saturating": (2 * log2, log2), "lsgan": (0.5, 0.5)}
    expected |= {"lsgan-ab": (1.0, 0.0), "wgan": (0.0, 0.0), "hinge": (2.0, 0.0), "relativistic": (log2, log2)}
    for name, pair in expected.items():
        assert at_zero[name] == pytest.approx(pair, abs=1e-6)
