"""What every generator and every discriminator promises, whatever the item's shape."""

import copy
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from ganforge.networks import dcgan, mlp, r3gan, recurrent, resnet, smooth, upsample
from ganforge.networks.layers import level_widths, pyramid, with_labels

Z_DIM = 5
SHAPES = pytest.mark.parametrize(
    "shape",
    [(2,), (1, 1, 1), (1, 28, 28), (3, 32, 32), (1, 5, 7), (4, 33, 50), (2, 1, 9), (3, 16, 3)],
    ids=lambda shape: "x".join(map(str, shape)),
)
SMALL = {"width": 2, "max_width": 4}
GENERATORS = {
    "mlp": partial(mlp.Generator, hidden=(6, 6)),
    "dcgan": partial(dcgan.Generator, **SMALL),
    "upsample": partial(upsample.Generator, **SMALL),
    "resnet": partial(resnet.Generator, **SMALL),
    "r3gan": partial(r3gan.Generator, **SMALL, group_size=2),
    "smooth": partial(smooth.Generator, **SMALL),
}
DISCRIMINATORS = {
    "logistic": partial(mlp.Discriminator, hidden=()),
    "mlp": partial(mlp.Discriminator, hidden=(6, 6)),
    "recurrent": partial(recurrent.Discriminator, width=6),
    "dcgan-batch": partial(dcgan.Discriminator, **SMALL, norm="batch"),
    "dcgan-layer": partial(dcgan.Discriminator, **SMALL, norm="layer"),
    "dcgan-spectral": partial(dcgan.Discriminator, **SMALL, norm="spectral"),
    "dcgan-unnormalised": partial(dcgan.Discriminator, **SMALL, norm="unnormalised"),
    "resnet": partial(resnet.Discriminator, **SMALL),
    "r3gan": partial(r3gan.Discriminator, **SMALL, group_size=2),
    "smooth": partial(smooth.Discriminator, **SMALL),
}
WITHOUT_BATCH_NORM = [name for name in DISCRIMINATORS if name != "dcgan-batch"]
FAMILIES_G = pytest.mark.parametrize("family", GENERATORS)
FAMILIES_D = pytest.mark.parametrize("family", DISCRIMINATORS)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def moved(network: nn.Module) -> nn.Module:
    """The network away from its first weights, some of which are zero by design."""
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.3 * torch.randn_like(weight)
    return network


@pytest.mark.parametrize(
    ("size", "base_size", "expected"),
    [
        ((28, 28), 7, [(7, 7), (14, 14), (28, 28)]),
        ((28, 28), 4, [(4, 4), (7, 7), (14, 14), (28, 28)]),
        ((32, 32), 8, [(8, 8), (16, 16), (32, 32)]),
        ((5, 7), 7, [(3, 4), (5, 7)]),
        ((1, 9), 2, [(1, 2), (1, 3), (1, 5), (1, 9)]),
        ((1, 1), 4, [(1, 1), (1, 1)]),
    ],
)
def test_pyramid(size: tuple[int, int], base_size: int, expected: list[tuple[int, int]]) -> None:
    assert pyramid(size, base_size) == expected


def test_widths_double_downwards_up_to_the_cap() -> None:
    assert level_widths(16, 4, 100) == [100, 64, 32, 16]
    assert level_widths(16, 2, 8) == [16, 16]  # whoever asks for more has more


def test_labels_stand_beside_the_noise_with_mean_square_one() -> None:
    z = torch.randn(3, 2)
    seen = with_labels(z, torch.tensor([3, 0, 1]), 4)
    assert torch.equal(seen[:, :2], z)
    assert seen[:, 2:].tolist() == [[0, 0, 0, 2], [2, 0, 0, 0], [0, 2, 0, 0]]
    assert with_labels(z, torch.tensor([3, 0, 1]), 0) is z


@FAMILIES_G
@SHAPES
def test_fakes_have_the_items_shape(family: str, shape: tuple[int, ...]) -> None:
    G = GENERATORS[family](Z_DIM, shape)
    fakes = G(torch.randn(3, Z_DIM))
    assert fakes.shape == (3, *shape)
    assert fakes.isfinite().all()
    assert fakes.dtype == torch.float32
    G.eval()
    assert G(torch.randn(1, Z_DIM)).shape == (1, *shape)


@FAMILIES_D
@SHAPES
def test_logits_are_one_for_each_item(family: str, shape: tuple[int, ...]) -> None:
    D = DISCRIMINATORS[family](shape)
    logits = D(torch.randn(3, *shape))
    assert logits.shape == (3,)
    assert logits.isfinite().all()
    D.eval()
    assert D(torch.randn(1, *shape)).shape == (1,)


