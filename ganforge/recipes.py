"""Recipes: named, complete settings, each with its source, what to expect of it, and what it costs."""

from collections.abc import Callable
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.given import plain_settings, shown
from ganforge.base.wording import as_typed, suggestion
from ganforge.config import Config, make_config
from ganforge.data.catalog import DATA_SETS

CONVOLUTIONAL: dict[str, Any] = {
    "generator": "dcgan", "discriminator": "dcgan", "z_dim": 100, "lr": 2e-4, "total_nimg": 400_000,
}  # fmt: skip
"""The networks, noise and learning rate of DCGAN (Radford et al. 2016, arXiv:1511.06434), with a quarter of its
channels, for a CPU."""


def note(**changes: Any) -> Config:
    """The simple GAN of the tutorial note: fully connected, on MNIST, non-saturating loss, 10 epochs.

    Source: a tutorial note on GANs in PyTorch (docs/sources.md); loss: Goodfellow et al. 2014, arXiv:1406.2661.
    Expect: digits that are recognisable but not complete, because the networks are only fully connected.
    Cost: 500,000 pictures, 72 seconds on two CPU cores (benchmarks/results/note_run.md).
    """
    # All but the data's size are Config's defaults; 10 epochs of 50,000 pictures are 500,000.
    first = {"max_images": 50_000} if changes.get("data", "mnist") == "mnist" else {}
    return make_config({"recipe": "note", "data": "mnist"} | first | changes)


def dcgan(**changes: Any) -> Config:
    """Convolutions instead of full connections, batch norm in both networks, the note's loss.

    Source: Radford et al. 2016, arXiv:1511.06434: Adam at 2e-4 with beta1 = 0.5, batches of 128, z of 100 numbers,
    uniform.
    Expect: strokes that hold together, where the note has loose pixels; figures in docs/recipes.md.
    Cost: 400,000 pictures, 6 minutes on two CPU cores (benchmarks/results/recipe_speed.md).
    """
    return make_config({"recipe": "dcgan"} | CONVOLUTIONAL | changes)


def fast(**changes: Any) -> Config:
    """Our own settings for good digits in a CPU's minute: a narrow DCGAN, D slower than G, an average of G's weights.

    Source: none but trial on MNIST; two learning rates after Heusel et al. 2017, arXiv:1706.08500, though there D is
    the faster one.
    Expect: clean digits, some of them of no known kind; the note's quality within seconds
    (benchmarks/results/time_to_quality.md).
    Cost: 250,000 pictures, 2 minutes on two CPU cores (benchmarks/results/recipe_speed.md).
    """
    settings: dict[str, Any] = {
        "batch_size": 64, "lr": 1e-3, "d_lr": 4e-4, "total_nimg": 250_000, "ema_halflife_nimg": 10_000,
        "ema_rampup": True, "snapshot_nimg": 32_000,
    }  # fmt: skip
    if changes.get("generator", "dcgan") == "dcgan":
        settings["g_width"] = 16
    total_nimg = make_config({"total_nimg": settings["total_nimg"]} | only_total(changes)).total_nimg
    if changes.get("discriminator", "dcgan") == "dcgan":
        settings["d_width"] = 16
    decay = {"burn_in_nimg": total_nimg, "lr_end": 0.1}
    return make_config({"recipe": "fast"} | CONVOLUTIONAL | settings | decay | changes)


def r1(**changes: Any) -> Config:
    """`fast` for the long run: D without batch norm, and R1, a penalty on its slope at reals, in every 16th update.

    Source: R1 by Mescheder et al. 2018, arXiv:1801.04406, lazily by Karras et al. 2020, arXiv:1912.04958; all else is
    `fast`'s, but that the learning rates fall to a hundredth.
    Expect: D and G stay level, where `fast`'s D wins in the end; with --conditional the best digits so far
    (docs/recipes.md).
    Cost: 1,000,000 pictures, 8 minutes on two CPU cores (benchmarks/results/recipe_speed.md).
    """
    settings = {"total_nimg": 1_000_000, "lr_end": 0.01, "r1_gamma": "auto", "penalty_interval": 16}
    return fast(**{"recipe": "r1"} | settings | unnormalised(changes) | changes)


