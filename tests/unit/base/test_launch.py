"""base/launch.py: several processes that were started together are refused wherever they cannot share the work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import ganforge
from ganforge.base.errors import UserError
from ganforge.base.launch import SIZES, refuse_several_processes
from ganforge.cli.main import main
from ganforge.data.digits import load_digits
from ganforge.judging.evaluation import evaluate
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.training.build import build_optimizer, build_state

CPU = torch.device("cpu")
VERBS = [["sample", "x"], ["compare", "x"], ["report", "x"], ["data", "list"], ["watch"]]


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """A process group of this process alone."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return ganforge.train("note", out=tmp_path_factory.mktemp("one") / "run", data="digits", g_hidden=[8],
                          d_hidden=[8], total_nimg=128, device="cpu", metric_samples=0)  # fmt: skip


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_from_the_command_line(
    verb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(verb) == 2
    told = capsys.readouterr().err
    what = "ganforge: WORLD_SIZE is 2, so 2 processes were started together, and only train, resume and evaluate work"
    assert told.startswith(what)
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "verb", [["train", "note", "--data", "digits"], ["resume", "RUN"], ["evaluate", "RUN"]], ids=lambda verb: verb[0]
)
def test_what_is_shared_asks_for_torchrun(
    verb: list[str], run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    verb = [str(run.path) if word == "RUN" else word for word in verb]
    for name in ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "2")
            assert main(verb) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"ganforge: {name} is 2, so 2 processes were started together, but ")
        assert "torchrun --nproc-per-node" in told and told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_one_process_of_a_machine_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, lines in ((0, 1), (1, 0)):
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        assert main(["train", "nothing"]) == 2
        assert capsys.readouterr().err.count("\n") == lines


def test_from_python(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