@FAMILIES_G
@pytest.mark.parametrize("num_classes", [0, 3])
@pytest.mark.parametrize("shape", [(1, 9, 12), (3, 16, 16)])
def test_gradients_reach_every_weight_of_g(family: str, num_classes: int, shape: tuple[int, ...]) -> None:
    G = moved(GENERATORS[family](Z_DIM, shape, num_classes=num_classes, **lowest(family)))
    fakes = G(torch.randn(8, Z_DIM), torch.arange(8) % 3)
    assert_all_reached(G, (fakes * torch.randn(8, *shape)).sum())


@FAMILIES_D
@pytest.mark.parametrize("num_classes", [0, 3])
@pytest.mark.parametrize("shape", [(2, 3, 1), (1, 9, 12), (3, 16, 16)])
def test_gradients_reach_every_weight_of_d(family: str, num_classes: int, shape: tuple[int, ...]) -> None:
    D = moved(DISCRIMINATORS[family](shape, num_classes=num_classes))
    logits = D(torch.randn(8, *shape), torch.arange(8) % 3)
    assert_all_reached(D, (logits * torch.randn(8)).sum())


def lowest(family: str) -> dict[str, int]:
    """Two levels at least, so that the first weights meet more than one pixel."""
    return {} if family == "mlp" else {"base_size": 4}


def assert_all_reached(network: nn.Module, loss: Tensor) -> None:
    grads = torch.autograd.grad(loss, list(network.parameters()))
    for (name, _), grad in zip(network.named_parameters(), grads, strict=True):
        assert grad.isfinite().all(), name
        assert grad.abs().max() > 1e-4, name


@FAMILIES_G
@pytest.mark.parametrize("shape", [(2,), (1, 5, 7)])
def test_g_heeds_the_label(family: str, shape: tuple[int, ...]) -> None:
    G = moved(GENERATORS[family](Z_DIM, shape, num_classes=3)).eval()
    z = torch.randn(4, Z_DIM)
    fakes = [G(z, torch.full((4,), label)) for label in range(3)]
    assert all((fakes[a] - fakes[b]).abs().amax() > 1e-3 for a, b in ((0, 1), (0, 2), (1, 2)))
    mixed = G(z, torch.tensor([2, 0, 1, 2]))
    expected = torch.stack([fakes[2][0], fakes[0][1], fakes[1][2], fakes[2][3]])
    torch.testing.assert_close(mixed, expected)
    with pytest.raises(ValueError, match="needs labels"):
        G(z)


@FAMILIES_D
@pytest.mark.parametrize("shape", [(2,), (1, 5, 7)])
def test_d_heeds_the_label(family: str, shape: tuple[int, ...]) -> None:
    D = moved(DISCRIMINATORS[family](shape, num_classes=3)).eval()
    images = torch.randn(4, *shape)
    logits = [D(images, torch.full((4,), label)) for label in range(3)]
    assert all((logits[a] - logits[b]).abs().amax() > 1e-3 for a, b in ((0, 1), (0, 2), (1, 2)))
    mixed = D(images, torch.tensor([2, 0, 1, 2]))
    torch.testing.assert_close(mixed, torch.stack([logits[2][0], logits[0][1], logits[1][2], logits[2][3]]))
    with pytest.raises(ValueError, match="needs labels"):
        D(images)


@pytest.mark.parametrize("num_classes", [0, 3])
@pytest.mark.parametrize("build", [*GENERATORS, *DISCRIMINATORS])
def test_first_weights_follow_from_the_global_seed_alone(build: str, num_classes: int) -> None:
    torch.manual_seed(1)
    one = first(build, num_classes)
    torch.manual_seed(1)
    two = first(build, num_classes)
    other = first(build, num_classes)
    assert one.state_dict().keys() == two.state_dict().keys()
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def first(build: str, num_classes: int) -> nn.Module:
    if build in DISCRIMINATORS:
        return DISCRIMINATORS[build]((1, 5, 7), num_classes=num_classes)
    return GENERATORS[build](Z_DIM, (1, 5, 7), num_classes=num_classes)


@FAMILIES_G
@pytest.mark.parametrize("training", [True, False])
def test_g_goes_on_from_its_state_to_the_bit(family: str, training: bool) -> None:
    assert_resumes(partial(GENERATORS[family], Z_DIM, (1, 5, 7)), lambda: torch.randn(6, Z_DIM), training)


