"""training/probe.py: a step is tried, what is wrong with networks and losses is found, and nothing is changed by it."""

import copy
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from looked import looked, names, tensors
from torch import Tensor, nn

from ganforge.base.stopping import Stopped
from ganforge.objectives import hinge, non_saturating
from ganforge.recipes.catalog import recipe
from ganforge.training.optimizer import Adam
from ganforge.training.probe import NO_MEMORY, try_step
from ganforge.training.start import prepare
from ganforge.training.state import TrainingState

SMALL = {"total_nimg": 100_000}


class Then(nn.Module):
    """A network, and what comes after it."""

    def __init__(self, inner: nn.Module, then: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.inner, self.then = inner, then

    def forward(self, *given: Tensor) -> Tensor:
        return self.then(self.inner(*given))


def ended(side: str, then: Callable[[Tensor], Tensor]) -> Callable[[TrainingState], None]:
    def plant(state: TrainingState) -> None:
        network = Then(getattr(state, side), then)
        setattr(state, side, network)
        getattr(state, f"{side}_opt").params = list(network.parameters())

    return plant


def by_batch(items: Tensor) -> Tensor:
    return items - items.mean(0, keepdim=True)


def exploding(state: TrainingState) -> None:
    with torch.no_grad():
        for weight in state.D.parameters():
            weight.mul_(20)


def shared(state: TrainingState) -> None:
    state.D.layers[0].bias = state.G.layers[0].bias = nn.Parameter(torch.zeros(256))  # type: ignore[union-attr, index]


def others_optimizer(state: TrainingState) -> None:
    state.G_opt = Adam(copy.deepcopy(state.G), 1e-3, (0.5, 0.999), fused=True)


def freeze(state: TrainingState) -> None:
    next(state.G.parameters()).requires_grad_(False)


FAULTS: dict[str, tuple[Callable[[TrainingState], None], set[str]]] = {
    "sigmoid": (ended("D", torch.sigmoid), {"bounded-logits"}),
    "tanh": (ended("D", torch.tanh), {"bounded-logits"}),
    "detached G": (ended("G", lambda items: items.detach()), {"no-gradient"}),
    "frozen": (freeze, {"no-gradient"}),
    "flat D": (ended("D", lambda logits: logits * 0), {"no-gradient"}),
    "G in [0, 1]": (ended("G", torch.sigmoid), {"values-out-of-reach"}),
    "G by its batch": (ended("G", by_batch), {"picture-depends-on-batch"}),
    "exploding": (exploding, {"wild-logits"}),
    "shared weights": (shared, {"step-reaches-other-network"}),
    "optimizer of a copy": (others_optimizer, {"step-reaches-other-network"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    plant, expected = FAULTS[fault]
    sizes = {"g_hidden": (256, 64)} if fault == "shared weights" else {}
    assert {*names("note", plant, **SMALL, **sizes)} == expected


@pytest.mark.parametrize(("name", "loss"), [("note", non_saturating), ("sngan", hinge)])
def test_a_wrong_sign_is_found(monkeypatch: pytest.MonkeyPatch, name: str, loss: ModuleType) -> None:
    right = loss.g_loss
    assert names(name, total_nimg=100_000) == []
    monkeypatch.setattr(loss, "g_loss", lambda *given: {term: -value for term, value in right(*given).items()})
    assert names(name, total_nimg=100_000) == ["g-learns-backwards"]


@pytest.mark.parametrize("name", ["fast", "sngan", "r3gan"])
def test_trying_changes_nothing(name: str) -> None:
    _, _, feed, state = prepare(recipe(name, data="digits", device="cpu", augment="ada"), lambda line: None)
    state.D.eval()
    before, random = dict(tensors(state)), torch.get_rng_state()
    tried, failure = try_step(state, feed)
    assert tried is not None
    assert not failure
    after = dict(tensors(state))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert torch.equal(random, torch.get_rng_state())
    assert state.G.training
    assert not state.D.training
    assert all(weight.grad is None for network in (state.G, state.D) for weight in network.parameters())


@pytest.mark.parametrize("broken", [False, True])
def test_trying_takes_one_thread_and_gives_the_others_back(broken: bool) -> None:
    threads, seen = torch.get_num_threads(), list[int]()

    def look(logits: Tensor) -> Tensor:
        seen.append(torch.get_num_threads())
        return logits if not broken else logits.reshape(7, 7, 7)

    _, _, feed, state = prepare(recipe("note", data="digits", device="cpu"), lambda line: None)
    ended("D", look)(state)
    try:
        torch.set_num_threads(3)
        assert (try_step(state, feed)[0] is None) == broken
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert {*seen} == {1}


def test_a_network_that_draws_at_random_leaves_the_numbers_to_come() -> None:
    _, _, feed, state = prepare(recipe("note", data="digits", device="cpu"), lambda line: None)
    ended("D", lambda logits: logits + 0 * torch.rand_like(logits))(state)
    random = torch.get_rng_state()
    assert try_step(state, feed)[0] is not None
    assert torch.equal(random, torch.get_rng_state())


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (RuntimeError("shapes 3 and 4\ndo not fit\x1b"), "RuntimeError: shapes 3 and 4"),
        (KeyError("layer"), "KeyError: 'layer'"),
        (MemoryError(), NO_MEMORY),
        (ValueError("x" * 999), f"ValueError: {'x' * 300}"),
    ],
)
def test_a_step_that_cannot_be_computed_is_found(error: Exception, seen: str) -> None:
    def broken(logits: Tensor) -> Any:
        raise error

    start, [finding] = looked("note", ended("D", broken))
    assert start.tried is None
    assert (finding.name, finding.seen.text, finding.trouble.grave) == ("step-fails", seen, True)


def test_a_request_to_stop_is_no_failure() -> None:
    def stopped(logits: Tensor) -> Any:
        raise Stopped

    with pytest.raises(Stopped):
        looked("note", ended("D", stopped))
