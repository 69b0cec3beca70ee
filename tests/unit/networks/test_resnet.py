"""networks/resnet: blocks, pooling, spectral normalisation and projection by hand."""

import pytest
import torch
from torch import Tensor, nn

from ganforge.networks.layers import BatchNorm2d, ClassBatchNorm2d, SpectralConv2d, SpectralLinear
from ganforge.networks.resnet import Discriminator, DownBlock, Generator, UpBlock, halved


def largest_singular_value(weight: Tensor) -> float:
    return torch.linalg.matrix_norm(weight.flatten(1), 2).item()


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("layer", [SpectralLinear(12, 7), SpectralConv2d(3, 7, 3), SpectralConv2d(1, 5, 4, stride=2)])
def test_the_largest_singular_value_becomes_one(layer: nn.Module) -> None:
    """Read off the layer's output: to an eye of inputs, or to every patch's basis."""
    true_norm = largest_singular_value(layer.weight)
    size = layer.weight[0].shape
    basis = torch.eye(layer.weight[0].numel()).view(-1, *size)
    for _ in range(200):
        layer(basis)
    layer.eval()
    shift = layer(torch.zeros(1, *size))
    effective = (layer(basis) - shift).flatten(1).T  # [out, in]
    assert largest_singular_value(effective) == pytest.approx(1.0, abs=1e-3)
    torch.testing.assert_close(effective, layer.weight.flatten(1) / true_norm, rtol=1e-3, atol=1e-4)


def test_one_step_of_power_iteration_a_pass() -> None:
    layer = SpectralLinear(6, 4)
    u, weight = layer.u.clone(), layer.weight.detach()
    v = weight.T @ u / (weight.T @ u).norm()
    expected = weight @ v / (weight @ v).norm()
    images = torch.randn(2, 6)
    out = layer(images)
    torch.testing.assert_close(layer.u, expected)
    torch.testing.assert_close(out, images @ (weight / (expected @ weight @ v)).T + layer.bias)
    layer.eval()
    kept = layer.u.clone()
    layer(images)
    assert torch.equal(layer.u, kept)


def test_the_gradient_knows_that_the_weight_is_divided() -> None:
    """Where the estimate has converged, making the weight longer changes nothing: the gradient is orthogonal to it."""
    layer = SpectralLinear(6, 4).double()
    for _ in range(500):
        layer(torch.zeros(1, 6, dtype=torch.float64))
    [grad] = torch.autograd.grad(layer(torch.randn(3, 6, dtype=torch.float64)).square().sum(), [layer.weight])
    assert grad.norm() > 1e-3
    assert (grad * layer.weight).sum().abs() < 1e-9


def test_two_passes_before_one_backward() -> None:
    """As D's update has them, on reals and on fakes: the second pass may not spoil the first one's gradient."""
    D, twin = Discriminator((1, 8, 8), 2, 4), Discriminator((1, 8, 8), 2, 4)
    twin.load_state_dict(D.state_dict())
    reals, fakes = torch.randn(2, 3, 1, 8, 8)
    grads = torch.autograd.grad(D(reals).sum() - D(fakes).sum(), list(D.parameters()))
    one = torch.autograd.grad(twin(reals).sum(), list(twin.parameters()))
    two = torch.autograd.grad(twin(fakes).sum(), list(twin.parameters()))
    for both, first, second in zip(grads, one, two, strict=True):
        torch.testing.assert_close(both, first - second)


def test_every_layer_of_d_is_normalised() -> None:
    D = Discriminator((1, 28, 28), 4, num_classes=3)
    layers = [m for m in D.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 3 + 3 + 2 * 2 + 2
    assert all(isinstance(m, SpectralConv2d | SpectralLinear) for m in layers)
    assert {name for name, _ in D.named_buffers()} == {
        f"{name}.u" for name, m in D.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)
    }


def test_halving_by_hand() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3)
    assert halved(x).tolist() == [[[[2.0, 3.5]]]]
    assert halved(torch.ones(1, 1, 1, 1)).tolist() == [[[[1.0]]]]


def test_a_block_down_by_hand() -> None:
    block = DownBlock(2, 3).eval()
    x = torch.randn(4, 2, 5, 6)
    h = block.conv2(block.conv1(x.clamp(min=0)).clamp(min=0))
    expected = halved(h) + halved(block.shortcut(x))
    torch.testing.assert_close(block(x), expected)
    first = DownBlock(2, 3, first=True).eval()
    h = first.conv2(first.conv1(x).clamp(min=0))
    torch.testing.assert_close(first(x), halved(h) + halved(first.shortcut(x)))


