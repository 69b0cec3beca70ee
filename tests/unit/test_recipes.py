"""recipes.py: the note's settings are the note's, the others' their papers', and all train on all kinds of data."""

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

import ganforge
from ganforge.base.errors import UserError
from ganforge.config import Config, make_config, with_gammas
from ganforge.data.catalog import DATA_SETS
from ganforge.data.dataset import Dataset, Mixture
from ganforge.recipes.catalog import RECIPES, changes_of, recipe, usual_recipe
from ganforge.training.adversarial import train_step
from ganforge.training.build import build_state
from ganforge.training.feed import Feed, images_in

EVERY = pytest.mark.parametrize("name", RECIPES)
THE_NOTE = {
    "data": "mnist", "max_images": 50_000, "z_dim": 96, "noise": "uniform", "generator": "mlp", "discriminator": "mlp",
    "g_hidden": (1024, 1024), "d_hidden": (256, 256), "objective": "non-saturating", "d_steps": 1, "shared_noise": True,
    "augment": "none", "batch_size": 128, "optimizer": "adam", "lr": 3e-4, "d_lr": None, "beta1": 0.5, "beta2": 0.999,
    "ema_halflife_nimg": None, "total_nimg": 10 * 50_000, "report_nimg": 250 * 128, "grid_size": 4,
}  # fmt: skip
DCGAN = {
    "generator": "dcgan", "discriminator": "dcgan", "z_dim": 100, "noise": "uniform", "optimizer": "adam", "lr": 2e-4,
    "beta1": 0.5, "beta2": 0.999, "d_norm": None, "d_steps": 1,
}  # fmt: skip
PAPERS: dict[str, dict[str, Any]] = {
    "note": THE_NOTE,
    "fast": DCGAN
    | {"objective": "non-saturating", "batch_size": 64, "lr": 1e-3, "d_lr": 4e-4, "g_width": 16, "d_width": 16}
    | {"ema_halflife_nimg": 10_000, "ema_rampup": True, "lr_end": 0.1, "burn_in_nimg": 250_000, "total_nimg": 250_000},
    "r1": DCGAN
    | {"objective": "non-saturating", "batch_size": 64, "lr": 1e-3, "d_lr": 4e-4, "g_width": 16, "d_width": 16}
    | {"r1_gamma": "auto", "penalty_interval": 16, "r2_gamma": 0, "d_norm": "unnormalised", "lr_end": 0.01}
    | {"ema_halflife_nimg": 10_000, "burn_in_nimg": 1_000_000, "total_nimg": 1_000_000},
    "dcgan": DCGAN | {"objective": "non-saturating", "batch_size": 128},
    "lsgan": DCGAN | {"objective": "lsgan", "batch_size": 64},
    "wgan": DCGAN
    | {"objective": "wgan", "clip": 0.01, "optimizer": "rmsprop", "lr": 5e-5, "batch_size": 64, "d_steps": 5}
    | {"wgan_schedule": True, "shared_noise": False, "noise": "normal"},
    "wgan-gp": DCGAN
    | {"objective": "wgan", "gp_weight": 10, "lr": 1e-4, "beta2": 0.9, "batch_size": 50, "d_steps": 5}
    | {"clip": None, "wgan_schedule": False, "shared_noise": False, "noise": "normal", "d_norm": "unnormalised"}
    | {"z_dim": 100, "g_norm": None},
    "dragan": DCGAN
    | {"objective": "non-saturating", "dragan_weight": 10, "batch_size": 64, "d_norm": "unnormalised"},
    "sngan": {
        "generator": "resnet", "discriminator": "resnet", "objective": "hinge", "z_dim": 128, "noise": "normal",
        "lr": 2e-4, "beta1": 0, "beta2": 0.9, "d_steps": 5, "batch_size": 64, "shared_noise": False, "lr_end": 0,
        "burn_in_curve": "linear", "conditional": False, "g_batch_factor": 2,
    },
    "r3gan": {
        "generator": "r3gan", "discriminator": "r3gan", "objective": "relativistic", "shared_noise": False,
        "noise": "normal", "beta1": 0, "beta2": 0.9, "beta2_end": 0.99, "gamma_end": 0.1, "burn_in_curve": "cosine",
        "r1_gamma": "auto", "r2_gamma": "auto", "gp_weight": 0, "ema_rampup": True, "d_steps": 1,
        "g_width": 8, "d_width": 8, "batch_size": 64, "total_nimg": 1_500_000,
    },
    "photo": {
        "generator": "smooth", "discriminator": "smooth", "objective": "non-saturating", "z_dim": 64, "mirror": True,
        "noise": "normal", "lr": 1e-3, "beta1": 0, "beta2": 0.99, "lr_end": 0.02, "batch_size": 32, "d_steps": 1,
        "r1_gamma": 0.3, "penalty_interval": 16, "augment": "translation", "shared_noise": True, "ema_rampup": True,
        "burn_in_nimg": 1_000_000, "total_nimg": 1_000_000, "ema_halflife_nimg": 20_000, "conditional": False,
    },
    "cgan": THE_NOTE | {"conditional": True, "grid_size": 10},
}  # fmt: skip


