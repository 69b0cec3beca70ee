"""networks/precision.py: networks compute in bfloat16, and nobody outside notices but by the rounding."""

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import nn

from ganforge.base.images import to_float
from ganforge.data.digits import load_digits
from ganforge.networks import mlp
from ganforge.networks.catalog import DISCRIMINATORS, GENERATORS
from ganforge.networks.construct import build_discriminator, build_generator
from ganforge.networks.generate import generate
from ganforge.networks.precision import autocast_forward, tf32
from ganforge.recipes.catalog import recipe
from ganforge.training.build import build_state
from ganforge.training.state import TrainingState

CPU = torch.device("cpu")


def generator() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return mlp.Generator(4, (1, 5, 5), (32,))


def test_it_computes_in_bfloat16_and_gives_float32_back() -> None:
    plain, narrow = generator(), generator()
    autocast_forward(narrow)
    seen: list[torch.dtype] = []
    narrow.layers[0].register_forward_hook(lambda module, args, output: seen.append(output.dtype))
    z = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    made, expected = narrow(z, None), plain(z, None)
    assert seen == [torch.bfloat16]
    assert made.dtype == torch.float32
    assert not torch.equal(made, expected)
    torch.testing.assert_close(made, expected, rtol=0, atol=0.02)


def test_weights_and_gradients_stay_float32() -> None:
    narrow = generator()
    names = list(narrow.state_dict())
    autocast_forward(narrow)
    loss = narrow(torch.ones(2, 4), None).square().mean()
    grads = torch.autograd.grad(loss, list(narrow.parameters()))
    assert {tensor.dtype for tensor in (*grads, *narrow.state_dict().values())} == {torch.float32}
    assert list(narrow.state_dict()) == names


def test_the_autocast_ends_with_the_network() -> None:
    narrow = generator()
    autocast_forward(narrow)
    narrow(torch.ones(2, 4), None)
    assert not torch.is_autocast_enabled("cpu")
    assert nn.Linear(3, 3)(torch.ones(1, 3)).dtype == torch.float32


def through_pickle(network: nn.Module) -> nn.Module:
    copied: nn.Module = pickle.loads(pickle.dumps(network))
    return copied


@pytest.mark.parametrize("copied", [copy.deepcopy, through_pickle])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", ["mlp", "logistic", "recurrent", "dcgan", "upsample", "resnet", "r3gan", "smooth"])
def test_a_copy_computes_with_its_own_weights(
    name: str, conditional: bool, precision: str, copied: Callable[[nn.Module], nn.Module]
) -> None:
    """The same as the original, and the same still when the original's weights have gone."""
    num_classes = 3 if conditional else 0
    labels = torch.tensor([0, 2]) if conditional else None
    inputs = {"G": torch.linspace(-1, 1, 8).view(2, 4), "D": torch.linspace(-1, 1, 128).view(2, 1, 8, 8)}
    networks: dict[str, nn.Module] = {}
    if name in GENERATORS:
        networks["G"] = build_generator(name, 4, (1, 8, 8), 0, num_classes=num_classes, width=16)
    if name in DISCRIMINATORS:
        norm = "spectral" if name == "dcgan" else None
        networks["D"] = build_discriminator(name, (1, 8, 8), 0, num_classes=num_classes, width=16, norm=norm)
    for side, network in networks.items():
        if precision == "bfloat16":
            autocast_forward(network)
        network.eval()
        other = copied(network)
        with torch.no_grad():
            expected = network(inputs[side], labels)
            for weight in network.state_dict().values():
                weight.zero_()
            made = other(inputs[side], labels)
        assert torch.equal(made, expected)
        assert made.dtype == torch.float32
        assert made.abs().max() > 0


def state_of(precision: str) -> TrainingState:
    config = recipe("dcgan", data="digits", g_width=4, d_width=4, ema_halflife_nimg=100, precision=precision)
    return build_state(config, load_digits(), CPU)


@pytest.mark.parametrize("name", ["G", "D", "G_ema"])
def test_all_networks_of_a_run_compute_in_it_from_the_same_weights(name: str) -> None:
    plain, narrow = (getattr(state_of(precision), name).eval() for precision in ("float32", "bfloat16"))
    inputs = to_float(load_digits().items[:8]) if name == "D" else torch.ones(8, 100)
    with torch.no_grad():
        made, expected = narrow(inputs, None), plain(inputs, None)
    assert made.dtype == torch.float32
    assert not torch.equal(made, expected)
    torch.testing.assert_close(made, expected, rtol=0, atol=0.02)
    assert all(torch.equal(a, b) for a, b in zip(narrow.parameters(), plain.parameters(), strict=True))


def test_the_average_computes_with_its_own_weights() -> None:
    """Not with those of the G whose copy it is."""
    state = state_of("bfloat16")
    assert state.G_ema is not None
    with torch.no_grad():
        before = state.G_ema(torch.ones(2, 100), None)
        for weight in state.G.parameters():
            weight.zero_()
        assert torch.equal(state.G_ema(torch.ones(2, 100), None), before)
        for weight in state.G_ema.parameters():
            weight.zero_()
        assert not torch.equal(state.G_ema(torch.ones(2, 100), None), before)


def rounded() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_allowed_in_the_context_alone(allowed: bool) -> None:
    before = rounded()
    with pytest.raises(KeyError), tf32(allowed):
        assert rounded() == (allowed, allowed)
        raise KeyError
    assert rounded() == before


def test_pictures_are_made_in_float32() -> None:
    G, seen = generator(), []
    G.register_forward_hook(lambda *_: seen.append(rounded()))
    with tf32(True):
        generate(G, torch.zeros(2, 4), None, CPU)
        assert rounded() == (True, True)
    assert seen == [(False, False)]
