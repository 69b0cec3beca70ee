"""`--accumulate auto`: the fewest parts that fit, on a stand-in for a card that holds so many pictures at a time."""

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import ganforge
from ganforge.base.errors import UserError
from ganforge.base.runtime import is_out_of_memory
from ganforge.config import Config, with_gammas
from ganforge.data.digits import load_digits
from ganforge.recipes.catalog import recipe
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.training import parts
from ganforge.training.processes import ALONE, Processes

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {"data": "digits", "batch_size": 12, "g_hidden": (8,), "d_hidden": (8,), "z_dim": 4}
RUN = SMALL | {"max_images": 100, "total_nimg": 36, "report_nimg": 12, "snapshot_nimg": 36, "metric_samples": 0}


@contextmanager
def card_of(pictures: int, error: Callable[[], Exception] = torch.OutOfMemoryError) -> Iterator[list[int]]:
    """In the context no network that is trained takes more pictures at once. Gives how many each was asked to take."""
    asked: list[int] = []

    def hold(layer: nn.Module, given: tuple[Any, ...]) -> None:
        if isinstance(layer, nn.Linear) and layer.training:
            asked.append(len(given[0]))
            if len(given[0]) > pictures:
                raise error()

    with torch.nn.modules.module.register_module_forward_pre_hook(hold):  # type: ignore[no-untyped-call]
        yield asked


def found(pictures: int, processes: Processes = ALONE, **changes: Any) -> tuple[Config, str]:
    """The settings with parts that fit on such a card, and what is said."""
    dataset, said = load_digits(), list[str]()
    config = with_gammas(recipe("note", **SMALL | {"accumulate": "auto"} | changes), dataset.shape)
    with card_of(pictures):
        config = parts.with_parts(config, dataset, CPU, processes, said.append)
    [line] = said
    return config, line


@pytest.mark.parametrize(("pictures", "count"), [(24, 1), (23, 2), (12, 2), (11, 3), (6, 4), (5, 6), (4, 6)])
def test_the_fewest_parts_that_fit(pictures: int, count: int) -> None:
    """D looks at a part's reals and fakes together: at twice as many pictures."""
    config, said = found(pictures)
    assert config.accumulate == count
    assert said.startswith("Whole batches fit" if count == 1 else f"Each batch of 12 is split into {count} parts of ")
    assert f"--accumulate {count}" in said and "Batch norm" not in said


def test_batch_norm_sees_a_part_and_that_is_said() -> None:
    dataset = load_digits()
    config = recipe("dcgan", data="digits", batch_size=12, accumulate=3)
    assert "Batch norm sees one part at a time, as in batches of 4." in parts.told(config, dataset, CPU)
    assert "Batch norm" not in parts.told(config.model_copy(update={"accumulate": 1}), dataset, CPU)


def test_what_fits_nowhere_is_refused_before_there_is_a_folder(tmp_path: Path) -> None:
    with card_of(3), pytest.raises(UserError, match="Not even 2 pictures at a time fit into the memory of cpu"):
        ganforge.train("note", out=tmp_path / "run", **RUN, device="cpu", accumulate="auto")
    assert not (tmp_path / "run").exists()


def test_a_run_is_that_of_the_number_that_was_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with card_of(12) as asked:
        auto = ganforge.train("note", out=tmp_path / "auto", **RUN, device="cpu", accumulate="auto")
    assert 24 in asked
    said = "Each batch of 12 is split into 2 parts of 6, the largest that fit into the memory of cpu"
    assert said in "".join(capsys.readouterr())
    assert auto.read_config()["settings"]["accumulate"] == 2
    two = ganforge.train("note", out=tmp_path / "two", **RUN, device="cpu", accumulate=2)
    (ours, _, _), (expected, _, _) = (load_newest_checkpoint(run) for run in (auto, two))
    assert [name for name, tensor in expected.items() if not torch.equal(ours[name], tensor)] == []
    with card_of(12):
        ganforge.resume(auto.path, total_nimg=48)


class TwoOfWhich(Processes):
    """Two processes, the other of which has room for ``pictures`` of a part."""

    def __init__(self, room: int) -> None:
        super().__init__(0, 2)
        self.room, self.asked = room, list[bool]()

    def rows(self, numbers: torch.Tensor, share: int) -> torch.Tensor:
        return numbers.view(-1, 2, share, *numbers.shape[1:])[:, 0].flatten(0, 1)

    def any(self, condition: bool, step: int) -> bool:
        assert step == 0  # at other steps nothing is agreed on
        self.asked.append(condition)
        return condition or len(self.asked) < self.room


@pytest.mark.parametrize(("mine", "others", "count"), [(12, 1, 1), (11, 1, 2), (12, 3, 3)])
def test_all_processes_take_as_many_parts(mine: int, others: int, count: int) -> None:
    config, _ = found(mine, TwoOfWhich(others))
    assert config.accumulate == count


def test_a_part_is_shared_evenly() -> None:
    """Of 12 pictures each of two processes has 6: parts of 4 would leave one with 1.5 of each."""
    config, _ = found(2, TwoOfWhich(1))
    assert config.accumulate == 6


def test_other_errors_are_left_to_the_training() -> None:
    config = recipe("note", **SMALL)
    for error in (RuntimeError, ValueError):
        with card_of(1, error):
            assert parts.fits(config, load_digits(), CPU, ALONE)


def test_nothing_of_a_try_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def seen(*given: Any) -> Any:
        state = build(*given)
        made.append(weakref.ref(state))
        return state

    build = parts.build_state
    monkeypatch.setattr(parts, "build_state", seen)
    gc.disable()
    try:
        found(12)
    finally:
        gc.enable()
    assert len(made) == 2
    assert [one() for one in made] == [None, None]


def test_what_apples_gpus_say_is_understood() -> None:
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 9 GiB, max allowed: 9.07 GiB)"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 must have the same dtype"))