@EVERY
def test_the_papers_settings(name: str) -> None:
    config = recipe(name)
    assert {setting: getattr(config, setting) for setting in PAPERS[name]} == PAPERS[name]


def test_the_notes_steps() -> None:
    config = recipe("note")
    assert -(-config.total_nimg // config.batch_size) == 3907
    assert {config.r1_gamma, config.r2_gamma, config.gp_weight, config.dragan_weight} == {0}
    assert {config.clip, config.burn_in_nimg, config.lr_end} == {None}


@EVERY
def test_a_recipe_is_named_sourced_and_whole(name: str) -> None:
    config = recipe(name)
    assert config.recipe == name
    assert config.data in DATA_SETS
    assert make_config(json.loads(config.model_dump_json())) == config
    told = RECIPES[name]
    assert told.name == name
    assert all(text.endswith(".") for text in (told.summary, told.source, told.expect, told.measured, told.cost))


@EVERY
def test_changes_are_taken_and_validated(name: str) -> None:
    assert recipe(name, lr=0.5, data="ring") == Config.model_validate(
        recipe(name).model_dump() | {"lr": 0.5, "data": "ring", "max_images": None, "mirror": False, "augment": "none"}
    )
    with pytest.raises(UserError, match="lr cannot be '0'"):
        recipe(name, lr=0)
    with pytest.raises(UserError, match="no setting 'learning_rate'"):
        recipe(name, learning_rate=1)
    with pytest.raises(UserError, match="no setting 'burn_in_share'"):
        recipe(name, burn_in_share=0.5)
    with pytest.raises(UserError, match=r"lr cannot be 'x'.*total_nimg cannot be 'x'"):
        recipe(name, lr="x", total_nimg="x")


def test_the_notes_first_50_000_pictures_are_mnists() -> None:
    assert recipe("note").max_images == recipe("cgan").max_images == 50_000
    assert recipe("note", data="photographs.zip").max_images is None
    assert recipe("note", data="photographs.zip", max_images=100).max_images == 100


@EVERY
def test_every_setting_of_a_recipe_can_be_given_again(name: str) -> None:
    """Each alone, as the command line gives it."""
    config = recipe(name)
    for setting, value in config.model_dump().items():
        assert recipe(name, **{setting: value}) == config, setting


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("sngan", "lr_end", 0.5),
        ("sngan", "burn_in_curve", "cosine"),
        ("sngan", "burn_in_nimg", 7),
        ("r3gan", "lr_end", 0.5),
        ("r3gan", "beta2_end", None),
        ("r3gan", "gamma_end", None),
        ("r3gan", "r1_gamma", 0.0),
        ("r3gan", "ema_rampup", False),
        ("wgan-gp", "d_norm", "layer"),
        ("wgan-gp", "g_norm", "unnormalised"),
        ("dragan", "generator", "resnet"),
        ("dragan", "d_norm", "spectral"),
        ("wgan", "wgan_schedule", False),
        ("dcgan", "d_norm", "unnormalised"),
        ("r1", "r1_gamma", 0.2),
        ("r1", "lr_end", 0.5),
    ],
)
def test_a_single_change_is_that_change_alone(name: str, setting: str, value: Any) -> None:
    assert recipe(name, **{setting: value}) == recipe(name).model_copy(update={setting: value})


@pytest.mark.parametrize("name", ["wgan-gp", "sngan", "r3gan"])
def test_another_optimizer_does_without_the_betas_of_adam(name: str) -> None:
    none = {field: Config.model_fields[field].default for field in ("beta1", "beta2", "beta2_end")}
    assert recipe(name, optimizer="rmsprop") == recipe(name).model_copy(update={"optimizer": "rmsprop"} | none)


