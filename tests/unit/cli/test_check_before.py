"""`ganforge train --check`, and the same look at the beginning of each run: said, kept, and without any effect."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ganforge.base.stopping import StopRequest
from ganforge.cli.main import main
from ganforge.config import make_config
from ganforge.recipes.catalog import recipe
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.training import start as launch
from ganforge.training.progress import Progress

SMALL: dict[str, Any] = {"data": "digits", "device": "cpu", "metric_samples": 0, "batch_size": 16, "total_nimg": 64}


def test_a_healthy_recipe_has_status_0_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "fast", "--data", "digits", "--device", "cpu", "--check"]) == 0
    said = capsys.readouterr().out
    assert "1,497 of 1,497 items" in said
    assert "D's logits of reals" in said
    assert said.endswith("Nothing to find fault with.\n")
    assert not any(tmp_path.iterdir())


def test_findings_have_status_3_and_tell_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "note", "--data", "digits", "--device", "cpu", "--lr", "0.1", "--check", "--out", "RUN"]) == 3
    said = capsys.readouterr().out
    assert "Trouble: a learning rate is far too high: lr is 0.1, 333 times the recipe's 0.0003. Try:" in said
    assert "`ganforge train note --data digits --device cpu`" in said
    assert "Found: 1. Nothing was trained." in said
    assert not any(tmp_path.iterdir())


def test_what_training_would_refuse_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("")
    assert main(f"train note --data digits --check --out {tmp_path}".split()) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_a_run_says_and_keeps_what_is_found_first_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = SMALL | {"lr": 0.1, "z_dim": 2}
    folder = launch.start_run(recipe("note", **changes), tmp_path / "run", Progress(), StopRequest())
    kept = list(folder.finding_rows())
    assert [(row["nimg"], row["finding"]) for row in kept][:3] == [
        (0, "rate-far-too-high"), (0, "small-z"), (0, "short-run"),
    ]  # fmt: skip
    assert folder.read_status()["state"] == "finished"
    said = capsys.readouterr().out
    assert said.index("Trouble: a learning rate") < said.index("Iter: 0")
    launch.resume_run(folder, {"total_nimg": 128}, Progress(), StopRequest())
    assert list(folder.finding_rows())[:3] == kept[:3]
    folder.cut_after(-1, -1)  # killed before its first row
    assert list(folder.finding_rows()) == kept[:3]


@pytest.mark.parametrize("name", ["fast", "sngan"])
def test_a_run_has_the_same_bits_without_the_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def trained(out: str) -> dict[str, torch.Tensor]:
        config = make_config(recipe(name, **SMALL | {"total_nimg": 160}).model_dump())
        folder = launch.start_run(config, tmp_path / out, Progress(), StopRequest())
        return load_newest_checkpoint(RunFolder(folder.path))[0]

    with_look = trained("a")
    monkeypatch.setattr(launch, "begin_with_look", lambda *given: None)
    without = trained("b")
    assert with_look.keys() == without.keys()
    assert all(torch.equal(with_look[key], without[key]) for key in without)
