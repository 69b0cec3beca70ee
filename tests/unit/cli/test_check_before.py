"""`ganforge train --check`, and the same look at the beginning of each run: said, kept, and without any effect."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ganforge.base.errors import UserError
from ganforge.base.stopping import StopRequest
from ganforge.cli.main import main
from ganforge.config import make_config
from ganforge.recipes.catalog import recipe
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.training import opening_look, probe
from ganforge.training import start as launch
from ganforge.training.progress import Progress


class Killed(BaseException):
    """The process ends here."""


SMALL: dict[str, Any] = {"data": "digits", "device": "cpu", "metric_samples": 0, "batch_size": 16, "total_nimg": 64}


def test_a_healthy_recipe_has_status_0_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "fast", "--data", "digits", "--device", "cpu", "--check"]) == 0
    said = capsys.readouterr().out
    assert "1,497 of 1,497 items looked at, values from 0 to 255 of 255; 0 of 1,497 equal another one" in said
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
    folder.cut_after(-1, -1)  # killed before its first row
    assert list(folder.finding_rows()) == kept[:3]


def begun(path: Path, **changes: Any) -> RunFolder:
    return launch.start_run(recipe("note", **SMALL | changes), path, Progress(), StopRequest())


def first_lines(folder: RunFolder) -> list[dict[str, Any]]:
    return [row for row in folder.finding_rows() if row["nimg"] == 0]


def test_an_error_in_the_look_is_one_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*given: object) -> None:
        raise ZeroDivisionError("nothing to look at")

    with monkeypatch.context() as patched:
        patched.setattr(opening_look, "look_first", failing)
        with pytest.raises(ZeroDivisionError):
            begun(tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    status = folder.read_status()
    assert (status["state"], status["reason"]) == ("failed", "ZeroDivisionError('nothing to look at')")
    launch.resume_run(folder, {}, Progress(), StopRequest())
    assert [row["finding"] for row in first_lines(folder)] == ["short-run"]


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_a_run_that_was_killed_in_its_first_look_is_looked_at_again(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between the making of its folder and its first checkpoint."""
    whole = begun(tmp_path / "whole", lr=0.1, z_dim=2)
    write = RunFolder.write_findings

    def written(self: RunFolder, events: list[dict[str, Any]]) -> None:
        write(self, events[:1] if when == "within" else events)
        raise Killed

    def killed(*given: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        if when == "before":
            patched.setattr(launch, "begin_with_look", killed)
        else:
            patched.setattr(RunFolder, "write_findings", written)
        with pytest.raises(Killed):
            begun(tmp_path / "run", lr=0.1, z_dim=2)
    folder = RunFolder(tmp_path / "run")
    assert len(first_lines(folder)) == {"before": 0, "within": 1, "after": 3}[when]
    capsys.readouterr()
    launch.resume_run(folder, {}, Progress(), StopRequest())
    assert "Trouble: a learning rate" in capsys.readouterr().out
    assert first_lines(folder) == first_lines(whole)


def test_another_length_is_looked_at_anew_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = begun(tmp_path / "run", lr=0.1, max_images=200)
    assert [row["finding"] for row in first_lines(folder)] == ["rate-far-too-high", "few-pictures", "short-run"]
    old = list(folder.finding_rows())
    monkeypatch.setattr(opening_look, "try_step", None)  # the networks are no fresh ones any more
    capsys.readouterr()
    launch.resume_run(folder, {"total_nimg": 96}, Progress(), StopRequest())
    assert "Note: the run is short: 96 images are 6 batches" in capsys.readouterr().out
    changed = first_lines(folder)
    assert changed[:2] == old[:2]
    assert [row["seen"] for row in changed[2:]] == ["96 images are 6 batches"]
    stop = StopRequest()
    stop.signum = 15
    launch.resume_run(folder, {"total_nimg": 16_000}, Progress(), stop)
    assert first_lines(folder) == old[:2]
    there = sum(path.stat().st_size for _, path in [*folder.all_checkpoints(), *folder.all_snapshots()])
    monkeypatch.setattr(opening_look, "kept_bytes", lambda *given: there + 1_000)
    for free, found in ((999, ["disk-too-small"]), (1_000, [])):
        monkeypatch.setattr(opening_look, "free_at", lambda place, free=free: free)
        launch.resume_run(folder, {"total_nimg": 17_000 + free}, Progress(), stop)
        assert [row["finding"] for row in first_lines(folder)] == ["rate-far-too-high", *found, "few-pictures"]


def test_a_step_that_cannot_be_computed_has_status_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*given: object) -> None:
        raise RuntimeError("the sizes do not fit")

    monkeypatch.setattr(probe, "_tried", failing)
    assert main(["train", "fast", "--data", "digits", "--device", "cpu", "--check", "--out", str(tmp_path / "a")]) == 3
    said = capsys.readouterr().out
    assert "a step: it cannot be computed" in said
    assert "Trouble: the first step cannot be computed: RuntimeError: the sizes do not fit. Try: mend" in said


def test_weights_to_start_from_are_kept_with_their_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that a run that was killed before its first checkpoint finds them from any folder; or says what is missing."""
    source = begun(tmp_path / "source").path
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(launch, "begin_with_look", lambda *given: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            begun(tmp_path / "run", init_from="source")
    folder = RunFolder(tmp_path / "run")
    assert folder.read_config()["settings"]["init_from"] == str(source)
    source.rename(tmp_path / "moved")
    with pytest.raises(UserError, match=rf"starts from the weights in {source}, and nothing is there; put it back"):
        launch.resume_run(folder, {}, Progress(), StopRequest())
    (tmp_path / "moved").rename(source)
    monkeypatch.chdir("/")
    launch.resume_run(folder, {}, Progress(), StopRequest())
    assert folder.read_status()["state"] == "finished"


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
