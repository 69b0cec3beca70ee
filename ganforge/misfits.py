"""Settings that are each well, but do not fit each other."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ganforge.base.errors import UserError
from ganforge.base.sizes import parse_size

if TYPE_CHECKING:
    from ganforge.config import Config

Misfits = Iterator[tuple[object, str]]
"""Of all that would do nothing, or not what it says: whether it is so (as a truth value), and what is then said."""


def misfits(config: "Config") -> Misfits:
    yield from of_the_data(config)
    yield from of_the_networks(config)
    yield from of_the_batches(config)
    yield from of_the_penalties(config)
    yield from of_the_schedules(config)
    yield (
        config.shared_noise and config.objective == "relativistic",
        "the relativistic objective pairs fresh fakes with fresh reals; set shared_noise to false",
    )
    milestone_nimg, snapshot_nimg = config.milestone_nimg, config.snapshot_nimg
    yield (
        milestone_nimg is not None and milestone_nimg % snapshot_nimg,
        f"milestone_nimg = {milestone_nimg} is not a multiple of snapshot_nimg = {snapshot_nimg}, so that no snapshot "
        "would be one",
    )


def of_the_data(config: "Config") -> Misfits:
    yield config.size is not None and size_fault(config.size), size_fault(config.size or "")
    yield config.channels == 2, "channels cannot be 2: give 1 (grey), 3 (colour) or 4 (with transparency)"


def size_fault(text: str) -> str:
    """What is wrong with a size, or nothing."""
    try:
        parse_size(text)
    except UserError as error:
        return str(error)
    return ""


def of_the_networks(config: "Config") -> Misfits:
    defaults = type(config).model_fields
    for network, family, hidden, width, lowest_side in (
        ("g", config.generator, config.g_hidden, config.g_width, config.g_lowest_side),
        ("d", config.discriminator, config.d_hidden, config.d_width, config.d_lowest_side),
    ):
        yield (
            family != "mlp" and hidden != defaults[f"{network}_hidden"].default,
            f"{network}_hidden is for an mlp {network.upper()}, not for {family}",
        )
        plain = family in ("mlp", "logistic")
        yield width is not None and plain, f"{network}_width is for the other families; {family} has no channels"
        yield (
            lowest_side is not None and (plain or family == "recurrent"),
            f"{network}_lowest_side is for the convolutional families; {family} does not change the picture's size",
        )
    for name, size in (("blocks", config.blocks), ("group_size", config.group_size)):
        yield (
            size is not None and "r3gan" not in (config.generator, config.discriminator),
            f"{name} is for r3gan networks, and neither G nor D is one",
        )
    yield (
        config.d_norm and config.discriminator != "dcgan",
        f"d_norm is for a dcgan D, not for {config.discriminator}",
    )


def of_the_batches(config: "Config") -> Misfits:
    accumulate = config.accumulate
    parts = config.batch_size // accumulate
    yield config.batch_size % accumulate, f"accumulate = {accumulate} does not divide batch_size = {config.batch_size}"
    yield parts < 2, f"accumulate = {accumulate} leaves parts of {parts} picture; leave 2 or more in each"
    yield accumulate > 1 and config.dragan_weight, "dragan_weight looks at the whole batch; set accumulate to 1"


def of_the_penalties(config: "Config") -> Misfits:
    gammas, weights = config.r1_gamma or config.r2_gamma, config.gp_weight or config.dragan_weight
    mixed = config.discriminator == "dcgan" and config.d_norm in (None, "batch")
    yield (
        (gammas or weights) and mixed,
        "r1_gamma, r2_gamma, gp_weight and dragan_weight need d_norm layer, spectral or unnormalised, since batch "
        "mixes the pictures",
    )
    bounded = config.clip or config.d_norm == "spectral" or config.discriminator == "resnet"
    yield (
        config.objective == "wgan" and not (gammas or weights or bounded),
        "the wgan objective needs a D of bounded slope: set gp_weight (10 in its paper), clip (0.01), or d_norm "
        "spectral",
    )
    yield config.gamma_end is not None and not gammas, "gamma_end needs r1_gamma or r2_gamma"
    lazy = config.penalty_interval > 1
    yield lazy and weights, "gp_weight and dragan_weight are for every update of D; set penalty_interval to 1"
    yield lazy and not gammas, "penalty_interval needs r1_gamma or r2_gamma; where both are 0, set it to 1"
    yield (
        lazy and config.r1_gamma and config.r2_gamma,
        "r1_gamma and r2_gamma together do not converge unless they are computed at every update of D; set "
        "penalty_interval to 1, or leave one of them out",
    )


def of_the_schedules(config: "Config") -> Misfits:
    defaults = type(config).model_fields
    for name in ("beta1", "beta2", "beta2_end"):
        yield (
            config.optimizer == "rmsprop" and getattr(config, name) != defaults[name].default,
            f"{name} is Adam's, and optimizer is rmsprop",
        )
    ends = {config.lr_end, config.beta2_end, config.gamma_end} != {None}
    yield (
        ends and not config.burn_in_nimg,
        "lr_end, beta2_end and gamma_end need burn_in_nimg, over how many pictures",
    )
    yield (
        config.burn_in_curve == "linear" and not config.burn_in_nimg,
        "burn_in_curve needs burn_in_nimg and an end value",
    )
    yield config.burn_in_nimg and not ends, "burn_in_nimg needs lr_end, beta2_end or gamma_end, where to go"
    yield config.ema_rampup and not config.ema_halflife_nimg, "ema_rampup needs ema_halflife_nimg"