def lsgan(**changes: Any) -> Config:
    """DCGAN's networks with squared errors: D's logits are drawn to 1 for reals and 0 for fakes, G's to 1.

    Source: Mao et al. 2017, arXiv:1611.04076, equation 9: batches of 64.
    Expect: by its paper, steadier learning and better pictures than with the note's loss; figures in
    docs/recipes.md.
    Cost: 400,000 pictures, 6 minutes on two CPU cores (benchmarks/results/recipe_speed.md).
    """
    return make_config({"recipe": "lsgan"} | CONVOLUTIONAL | {"objective": "lsgan", "batch_size": 64} | changes)


def wgan(**changes: Any) -> Config:
    """The Wasserstein distance, estimated by a critic whose weights are clipped; the critic learns most of the time.

    Source: Arjovsky et al. 2017, arXiv:1701.07875, and its code: RMSprop at 5e-5, clipping at 0.01, batches of 64, five
    updates of D for one of G, a hundred for each of the first 25 and every 500th.
    Expect: a slow start, as the first 25 of about 750 updates of G take 160,000 of the pictures; after 410,000,
    still no digits (docs/recipes.md).
    Cost: 400,000 pictures, 5 minutes and more on two CPU cores (benchmarks/results/recipe_speed.md).
    """
    settings = {
        "objective": "wgan", "clip": 0.01, "optimizer": "rmsprop", "lr": 5e-5, "d_steps": 5, "wgan_schedule": True,
        "shared_noise": False, "batch_size": 64, "noise": "normal",
    }  # fmt: skip
    return make_config({"recipe": "wgan"} | CONVOLUTIONAL | settings | changes)


def wgan_gp(**changes: Any) -> Config:
    """The Wasserstein distance with a penalty on the critic's slope instead of clipping.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, and its MNIST script: weight 10, Adam at 1e-4 with betas
    (0.5, 0.9), batches of 50, five updates of D for one of G, no norm in D.
    Expect: by its paper, stable play with many networks and hardly any tuning; here a slow start (docs/recipes.md).
    Cost: 400,000 pictures, 7 minutes on two CPU cores (benchmarks/results/recipe_speed.md).
    """
    settings = {
        "objective": "wgan", "gp_weight": 10.0, "lr": 1e-4, "d_steps": 5, "shared_noise": False, "batch_size": 50,
        "noise": "normal",
    }  # fmt: skip
    settings |= of_adam(changes, beta2=0.9) | unnormalised(changes)
    return make_config({"recipe": "wgan-gp"} | CONVOLUTIONAL | settings | changes)


def dragan(**changes: Any) -> Config:
    """The note's loss with a penalty on D's slope around the reals.

    Source: Kodali et al. 2017, arXiv:1705.07215: weight 10, Adam at 2e-4 with beta1 = 0.5, batches of 64.
    Expect: by its paper, faster and steadier learning, with fewer lost modes, than the note's loss; figures
    in docs/recipes.md.
    Cost: 400,000 pictures, 9 minutes on two CPU cores (benchmarks/results/recipe_speed.md).
    """
    settings = {"dragan_weight": 10.0, "batch_size": 64}
    return make_config({"recipe": "dragan"} | CONVOLUTIONAL | settings | unnormalised(changes) | changes)


def sngan(**changes: Any) -> Config:
    """Residual networks, hinge loss, and a D whose every layer is spectrally normalised.

    Source: Miyato et al. 2018, arXiv:1802.05957, and its code: Adam at 2e-4 with betas (0, 0.9), batches of 64, five
    updates of D for one of G, learning rates falling to 0 along a line: a run made longer afterwards learns nothing
    more. With --conditional, projection: arXiv:1802.05637.
    Expect: few updates of G in a run of this length, 1,250: give it a longer one. Figures in
    docs/recipes.md.
    Cost: 400,000 pictures, 10 minutes on two CPU cores (benchmarks/results/recipe_speed.md).
    """
    settings = {
        "generator": "resnet", "discriminator": "resnet", "objective": "hinge", "z_dim": 128, "noise": "normal",
        "lr": 2e-4, "d_steps": 5, "shared_noise": False, "batch_size": 64, "total_nimg": 400_000,
    }  # fmt: skip
    settings |= of_adam(changes, beta1=0.0, beta2=0.9)
    total_nimg = make_config({"total_nimg": settings["total_nimg"]} | only_total(changes)).total_nimg
    decay = {"burn_in_nimg": total_nimg, "burn_in_curve": "linear", "lr_end": 0.0}
    return make_config({"recipe": "sngan"} | settings | decay | changes)


