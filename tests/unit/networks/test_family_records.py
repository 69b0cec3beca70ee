"""Families' records are true of their files: which networks there are, and which sizes these take."""

import inspect
from typing import get_args

import pytest

from ganforge.base.wording import listed
from ganforge.config import Config
from ganforge.networks import dcgan
from ganforge.networks.catalog import DISCRIMINATORS, FAMILIES, GENERATORS, NORMS, SIZES, Family, takers

GIVEN = {"z_dim", "shape", "num_classes", "max_width"}
"""Parameters that are no settings of their own."""


@pytest.mark.parametrize("name", FAMILIES)
def test_a_record_has_the_networks_of_its_file_and_their_sizes(name: str) -> None:
    family = FAMILIES[name]
    module = family.load()
    assert isinstance(module.RECORD, Family)
    for network, sizes in (("Generator", family.g_sizes), ("Discriminator", family.d_sizes)):
        assert hasattr(module, network) == (sizes is not None)
        if sizes is not None:
            parameters = inspect.signature(getattr(module, network)).parameters
            assert {*parameters} - GIVEN == {*sizes}
            assert all(parameters[size].default is not inspect.Parameter.empty for size in sizes)
    assert {*family.sizes("g"), *family.sizes("d")} <= {*SIZES}
    assert family.d_norm in NORMS


def test_norms_are_those_of_the_dcgan_d() -> None:
    assert get_args(dcgan.Norm) == tuple(NORMS)
    assert inspect.signature(dcgan.Discriminator).parameters["norm"].default == FAMILIES["dcgan"].d_norm


def test_the_settings_choices_are_the_families() -> None:
    for setting, names in (("generator", GENERATORS), ("discriminator", DISCRIMINATORS)):
        assert get_args(Config.model_fields[setting].annotation) == names
    assert {*GENERATORS, *DISCRIMINATORS} == FAMILIES.keys()


def test_lists_read_as_sentences_do() -> None:
    assert [listed([*names], "or") for names in ("a", "ab", "abc")] == ["a", "a or b", "a, b or c"]
    assert (takers("hidden", "g"), takers("norm", "d"), takers("blocks", article=False)) == (
        "an mlp",
        "a dcgan",
        "r3gan",
    )


@pytest.mark.parametrize(
    ("changes", "fits_one_pass", "mixes", "bounds"),
    [
        ({}, True, False, False),
        ({"discriminator": "logistic"}, True, False, False),
        ({"discriminator": "recurrent"}, True, False, False),
        ({"discriminator": "dcgan"}, False, True, False),
        ({"discriminator": "dcgan", "d_norm": "batch"}, False, True, False),
        ({"discriminator": "dcgan", "d_norm": "layer"}, True, False, False),
        ({"discriminator": "dcgan", "d_norm": "unnormalised"}, True, False, False),
        ({"discriminator": "dcgan", "d_norm": "spectral"}, False, False, True),
        ({"discriminator": "resnet"}, False, False, True),
        ({"discriminator": "r3gan"}, False, False, False),
    ],
)
def test_what_ds_norm_brings_with_it(changes: dict[str, str], fits_one_pass: bool, mixes: bool, bounds: bool) -> None:
    config = Config.model_validate(changes)
    assert config.d_sees_each_item_alone == fits_one_pass
    assert (config.norm_of_d.mixes_items, config.norm_of_d.bounds_slope) == (mixes, bounds)


def test_the_settings_that_weights_depend_on() -> None:
    config = Config.model_validate({"discriminator": "dcgan", "generator": "r3gan"})
    of_g = ["generator", "z_dim", "noise", "g_width", "g_base_size", "blocks", "group_size"]
    assert config.shaping(with_d=False) == of_g
    assert config.shaping(with_d=True) == [*of_g, "discriminator", "d_width", "d_base_size", "d_norm"]
    both = Config.model_validate({"discriminator": "r3gan", "generator": "r3gan"}).shaping(with_d=True)
    assert both == [*of_g, "discriminator", "d_width", "d_base_size"]
