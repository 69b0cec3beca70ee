"""run/checkpoint.py: the newest one that is whole, and the old ones go only after the new one is whole."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from ganforge.base.errors import UserError
from ganforge.base.stopping import StopRequest
from ganforge.base.tensorfile import DamagedFileError, write_tensorfile
from ganforge.recipes.catalog import recipe
from ganforge.run.checkpoint import KIND, load_newest_checkpoint, save_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.training.progress import Progress
from ganforge.training.start import resume_run, start_run


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    run.create({"settings": {}, "data": {}, "environment": [{}]})
    return run


def save(folder: RunFolder, *nimgs: int, keep: int = 9) -> None:
    for nimg in nimgs:
        save_checkpoint(folder, nimg, {"w": torch.full((50,), float(nimg))}, {"reported_nimg": nimg - 1}, keep)


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    match how:
        case "flipped":
            path.write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])
        case "cut off":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "pickle":
            torch.save({"w": torch.ones(2)}, path)
        case "snapshot":
            write_tensorfile(path, "snapshot", {"w": torch.ones(2)}, {"format": 1})


HOW = ["flipped", "cut off", "empty", "pickle", "snapshot"]


def numbers(folder: RunFolder) -> list[int]:
    return [nimg for nimg, _ in folder.all_checkpoints()]


def test_the_newest_comes_back(folder: RunFolder) -> None:
    save(folder, 64, 128, 96)
    tensors, facts, complaints = load_newest_checkpoint(folder)
    assert torch.equal(tensors["w"], torch.full((50,), 128.0))
    assert facts == {"kind": "checkpoint", "format": 3, "nimg": 128, "reported_nimg": 127}
    assert complaints == {}


def test_without_any_there_is_nothing(folder: RunFolder) -> None:
    assert load_newest_checkpoint(folder) == ({}, {}, {})


@pytest.mark.parametrize("how", HOW)
def test_a_damaged_newest_is_passed_over_with_a_complaint(how: str, folder: RunFolder) -> None:
    save(folder, 64, 128)
    damage(folder.checkpoint(128), how)
    tensors, facts, complaints = load_newest_checkpoint(folder)
    assert facts["nimg"] == 64
    assert torch.equal(tensors["w"], torch.full((50,), 64.0))
    assert list(complaints) == [folder.checkpoint(128)]
    assert str(folder.checkpoint(128)) in complaints[folder.checkpoint(128)]


def test_where_none_is_whole_all_are_named(folder: RunFolder) -> None:
    save(folder, 64, 128)
    for nimg in (64, 128):
        damage(folder.checkpoint(nimg), "flipped")
    with pytest.raises(UserError, match=r"no checkpoint that is whole: .*000000128.*damaged.*000000064.*damaged"):
        load_newest_checkpoint(folder)


def test_a_newer_format_is_refused_and_not_passed_over(folder: RunFolder) -> None:
    save(folder, 64)
    write_tensorfile(folder.checkpoint(128), KIND, {"w": torch.ones(1)}, {"format": 4, "nimg": 128})
    with pytest.raises(UserError, match="has format 4, and this ganforge reads 3; install another"):
        load_newest_checkpoint(folder)


def test_the_newest_are_kept(folder: RunFolder) -> None:
    save(folder, 32, 64, 96, 128, keep=2)
    assert numbers(folder) == [96, 128]


def test_later_ones_do_not_push_out_a_new_one(folder: RunFolder) -> None:
    """Such as somebody has put back."""
    save(folder, 32, 64, 300)
    save(folder, 96, keep=1)
    assert numbers(folder) == [96, 300]


def test_old_ones_stay_when_a_new_one_cannot_be_written(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    save(folder, 32, 64)

    def half(temporary: Path, content: bytes) -> int:
        with temporary.open("wb") as file:
            return file.write(content[: len(content) // 2])

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(DamagedFileError):
        save(folder, 96, keep=1)
    assert numbers(folder) == [32, 64]
    monkeypatch.undo()
    assert load_newest_checkpoint(folder)[1]["nimg"] == 64
    assert len(list(folder.checkpoint(0).parent.iterdir())) == 2


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not tell what a handle is of")
def test_the_logs_are_on_the_disk_before_the_checkpoint_that_knows_them(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.append_row({"nimg": 32})
    folder.append_metrics({"nimg": 32})
    synced: list[str] = []
    fsync = os.fsync

    def note(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    monkeypatch.setattr("os.fsync", note)
    save(folder, 32)
    assert synced[:2] == ["stats.jsonl", "metrics.jsonl"]
    assert len(synced) > 2


def test_old_ones_are_there_until_the_new_one_is(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    save(folder, 32, 64)
    seen: list[list[int]] = []
    replace = Path.replace

    def look(temporary: Path, target: Path) -> Path:
        seen.append(numbers(folder))
        return replace(temporary, target)

    monkeypatch.setattr(Path, "replace", look)
    save(folder, 96, keep=1)
    assert seen == [[32, 64]]
    assert numbers(folder) == [96]


def put_odd(path: Path, what: str) -> None:
    """Something with a checkpoint's name that is no file."""
    match what:
        case "folder":
            path.mkdir()
            (path / "thesis.txt").write_text("mine")
        case "dead link":
            path.symlink_to("nowhere")
        case "link":
            path.symlink_to("000000064.safetensors")
        case "pipe":
            os.mkfifo(path)


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
@pytest.mark.parametrize("what", ["folder", "dead link", "link", "pipe"])
def test_what_is_no_file_is_passed_over_and_never_removed(what: str, folder: RunFolder) -> None:
    save(folder, 32, 64)
    put_odd(folder.checkpoint(48), what)
    put_odd(folder.checkpoint(128), what)
    _, facts, complaints = load_newest_checkpoint(folder)
    assert facts["nimg"] == 64
    odd = folder.checkpoint(128)
    assert complaints == {odd: f"{odd} is a folder, link, pipe or device, not a checkpoint."}
    save(folder, 96, 160, keep=1)
    assert numbers(folder) == [160]
    for nimg in (48, 128):
        assert os.path.lexists(folder.checkpoint(nimg))


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
@pytest.mark.parametrize("what", ["folder", "dead link", "link", "pipe"])
def test_what_is_no_file_does_not_stop_a_run(what: str, tmp_path: Path) -> None:
    config = recipe(
        "note", data="digits", batch_size=32, z_dim=4, g_hidden=(16,), d_hidden=(16,), device="cpu", total_nimg=64
    )
    folder = start_run(config, tmp_path / "run", Progress(), StopRequest())
    put_odd(folder.checkpoint(128), what)
    resume_run(folder, {"total_nimg": 128}, Progress(), StopRequest())
    assert load_newest_checkpoint(folder)[1]["nimg"] == 128
    aside = folder.checkpoint(128).with_name("000000128.safetensors.damaged")
    assert os.path.lexists(aside)
    assert what != "folder" or (aside / "thesis.txt").read_text() == "mine"


