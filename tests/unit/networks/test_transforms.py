"""Networks go through torch.compile, torch.func and torch.export, also where the gradient of D is differentiated."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.func import functional_call, vmap
from torch.func import grad as func_grad

from ganforge.base.gradients import differentiated_twice
from ganforge.networks import dcgan
from ganforge.networks.catalog import DISCRIMINATORS, FAMILIES, GENERATORS, NORMS
from ganforge.networks.construct import build_discriminator, build_generator

SHAPE, Z_DIM, ITEMS = (1, 6, 5), 5, 3
SIZES = {"hidden": (6,), "width": 4, "group_size": 4}
KINDS = [
    (family, norm)
    for family in DISCRIMINATORS
    for norm in (NORMS if "norm" in FAMILIES[family].sizes("d") else [FAMILIES[family].d_norm])
]
ALL_D = pytest.mark.parametrize(("family", "norm"), KINDS)
EITHER = pytest.mark.parametrize("num_classes", [0, 3])
Weights = dict[str, Tensor]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    torch.manual_seed(0)
    torch.compiler.reset()
    with differentiated_twice():
        yield
    torch.compiler.reset()


def discriminator(family: str, norm: str, num_classes: int) -> nn.Module:
    """In evaluation mode, and away from its first weights, some of which are zero by design."""
    D = build_discriminator(family, SHAPE, 0, num_classes=num_classes, norm=norm, **SIZES).eval()
    with torch.no_grad():
        for weight in D.parameters():
            weight += 0.2 * torch.randn_like(weight)
    return D


def inputs(num_classes: int) -> tuple[Tensor, Tensor | None]:
    return torch.randn(ITEMS, *SHAPE, requires_grad=True), torch.tensor([0, 2, 1]) if num_classes else None


def penalised(D: Callable[..., Tensor], items: Tensor, labels: Tensor | None) -> Tensor:
    """The sum of logits and of the squared gradients of D at the items."""
    logits = D(items, labels)
    [slope] = grad(logits.sum(), [items], create_graph=True)
    return logits.sum() + slope.square().sum()


def gradients(loss: Tensor, D: nn.Module) -> Weights:
    names, weights = zip(*D.named_parameters(), strict=True)
    found = grad(loss, weights, materialize_grads=True)
    return dict(zip(names, found, strict=True))


def assert_same(found: Weights, expected: Weights) -> None:
    assert found.keys() == expected.keys()
    assert any(weight.abs().max() > 0.01 for weight in expected.values())
    for name, weight in expected.items():
        torch.testing.assert_close(
            found[name], weight, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )


@EITHER
@ALL_D
def test_a_compiled_d_has_the_same_logits_and_gradients_of_gradients(family: str, norm: str, num_classes: int) -> None:
    D, (items, labels) = discriminator(family, norm, num_classes), inputs(num_classes)
    compiled = torch.compile(D, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(items, labels), D(items, labels))
    assert_same(gradients(penalised(compiled, items, labels), D), gradients(penalised(D, items, labels), D))


@ALL_D
def test_a_d_that_learns_is_compiled_whole(family: str, norm: str) -> None:
    """In training mode, where batch norm and spectral norm change it, and for a backend that asks for its gradients."""
    D, (items, _) = discriminator(family, norm, 0).train(), inputs(0)
    stored = {name: tensor.clone() for name, tensor in D.state_dict().items()}
    plain = D(items)
    expected = gradients(plain.sum(), D), {name: tensor.clone() for name, tensor in D.state_dict().items()}
    D.load_state_dict(stored)
    logits = torch.compile(D, fullgraph=True, backend="aot_eager")(items)
    torch.testing.assert_close(logits, plain)
    assert_same(gradients(logits.sum(), D), expected[0])
    for name, tensor in D.state_dict().items():
        torch.testing.assert_close(tensor, expected[1][name])


@EITHER
@ALL_D
def test_torch_func_gives_the_same_gradients_of_gradients(family: str, norm: str, num_classes: int) -> None:
    D, (items, labels) = discriminator(family, norm, num_classes), inputs(num_classes)

    def total(weights: Weights, x: Tensor) -> Tensor:
        logits: Tensor = functional_call(D, weights, (x, labels))
        return logits.sum()

    def loss(weights: Weights) -> Tensor:
        slope = func_grad(partial(total, weights))(items)
        return total(weights, items) + slope.square().sum()

    found = func_grad(loss)({name: weight.detach() for name, weight in D.named_parameters()})
    assert_same(found, gradients(penalised(D, items, labels), D))


@EITHER
@ALL_D
def test_vmap_gives_each_items_own_penalty_and_its_gradient(family: str, norm: str, num_classes: int) -> None:
    D, (items, labels) = discriminator(family, norm, num_classes), inputs(num_classes)
    told = torch.zeros(ITEMS, dtype=torch.int64) if labels is None else labels

    def loss(weights: Weights, x: Tensor, label: Tensor) -> Tensor:
        def logit(x: Tensor) -> Tensor:
            out: Tensor = functional_call(D, weights, (x.unsqueeze(0), label.unsqueeze(0)))
            return out.sum()

        return logit(x) + func_grad(logit)(x).square().sum()

    found = vmap(func_grad(loss), in_dims=(None, 0, 0))(dict(D.named_parameters()), items, told)
    for at in range(ITEMS):
        own = slice(at, at + 1)
        expected = gradients(penalised(D, items[own], None if labels is None else labels[own]), D)
        assert_same({name: weight[at] for name, weight in found.items()}, expected)


@EITHER
@ALL_D
def test_ds_are_exported_with_pytorchs_operators_alone(family: str, norm: str, num_classes: int) -> None:
    D, (items, labels) = discriminator(family, norm, num_classes), inputs(num_classes)
    exported = torch.export.export(D, (items, labels))
    torch.testing.assert_close(exported.module()(items, labels), D(items, labels))
    if (family, norm) in (("r3gan", "unnormalised"), ("dcgan", "unnormalised")):
        names = {str(node.target) for node in exported.graph.nodes}
        assert names >= {"aten.conv2d.default", "aten.leaky_relu.default"}


@EITHER
@pytest.mark.parametrize("family", GENERATORS)
def test_gs_are_compiled_and_exported(family: str, num_classes: int) -> None:
    G = build_generator(family, Z_DIM, SHAPE, 0, num_classes=num_classes, **SIZES).eval()
    given: tuple[Any, ...] = torch.randn(ITEMS, Z_DIM), torch.tensor([0, 2, 1]) if num_classes else None
    torch.testing.assert_close(torch.export.export(G, given).module()(*given), G(*given))
    torch.testing.assert_close(torch.compile(G, fullgraph=True, backend="eager")(*given), G(*given))


def test_within_a_compiled_penalty_gradients_are_differentiated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch._dynamo.config, "trace_autograd_ops", True, raising=True)
    D, (items, _) = dcgan.Discriminator(SHAPE, width=2, norm="unnormalised"), inputs(0)
    compiled = torch.compile(penalised, fullgraph=True, backend="aot_eager")
    assert_same(gradients(compiled(D, items, None), D), gradients(penalised(D, items, None), D))