def test_a_block_up_by_hand() -> None:
    block = UpBlock(2, 3, (5, 8)).eval()
    x = torch.randn(4, 2, 3, 4)
    resize = nn.Upsample((5, 8))
    h = block.conv1(resize(x.clamp(min=0) / (1 + 1e-5) ** 0.5))
    expected = block.conv2((h / (1 + 1e-5) ** 0.5).clamp(min=0)) + block.shortcut(resize(x))
    torch.testing.assert_close(block(x), expected)


def test_projection_by_hand() -> None:
    D = Discriminator((1, 8, 8), 2, 4, num_classes=3).eval()
    images, labels = torch.randn(4, 1, 8, 8), torch.tensor([2, 0, 1, 2])
    features = D.blocks(images).clamp(min=0).sum((2, 3))
    bare = D.head.classes
    embedding = bare.weight / (bare.weight.T @ bare.u).norm()
    expected = D.head.logit(features).squeeze(1) + (embedding[labels] * features).sum(1)
    torch.testing.assert_close(D(images, labels), expected)


def test_the_papers_sizes_for_cifar() -> None:
    """Three blocks up from 4 x 4, of 256 channels; two down to 8 x 8 and two there, of 128."""
    G = Generator(128, (3, 32, 32), width=256, max_width=256)
    D = Discriminator((3, 32, 32), width=128, max_width=128)
    assert G.start.weight.shape == (4 * 4 * 256, 128)
    assert [tuple(m.conv1.weight.shape) for m in G.modules() if isinstance(m, UpBlock)] == [(256, 256, 3, 3)] * 3
    assert [block.pool for block in D.blocks] == [True, True, False, False]
    assert D.blocks(torch.zeros(1, 3, 32, 32)).shape == (1, 128, 8, 8)
    assert D.head.logit.bias is None


def test_inside_a_block_down_are_the_channels_that_come_in() -> None:
    """As in the authors' code; the first block of a D has as many as go out."""
    D = Discriminator((3, 32, 32), width=4, max_width=8)
    shapes = [(tuple(b.conv1.weight.shape[:2]), tuple(b.conv2.weight.shape[:2])) for b in D.blocks]
    assert shapes == [((4, 3), (4, 4)), ((4, 4), (8, 4)), ((8, 8), (8, 8)), ((8, 8), (8, 8))]


def test_each_class_has_its_own_gains_and_shifts() -> None:
    norm, images, labels = ClassBatchNorm2d(3, 4), torch.randn(6, 3, 2, 2), torch.tensor([0, 3, 3, 1, 0, 2])
    plain = nn.BatchNorm2d(3, affine=False)
    torch.testing.assert_close(norm(images, labels), plain(images))  # classes are alike at first
    with torch.no_grad():
        norm.gains.copy_(torch.randn(4, 3))
        norm.shifts.copy_(torch.randn(4, 3))
    expected = plain(images)
    for item, label in enumerate(labels):
        expected[item] = expected[item] * norm.gains[label].view(3, 1, 1) + norm.shifts[label].view(3, 1, 1)
    torch.testing.assert_close(norm(images, labels), expected)
    torch.testing.assert_close(norm.running_mean, plain.running_mean)


def test_without_classes_it_is_batch_norm() -> None:
    norm, plain, images = ClassBatchNorm2d(3, 0), nn.BatchNorm2d(3), torch.randn(4, 3, 2, 2)
    assert norm.state_dict().keys() == plain.state_dict().keys()
    assert torch.equal(norm(images), plain(images))


def test_g_is_told_the_class_by_its_norms_alone() -> None:
    G = Generator(5, (1, 8, 8), 4, num_classes=3)
    assert G.start.in_features == 5
    norms = [module for module in G.modules() if isinstance(module, nn.BatchNorm2d)]
    assert [type(norm) for norm in norms] == [ClassBatchNorm2d] * 2 + [BatchNorm2d]  # of a block, and the last
    z, labels = torch.randn(2, 5), torch.tensor([0, 2])
    G.eval()
    assert torch.equal(G(z, labels), G(z, labels.flip(0)))
    for norm in norms[:2]:
        before = G(z, labels).detach()
        with torch.no_grad():
            norm.shifts[2] += 1
        after = G(z, labels).detach()
        assert torch.equal(before[0], after[0])
        assert not torch.equal(before[1], after[1])
