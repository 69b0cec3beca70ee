"""The papers' own settings by one word: as published, told shortly, and trained by."""

from typing import Any

import pytest
import torch

from ganforge.base.errors import UserError
from ganforge.cli.main import main
from ganforge.config import Config, with_gammas
from ganforge.data.dataset import Dataset
from ganforge.diagnosis.command import command, remedied
from ganforge.diagnosis.high_rate import RECORD as HIGH_RATE
from ganforge.networks.construct import build_discriminator, build_generator
from ganforge.recipes.catalog import RECIPES, changes_of, recipe, usual_for
from ganforge.training.build import build_state
from ganforge.training.feed import Feed, following, schedule_optimizers, scheduled
from ganforge.training.whole_step import whole_step

PAPERS = [(one.name, paper) for one in RECIPES.values() for paper in one.papers]
EVERY = pytest.mark.parametrize(("name", "paper"), PAPERS)
R3GAN = {
    "generator": "r3gan", "discriminator": "r3gan", "g_width": 768, "d_width": 768, "blocks": 2, "group_size": 16,
    "z_dim": 64, "noise": "normal", "objective": "relativistic", "shared_noise": False, "batch_size": 512, "lr": 2e-4,
    "beta1": 0.0, "beta2": 0.9, "beta2_end": 0.99, "burn_in_curve": "cosine", "gamma_end": 0.1, "penalty_interval": 1,
    "ema_burn_in": True, "ema_rampup": False, "precision": "bfloat16", "d_steps": 1,
}  # fmt: skip
AS_PUBLISHED: dict[str, dict[str, Any]] = {
    "wgan-gp mnist": {"data": "mnist", "max_images": 50_000, "z_dim": 128, "g_width": 64, "d_width": 64}
    | {"g_norm": "unnormalised", "d_norm": "unnormalised", "batch_size": 50, "total_nimg": 200_000 * 5 * 50},
    "sngan cifar10": {"g_width": 256, "d_width": 128, "batch_size": 64, "g_batch_factor": 2, "conditional": False}
    | {"total_nimg": 50_000 * 5 * 64, "burn_in_nimg": 50_000 * 5 * 64, "lr_end": 0.0},
    "r3gan stacked-mnist": R3GAN
    | {"data": "stacked-mnist", "size": "32", "fit": "pad", "conditional": False, "augment": "none", "mirror": False}
    | {"total_nimg": 10_000_000, "burn_in_nimg": 2_000_000, "lr_end": None, "r1_gamma": 1.0, "r2_gamma": 1.0}
    | {"ema_halflife_nimg": 500_000},
    "r3gan cifar10": R3GAN
    | {"conditional": True, "augment": "ada", "mirror": True, "total_nimg": 250_000_000, "burn_in_nimg": 20_000_000}
    | {"lr_end": 0.25, "r1_gamma": 0.05, "r2_gamma": 0.05, "ema_halflife_nimg": 5_000_000},
}


@EVERY
def test_the_settings_are_the_papers(name: str, paper: str) -> None:
    config = recipe(name, paper=paper)
    published = AS_PUBLISHED[f"{name} {paper}"]
    assert {setting: getattr(config, setting) for setting in published} == published
    assert (config.recipe, RECIPES[name].papers_differ[-1]) == (name, ".")


@pytest.mark.parametrize(("paper", "millions"), [("stacked-mnist", (20.73, 20.68)), ("cifar10", (20.78, 21.28))])
def test_the_networks_have_the_papers_weights(paper: str, millions: tuple[float, float]) -> None:
    """Stacked MNIST: by its table 9. CIFAR-10: worked out from the code's sizes, 768 features of D's and 64 numbers of
    G's for a class; the paper says 40 million together."""
    config = recipe("r3gan", paper=paper)
    told: dict[str, Any] = {"num_classes": 10 if config.conditional else 0, "meta": True}
    G = build_generator("r3gan", config.z_dim, (3, 32, 32), 0, **told, **config.g_sizes)
    D = build_discriminator("r3gan", (3, 32, 32), 0, **told, **config.d_sizes)
    found = [sum(weight.numel() for weight in network.parameters()) / 1e6 for network in (G, D)]
    assert found == pytest.approx(millions, abs=0.005)


@EVERY
def test_a_run_by_a_paper_is_told_by_that_word(name: str, paper: str) -> None:
    config = recipe(name, paper=paper)
    assert changes_of(config) == {"paper": paper}
    assert command(config.model_dump(mode="json")) == f"ganforge train {name} --paper {paper}"
    changed = recipe(name, paper=paper, total_nimg=1_000, lr=0.5, data="digits")
    assert changes_of(changed) == {"paper": paper, "total_nimg": 1_000, "lr": 0.5, "data": "digits"}
    assert recipe(name, **changes_of(changed)) == changed
    assert changes_of(recipe(name, seed=2)) == {"seed": 2}
    assert usual_for(changed) == recipe(name, paper=paper, total_nimg=1_000, data="digits")
    assert usual_for(recipe(name, lr=0.5)) == recipe(name)