def test_schedules_are_as_long_as_the_run_asks_for() -> None:
    assert recipe("sngan", total_nimg=1000).burn_in_nimg == 1000
    assert recipe("sngan", total_nimg="1000").burn_in_nimg == 1000
    assert recipe("sngan", total_nimg=1000, burn_in_nimg=10).burn_in_nimg == 10
    assert recipe("r1", total_nimg=1000).burn_in_nimg == 1000
    assert recipe("r3gan", total_nimg=1000).burn_in_nimg == 200
    assert recipe("r3gan", total_nimg=1).burn_in_nimg == 1
    assert recipe("r3gan", total_nimg=1000, burn_in_nimg=10).burn_in_nimg == 10


@EVERY
def test_two_runs_of_one_recipe_have_the_same_networks(name: str) -> None:
    """Whatever else differs: else a run could not start from the weights of another of its own recipe."""
    shaping = ("generator", "discriminator", "z_dim", "noise", "g_sizes", "d_sizes", "d_norm")
    plain = recipe(name)
    for changes in (
        *({"total_nimg": total_nimg} for total_nimg in (1, 1_000, 50_000, 50_001, 10_000_000)),
        *({"init_from": "runs/another", "total_nimg": total_nimg} for total_nimg in (1_000, 500_000)),
        {"data": "digits"}, {"conditional": True}, {"batch_size": 500}, {"max_images": 100}, {"augment": "ada"},
        {"size": "64"}, {"channels": 3}, {"seed": 5}, {"lr": 1e-5}, {"ema_halflife_nimg": 500},
    ):  # fmt: skip
        changed = recipe(name, **changes)
        assert {s: getattr(changed, s) for s in shaping} == {s: getattr(plain, s) for s in shaping}, changes


@EVERY
def test_a_run_is_given_again_by_its_difference_from_the_recipe(name: str) -> None:
    """What follows from a change by the recipe's own rule need not be told."""
    assert changes_of(recipe(name)) == {}
    for changes in (
        {"total_nimg": 1000}, {"lr": 1.0, "seed": 3}, {"data": "digits", "optimizer": "rmsprop"}, {"burn_in_nimg": None,
        "lr_end": None, "beta2_end": None, "gamma_end": None, "burn_in_curve": "cosine"}, {"discriminator": "mlp"},
    ):  # fmt: skip
        config = recipe(name, **changes)
        told = changes_of(config)
        assert recipe(name, **told) == config
        assert told.keys() <= changes.keys(), (changes, told)
    of_other_data = recipe("note", data="digits", max_images=50_000)
    assert changes_of(of_other_data) == {"data": "digits", "max_images": 50_000}


TOY = """
from ganforge.recipes.record import Recipe

RECIPES = [
    Recipe(
        name="toy", summary="A toy.", source="none.", expect="nothing.", measured="nothing.", cost="none.",
        settings={"data": "digits", "total_nimg": 64, "batch_size": 32, "g_hidden": (4,), "d_hidden": (4,)},
    )
]
"""


def test_a_new_recipe_is_one_new_file(tmp_path: Path) -> None:
    shutil.copytree(Path(ganforge.__file__).parent, tmp_path / "ganforge", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "ganforge" / "recipes" / "toy.py").write_text(TOY)

    def run(*words: str) -> str:
        done = subprocess.run([sys.executable, "-m", "ganforge", *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "one of: note, fast," in (told := run("train", "--help"))
    assert "cgan, toy (default" in " ".join(told.split())
    assert "toy\n    A toy.\n    Source: none.\n" in run("recipes")
    run("train", "toy", "--out", "run")
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert (settings["recipe"], settings["total_nimg"], settings["g_hidden"]) == ("toy", 64, [4])
    run("report", "run")
    assert "toy" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_an_unknown_recipe_is_refused_with_a_guess() -> None:
    with pytest.raises(UserError, match=r"no recipe 'notes'; did you mean 'note'\? \(the recipes: note"):
        recipe("notes")
    with pytest.raises(UserError, match=r"no recipe 'wgangp'; did you mean 'wgan-gp'\?"):
        recipe("wgangp")
    with pytest.raises(UserError, match=r"no recipe 'xyz' \(the recipes: note"):
        recipe("xyz")


def data_of(shape: tuple[int, ...]) -> Dataset:
    """Forty pictures or points of three classes."""
    source = torch.Generator().manual_seed(0)
    labels = torch.arange(40) % 3
    if len(shape) == 3:
        items = torch.randint(256, (40, *shape), generator=source, dtype=torch.uint8)
        return Dataset("noise", "drawn", items, labels, 3)
    points = torch.rand(40, *shape, generator=source) * 2 - 1
    return Dataset("noise", "drawn", points, labels, 3, Mixture(torch.zeros(1, 2), 1.0))


def weights_that_stay(config: Config, dataset: Dataset) -> set[str]:
    """Those of two steps, past WGAN's first 25, that did not move; biases, which not every loss feels, left out. The
    steps are finite."""
    cpu = torch.device("cpu")
    feed, state = Feed(with_gammas(config, dataset.shape), dataset, cpu), build_state(config, dataset, cpu)
    before = {key: tensor.clone() for key, tensor in state.tensors().items()}
    nimg = 0
    for step in (30, 31):
        d_batches, g_batch = feed.batches(nimg, step)
        options = feed.options(nimg, state)
        train_step(state.G, state.D, state.G_opt, state.D_opt, options, d_batches, g_batch, state.failed)
        nimg += images_in(config, step)
    assert state.failed.item() == 0
    weights = {f"G.{name}": weight for name, weight in state.G.named_parameters()}
    weights |= {f"D.{name}": weight for name, weight in state.D.named_parameters()}
    assert [name for name, weight in weights.items() if not torch.isfinite(weight).all()] == []
    return {name for name, weight in weights.items() if not name.endswith("bias") and torch.equal(before[name], weight)}


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 7), (2,)], ids=["mnist", "colour", "points"])
@pytest.mark.parametrize("conditional", [False, True], ids=["plain", "conditional"])
@EVERY
def test_every_recipe_trains_on_every_kind_of_data(name: str, conditional: bool, shape: tuple[int, ...]) -> None:
    narrow = {} if recipe(name).generator == "mlp" else {"g_width": 8, "d_width": 8}
    config = recipe(name, batch_size=8, conditional=conditional, **narrow, **like(shape))
    assert weights_that_stay(config, data_of(shape)) == set()


