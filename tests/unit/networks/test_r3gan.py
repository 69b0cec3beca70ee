"""networks/r3gan: filters, first weights and sizes by hand."""

import math
from functools import partial

import pytest
import torch
from torch.nn.functional import interpolate

from ganforge.base.errors import UserError
from ganforge.networks.r3gan import Block, Discriminator, Downsampling, Generator, Upsampling


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_upsampling_is_bilinear_inside() -> None:
    """As PyTorch's bilinear interpolation, except in the outermost pixels, where it repeats the edge and ours has 0."""
    x = torch.randn(2, 3, 6, 5)
    ours, bilinear = Upsampling(3, (12, 10))(x), interpolate(x, (12, 10), mode="bilinear")
    torch.testing.assert_close(ours[..., 1:-1, 1:-1], bilinear[..., 1:-1, 1:-1])
    torch.testing.assert_close(ours[..., 0, 1:-1], 0.75 * bilinear[..., 0, 1:-1])


def test_downsampling_by_hand() -> None:
    row = torch.tensor([1.0, 2.0, 4.0, 8.0])
    x = row.view(1, 1, 1, 4).repeat(1, 1, 4, 1)
    across = [(3 * 1 + 3 * 2 + 4) / 8, (2 + 3 * 4 + 3 * 8) / 8]
    torch.testing.assert_close(Downsampling(1, (4, 4))(x)[0, 0, 0], torch.tensor(across) * 7 / 8)


@pytest.mark.parametrize("size", [(28, 28), (5, 7), (1, 1), (1, 8), (33, 50)])
def test_up_and_down_are_each_others_transpose(size: tuple[int, int]) -> None:
    """<down(x), y> = <x, up(y)> / 4, for every size; inside, both keep a constant."""
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    up, down = Upsampling(2, size).double(), Downsampling(2, size).double()
    x, y = torch.randn(3, 2, *size, dtype=torch.float64), torch.randn(3, 2, *half, dtype=torch.float64)
    assert down(x).shape == y.shape
    assert up(y).shape == x.shape
    torch.testing.assert_close((down(x) * y).sum(), (x * up(y)).sum() / 4)
    for out in (up(torch.ones_like(y)), down(torch.ones_like(x))):
        inside = out[..., 1:-1, 1:-1]
        torch.testing.assert_close(inside, torch.ones_like(inside))


def test_the_filter_does_not_alias() -> None:
    """The finest checkerboard becomes zero, away from the edges; every other pixel would have been a constant."""
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 2.0 - 1.0
    assert Downsampling(1, (8, 8))(board.view(1, 1, 8, 8))[..., 1:-1, 1:-1].abs().max() < 1e-6


def test_a_block_starts_as_the_identity() -> None:
    x = torch.randn(2, 8, 5, 5)
    assert torch.equal(Block(8, 4, total=3)(x), x)


def test_first_weights_of_a_block() -> None:
    """He's deviation for a LeakyReLU(0.2), over the fourth root of the number of blocks; zero at the end."""
    block = Block(64, 16, total=16)
    first, _, middle, _, last = block.layers
    assert (middle.in_channels, middle.groups) == (128, 8)
    for layer, inputs in ((first, 64), (middle, 16 * 9)):
        expected = math.sqrt(2 / 1.04) / 2 / math.sqrt(inputs)
        assert layer.weight.std().item() == pytest.approx(expected, rel=0.05)
        assert not layer.bias.any()
    assert not last.weight.any()
    assert last.bias is None


def test_sizes_and_blocks() -> None:
    G = Generator(64, (3, 28, 28), width=8, max_width=32, blocks=2, group_size=8)
    D = Discriminator((3, 28, 28), width=8, max_width=32, blocks=2, group_size=8)
    assert G.basis.shape == (32, 4, 4)
    for network in (G, D):
        widths = [m.layers[0].in_channels for m in network.modules() if isinstance(m, Block)]
        assert sorted(widths) == [8, 8, 16, 16, 32, 32, 32, 32]
        names = {type(m).__name__ for m in network.modules()}
        assert not names & {"BatchNorm2d", "GroupNorm", "Tanh", "SpectralConv2d"}
    assert D.layers[-2].kernel_size == (4, 4)
    assert D.layers[-2].groups == 32


def test_the_papers_weights_for_stacked_mnist() -> None:
    """768 channels on 32 x 32, 64 numbers of noise: 20.73 and 20.68 million weights in the paper's table 9."""
    with torch.device("meta"):
        G = Generator(64, (3, 32, 32), 768, 768, blocks=2)
        D = Discriminator((3, 32, 32), 768, 768, blocks=2)
    assert sum(p.numel() for p in G.parameters()) / 1e6 == pytest.approx(20.73, abs=0.005)
    assert sum(p.numel() for p in D.parameters()) / 1e6 == pytest.approx(20.68, abs=0.005)


def test_a_class_is_told_to_g_by_its_own_numbers() -> None:
    """64 beside z, learned; those of 10 classes have a mean square of a tenth at first."""
    G = Generator(64, (3, 32, 32), 16, 16, num_classes=10)
    assert G.classes.shape == (10, 64)
    assert G.classes.square().mean().item() == pytest.approx(0.1, rel=0.2)
    assert G.scales.weight.shape == (16, 64 + 64)
    z, labels = torch.randn(3, 64), torch.tensor([7, 0, 7])
    told = torch.stack([torch.cat([z[row], G.classes[label]]) for row, label in enumerate(labels)])
    expected = G.layers(G.basis * (told @ G.scales.weight.T)[:, :, None, None])
    torch.testing.assert_close(G(z, labels), expected)


def test_a_logit_is_the_inner_product_with_the_classs_vector() -> None:
    """And nothing else: where that vector is 0, so is the logit. Its mean square is a tenth at first, with 10."""
    D = Discriminator((1, 8, 8), 64, num_classes=10)
    images, labels = torch.randn(5, 1, 8, 8), torch.tensor([3, 0, 9, 3, 1])
    features = D.layers(images) @ D.head.features.weight.T
    expected = torch.stack([features[row] @ D.head.classes.weight[label] for row, label in enumerate(labels)])
    torch.testing.assert_close(D(images, labels), expected)
    assert {name for name, _ in D.head.named_parameters()} == {"features.weight", "classes.weight"}
    spread = D.head(torch.randn(4000, 64), torch.arange(4000) % 10).square().mean().item()
    assert spread == pytest.approx(0.1, rel=0.35)


def test_fakes_are_not_bounded() -> None:
    G = Generator(64, (1, 8, 8), width=8, max_width=8, group_size=8)
    assert G(100 * torch.randn(16, 64)).abs().max() > 2


def test_groups_that_do_not_divide_the_width() -> None:
    with pytest.raises(UserError, match="groups of 16 channels do not divide a block of 2 x 12"):
        Generator(4, (1, 8, 8), width=12)


def test_the_basis_and_the_head_keep_the_size_of_the_signal() -> None:
    """Noise of mean square 1 gives features of mean square 1 at G's start, and such features a logit of variance 1."""
    G, D = (
        network(shape=(1, 28, 28), width=256, max_width=256) for network in (partial(Generator, 256), Discriminator)
    )
    start = G.basis * G.scales(torch.randn(64, 256))[:, :, None, None]
    assert start.square().mean().item() == pytest.approx(1, rel=0.05)
    collapsed = D.layers[-2:](torch.randn(256, 256, 4, 4))
    assert collapsed.square().mean().item() == pytest.approx(1, rel=0.05)
    assert D.head(collapsed, None).var().item() == pytest.approx(1, rel=0.3)
