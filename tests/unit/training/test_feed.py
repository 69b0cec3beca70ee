"""training/feed.py: the batches of a step, its losses and rates at an nimg, and what the data must have."""

from itertools import groupby
from typing import Any

import pytest
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.images import to_float
from ganforge.base.noise import draw_z
from ganforge.base.seeding import generator
from ganforge.config import Config, with_gammas
from ganforge.data.augment import ADA_DRAWS, DIFF_AUGMENT_DRAWS, ada, diff_augment, translated
from ganforge.data.batches import Batches
from ganforge.data.catalog import POINTS
from ganforge.data.dataset import Dataset
from ganforge.data.digits import load_digits
from ganforge.data.load import load
from ganforge.objectives import hinge
from ganforge.recipes.catalog import RECIPES, recipe
from ganforge.training.adversarial import update_d
from ganforge.training.build import build_state
from ganforge.training.feed import Feed, end_of, images_at, images_in, one_pass, schedule_optimizers, updates_ahead
from ganforge.training.optimizer import Adam, RMSprop
from ganforge.training.processes import Processes
from ganforge.training.several import Several
from ganforge.training.step_inputs import Batch, StepOptions

CPU = torch.device("cpu")
N = 16


def config_of(**changes: Any) -> Config:
    settings: dict[str, Any] = {"data": "digits", "batch_size": N, "z_dim": 4, "g_hidden": (8,)}
    settings |= {"d_hidden": (8,)} if changes.get("discriminator", "mlp") == "mlp" else {}
    return recipe("note", **(settings | changes))


def batches_of(nimg: int = 0, step: int = 0, **changes: Any) -> tuple[list[Batch], Batch]:
    return Feed(config_of(**changes), load_digits(), CPU).batches(nimg, step)


def tensors_of(batch: Batch) -> list[Tensor]:
    return [batch.reals, batch.z, *([] if batch.labels is None else [batch.labels]), *batch.draws.values()]


def test_a_plain_batch_is_data_and_noise_alone() -> None:
    [batch], g_batch = batches_of(nimg=48)
    assert torch.equal(batch.reals, to_float(Batches(load_digits(), N, 0)(48)[0]))
    assert torch.equal(batch.z, draw_z("uniform", N, 4, generator(0, "z", 48)))
    assert (batch.labels, dict(batch.draws)) == (None, {})
    assert g_batch is batch


def test_every_update_of_d_has_the_next_reals_and_fresh_noise() -> None:
    d_batches, g_batch = batches_of(nimg=100, d_steps=3)
    stream = Batches(load_digits(), N, 0)
    assert len(d_batches) == 3
    for index, batch in enumerate(d_batches):
        assert torch.equal(batch.reals, to_float(stream(100 + index * N)[0]))
    assert len({batch.z.numpy().tobytes() for batch in d_batches}) == 3
    assert g_batch is d_batches[-1]
    [following, *_], _ = batches_of(nimg=100 + 3 * N, d_steps=3)
    assert torch.equal(following.reals, to_float(stream(148)[0]))


def test_gs_own_batch_is_of_its_own_streams() -> None:
    d_batches, g_batch = batches_of(d_steps=2, shared_noise=False, conditional=True, augment="ada")
    for batch in d_batches:
        for ours, theirs in zip(tensors_of(g_batch), tensors_of(batch), strict=True):
            assert not torch.equal(ours, theirs)
    items, labels = Batches(load_digits(), N, 0, purpose="G/shuffle")(0)
    assert torch.equal(g_batch.reals, to_float(items))
    assert labels is not None
    assert g_batch.labels is not None
    assert torch.equal(g_batch.labels, labels)


