"""networks/smooth: resampling at once with convolutions, and what it is there for, no checkerboard."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate

from ganforge.networks import dcgan
from ganforge.networks.layers import ClassBatchNorm2d
from ganforge.networks.smooth import Discriminator, Down, Generator, Up


@pytest.mark.parametrize(("size", "low"), [((8, 6), (4, 3)), ((7, 5), (4, 3)), ((1, 1), (1, 1))])
def test_up_is_nearest_upsampling_and_a_convolution(size: tuple[int, int], low: tuple[int, int]) -> None:
    layer = Up(3, 5, size).double()
    x = torch.randn(2, 3, *low, dtype=torch.float64)
    doubled = interpolate(x, scale_factor=2)[:, :, : size[0], : size[1]]
    expected = conv2d(doubled, layer.weight, padding=1)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("size", [(8, 6), (7, 6), (6, 5), (1, 1)])
def test_down_is_a_convolution_and_means_over_pixels(size: tuple[int, int]) -> None:
    layer = Down(3, 5).double()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    even = torch.zeros(2, 3, *(side + side % 2 for side in size), dtype=torch.float64)
    even[:, :, : size[0], : size[1]] = x
    with torch.no_grad():
        layer.bias.normal_()
    torch.testing.assert_close(layer(x), avg_pool2d(conv2d(even, layer.weight, layer.bias, padding=1), 2))


def checkerboard(images: Tensor) -> float:
    """How much more there is of the highest frequency than of those just below it, along rows and columns; 1 of white
    noise."""
    grey = images.mean(1)
    power = torch.fft.rfft2(grey - grey.mean((1, 2), keepdim=True)).abs().square().mean(0)
    rows, columns = (
        power[16, 1:13].mean() / power[13:15, 1:13].mean(),
        power[1:13, 16].mean() / power[1:13, 13:15].mean(),
    )
    return float(torch.maximum(rows, columns))


def test_fresh_generators_make_no_checkerboard() -> None:
    """DCGAN's do, whatever they are taught."""
    found = {"smooth": 0.0, "dcgan": 0.0}
    for seed in range(3):
        torch.manual_seed(seed)
        z = torch.randn(200, 16)
        for name, family in (("smooth", Generator), ("dcgan", dcgan.Generator)):
            with torch.no_grad():
                found[name] = max(found[name], checkerboard(family(16, (3, 32, 32), width=8, max_width=32)(z)))
    assert found["smooth"] < 1 < found["dcgan"]


def test_every_level_has_its_widths() -> None:
    G, D = Generator(4, (3, 32, 32), width=8, max_width=16), Discriminator((3, 32, 32), width=8, max_width=16)
    ups = [layer for layer in G.layers if isinstance(layer, Up)]
    assert [tuple(up.weight.shape[:2]) for up in ups] == [(16, 16), (16, 16), (8, 16)]
    assert [up.size for up in ups] == [(8, 8), (16, 16), (32, 32)]
    assert [tuple(layer.weight.shape[:2]) for layer in D.layers if isinstance(layer, Down)] == [
        (16, 8),
        (16, 16),
        (16, 16),
    ]
    assert D.head.logit.in_features == 16 * 4 * 4


def test_the_label_changes_pictures_by_every_norm_but_the_last() -> None:
    G = Generator(4, (1, 8, 8), width=4, num_classes=3).eval()
    with torch.no_grad():
        for norm in (layer for layer in G.layers if isinstance(layer, ClassBatchNorm2d)):
            norm.shifts.normal_()
    z = torch.randn(1, 4)
    assert not torch.allclose(G(z, torch.tensor([0])), G(z, torch.tensor([1])))


@pytest.mark.parametrize(
    ("size", "width"), [((32, 32), 32), ((28, 28), 32), ((64, 48), 16), ((16, 16), 64), ((2, 2), 64), ((512, 9), 8)]
)
def test_the_usual_width_follows_from_the_longer_side(size: tuple[int, int], width: int) -> None:
    G, D = Generator(4, (3, *size)), Discriminator((3, *size))
    assert G.layers[-2].in_channels == D.layers[0].out_channels == width


def test_first_weights_keep_the_variance() -> None:
    """A level's output has about the variance that a ReLU leaves of its input, doubled: He's gain."""
    torch.manual_seed(0)
    x = torch.randn(64, 32, 16, 16)
    inner = Up(32, 64, (32, 32))(x.relu())[:, :, 4:-4, 4:-4]
    assert inner.var().item() == pytest.approx(1.0, rel=0.15)
