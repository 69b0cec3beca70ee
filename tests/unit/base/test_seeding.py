"""base/seeding.py: the numbers that every run's randomness hangs on."""

import random

import numpy as np
import pytest
import torch

from ganforge.base.seeding import derive, generator


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0, "z", 0), 2510636660948682236),
        ((0, "z", 128), 8203300021428624290),
        ((1, "shuffle", 3), 611668665694072786),
        ((2**40, "sample", 10**12), 2641421692842374068),
    ],
)
def test_golden_values(arguments: tuple[int, str, int], expected: int) -> None:
    assert derive(*arguments) == expected


def test_golden_draws() -> None:
    assert torch.randint(0, 1000, (6,), generator=generator(0, "z", 128)).tolist() == [204, 335, 448, 38, 388, 906]


def test_the_index_is_zero_by_default() -> None:
    assert derive(3, "z") == derive(3, "z", 0)


def test_values_fit_a_signed_64_bit_integer() -> None:
    values = [derive(seed, "z", index) for seed in range(50) for index in range(50)]
    assert all(0 <= value < 2**63 for value in values)
    assert max(values) > 2**62  # and use its range
    assert len(set(values)) == 2500


def test_arguments_do_not_run_into_each_other() -> None:
    assert derive(1, "z", 11) != derive(11, "z", 1)
    assert derive(1, "1/z") != derive(1, "z")
    assert derive(-1, "z") != derive(1, "z")


@pytest.mark.parametrize("other", [(1, "z", 0), (0, "shuffle", 0), (0, "z", 1)])
def test_different_arguments_give_different_streams(other: tuple[int, str, int]) -> None:
    here = torch.rand(1000, generator=generator(0, "z", 0))
    there = torch.rand(1000, generator=generator(*other))
    assert abs(torch.corrcoef(torch.stack([here, there]))[0, 1].item()) < 0.15
    assert not torch.isin(here, there).all()


def test_equal_arguments_give_equal_streams() -> None:
    assert torch.equal(torch.rand(9, generator=generator(5, "z", 7)), torch.rand(9, generator=generator(5, "z", 7)))


def test_global_generators_are_neither_used_nor_moved() -> None:
    torch.manual_seed(1)
    first = torch.rand(4, generator=generator(0, "z"))
    torch.manual_seed(2)
    random.seed(3)
    before = (torch.get_rng_state(), random.getstate(), str(np.random.get_state()))
    second = torch.rand(4, generator=generator(0, "z"))
    assert torch.equal(first, second)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (random.getstate(), str(np.random.get_state()))


def test_a_generator_lives_on_the_cpu() -> None:
    assert generator(0, "z").device.type == "cpu"
