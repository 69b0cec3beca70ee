"""base/processes.py: several processes that were started together are refused wherever they would work on one run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import ganforge
from ganforge.base.errors import UserError
from ganforge.base.processes import SIZES, refuse_several_processes
from ganforge.cli.main import main
from ganforge.data.digits import load_digits
from ganforge.judging.evaluation import evaluate
from ganforge.recipes.catalog import recipe
from ganforge.training.build import build_optimizer, build_state

CPU = torch.device("cpu")
VERBS = [["train", "note"], ["resume", "x"], ["sample", "x"], ["evaluate", "x"], ["compare", "x"], ["report", "x"],
         ["data", "list"], ["watch"]]  # fmt: skip


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """A process group of this process alone."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_from_the_command_line(
    verb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(verb) == 2
    told = capsys.readouterr().err
    assert told.startswith("ganforge: WORLD_SIZE is 2, so 2 processes were started together, and ganforge works in one")
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ganforge.train("note", out=tmp_path / "run", data="digits", g_hidden=[8], d_hidden=[8], total_nimg=128,
                         device="cpu", metric_samples=0)  # fmt: skip
    monkeypatch.setenv("WORLD_SIZE", "2")
    calls: list[Any] = [
        lambda: ganforge.train("note", out=tmp_path / "other", data="digits"),
        lambda: ganforge.resume(run.path, total_nimg=256),
        lambda: evaluate(run.path),
    ]
    for call in calls:
        with pytest.raises(UserError, match="WORLD_SIZE is 2"):
            call()
    assert not (tmp_path / "other").exists()
    assert ganforge.load(run.path, "cpu").nimg == 128  # reading is no matter


@pytest.mark.parametrize("name", SIZES)
def test_one_process_or_no_number_is_no_fault(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in ("1", "0", "", "many"):
        monkeypatch.setenv(name, size)
        refuse_several_processes()
    monkeypatch.setenv(name, "16")
    with pytest.raises(UserError, match=f"{name} is 16"):
        refuse_several_processes()


def test_a_process_group_without_the_variable(group: None, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_several_processes()
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 4)
    with pytest.raises(UserError, match=r"torch\.distributed has joined 4 processes"):
        refuse_several_processes()


class Around(nn.Module):
    """A network with another one inside."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *given: Any) -> Any:
        return self.inner(*given)


@pytest.mark.parametrize("which", ["G", "D", "inside G"])
@pytest.mark.parametrize("wrapper", [nn.parallel.DistributedDataParallel, nn.DataParallel])
def test_the_update_refuses_a_wrapped_network(which: str, wrapper: Any, group: None) -> None:
    """Once, where an optimizer is made for it."""
    config = recipe("note", data="digits", g_hidden=(8,), d_hidden=(8,), batch_size=8)
    state = build_state(config, load_digits(), CPU)
    network = wrapper(state.D if which == "D" else state.G)
    network = Around(network) if "inside" in which else network
    for optimizer in ("adam", "rmsprop"):
        with pytest.raises(UserError, match=f"A network is wrapped in {wrapper.__name__}.*does not synchronise"):
            build_optimizer(config.model_copy(update={"optimizer": optimizer}), network, 1e-3)
