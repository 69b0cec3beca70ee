"""metrics/random_convolution.py: any size, bounded cost, and it sees what pictures lose."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d
from torch.utils.flop_counter import FlopCounterMode

from ganforge.data.load import load
from ganforge.metrics.random_convolution import RandomConvolution


def pictures(*shape: int) -> Tensor:
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 7), (3, 28, 28), (4, 32, 32), (2, 1, 300), (3, 256, 256)])
def test_any_size_and_number_of_channels(shape: tuple[int, int, int]) -> None:
    features, probabilities = RandomConvolution(shape[0])(pictures(3, *shape))
    assert features.shape == (3, RandomConvolution.dims) == (3, 256)
    assert features.dtype == torch.float32 and features.isfinite().all()
    assert probabilities is None
    assert not torch.equal(features[0], features[1])


def flops(*shape: int) -> int:
    with FlopCounterMode(display=False) as counter:
        RandomConvolution(shape[0])(pictures(1, *shape))
    return counter.get_total_flops()


def test_large_pictures_cost_no_more_than_128_x_128() -> None:
    assert flops(3, 64, 64) < flops(3, 128, 128)
    assert flops(3, 1000, 700) <= flops(3, 128, 128)
    assert RandomConvolution.largest_layer((3, 1000, 700)) == RandomConvolution.largest_layer((3, 128, 128))


def test_the_first_stage_written_out() -> None:
    network, given = RandomConvolution(3), pictures(2, 3, 6, 7)
    maps = conv2d(given / 127.5 - 1, network.get_buffer("weight0"), network.get_buffer("bias0"), padding=2).relu()
    quarters = [
        maps[:, :, rows, columns].mean((2, 3))
        for rows in (slice(3), slice(3, 6))
        for columns in (slice(4), slice(3, 7))
    ]
    assert torch.allclose(network(given)[0][:, :64], torch.cat(quarters, 1), atol=1e-6)


def test_weights_are_the_same_every_time_and_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    first, second = RandomConvolution(1), RandomConvolution(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(weight, second.state_dict()[name]) for name, weight in first.state_dict().items())
    assert first.get_buffer("weight0").square().mean().item() == pytest.approx(2 / 25, rel=0.15)  # He: 2 / (1 * 5 * 5)


def distorted(fault: str, reals: Tensor) -> Tensor:
    match fault:
        case "noise":
            noise = 25.5 * torch.randn(reals.shape, generator=torch.Generator().manual_seed(2))
            return (reals + noise).round().clamp(0, 255).byte()
        case "blur":
            return avg_pool2d(reals.float(), 3, 1, 1).round().byte()
        case "binarised":
            return (reals > 127).byte() * 255
        case "mirrored":
            return reals.flip(3)
    return reals[:10].repeat(len(reals) // 10, 1, 1, 1)


@pytest.mark.parametrize("fault", ["noise", "blur", "binarised", "mirrored", "ten pictures repeated"])
def test_a_fault_moves_the_mean_much_more_than_chance_does(fault: str) -> None:
    items = load("digits").items[:1600]
    network = RandomConvolution(1)
    mean = network(items[::2])[0].mean(0)
    chance = (network(items[1::2])[0].mean(0) - mean).norm()
    assert (network(distorted(fault, items[1::2]))[0].mean(0) - mean).norm() > 3 * chance
