"""D is computed for gradients of gradients where a penalty differentiates its gradients, and nowhere else."""

from typing import Any

import pytest
import torch

from ganforge.base.gradients import are_differentiated_twice, differentiated_twice
from ganforge.data.digits import load_digits
from ganforge.recipes.catalog import recipe
from ganforge.training.adversarial import train_step
from ganforge.training.build import build_state
from ganforge.training.feed import Feed

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        ({}, [False, False, False]),  # reals, fakes; in G's update fakes
        ({"r1_gamma": 1.0}, [True, True, False]),
        ({"r2_gamma": 1.0}, [True, True, False]),
        ({"gp_weight": 1.0}, [False, False, True, False]),  # its own items
        ({"dragan_weight": 1.0}, [False, False, True, False]),
    ],
    ids=str,
)
def test_each_pass_of_d(penalty: dict[str, Any], expected: list[bool]) -> None:
    changes: dict[str, Any] = {"fused_adam": False, "batch_size": 4, "g_hidden": (4,), "d_hidden": (4,)}
    config = recipe("note", data="digits", **changes, **penalty)
    feed, state = Feed(config, load_digits(), CPU), build_state(config, load_digits(), CPU)
    passes: list[bool] = []
    state.D.register_forward_pre_hook(lambda *_: passes.append(are_differentiated_twice()))
    d_batches, g_batch = feed.batches(0, 0)
    options = feed.options(0, state)
    train_step(state.G, state.D, state.G_opt, state.D_opt, options, d_batches, g_batch, state.failed)
    assert passes == expected
    assert not are_differentiated_twice()


def test_the_context_ends_where_something_is_raised() -> None:
    with pytest.raises(ZeroDivisionError), differentiated_twice():
        assert are_differentiated_twice()
        raise ZeroDivisionError
    assert not are_differentiated_twice()