class StopsAtOnce(Progress):
    """Asks the run to stop after its first step."""

    def __init__(self) -> None:
        super().__init__()
        self.stop = StopRequest()

    def wants_update(self) -> bool:
        self.stop.signum = 15
        return False


def test_a_damaged_one_does_not_count_among_those_kept(tmp_path: Path) -> None:
    """The newest is damaged, and the run is stopped before it is made again: a whole one is left."""
    config = recipe(
        "note",
        data="digits", batch_size=32, z_dim=4, g_hidden=(16,), d_hidden=(16,), device="cpu", grid_size=1,
        report_nimg=64, checkpoint_nimg=64, keep_checkpoints=2, total_nimg=256,
    )  # fmt: skip
    folder = start_run(config, tmp_path / "run", Progress(), StopRequest())
    assert numbers(folder) == [192, 256]
    damage(folder.checkpoint(256), "flipped")
    folder.write_status("running", 192, 256)
    once = StopsAtOnce()
    resume_run(folder, {"keep_checkpoints": 1}, once, once.stop)
    assert numbers(folder) == [224]
    assert load_newest_checkpoint(folder)[1]["nimg"] == 224


def test_a_sparse_one_is_passed_over_before_it_is_read(tmp_path: Path) -> None:
    """A file of a few bytes on the disk that promises a hundred GiB: the one before it is gone on from."""
    config = recipe(
        "note", data="digits", batch_size=32, z_dim=4, g_hidden=(16,), d_hidden=(16,), device="cpu", total_nimg=64
    )
    folder = start_run(config, tmp_path / "run", Progress(), StopRequest())
    facts = {"kind": KIND, "format": 3, "nimg": 96}
    numbers = 25 << 30
    header: dict[str, Any] = {"__metadata__": {"ganforge": json.dumps(facts), "sha256": "0"}}
    header["stats.Loss/D"] = {"dtype": "F32", "shape": [numbers], "data_offsets": [0, 4 * numbers]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with folder.checkpoint(96).open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + 4 * numbers)
    resume_run(folder, {"total_nimg": 128}, Progress(), StopRequest())
    assert load_newest_checkpoint(folder)[1]["nimg"] == 128
    assert folder.checkpoint(96).with_name("000000096.safetensors.damaged").exists()


