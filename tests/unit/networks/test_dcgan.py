"""networks/dcgan: sizes, layers and first weights as the paper has them."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm

from ganforge.networks.dcgan import Discriminator, Generator, Norm


def kinds(network: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in network.layers]


def test_layers_for_mnist() -> None:
    G, D = Generator(100, (1, 28, 28), width=64), Discriminator((1, 28, 28), width=64)
    block = ["BatchNorm2d", "ReLU", "ConvTranspose2d"]
    assert kinds(G) == ["Unflatten", *block, *block, "Tanh"]
    below = ["Conv2d", "BatchNorm2d", "LeakyReLU"]
    assert kinds(D) == ["Conv2d", "LeakyReLU", *below, *below, *below, "Flatten"]
    assert G.start.weight.shape == (128 * 7 * 7, 100)
    assert [tuple(layer.weight.shape) for layer in G.layers if isinstance(layer, nn.ConvTranspose2d)] == [
        (128, 64, 4, 4),
        (64, 1, 4, 4),
    ]
    assert [tuple(layer.weight.shape) for layer in D.layers if isinstance(layer, nn.Conv2d)] == [
        (64, 1, 4, 4),
        (128, 64, 4, 4),
        (128, 128, 4, 4),
        (128, 128, 4, 4),
    ]


def test_a_g_without_norm_keeps_the_size_of_the_signal() -> None:
    """He's first weights: the square of what goes into tanh is 2 on average for z of mean square 1, since half of that
    is what a ReLU leaves. Every layer has a shift, at 0 first, since there is no norm to have one."""
    torch.manual_seed(0)
    G = Generator(128, (3, 28, 28), width=256, norm="unnormalised")
    assert kinds(G) == ["Unflatten", "ReLU", "ConvTranspose2d", "ReLU", "ConvTranspose2d", "Tanh"]
    layers = [G.start, G.layers[2], G.layers[4]]
    assert all(layer.bias is not None and not layer.bias.any() for layer in layers)
    x = G.start(torch.randn(64, 128))
    for layer in G.layers[:-1]:
        x = layer(x)
        if not isinstance(layer, nn.ReLU):
            inside = x[..., 4:-4, 4:-4] if x.shape[-1] > 8 else x  # an edge has fewer inputs
            assert inside.square().mean().item() == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 50), (1, 5, 7)])
def test_every_level_halves_or_doubles(shape: tuple[int, int, int]) -> None:
    """Rounded up, and the same sizes in both directions."""
    G, D = Generator(4, shape, 2, 4, base_size=3), Discriminator(shape, 2, 4, base_size=3)
    down, up = [shape[1:]], []
    x = torch.randn(2, *shape)
    for layer in D.layers[:-1]:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            down.append(tuple(x.shape[2:]))
    x = G.start(torch.randn(2, 4))
    for layer in G.layers:
        x = layer(x)
        if isinstance(layer, nn.Unflatten | nn.ConvTranspose2d):
            up.append(tuple(x.shape[2:]))
    assert up == down[::-1]
    assert max(up[0]) <= 3
    assert all(small == ((big[0] + 1) // 2, (big[1] + 1) // 2) for big, small in pairwise(down))


def test_first_weights() -> None:
    torch.manual_seed(0)
    G, D = Generator(100, (3, 32, 32), 64), Discriminator((3, 32, 32), 64)
    for network in (G, D):
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)
                assert module.weight.mean().abs() < 0.002
            if isinstance(module, nn.BatchNorm2d):
                assert module.weight.mean().item() == pytest.approx(1, abs=0.01)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.3)


def test_without_a_norm_the_signal_keeps_its_size() -> None:
    """He's weights: mean squares stay near 1, where N(0, 0.02^2) would shrink them level by level. The zeros around the
    picture take their part of every level's."""
    torch.manual_seed(0)
    features = Discriminator((3, 64, 64), 64, norm="unnormalised").layers(torch.randn(8, 3, 64, 64))
    assert 0.3 < features.square().mean() < 1.5


@pytest.mark.parametrize(
    ("norm", "found"),
    [("batch", {"BatchNorm2d"}), ("layer", {"GroupNorm"}), ("spectral", set()), ("unnormalised", set())],
)
def test_norms(norm: Norm, found: set[str]) -> None:
    D = Discriminator((1, 28, 28), 4, norm=norm, num_classes=3)
    assert set(kinds(D)) & {"BatchNorm2d", "GroupNorm"} == found
    weighted = {type(m).__name__ for m in D.modules() if hasattr(m, "weight")} - {"BatchNorm2d", "GroupNorm"}
    assert weighted == ({"SpectralConv2d", "SpectralLinear"} if norm == "spectral" else {"Conv2d", "Linear"})


def test_layer_norm_is_over_one_item() -> None:
    D = Discriminator((1, 28, 28), 4, norm="layer")
    convolution, activation, second, norm = D.layers[:4]
    x = second(activation(convolution(torch.randn(3, 1, 28, 28))))
    torch.testing.assert_close(norm(x), layer_norm(x, x.shape[1:]))
