"""training/loop.py: what a step changes beside the networks: ADA's probability, the counters."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ganforge.base.errors import RunError
from ganforge.base.schedules import is_due
from ganforge.base.stopping import StopRequest
from ganforge.data.augment import sign_mean
from ganforge.data.digits import load_digits
from ganforge.objectives.catalog import OBJECTIVES
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.training.actions import Actions, Due
from ganforge.training.build import build_state
from ganforge.training.feed import Feed
from ganforge.training.loop import Loop
from ganforge.training.progress import Progress

CPU = torch.device("cpu")
N = 8


def loop_of(tmp_path: Path, **changes: Any) -> Loop:
    settings = {"data": "digits", "batch_size": N, "z_dim": 4, "g_hidden": (8,), "d_hidden": (8,)}
    config, dataset = recipe("note", **(settings | changes)), load_digits()
    feed, state = Feed(config, dataset, CPU), build_state(config, dataset, CPU)
    folder = RunFolder(tmp_path)
    folder.write_config({"settings": {}, "data": {}, "environment": [{}]})
    actions = Actions(config, feed, state, folder, Progress(), None)
    return Loop(config, feed, state, actions, StopRequest())


def sure_of_reals(loop: Loop, logit: float) -> None:
    """D gives every item this logit, whatever it sees."""
    with torch.no_grad():
        for parameter in loop.state.D.parameters():
            parameter.zero_()
        list(loop.state.D.parameters())[-1].fill_(logit)


@pytest.mark.parametrize(("logit", "direction"), [(5.0, 1), (-5.0, -1)])
def test_p_rises_while_d_is_sure_of_the_reals_and_falls_otherwise(logit: float, direction: int, tmp_path: Path) -> None:
    """By the reals that D saw in the step, of 500,000."""
    loop = loop_of(tmp_path, augment="ada", d_steps=3)
    loop.state.ada_p.fill_(0.5)
    sure_of_reals(loop, logit)
    loop.step()
    assert loop.state.ada_p.item() == pytest.approx(0.5 + direction * 3 * N / 500_000, abs=1e-7)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("non-saturating", 1.0),
        ("hinge", 1.0),
        ("lsgan", 0.5),
        ("lsgan-ab", 1.0),
        ("wgan", -0.5),
        ("relativistic", -0.5),
    ],
)
def test_how_sure_d_is_counts_from_where_it_cannot_tell(objective: str, expected: float) -> None:
    """0; 1/2 for the coding 0 and 1; the fakes' logits where a logit alone says nothing."""
    reals, fakes = torch.tensor([5.0, 0.9, 0.8, 0.2]), torch.tensor([9.0, 1.0, 1.0, 0.1])
    assert sign_mean(reals, fakes, OBJECTIVES[objective].boundary).item() == expected


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_p_falls_while_d_cannot_tell(objective: str, tmp_path: Path) -> None:
    """Whatever the logit that it gives to all items: its own boundary, or any where there is none."""
    boundary = OBJECTIVES[objective].boundary
    changes: dict[str, Any] = {"wgan": {"clip": 1.0}, "relativistic": {"shared_noise": False}}.get(objective, {})
    loop = loop_of(tmp_path, augment="ada", objective=objective, **changes)
    loop.state.ada_p.fill_(0.5)
    sure_of_reals(loop, 0.7 if boundary is None else boundary)
    loop.step()
    assert loop.state.ada_p.item() < 0.5


def test_p_does_not_change_in_a_step_that_was_not_finite(tmp_path: Path) -> None:
    loop = loop_of(tmp_path, augment="ada")
    loop.state.ada_p.fill_(0.5)
    with torch.no_grad():
        list(loop.state.D.parameters())[-1].fill_(float("nan"))
    with pytest.raises(RunError):
        loop.step()
    assert loop.state.ada_p.item() == 0.5


def test_the_counters(tmp_path: Path) -> None:
    loop = loop_of(tmp_path, d_steps=5, wgan_schedule=True, shared_noise=False)
    loop.state.step, loop.state.nimg = 24, 24 * 100 * N
    loop.step()
    assert (loop.state.step, loop.state.nimg) == (25, 25 * 100 * N)
    assert is_due(loop.state.nimg, loop.step_nimg, 100 * N)
    loop.step()
    assert (loop.state.step, loop.state.nimg) == (26, 25 * 100 * N + 5 * N)
    assert not is_due(loop.state.nimg, loop.step_nimg, 100 * N)
    assert is_due(loop.state.nimg, loop.step_nimg, 5 * N)


def test_a_step_that_was_not_finite_is_looked_for_from_the_last_look_on(tmp_path: Path) -> None:
    """Where looking waits for the device, several steps may have begun since: the run stands where the first did."""
    loop = loop_of(tmp_path)
    loop.unverified, loop.state.nimg, loop.state.step = [(2 * N, 2), (3 * N, 3)], 4 * N, 4
    loop.check_finite()
    assert (loop.unverified, loop.state.nimg) == ([], 4 * N)
    loop.unverified = [(2 * N, 2), (3 * N, 3)]
    loop.state.failed.fill_(1)
    with pytest.raises(RunError, match="was not"):
        loop.check_finite()
    assert (loop.state.nimg, loop.state.step) == (2 * N, 2)


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_checkpoint_follows_a_measurement_that_took_long(
    is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not due yet when the step had ended."""
    loop, done = loop_of(tmp_path), list[str]()
    actions = loop.actions
    monkeypatch.setattr(actions, "save_snapshot", lambda: done.append("snapshot"))
    monkeypatch.setattr(actions, "save_checkpoint", lambda: done.append("checkpoint"))

    def slow(*, provisional: bool) -> None:
        done.append("measured")
        actions.checkpoint_time -= loop.config.checkpoint_sec

    monkeypatch.setattr(actions, "measure", slow)
    actions.run(Due(False, False, True, False, False), is_whole=is_whole)
    assert done == ["snapshot", "measured"] + ["checkpoint"] * is_whole


@pytest.mark.parametrize(
    ("changes", "expected"), [({}, (False, False)), ({"precision": "tf32"}, (True, False)),
                              ({"deterministic": True}, (False, True))],
)  # fmt: skip
def test_a_step_computes_as_asked_and_leaves_the_process_as_it_was(
    changes: dict[str, Any], expected: tuple[bool, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> tuple[bool, bool]:
        assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32
        return torch.backends.cuda.matmul.allow_tf32, torch.are_deterministic_algorithms_enabled()

    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    loop, before, seen = loop_of(tmp_path, **changes), told(), []
    loop.state.D.register_forward_hook(lambda *_: seen.append(told()))
    loop.step()
    assert set(seen) == {expected}
    assert told() == before


def test_a_users_own_deterministic_mode_stays(tmp_path: Path) -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        loop_of(tmp_path).step()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