def test_users_copies_are_never_removed(folder: RunFolder) -> None:
    checkpoints = folder.checkpoint(0).parent
    copies = [
        "backup-000000032.safetensors", "000000032-copy.safetensors", "32.safetensors", "0000000032.safetensors",
        "000000032.safetensors.bak", "x000000032.safetensors", "000000032.SAFETENSORS", "000000032 .safetensors",
    ]  # fmt: skip
    for name in copies:
        (checkpoints / name).write_text(name)
    save(folder, 32, 64, 96, keep=1)
    assert sorted(path.name for path in checkpoints.iterdir()) == sorted([*copies, "000000096.safetensors"])


def test_checkpoints_that_may_not_be_listed_are_no_absence(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    save(folder, 32)

    def closed(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("ganforge.run.paths.os.scandir", closed)
    with pytest.raises(UserError, match=r"checkpoints cannot be read: .*checkpoints: Permission denied; nothing was"):
        load_newest_checkpoint(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_linked_folder_of_checkpoints_is_not_followed(folder: RunFolder, tmp_path: Path) -> None:
    save(folder, 32)
    elsewhere = tmp_path / "elsewhere"
    (folder.path / "checkpoints").rename(elsewhere)
    (folder.path / "checkpoints").symlink_to(elsewhere)
    with pytest.raises(UserError, match="a link, which is not followed"):
        load_newest_checkpoint(folder)


@pytest.mark.parametrize("how", HOW)
def test_a_run_with_a_damaged_newest_checkpoint_goes_on_exactly(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the one before it, saying so, to the same weights."""
    config = recipe(
        "note",
        data="digits", batch_size=32, z_dim=4, g_hidden=(16,), d_hidden=(16,), device="cpu", grid_size=1,
        report_nimg=64, checkpoint_nimg=96, total_nimg=192,
    )  # fmt: skip
    folder = start_run(config, tmp_path / "run", Progress(), StopRequest())
    assert numbers(folder) == [96, 192]
    damaged = folder.checkpoint(192)
    expected, _, _ = load_newest_checkpoint(folder)
    rows = [(row["nimg"], row["Loss/D"]) for row in folder.rows()]
    damage(damaged, how)
    content = damaged.read_bytes()
    capsys.readouterr()
    resume_run(folder, {}, Progress(), StopRequest())
    said = capsys.readouterr().out
    assert f"{folder.checkpoint(192)}" in said
    assert "Going on from the one before it." in said
    aside = damaged.with_name("000000192.safetensors.damaged")
    assert f"{damaged} was set aside as {aside.name}." in said
    assert aside.read_bytes() == content
    tensors, facts, complaints = load_newest_checkpoint(folder)
    assert (facts["nimg"], complaints) == (192, {})
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)
    assert [(row["nimg"], row["Loss/D"]) for row in folder.rows()] == rows


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    """config.json was changed by hand: neither it nor the checkpoint is trusted silently."""
    config = recipe(
        "note", data="digits", batch_size=32, z_dim=4, g_hidden=(16,), d_hidden=(16,), device="cpu", total_nimg=64
    )
    folder = start_run(config, tmp_path / "run", Progress(), StopRequest())
    content = folder.read_config()
    folder.write_config(content | {"settings": content["settings"] | {"lr": 0.1}})
    with pytest.raises(
        UserError, match=r"lr: 0\.0003 in the run, 0\.1 asked for|lr: 0\.1 in the run, 0\.0003 asked for"
    ):
        resume_run(folder, {"total_nimg": 128}, Progress(), StopRequest())