def test_labels_are_those_of_the_reals() -> None:
    [batch], _ = batches_of(nimg=64, conditional=True)
    labels = Batches(load_digits(), N, 0)(64)[1]
    assert labels is not None
    assert batch.labels is not None
    assert torch.equal(batch.labels, labels)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"augment": "diffaugment"}, dict.fromkeys(("reals", "fakes", "G"), (N, DIFF_AUGMENT_DRAWS))),
        ({"augment": "translation"}, dict.fromkeys(("reals", "fakes", "G"), (N, DIFF_AUGMENT_DRAWS))),
        ({"augment": "ada"}, dict.fromkeys(("reals", "fakes", "G"), (N, ADA_DRAWS))),
        ({"gp_weight": 1.0}, {"alpha": (N, 1)}),
        ({"dragan_weight": 1.0}, {"alpha": (N, 1), "noise": (N, 1, 8, 8)}),
    ],
)
def test_draws_are_what_is_asked_for_and_uniform(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    [batch], _ = batches_of(**changes)
    assert {name: tuple(draws.shape) for name, draws in batch.draws.items()} == expected
    assert len({draws[:, 0].numpy().tobytes() for draws in batch.draws.values()}) == len(expected)
    for draws in batch.draws.values():
        assert 0 <= draws.min() < 0.2 < 0.8 < draws.max() < 1


def test_batches_are_a_pure_function_of_where_they_start() -> None:
    changes = {"d_steps": 2, "shared_noise": False, "augment": "ada", "dragan_weight": 1.0, "conditional": True}
    one, two = batches_of(320, 9, **changes), batches_of(320, 9, **changes)
    for ours, theirs in zip([*one[0], one[1]], [*two[0], two[1]], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(tensors_of(ours), tensors_of(theirs), strict=True))


def test_images_in_a_step() -> None:
    assert [images_in(config_of(d_steps=3), step) for step in (0, 25, 500)] == [48, 48, 48]
    wgan = config_of(d_steps=5, wgan_schedule=True)
    assert [images_in(wgan, step) for step in (0, 24, 25, 499, 500, 501)] == [1600, 1600, 80, 80, 1600, 80]
    assert [images_in(config_of(d_steps=3, wgan_schedule=True), step) for step in (24, 25)] == [1600, 48]
    assert len(batches_of(step=500, d_steps=5, wgan_schedule=True)[0]) == 100


def test_the_last_step_has_as_many_updates_of_d_as_lead_to_the_end() -> None:
    """Whole batches, the first at or past the total: 100 images are 7 batches of 16."""
    config = config_of(d_steps=3, total_nimg=100)
    assert end_of(config) == 112
    assert [images_at(config, nimg, nimg // 48) for nimg in (0, 48, 96)] == [48, 48, 16]
    assert [len(batches_of(nimg, nimg // 48, d_steps=3, total_nimg=100)[0]) for nimg in (0, 48, 96)] == [3, 3, 1]
    assert end_of(config_of(total_nimg=96)) == 96
    [only], g_batch = batches_of(96, 2, d_steps=3, total_nimg=100)
    assert g_batch is only


def test_lazy_penalties_follow_from_where_the_update_begins() -> None:
    """Every third update of D, the first included, three times as strong; every update without the setting."""
    lazy = {"r1_gamma": 1.0, "penalty_interval": 3, "d_steps": 2}
    scales = [b.penalty_scale for nimg in range(0, 6 * N, 2 * N) for b in batches_of(nimg, nimg // N, **lazy)[0]]
    assert scales == [3.0, 0.0, 0.0, 3.0, 0.0, 0.0]
    assert [b.penalty_scale for b in batches_of(2 * N, 1, r1_gamma=1.0, d_steps=3)[0]] == [1.0, 1.0, 1.0]


def weights_of(options: StepOptions) -> dict[str, float]:
    return {penalty.record.name: penalty.weight for penalty in options.penalties}


def test_the_options_are_the_settings() -> None:
    config = config_of(
        objective="hinge", r1_gamma=1.0, r2_gamma=2.0, gp_weight=3.0, dragan_weight=4.0, clip=0.5, shared_noise=False,
    )  # fmt: skip
    dataset = load_digits()
    options = Feed(config, dataset, CPU).options(0, build_state(config, dataset, CPU))
    assert (options.losses.d_loss, options.losses.g_loss) == (hinge.d_loss, hinge.g_loss)
    assert weights_of(options) == {"r1": 1.0, "r2": 2.0, "gp": 3.0, "dragan": 4.0}
    assert (options.clip, options.accumulate, options.shared_noise, options.augment) == (0.5, 1, False, None)
    config = config_of(accumulate=4)
    assert Feed(config, dataset, CPU).options(0, build_state(config, dataset, CPU)).accumulate == 4


def test_gamma_by_the_rule_is_that_of_the_data() -> None:
    config = config_of(r1_gamma="auto", r2_gamma=2.0, gamma_end=0.5, burn_in_nimg=10)
    dataset = load_digits()
    feed = Feed(with_gammas(config, dataset.shape), dataset, CPU)
    assert weights_of(feed.options(10, build_state(config, dataset, CPU))) == pytest.approx({"r1": 0.032, "r2": 1.0})


def test_what_d_sees_is_augmented() -> None:
    dataset = load_digits()
    for augment, draws, change in (
        ("diffaugment", DIFF_AUGMENT_DRAWS, diff_augment),
        ("translation", DIFF_AUGMENT_DRAWS, translated),
        ("ada", ADA_DRAWS, lambda images, u: ada(images, 0.7, u)),
    ):
        config = config_of(augment=augment)
        state = build_state(config, dataset, CPU)
        state.ada_p.fill_(0.7)
        [batch], _ = Feed(config, dataset, CPU).batches(0, 0)
        seen = Feed(config, dataset, CPU).options(0, state).augmented(batch.reals, batch, "fakes")
        assert batch.draws["fakes"].shape[1] == draws
        assert torch.equal(seen, change(batch.reals, batch.draws["fakes"]))
        assert not torch.equal(seen, batch.reals)


@pytest.mark.parametrize("augment", ["none", "diffaugment", "ada"])
def test_only_adaptive_augmentation_has_a_probability(augment: str) -> None:
    state = build_state(config_of(augment=augment), load_digits(), CPU)
    assert ("ada.p" in state.tensors()) == (augment == "ada")


@pytest.mark.parametrize(("nimg", "share"), [(0, 0.0), (250, 0.25), (500, 0.5), (1000, 1.0), (5000, 1.0)])
def test_schedules(nimg: int, share: float) -> None:
    """Rates, beta2 and gamma on their way from the first value to the last; all others stay."""
    ends = {"burn_in_nimg": 1000, "burn_in_curve": "linear", "lr_end": 0.1, "beta2_end": 0.99, "gamma_end": 0.0}
    config = config_of(lr=1e-3, d_lr=4e-3, beta2=0.9, r1_gamma=2.0, r2_gamma=4.0, gp_weight=1.0, **ends)
    dataset = load_digits()
    state = build_state(config, dataset, CPU)
    schedule_optimizers(config, state, nimg)
    options = Feed(config, dataset, CPU).options(nimg, state)
    assert state.G_opt.lr == pytest.approx(1e-3 * (1 - 0.9 * share))
    assert state.D_opt.lr == pytest.approx(4e-3 * (1 - 0.9 * share))
    assert state.G_opt.betas == state.D_opt.betas == (0.5, pytest.approx(0.9 + 0.09 * share))
    expected = {"r1": 2 * (1 - share), "r2": 4 * (1 - share), "gp": 1.0}
    assert weights_of(options) == pytest.approx(expected)


def test_the_cosine_is_half_way_in_the_middle_and_slower_before() -> None:
    config = config_of(lr=1e-3, burn_in_nimg=1000, lr_end=0.0)
    state = build_state(config, load_digits(), CPU)
    rates = []
    for nimg in (0, 250, 500, 1000):
        schedule_optimizers(config, state, nimg)
        rates.append(state.G_opt.lr)
    assert rates == pytest.approx([1e-3, 0.85355339e-3, 0.5e-3, 0.0])


def test_without_schedules_nothing_moves_to_the_bit() -> None:
    config = config_of(lr=3e-4, d_lr=1e-4, r1_gamma=0.3)
    dataset = load_digits()
    state = build_state(config, dataset, CPU)
    for nimg in (0, 12345, 10**12):
        schedule_optimizers(config, state, nimg)
        assert (state.G_opt.lr, state.D_opt.lr, state.D_opt.betas) == (3e-4, 1e-4, (0.5, 0.999))
        assert Feed(config, dataset, CPU).options(nimg, state).penalties[0].weight == 0.3


def test_optimizers_and_rates() -> None:
    adam = build_state(config_of(lr=1e-3, fused_adam=False), load_digits(), CPU)
    assert isinstance(adam.G_opt, Adam)
    assert isinstance(adam.D_opt, Adam)
    assert (adam.G_opt.fused, adam.G_opt.lr, adam.D_opt.lr) == (False, 1e-3, 1e-3)
    rmsprop = build_state(config_of(optimizer="rmsprop", lr=1e-3, d_lr=2e-3), load_digits(), CPU)
    assert isinstance(rmsprop.G_opt, RMSprop)
    assert isinstance(rmsprop.D_opt, RMSprop)
    assert (rmsprop.G_opt.lr, rmsprop.D_opt.lr) == (1e-3, 2e-3)


def test_only_a_conditional_run_has_networks_that_are_told_the_class() -> None:
    dataset = load_digits()
    plain, told = (build_state(config_of(conditional=c), dataset, CPU) for c in (False, True))
    [batch], _ = Feed(config_of(conditional=True), dataset, CPU).batches(0, 0)
    assert plain.G(batch.z).shape == (N, 1, 8, 8)
    with pytest.raises(ValueError, match="needs labels"):
        told.G(batch.z)
    assert told.D(told.G(batch.z, batch.labels), batch.labels).shape == (N,)


def test_conditional_needs_labels() -> None:
    digits = load_digits()
    unlabelled = Dataset("letters", "nowhere", digits.items)
    with pytest.raises(UserError, match=r"^letters has no classes to tell the networks; leave conditional out\.$"):
        Feed(config_of(conditional=True), unlabelled, CPU)


@pytest.mark.parametrize("data", POINTS)
def test_points_are_not_augmented(data: str) -> None:
    assert load(data).mixture is not None
    for augment in ("diffaugment", "ada"):
        with pytest.raises(UserError, match=rf"^Points are not augmented, and {data} consists of them; leave aug"):
            recipe("note", data=data, augment=augment)
    with pytest.raises(UserError, match=rf"^Points have no mirror image, and {data} consists of them; leave mirror"):
        recipe("note", data=data, mirror=True)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize(
    ("discriminator", "d_norm"),
    [("mlp", None), ("logistic", None), ("recurrent", None), ("dcgan", "layer"), ("dcgan", "unnormalised")],
)
def test_reals_and_fakes_go_in_one_pass_where_d_judges_each_by_itself(
    discriminator: str, d_norm: str | None, conditional: bool
) -> None:
    config = config_of(discriminator=discriminator, d_norm=d_norm, conditional=conditional)
    assert one_pass(config)
    dataset = load_digits()
    D = build_state(config, dataset, CPU).D
    [batch], _ = Feed(config, dataset, CPU).batches(0, 0)
    labels = batch.labels
    one, two = batch.reals[:5], batch.reals[5:10].flip(2)
    told = (None, None, None) if labels is None else (labels[:5], labels[5:10], labels[:10])
    together = D(torch.cat([one, two]), told[2])
    torch.testing.assert_close(torch.cat([D(one, told[0]), D(two, told[1])]), together, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"fused_adam": False},
        {"discriminator": "dcgan"},
        {"discriminator": "dcgan", "d_norm": "spectral"},
        {"discriminator": "resnet"},
        {"discriminator": "r3gan"},
        {"r1_gamma": 1.0},
        {"r2_gamma": 1.0},
    ],
)
def test_and_in_two_elsewhere(changes: dict[str, Any]) -> None:
    config = config_of(**changes)
    dataset = load_digits()
    assert not Feed(config, dataset, CPU).options(0, build_state(config, dataset, CPU)).one_pass


@pytest.mark.parametrize("name", [name for name in RECIPES if recipe(name).optimizer == "adam"])
def test_a_recipes_first_step_keeps_each_weights_own_gradient(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adam's moments after one step are the gradient and its square, weight by weight, whatever order it came in."""
    config = recipe(name, data="digits", batch_size=8)
    dataset = load_digits()
    state, feed = build_state(config, dataset, CPU), Feed(with_gammas(config, dataset.shape), dataset, CPU)
    [batch, *_], _ = feed.batches(0, 0)
    taken: list[tuple[Tensor, ...]] = []

    def step(grads: Any, skip: Tensor) -> None:
        taken.append(tuple(grads))
        Adam.step(state.D_opt, grads, skip)

    monkeypatch.setattr(state.D_opt, "step", step)
    update_d(state.G, state.D, state.D_opt, feed.options(0, state), batch, state.failed)
    assert isinstance(state.D_opt, Adam)
    [grads] = taken
    for grad, mean, square in zip(grads, state.D_opt.exp_avg, state.D_opt.exp_avg_sq, strict=True):
        torch.testing.assert_close(mean, (1 - config.beta1) * grad, rtol=1e-5, atol=1e-8)
        torch.testing.assert_close(square, (1 - config.beta2) * grad.square(), rtol=1e-4, atol=1e-12)


class OneOfTwo(Processes):
    """The second of two processes, or the only one, by itself."""

    rows = Several.rows


def test_a_larger_batch_of_gs_is_shared_part_by_part() -> None:
    """Batch norm sees a part of the batch, which the processes have together."""
    config = config_of(shared_noise=False, g_batch_factor=2, accumulate=2, conditional=True, augment="ada")
    whole, *shares = (Feed(config, load_digits(), CPU, OneOfTwo(*place)) for place in ((0, 1), (0, 2), (1, 2)))
    parts, *theirs = ([*feed.batches(0, 0)[1].split(2)] for feed in (whole, *shares))
    for part, *of_two in zip(parts, *theirs, strict=True):
        for together, *apart in zip(tensors_of(part), *map(tensors_of, of_two), strict=True):
            assert torch.equal(together, torch.cat(apart))


@pytest.mark.parametrize("start", [0, 5 * N, 100])
@pytest.mark.parametrize("count", [1, 2])
def test_batches_that_are_made_ahead_are_the_same(count: int, start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU, where those of several updates are made at once."""
    options = {"conditional": True, "augment": "ada", "gp_weight": 1.0, "accumulate": 2}
    config = config_of(d_steps=3, shared_noise=False, **options)
    plain, ahead = (Feed(config, load_digits(), CPU, OneOfTwo(count - 1, count)) for _ in range(2))
    assert plain.ahead == 1
    ahead.ahead = 4
    make = Feed._made
    made: list[tuple[str, int]] = []
    monkeypatch.setattr(Feed, "_made", lambda feed, *given: made.append((given[1], given[3])) or make(feed, *given))
    for step in (0, 1, 2, 1):  # and back, as when a step is made again to be explained
        (plain_d, plain_g), (ahead_d, ahead_g) = (feed.batches(start + step * 3 * N, step) for feed in (plain, ahead))
        for one, other in zip([*plain_d, plain_g], [*ahead_d, ahead_g], strict=True):
            for ours, theirs in zip(tensors_of(one), tensors_of(other), strict=True):
                assert torch.equal(ours, theirs)

    updates = [start + (step * 3 + update) * N for step in (0, 1, 2, 1) for update in range(3)]
    assert made.count(("", 4)) == len([*groupby(updates, lambda at: at // N // 4)])  # so often, and not for each
    assert made.count(("G/", 1)) == 2 * 4
    whole, alone = (feed.batches(start + 3 * N, 1)[0] for feed in (ahead.whole(), Feed(config, load_digits(), CPU)))
    assert all(torch.equal(one.z, other.z) for one, other in zip(whole, alone, strict=True))


def test_so_many_are_made_ahead_as_are_small_together() -> None:
    assert [updates_ahead(numbers, torch.device("cuda")) for numbers in (1, 1 << 19, 1 << 30)] == [16, 8, 1]
    assert updates_ahead(1, CPU) == 1