@FAMILIES_D
@pytest.mark.parametrize("training", [True, False])
def test_d_goes_on_from_its_state_to_the_bit(family: str, training: bool) -> None:
    assert_resumes(partial(DISCRIMINATORS[family], (1, 5, 7)), lambda: torch.randn(6, 1, 5, 7), training)


def assert_resumes(build: Callable[[], nn.Module], draw: Callable[[], Tensor], training: bool) -> None:
    """After a few passes: the state copied into a fresh network gives the same outputs, gradients and next state; and
    no pass draws from the global generator."""
    network, fresh = moved(build()).train(training), build().train(training)
    for _ in range(3):
        network(draw())
    fresh.load_state_dict(copy.deepcopy(network.state_dict()))
    inputs = [draw(), draw()]
    before = torch.random.get_rng_state()
    one, two = ([net(batch) for batch in inputs] for net in (network, fresh))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    grads = [torch.autograd.grad(sum(o.sum() for o in out), list(net.parameters()))
             for net, out in ((network, one), (fresh, two))]  # fmt: skip
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))
    states = (network.state_dict(), fresh.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True))


@pytest.mark.parametrize("family", WITHOUT_BATCH_NORM)
@SHAPES
def test_an_items_logit_depends_on_that_item_alone(family: str, shape: tuple[int, ...]) -> None:
    D = moved(DISCRIMINATORS[family](shape)).double().eval()
    images = torch.randn(4, *shape, dtype=torch.float64)
    together = D(images)
    torch.testing.assert_close(together, torch.cat([D(image[None]) for image in images]))
    images[0] += 1.0
    assert torch.equal(D(images)[1:], together[1:])
    assert not torch.equal(D(images)[0], together[0])


def test_batch_norm_mixes_the_items_of_a_batch() -> None:
    D = moved(DISCRIMINATORS["dcgan-batch"]((1, 8, 8), base_size=2))
    images = torch.randn(4, 1, 8, 8)
    logits = D(images)
    images[0] += 1.0
    assert not torch.allclose(D(images)[1:], logits[1:])


@FAMILIES_D
@pytest.mark.parametrize("num_classes", [0, 3])
def test_second_derivatives_match_finite_differences(family: str, num_classes: int) -> None:
    """Of the gradient penalty, along a random direction in all weights and in the pictures, in float64.

    Steps of 1e-6 leave about 1e-12 / 1e-6 of rounding relative to the penalty, and hardly ever cross a kink of ReLU.
    """
    D = moved(DISCRIMINATORS[family]((2, 5, 6), num_classes=num_classes)).double().eval()
    labels = torch.arange(4) % 3
    images = torch.randn(4, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    params = [*D.parameters(), images]

    def penalty() -> Tensor:
        [grad] = torch.autograd.grad(D(images, labels).sum(), images, create_graph=True)
        return grad.square().sum()

    grads = torch.autograd.grad(penalty(), params, allow_unused=True, materialize_grads=True)
    directions = [torch.randn_like(p) for p in params]
    slope = sum((g * d).sum() for g, d in zip(grads, directions, strict=True))
    values = []
    for step in (1e-6, -2e-6):  # to +1e-6, then to -1e-6
        with torch.no_grad():
            for p, d in zip(params, directions, strict=True):
                p += step * d
        values.append(penalty())
    expected = (values[0] - values[1]) / 2e-6
    assert slope != 0
    torch.testing.assert_close(slope, expected, rtol=1e-5, atol=1e-7)


@FAMILIES_D
def test_the_items_are_left_alone(family: str) -> None:
    """Activations work in place, never on what came in."""
    images = torch.randn(3, 1, 5, 7)
    kept = images.clone()
    DISCRIMINATORS[family]((1, 5, 7))(images)
    assert torch.equal(images, kept)


@pytest.mark.parametrize("build", [*GENERATORS, *DISCRIMINATORS])
def test_bfloat16_gives_nearly_the_same(build: str) -> None:
    """Under autocast: outputs within a few per cent of float32's, gradients finite, weights still float32."""
    network = first(build, 0).eval()
    inputs = torch.randn(6, Z_DIM) if build not in DISCRIMINATORS else torch.randn(6, 1, 5, 7)
    expected = network(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        out = network(inputs)
    torch.testing.assert_close(out.float(), expected, rtol=0.05, atol=0.05 * expected.abs().max().item())
    for grad in torch.autograd.grad(out.float().sum(), list(network.parameters())):
        assert grad.dtype == torch.float32
        assert grad.isfinite().all()
