"""networks/: shapes of every kind of item, and the note's two networks, weight by weight."""

import math

import pytest
import torch
from torch import nn

from ganforge.networks.construct import build_discriminator, build_generator
from ganforge.networks.mlp import Discriminator, Generator

SHAPES = pytest.mark.parametrize(
    "shape", [(2,), (1, 28, 28), (3, 32, 32), (1, 5, 9), (3, 9, 5), (4, 1, 1)], ids=lambda s: "x".join(map(str, s))
)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@SHAPES
@pytest.mark.parametrize("hidden", [(), (8,), (8, 16, 4)])
def test_shapes(shape: tuple[int, ...], hidden: tuple[int, ...]) -> None:
    G, D = Generator(5, shape, hidden), Discriminator(shape, hidden)
    fakes = G(torch.randn(7, 5))
    assert fakes.shape == (7, *shape)
    assert D(fakes).shape == (7,)
    assert D(fakes[:1]).shape == (1,)
    assert fakes.abs().max() < 1


def test_weights_of_the_note() -> None:
    """By hand: inputs times outputs, and a bias for each output."""
    G, D = Generator(96, (1, 28, 28), (1024, 1024)), Discriminator((1, 28, 28), (256, 256))
    assert count(G) == 97 * 1024 + 1025 * 1024 + 1025 * 784 == 1_952_528
    assert count(D) == 785 * 256 + 257 * 256 + 257 * 1 == 267_009


def test_the_notes_networks_layer_by_layer() -> None:
    """The same numbers as the note's Sequentials, to the bit."""
    G, D = Generator(96, (1, 28, 28)), Discriminator((1, 28, 28))
    G_note = nn.Sequential(
        nn.Linear(96, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 784), nn.Tanh()
    )
    D_note = nn.Sequential(
        nn.Linear(784, 256), nn.LeakyReLU(0.2), nn.Linear(256, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1)
    )
    for ours, theirs in ((G, G_note), (D, D_note)):
        theirs.load_state_dict({k.removeprefix("layers."): v for k, v in ours.state_dict().items()})
    z = torch.rand(8, 96) * 2 - 1
    assert torch.equal(G(z).flatten(1), G_note(z))
    assert torch.equal(D(G(z)), D_note(G_note(z)).squeeze(1))


def test_activations_in_place_change_no_gradient_and_no_input() -> None:
    D = Discriminator((1, 4, 4), (8, 8))
    images = torch.randn(6, 1, 4, 4, requires_grad=True)
    kept = images.detach().clone()
    [grad] = torch.autograd.grad(D(images).sum(), [images])
    assert torch.equal(images.detach(), kept)
    first, second, last = D.layers[0], D.layers[2], D.layers[4]
    h = first(images.flatten(1))
    a = torch.where(h > 0, h, 0.2 * h)
    h = second(a)
    [expected] = torch.autograd.grad(last(torch.where(h > 0, h, 0.2 * h)).sum(), [images])
    torch.testing.assert_close(grad, expected)


@SHAPES
def test_first_weights_follow_from_the_seed_alone(shape: tuple[int, ...]) -> None:
    before = torch.random.get_rng_state()
    one, two, other = (build_generator("mlp", 4, shape, seed, hidden=(8,)) for seed in (1, 1, 2))
    torch.rand(3)
    three = build_generator("mlp", 4, shape, 1, hidden=(8,))
    assert torch.equal(one.layers[0].weight, two.layers[0].weight)
    assert torch.equal(one.layers[2].bias, three.layers[2].bias)
    assert not torch.equal(one.layers[0].weight, other.layers[0].weight)
    D, again = build_discriminator("mlp", shape, 1, hidden=(8,)), build_discriminator("mlp", shape, 1, hidden=(8,))
    assert all(torch.equal(a, b) for a, b in zip(D.parameters(), again.parameters(), strict=True))
    torch.random.set_rng_state(before)


def test_the_global_generator_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    build_generator("mlp", 4, (2,), 1, hidden=(8,))
    build_discriminator("mlp", (2,), 1, hidden=(8,))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_g_and_d_do_not_share_their_first_numbers() -> None:
    G, D = build_generator("mlp", 4, (4,), 0, hidden=(8,)), build_discriminator("mlp", (4,), 0, hidden=(8,))
    assert G.layers[0].weight.shape == D.layers[0].weight.shape
    assert not torch.equal(G.layers[0].weight, D.layers[0].weight)


def test_first_weights_are_pytorchs_default() -> None:
    """Uniform within 1 / sqrt(inputs), weights and biases."""
    layer = build_generator("mlp", 64, (2,), 0, hidden=(4096,)).layers[0]
    assert layer.weight.abs().max().item() == pytest.approx(1 / math.sqrt(64), rel=1e-3)
    assert layer.weight.std().item() == pytest.approx(1 / math.sqrt(3 * 64), rel=1e-2)
    assert layer.bias.abs().max().item() <= 1 / math.sqrt(64)
