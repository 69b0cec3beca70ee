"""Settings that do not fit each other, what mends them, and the sentence that says so."""

from typing import Any

import pytest

from ganforge.base.errors import UserError
from ganforge.config import make_config

NORMS = ("batch", "layer", "spectral", "unnormalised")
PENALTIES = ("r1_gamma", "r2_gamma", "gp_weight", "dragan_weight")
ENDS = ("lr_end", "beta2_end", "gamma_end")
CONFLICTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"g_width": 8}, {"generator": "dcgan"}, "g_width is for the other families; mlp has no channels."),
    ({"d_width": 8}, {"discriminator": "recurrent"}, "d_width is for the other families; mlp has no channels."),
    (
        {"d_width": 8, "discriminator": "logistic"},
        {"discriminator": "resnet"},
        "d_width is for the other families; logistic has no channels.",
    ),
    *(
        (
            {"d_norm": norm, "discriminator": family},
            {"discriminator": "dcgan"},
            f"d_norm is for a dcgan D, not for {family}.",
        )
        for norm in NORMS
        for family in ("mlp", "logistic", "recurrent", "resnet", "r3gan")
    ),
    *(
        (
            {f"{network}_base_size": 4, player: family},
            {player: "dcgan"},
            f"{network}_base_size is for the convolutional families; {family} does not change the picture's size.",
        )
        for network, player, family in (
            ("g", "generator", "mlp"),
            ("d", "discriminator", "logistic"),
            ("d", "discriminator", "recurrent"),
        )
    ),
    *(
        (
            {f"{network}_hidden": (64,), player: family},
            {player: "mlp"},
            f"{network}_hidden is for an mlp {network.upper()}, not for {family}.",
        )
        for network, player, family in (
            ("g", "generator", "dcgan"),
            ("d", "discriminator", "logistic"),
            ("d", "discriminator", "resnet"),
        )
    ),
    ({"blocks": 2}, {"generator": "r3gan"}, "blocks is for r3gan networks, and neither G nor D is one."),
    ({"group_size": 8}, {"discriminator": "r3gan"}, "group_size is for r3gan networks, and neither G nor D is one."),
    ({"accumulate": 3}, {"batch_size": 129}, "accumulate = 3 does not divide batch_size = 128."),
    ({"accumulate": 256}, {"batch_size": 512}, "accumulate = 256 does not divide batch_size = 128."),
    (
        {"accumulate": 128},
        {"batch_size": 256},
        "accumulate = 128 leaves parts of 1 picture; leave 2 or more in each.",
    ),
    (
        {"accumulate": 2, "dragan_weight": 10.0},
        {"accumulate": 1},
        "dragan_weight looks at the whole batch; set accumulate to 1.",
    ),
    (
        {"accumulate": "auto", "dragan_weight": 10.0},
        {"accumulate": 1},
        "dragan_weight looks at the whole batch; set accumulate to 1.",
    ),
    *(
        (
            {penalty: 1.0, "discriminator": "dcgan"} | own,
            {"d_norm": norm},
            "r1_gamma, r2_gamma, gp_weight and dragan_weight need d_norm layer, spectral or unnormalised, since batch "
            "mixes the pictures.",
        )
        for penalty in PENALTIES
        for own in ({}, {"d_norm": "batch"})
        for norm in NORMS[1:]
    ),
    *(
        (
            {end: 0.5, "r1_gamma": 1.0},
            {"burn_in_nimg": 100},
            "lr_end, beta2_end, gamma_end and ema_burn_in need burn_in_nimg, over how many pictures.",
        )
        for end in ENDS
    ),
    *(
        (
            {"burn_in_nimg": 100, "r2_gamma": 1.0},
            {end: 0.0},
            "burn_in_nimg needs lr_end, beta2_end, gamma_end or ema_burn_in, where to go.",
        )
        for end in ENDS
    ),
    (
        {"burn_in_curve": "linear"},
        {"burn_in_nimg": 100, "lr_end": 0.5},
        "burn_in_curve needs burn_in_nimg and an end value.",
    ),
    *(
        ({"gamma_end": 0.1, "burn_in_nimg": 100}, {gamma: 1.0}, "gamma_end needs r1_gamma or r2_gamma.")
        for gamma in ("r1_gamma", "r2_gamma")
    ),
    *(
        (
            {"penalty_interval": 16, "r1_gamma": 1.0, weight: 10.0},
            {weight: 0.0},
            "gp_weight and dragan_weight are for every update of D; set penalty_interval to 1.",
        )
        for weight in PENALTIES[2:]
    ),
    (
        {"penalty_interval": 16},
        {"r2_gamma": 1.0},
        "penalty_interval needs r1_gamma or r2_gamma; where both are 0, set it to 1.",
    ),
    (
        {"penalty_interval": 2, "r1_gamma": 1.0, "r2_gamma": 1.0},
        {"penalty_interval": 1},
        "r1_gamma and r2_gamma together do not converge unless they are computed at every update of D; set "
        "penalty_interval to 1, or leave one of them out.",
    ),
    (
        {"beta2_end": 0.9, "burn_in_nimg": 100, "optimizer": "rmsprop"},
        {"optimizer": "adam"},
        "beta2_end is Adam's, and optimizer is rmsprop.",
    ),
    *(
        ({name: 0.9, "optimizer": "rmsprop"}, {"optimizer": "adam"}, f"{name} is Adam's, and optimizer is rmsprop.")
        for name in ("beta1", "beta2")
    ),
    ({"ema_rampup": True}, {"ema_halflife_nimg": 100}, "ema_rampup needs ema_halflife_nimg."),
    ({"ema_burn_in": True, "burn_in_nimg": 9}, {"ema_halflife_nimg": 9}, "ema_burn_in needs ema_halflife_nimg."),
    (
        {"ema_burn_in": True, "ema_rampup": True, "ema_halflife_nimg": 9, "burn_in_nimg": 9},
        {"ema_rampup": False},
        "ema_rampup and ema_burn_in are two ways to begin; choose one.",
    ),
    (
        {"ema_burn_in": True, "ema_halflife_nimg": 9},
        {"burn_in_nimg": 9},
        "lr_end, beta2_end, gamma_end and ema_burn_in need burn_in_nimg, over how many pictures.",
    ),
    (
        {"g_batch_factor": 2},
        {"shared_noise": False},
        "g_batch_factor is for a G with batches of its own; set shared_noise to false.",
    ),
    ({"g_norm": "unnormalised"}, {"generator": "dcgan"}, "g_norm is for a dcgan G, not for mlp."),
    *(
        (
            {"objective": "wgan"},
            mend,
            "the wgan objective needs a D of bounded slope: set gp_weight (10 in its paper), clip (0.01), or d_norm "
            "spectral.",
        )
        for mend in (
            *({penalty: 1.0} for penalty in (*PENALTIES, "clip")),
            {"discriminator": "resnet"},
            {"discriminator": "dcgan", "d_norm": "spectral"},
        )
    ),
    (
        {"objective": "relativistic"},
        {"shared_noise": False},
        "the relativistic objective pairs fresh fakes with fresh reals; set shared_noise to false.",
    ),
    (
        {"snapshot_nimg": 100, "milestone_nimg": 250},
        {"milestone_nimg": 300},
        "milestone_nimg = 250 is not a multiple of snapshot_nimg = 100, so that no snapshot would be one.",
    ),
]
"""Settings that do not fit each other, what mends them, and what is said."""


@pytest.mark.parametrize(("conflict", "mend", "sentence"), CONFLICTS)
def test_settings_that_do_not_fit_each_other(conflict: dict[str, Any], mend: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        make_config(conflict)
    assert str(caught.value) == sentence
    config = make_config(conflict | mend)
    assert {name: getattr(config, name) for name in conflict | mend} == conflict | mend