def like(shape: tuple[int, ...]) -> dict[str, str]:
    """What is named as data: of points, a name that says so."""
    return {"data": "ring"} if len(shape) == 1 else {}


GENERATORS, DISCRIMINATORS = (get_args(Config.model_fields[name].annotation) for name in ("generator", "discriminator"))


GREY, POINTS = (1, 8, 8), (2,)
PLAYED = [
    (name, GENERATORS[(at + d_at + 2 * shape_at) % len(GENERATORS)], discriminator, shape)
    for at, name in enumerate(RECIPES)
    for d_at, discriminator in enumerate(DISCRIMINATORS)
    for shape_at, shape in enumerate((GREY, POINTS))
]
"""Every D by every recipe on both kinds of data, each with one G: a fifth of all that there is."""


def test_every_two_of_recipe_g_d_and_data_come_together() -> None:
    kinds: list[Sequence[Any]] = [list(RECIPES), GENERATORS, DISCRIMINATORS, (GREY, POINTS)]
    for one, other in itertools.combinations(range(4), 2):
        wanted = set(itertools.product(kinds[one], kinds[other]))
        assert {(played[one], played[other]) for played in PLAYED} == wanted


@pytest.mark.parametrize(("name", "generator", "discriminator", "shape"), PLAYED)
def test_any_pair_plays_by_any_recipe(name: str, generator: str, discriminator: str, shape: tuple[int, ...]) -> None:
    changes: dict[str, Any] = {"generator": generator, "discriminator": discriminator}
    changes |= {"g_hidden": (8,)} if generator == "mlp" else {"g_width": 8}
    changes |= {"mlp": {"d_hidden": (8,)}, "logistic": {}}.get(discriminator, {"d_width": 8})
    if (name, discriminator) == ("r3gan", "dcgan"):
        changes["d_norm"] = "unnormalised"  # which its penalties need, and the recipe's own D has no use for
    may_stay: tuple[str, ...] = ()
    if (discriminator, shape) == ("recurrent", (2,)):
        may_stay = ("D.from_state.weight",)  # a point is one row, and there is no state before it
    if (name, generator, discriminator) == ("wgan", "r3gan", "r3gan"):
        may_stay = ("G.layers.",)  # clipped and without any norm, D is so flat that RMSprop's eps outweighs its slope
    stay = weights_that_stay(recipe(name, batch_size=4, z_dim=8, **changes, **like(shape)), data_of(shape))
    assert [weight for weight in stay if not weight.startswith(may_stay)] == []


@pytest.mark.parametrize(
    ("shape", "name"),
    [((3, 32, 32), "photo"), ((4, 8, 40), "photo"), ((1, 64, 64), "fast"), ((3, 31, 31), "fast"), (None, "fast")],
)
def test_which_recipe_suits_pictures(shape: tuple[int, ...] | None, name: str) -> None:
    assert usual_recipe("somewhere", shape)[0] == name
    assert usual_recipe("digits", shape)[0] == "note"