def test_a_shorter_run_burns_in_for_as_large_a_share() -> None:
    assert recipe("r3gan", paper="stacked-mnist", total_nimg=1_000).burn_in_nimg == 200
    assert recipe("r3gan", paper="cifar10", total_nimg=1_000).burn_in_nimg == 80
    assert recipe("r3gan", paper="cifar10", generator="mlp", discriminator="mlp", d_norm=None).blocks is None
    assert recipe("r3gan", paper="cifar10", generator="mlp").blocks == 2


def test_what_is_advised_is_the_papers() -> None:
    """A rate that was raised goes back to the paper's, not to the recipe's for a CPU."""
    settings = recipe("r3gan", paper="cifar10", lr=0.1, data="digits").model_dump(mode="json")
    [back, *_] = [r for r in HIGH_RATE.remedies if r.change.get("lr") == "recipe"]
    changed = remedied(back, settings)
    assert changed is not None
    assert changed["lr"] == 2e-4
    assert command(changed) == "ganforge train r3gan --paper cifar10 --data digits"


def test_the_average_grows_with_the_burn_in() -> None:
    """From the networks as they are, along half a cosine, to the half-life."""
    config = recipe("r3gan", paper="stacked-mnist")
    shares = [following(config, nimg, 512).new_share for nimg in (0, 1_000_000, 2_000_000, 9_000_000)]
    assert shares == pytest.approx([1.0, *(1 - 0.5 ** (512 / half) for half in (250_000, 500_000, 500_000))])


@pytest.mark.parametrize(("name", "paper"), [pair for pair in PAPERS if pair[0] == "r3gan"])
def test_a_step_by_a_papers_settings_with_small_networks(name: str, paper: str) -> None:
    small = {"g_width": 8, "d_width": 8, "group_size": 4, "batch_size": 4, "data": "digits"}
    config: Config = recipe(name, paper=paper, **small)
    source, cpu = torch.Generator().manual_seed(0), torch.device("cpu")
    items = torch.randint(256, (20, 3, 32, 32), generator=source, dtype=torch.uint8)
    dataset = Dataset("noise", "drawn", items, torch.arange(20) % 10, 10)
    feed, state = Feed(with_gammas(config, dataset.shape), dataset, cpu), build_state(config, dataset, cpu)
    assert state.G_ema is not None
    before = {key: tensor.clone() for key, tensor in state.tensors().items()}
    for nimg in (0, config.total_nimg // 4 * 4):
        schedule_optimizers(config, state, nimg)
        whole_step(state, feed.options(nimg, state), *feed.batches(0, 0), following(config, nimg, 4))
        if nimg == 0:
            assert all(torch.equal(a, b) for a, b in zip(state.G.parameters(), state.G_ema.parameters(), strict=True))
    assert not state.failed
    named = {f"G.{key}" for key, _ in state.G.named_parameters()} | {
        f"D.{key}" for key, _ in state.D.named_parameters()
    }
    assert {key for key in named if torch.equal(before[key], state.tensors()[key])} == set()
    assert any(not torch.equal(a, b) for a, b in zip(state.G.parameters(), state.G_ema.parameters(), strict=True))
    assert scheduled(config, config.total_nimg, 1.0, 0.1) == 0.1


@pytest.mark.parametrize("words", ["note --paper cifar10", "r3gan --paper cifar", "--paper cifar10"])
def test_another_word_is_refused_in_one_sentence(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *words.split()]) == 2
    told = capsys.readouterr().err
    named, word = ("r3gan" if words.startswith("r3gan") else "note"), words.split()[-1]
    assert f"The recipe '{named}' has no settings of its paper for '{word}'" in told
    assert "(those that there are: wgan-gp mnist, sngan cifar10, r3gan stacked-mnist and cifar10)." in told
    assert ("did you mean 'cifar10'?" in told) == (word == "cifar")
    assert told.count("\n") == 1
    with pytest.raises(UserError, match="no settings of its paper for 5"):
        recipe("r3gan", paper=5)  # type: ignore[arg-type]


def test_the_help_has_the_papers_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    for words, told in ((["--paper", "cifar10"], 0.05), (["--paper=stacked-mnist"], 1.0), ([], "auto")):
        with pytest.raises(SystemExit):
            main(["train", "r3gan", *words, "--help"])
        assert f"The same at fakes (default: {told})" in " ".join(capsys.readouterr().out.split())
