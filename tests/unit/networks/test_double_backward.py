"""Layers whose gradients can be differentiated: the same numbers as PyTorch's layers, without their detours."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import grad, gradcheck, gradgradcheck
from torch.nn.functional import conv2d
from torch.utils._python_dispatch import TorchDispatchMode

from ganforge.base.gradients import differentiated_twice
from ganforge.networks import dcgan, r3gan
from ganforge.networks.double_backward import Conv2d, LeakyReLU, convolution
from ganforge.objectives.gradient_penalty import gradient_penalty
from ganforge.objectives.penalties import squared_gradient_norm


@pytest.fixture(autouse=True)
def _penalised() -> Iterator[None]:
    with differentiated_twice():
        yield


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.double, requires_grad=True)


class Calls(TorchDispatchMode):
    """The operators that run, with the shapes of their first tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[object, ...]]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.seen.append((func.name(), args))
        return func(*args, **kwargs or {})

    def of(self, name: str) -> list[tuple[object, ...]]:
        return [args for called, args in self.seen if called == f"aten::{name}"]


GEOMETRIES = [  # size, filter, stride, padding, groups
    ((5, 6), (4, 4), (2, 2), (1, 1), 1),  # a row that no filter reaches
    ((5, 4), (4, 4), (2, 2), (2, 1), 2),
    ((3, 4), (3, 3), (1, 1), (1, 1), 2),
    ((3, 3), (1, 1), (1, 1), (0, 0), 1),
    ((3, 2), (3, 2), (1, 1), (0, 0), 2),
]


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize(("size", "reach", "stride", "padding", "groups"), GEOMETRIES)
def test_convolution_is_pytorchs_and_has_the_gradients_of_finite_differences(
    size: tuple[int, int], reach: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], groups: int,
    with_bias: bool,
) -> None:  # fmt: skip
    given = [random(2, 2, *size), random(4, 2 // groups, *reach)] + [random(4)] * with_bias
    play = lambda x, w, b=None: convolution(x, w, b, stride, padding, groups)  # noqa: E731
    assert torch.equal(play(*given), conv2d(*given, stride=stride, padding=padding, groups=groups))
    assert gradcheck(play, given)
    assert gradgradcheck(play, given)


def test_leaky_relu_is_pytorchs_and_has_the_gradients_of_finite_differences() -> None:
    x = random(3, 4)
    ours = LeakyReLU(0.2)
    assert torch.equal(ours(x * 1), nn.LeakyReLU(0.2)(x))
    assert gradcheck(lambda x: ours(x * 1), [x])
    assert gradgradcheck(lambda x: ours(x * 1), [x])


def test_leaky_relu_overwrites_its_input_and_whoever_needs_that_is_told() -> None:
    x = random(3, 4)
    for given in (x * 1, torch.randn(3, 4)):
        assert LeakyReLU(0.2)(given).data_ptr() == given.data_ptr()
    needed = x.tanh()  # its gradient is worked out from what it gave
    out = LeakyReLU(0.2)(needed).sum()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        grad(out, x)


@pytest.mark.parametrize("asked", [{"input"}, {"weight"}, {"bias"}, {"input", "weight"}, {"weight", "bias"}])
def test_only_the_gradients_that_are_asked_for_are_worked_out(asked: set[str]) -> None:
    """The weight's and the bias's together, as both are trained."""
    given = {"input": random(2, 2, 5, 5), "weight": random(4, 2, 3, 3), "bias": random(4)}
    out = convolution(*given.values()).sum()
    with Calls() as calls:
        grad(out, [given[name] for name in asked])
    trained = bool(asked & {"weight", "bias"})
    masks = [args[-1] for args in calls.of("convolution_backward")]
    assert masks == [[False, True, True]] * trained + [[True, False, False]] * ("input" in asked)


def test_what_is_not_trained_gets_no_gradient() -> None:
    given = {"input": random(2, 2, 5, 5), "weight": random(4, 2, 3, 3), "bias": random(4).detach()}
    out = convolution(*given.values()).sum()
    with Calls() as calls:
        grad(out, [given["weight"]])
    assert [args[-1] for args in calls.of("convolution_backward")] == [[False, True, False]]


def test_a_gradient_for_the_input_that_is_to_be_differentiated_asks_for_no_other() -> None:
    x, layer = random(2, 2, 5, 5), Conv2d(2, 4, 3).double()
    out = layer(x).sum()
    with Calls() as calls:
        grad(out, x, create_graph=True)
    assert not calls.of("convolution_backward")
    assert len(calls.of("convolution")) == 1


def test_no_filter_is_as_large_as_the_picture_and_no_group_on_its_own() -> None:
    D = r3gan.Discriminator((1, 16, 16), width=16, group_size=16)
    x = torch.randn(2, 1, 16, 16, requires_grad=True)
    with Calls() as calls:
        grad(squared_gradient_norm(D(x), x).sum(), list(D.parameters()), allow_unused=True)
    weights = [args[1] for args in calls.of("convolution")]
    sizes = {tuple(module.weight.shape) for module in D.modules() if isinstance(module, nn.Conv2d)}
    kernels = {tuple(module.kernel.shape) for module in D.modules() if isinstance(module, r3gan.Downsampling)}
    assert {tuple(weight.shape) for weight in weights if isinstance(weight, Tensor)} == sizes | kernels


def test_where_the_slope_is_constant_no_zeros_go_back_through_the_layers() -> None:
    D = dcgan.Discriminator((1, 16, 16), norm="unnormalised")
    x = torch.randn(2, 1, 16, 16, requires_grad=True)
    out = D(x)
    with Calls() as calls:
        grad(squared_gradient_norm(out, x).sum(), list(D.parameters()), allow_unused=True)
    assert not calls.of("zeros_like")
    backward = [args for args in calls.of("convolution_backward") if tuple(args[1].shape) == (2, 1, 16, 16)]  # type: ignore[attr-defined]
    assert not backward  # the pictures' own way through the first layer is not gone back


def plain(network: nn.Module) -> nn.Module:
    """The same network of PyTorch's layers."""
    for name, layer in network.named_children():
        if isinstance(layer, Conv2d):
            layer.__class__ = nn.Conv2d
        elif isinstance(layer, LeakyReLU):
            setattr(network, name, nn.LeakyReLU(layer.slope))
        else:
            plain(layer)
    return network


@pytest.mark.parametrize("family", ["dcgan", "r3gan"])
def test_penalties_have_the_gradients_that_pytorchs_layers_give(family: str) -> None:
    torch.manual_seed(0)
    if family == "dcgan":
        D: nn.Module = dcgan.Discriminator((1, 9, 12), norm="unnormalised")
    else:
        D = r3gan.Discriminator((1, 9, 12))
    for param in D.double().parameters():
        param.data += 0.01 * torch.randn_like(param)  # r3gan's blocks begin with zeros
    reals, fakes, alpha = torch.randn(3, 1, 9, 12).double(), torch.randn(3, 1, 9, 12).double(), torch.rand(3).double()

    def gradients() -> tuple[Tensor, ...]:
        x = reals.clone().requires_grad_()
        logits = D(x)
        loss = logits.sum() + squared_gradient_norm(logits, x).sum() + gradient_penalty(D, reals, fakes, alpha).sum()
        return grad(loss, list(D.parameters()))

    ours = gradients()
    plain(D)
    assert not any(isinstance(layer, Conv2d | LeakyReLU) for layer in D.modules())
    for ours_, theirs in zip(ours, gradients(), strict=True):
        torch.testing.assert_close(ours_, theirs, rtol=1e-9, atol=1e-12)


def test_in_bfloat16_gradients_of_gradients_reach_the_weights_in_float32() -> None:
    D = dcgan.Discriminator((1, 16, 16), norm="unnormalised")
    x = torch.randn(4, 1, 16, 16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        logits = D(x).float()
    found = grad(squared_gradient_norm(logits, x).mean(), list(D.layers.parameters()), allow_unused=True)
    logits = D(x)
    exact = grad(squared_gradient_norm(logits, x).mean(), list(D.layers.parameters()), allow_unused=True)
    for rough, fine in zip(found, exact, strict=True):
        assert (rough is None) == (fine is None)
        if rough is not None and fine is not None:
            assert rough.dtype == torch.float32
            assert torch.nn.functional.cosine_similarity(rough.flatten(), fine.flatten(), dim=0) > 0.99


@pytest.mark.parametrize("twice", [True, False])
def test_without_a_penalty_the_layers_are_pytorchs_own(twice: bool) -> None:
    """One call for all gradients of a convolution; with a penalty one for the input's, and one for the rest."""
    given = [torch.randn(2, 3, 5, 5, requires_grad=True), torch.randn(4, 3, 3, 3, requires_grad=True)]
    with differentiated_twice(twice):
        out = convolution(*given).sum()
    with Calls() as calls:
        grad(out, given)
    assert len(calls.of("convolution_backward")) == 1 + twice