def r3gan(**changes: Any) -> Config:
    """A relativistic loss with R1 and R2, modern residual networks without any norm, an average of G's weights.

    Source: Huang et al. 2024, arXiv:2501.05441 (table 9, Stacked MNIST), scaled down to a CPU: its 10 million pictures
    and 768 channels become the run's own length and 16 to 64 channels. The burn-in is a fifth of the run, over which
    beta2 goes from 0.9 to 0.99 and gamma falls to a tenth. The average's half-life is a twentieth of the pictures so
    far, at most 20,000; the paper's rises to a twentieth of the run along the burn-in.
    The rule for gamma, our own: the squared gradient is a sum over a picture's numbers, so r1_gamma and r2_gamma are
    their count / 1000, which "auto" works out: 0.784 for MNIST, 3.072 for 32 x 32 in colour.
    Expect: the method for the long run, on a GPU: five minutes of a CPU are far too few for it (docs/recipes.md).
    Cost: 400,000 pictures, 28 minutes on two CPU cores (benchmarks/results/recipe_speed.md).
    """
    settings = {
        "generator": "r3gan", "discriminator": "r3gan", "objective": "relativistic", "shared_noise": False,
        "z_dim": 64, "noise": "normal", "batch_size": 128, "lr": 5e-4, "r1_gamma": "auto", "r2_gamma": "auto",
        "total_nimg": 400_000, "ema_halflife_nimg": 20_000, "ema_rampup": True,
    }  # fmt: skip
    settings |= of_adam(changes, beta1=0.0, beta2=0.9, beta2_end=0.99)
    total_nimg = make_config({"total_nimg": settings["total_nimg"]} | only_total(changes)).total_nimg
    burn_in = {"burn_in_nimg": max(1, total_nimg // 5), "gamma_end": 0.1}
    norm = unnormalised(changes) if changes.get("discriminator") == "dcgan" else {}
    return make_config({"recipe": "r3gan"} | settings | burn_in | norm | changes)


def unnormalised(changes: dict[str, Any]) -> dict[str, Any]:
    """No batch norm in a dcgan D whose gradient is penalised; other families have none."""
    return {"d_norm": "unnormalised"} if changes.get("discriminator", "dcgan") == "dcgan" else {}


def of_adam(changes: dict[str, Any], **betas: float) -> dict[str, Any]:
    """The betas, unless the changes ask for another optimizer, which has none."""
    return betas if changes.get("optimizer", "adam") == "adam" else {}


def only_total(changes: dict[str, Any]) -> dict[str, Any]:
    """The run's length among the changes, if it is there."""
    return {name: value for name, value in changes.items() if name == "total_nimg"}


def cgan(**changes: Any) -> Config:
    """The note's networks and loss, told each picture's class: columns of the grid show the classes in turn.

    Source: Mirza and Osindero 2014, arXiv:1411.1784; D tells the classes apart by projection (arXiv:1802.05637).
    Expect: in each column of the grid one class; better digits than the note's in the same time (docs/recipes.md).
    Cost: 500,000 pictures, a minute on two CPU cores (benchmarks/results/recipe_speed.md).
    """
    return note(**{"recipe": "cgan", "conditional": True, "grid_size": 10} | changes)


RECIPES: dict[str, Callable[..., Config]] = {
    "note": note, "fast": fast, "r1": r1, "dcgan": dcgan, "lsgan": lsgan, "wgan": wgan, "wgan-gp": wgan_gp,
    "dragan": dragan, "sngan": sngan, "r3gan": r3gan, "cgan": cgan,
}  # fmt: skip


def usual_recipe(data: str) -> tuple[str, str]:
    """The recipe where none is named, and a line that says which and why: the note's for a data set by name, and fast
    for anybody's pictures, since its convolutions know which pixels are neighbours."""
    named = data in DATA_SETS
    name, why = ("note", "for a data set by name") if named else ("fast", "which suits pictures of your own")
    return name, f"No recipe is named: {name}, {why} (all of them: `ganforge recipes`)"


def recipe(name: str, **changes: Any) -> Config:
    """The named recipe's settings, with changes. Raises UserError for an unknown recipe or a setting that is wrong."""
    if not isinstance(name, str):
        raise UserError(f"A recipe is given by its name, such as 'note', and {shown(name)} is none.")
    if name not in RECIPES:
        known = ", ".join(RECIPES)
        raise UserError(f"There is no recipe '{as_typed(name)}'{suggestion(name, RECIPES)} (the recipes: {known}).")
    return RECIPES[name](**plain_settings(changes))
