"""training/unreached.py: what learns nothing is named; and D's accuracy is logged where it has a decision boundary."""

from pathlib import Path
from typing import get_args

import pytest
from torch import Tensor, nn

from ganforge.base.errors import RunError
from ganforge.base.stopping import StopRequest
from ganforge.config import Config, make_config
from ganforge.recipes.catalog import RECIPES, recipe
from ganforge.run.folder import RunFolder
from ganforge.training import start as launch
from ganforge.training.build import build_optimizer
from ganforge.training.progress import Progress
from ganforge.training.start import start_run

SMALL = {"data": "digits", "batch_size": 8, "device": "cpu", "metric_samples": 0, "report_nimg": 100_000}
TINY = SMALL | {"z_dim": 4, "g_hidden": (8,), "d_hidden": (8,)}


class Heard(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def trained(out: Path, **changes: object) -> tuple[RunFolder, list[str]]:
    heard = Heard()
    return start_run(make_config(TINY | changes), out, heard, StopRequest()), heard.lines


class Widened(nn.Module):
    """A network with a layer more, which is there in vain."""

    def __init__(self, inner: nn.Module, factor: float | None) -> None:
        super().__init__()
        self.inner, self.extra, self.factor = inner, nn.Linear(2, 2), factor

    def forward(self, *given: Tensor) -> Tensor:
        out: Tensor = self.inner(*given)
        return out if self.factor is None else out + self.factor * (self.extra.weight.sum() + self.extra.bias.sum())


def widen(monkeypatch: pytest.MonkeyPatch, side: str, factor: float | None = None, *, frozen: bool = False) -> None:
    """Let one of the networks that training builds be another."""
    real = launch.build_state

    def build(config: Config, *given: object) -> object:
        state = real(config, *given)  # type: ignore[arg-type]
        if frozen:
            getattr(state, side).layers[0].weight.requires_grad_(False)
            return state
        network = Widened(getattr(state, side), factor)
        setattr(state, side, network)
        setattr(state, f"{side}_opt", build_optimizer(config, network, config.lr))
        return state

    monkeypatch.setattr(launch, "build_state", build)


@pytest.mark.parametrize("side", ["G", "D"])
def test_a_parameter_without_a_part_in_the_loss(side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    widen(monkeypatch, side)
    named = (
        rf"since extra\.weight of {side} has no part in its loss; extra\.bias of {side} has no part in its loss; mend"
    )
    with pytest.raises(RunError, match=named):
        trained(tmp_path / "run", total_nimg=64)


@pytest.mark.parametrize("side", ["G", "D"])
def test_a_frozen_parameter(side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    widen(monkeypatch, side, frozen=True)
    with pytest.raises(RunError, match=rf"since layers\.0\.weight of {side} is frozen \(requires_grad is off\); mend"):
        trained(tmp_path / "run", total_nimg=64)


@pytest.mark.parametrize("side", ["G", "D"])
@pytest.mark.parametrize("optimizer", get_args(Config.model_fields["optimizer"].annotation))
def test_a_gradient_of_zeros_is_told_once(
    side: str, optimizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    widen(monkeypatch, side, 0.0)
    folder, said = trained(tmp_path / "run", total_nimg=256, report_nimg=64, optimizer=optimizer, beta1=0.5)
    told = "Warning: all gradients have been 0, so that nothing is learned by "
    told += f"extra.weight of {side}, extra.bias of {side}."
    assert said.count(told) == 1
    assert len(list(folder.rows())) == 4


def test_a_gradient_of_zeros_is_told_at_the_first_row_of_enough_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows come every 4 steps here; the second one has 8."""
    widen(monkeypatch, "G", 0.0)
    folder, heard = RunFolder(tmp_path / "run"), Heard()
    rows_when_told: list[int] = []

    def say(text: str) -> None:
        if text.startswith("Warning: all gradients have been 0"):
            rows_when_told.append(len(list(folder.rows())))

    monkeypatch.setattr(heard, "say", say)
    start_run(make_config(TINY | {"total_nimg": 20 * 8, "report_nimg": 4 * 8}), folder.path, heard, StopRequest())
    assert rows_when_told == [2]
    assert len(list(folder.rows())) == 5


@pytest.mark.parametrize("name", RECIPES)
def test_in_every_recipe_all_parameters_learn(name: str, tmp_path: Path) -> None:
    heard = Heard()
    config = recipe(name, **SMALL, total_nimg=8 * recipe(name).d_steps * 9, wgan_schedule=False)
    start_run(config, tmp_path / "run", heard, StopRequest())
    assert RunFolder(tmp_path / "run").read_status()["state"] == "finished"
    assert not [line for line in heard.lines if line.startswith("Warning")]


def test_weights_that_start_from_0_are_given_some_steps(tmp_path: Path) -> None:
    """Behind them, in a residual branch, there is no gradient in the first one."""
    heard = Heard()
    start_run(recipe("r3gan", **SMALL, total_nimg=8), tmp_path / "run", heard, StopRequest())
    assert not [line for line in heard.lines if line.startswith("Warning")]


@pytest.mark.parametrize("objective", ["lsgan", "hinge", "wgan", "relativistic"])
def test_accuracy_is_logged_at_the_objectives_decision_boundary(objective: str, tmp_path: Path) -> None:
    settings = {"objective": objective, "shared_noise": objective != "relativistic"}
    settings |= {"clip": 0.01} if objective == "wgan" else {}
    folder, _ = trained(tmp_path / "run", total_nimg=8, report_nimg=8, **settings)
    [row] = folder.rows()
    assert ("Accuracy/real" in row) == (objective in ("lsgan", "hinge"))
    if objective == "lsgan":  # the logits of a fresh D are near 0: for it, all are fakes
        assert (row["Accuracy/real"], row["Accuracy/fake"]) == (0.0, 1.0)
