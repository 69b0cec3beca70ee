"""run/folder.py: names and their order, rows, and one training process at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ganforge.base.errors import UserError
from ganforge.run.folder import RunFolder, next_free

CONFIG: dict[str, Any] = {"settings": {"seed": 0}, "data": {}, "environment": [{}]}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    run.create(CONFIG)
    return run


def test_names(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    names = {
        run.config: "config.json",
        run.status: "status.json",
        run.stats: "stats.jsonl",
        run.reals: "reals.png",
        run.evolution: "evolution.webp",
        run.fakes(32_000): "fakes-000032000.png",
        run.snapshot(128_000): "snapshots/000128000.safetensors",
        run.checkpoint(12_345_678_901): "checkpoints/12345678901.safetensors",
    }
    assert {path.relative_to(tmp_path).as_posix() for path in names} == set(names.values())
    assert repr(run) == f"RunFolder({str(tmp_path)!r})"
    assert list(tmp_path.iterdir()) == []


def test_files_are_listed_by_their_number(folder: RunFolder) -> None:
    for nimg in (1_000_000_000, 999_999_999, 0, 5):
        folder.fakes(nimg).touch()
        folder.checkpoint(nimg).touch()
        folder.snapshot(nimg).touch()
    for name in ("fakes-.png", "fakes-x.png", "fakes-12.jpg", "fakes-²2.png", "other-000000001.png"):
        (folder.path / name).touch()
    (folder.path / "checkpoints" / ".000000007-x1y2.safetensors").touch()
    (folder.path / "checkpoints" / "latest.safetensors").touch()
    expected = [0, 5, 999_999_999, 1_000_000_000]
    for found, name in (
        (folder.all_fakes(), folder.fakes),
        (folder.all_checkpoints(), folder.checkpoint),
        (folder.all_snapshots(), folder.snapshot),
    ):
        assert found == [(nimg, name(nimg)) for nimg in expected]


def test_a_folder_that_is_not_there_lists_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "missing")
    assert run.all_fakes() == run.all_checkpoints() == run.all_snapshots() == list(run.rows()) == []
    assert run.read_status() == {}
    assert not run.exists()


def test_config_comes_back(folder: RunFolder) -> None:
    assert folder.exists()
    assert folder.read_config() == CONFIG


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"settings": []}', '{"settings": {}}', '{"settings": {}, "data": {}, "environment": []}',
     '{"settings": {}, "data": {}, "environment": [1]}', '{"settings": {}, "data": 1, "environment": [{}]}', "\udcff"],
)  # fmt: skip
def test_a_damaged_config_is_told(text: str, folder: RunFolder) -> None:
    folder.config.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    with pytest.raises(UserError, match=r"config\.json"):
        folder.read_config()


def test_status_comes_back_and_a_damaged_one_is_empty(folder: RunFolder) -> None:
    folder.write_status("stopped", 64, 128, "why")
    status = folder.read_status()
    assert status.pop("time") > 1.6e9
    assert status == {"state": "stopped", "nimg": 64, "total_nimg": 128, "reason": "why", "pid": os.getpid()}
    for text in ("", "{", "[1]", "\x00"):
        folder.status.write_text(text)
        assert folder.read_status() == {}


def test_rows_come_back_to_the_bit(folder: RunFolder) -> None:
    rows = [{"nimg": n, "Loss/D": n / 7, "Loss/G": 0.1 + 0.2} for n in (32, 64, 96)]
    for row in rows:
        folder.append_row(row)
    assert list(folder.rows()) == rows
    assert folder.stats.read_bytes().count(b"\n") == 3
    assert b"\r" not in folder.stats.read_bytes()


RUBBISH = [
    '{"nimg": 96, "Lo',
    "",
    "null",
    "3",
    '"nimg"',
    '{"step": 1}',
    '{"nimg": "96"}',
    "\x00\x00",
    "{]",
    "\udcff\udcfe",
]


@pytest.mark.parametrize("tail", RUBBISH)
def test_a_torn_line_is_left_out_and_cut(tail: str, folder: RunFolder) -> None:
    for nimg in (32, 64):
        folder.append_row({"nimg": nimg})
    with folder.stats.open("ab") as file:
        file.write(tail.encode("utf-8", errors="surrogateescape"))
    assert list(folder.rows()) == [{"nimg": 32}, {"nimg": 64}]
    folder.cut_after(64, 0)
    assert folder.stats.read_text() == '{"nimg": 32}\n{"nimg": 64}\n'
    folder.append_row({"nimg": 96})
    assert [row["nimg"] for row in folder.rows()] == [32, 64, 96]


CUTS = [(-1, [], []), (0, [], [0]), (32, [32], [0, 32]), (63, [32], [0, 32]), (64, [32, 64], [0, 32, 64])]


@pytest.mark.parametrize(("at", "rows", "grids"), [*CUTS, (999, [32, 64, 96], [0, 32, 64, 96])])
def test_cut_after(at: int, rows: list[int], grids: list[int], folder: RunFolder) -> None:
    for nimg in (0, 32, 64, 96):
        folder.fakes(nimg).touch()
        folder.checkpoint(nimg).touch()
        if nimg:
            folder.append_row({"nimg": nimg, "Loss/D": nimg / 7})
    folder.cut_after(at, 0)
    assert list(folder.rows()) == [{"nimg": nimg, "Loss/D": nimg / 7} for nimg in rows]
    assert [nimg for nimg, _ in folder.all_fakes()] == grids
    assert len(folder.all_checkpoints()) == 4


def test_figures_are_cut_at_their_own_place(folder: RunFolder) -> None:
    for nimg in (32, 64, 96):
        folder.append_metrics({"nimg": nimg})
    folder.cut_after(32, 64)
    assert [row["nimg"] for row in folder.metrics_rows()] == [32, 64]


def test_cut_after_without_any_rows_makes_no_file(folder: RunFolder) -> None:
    folder.cut_after(0, 0)
    assert not folder.stats.exists()


def test_an_occupied_folder_is_refused(folder: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"already holds a run; go on with it by `ganforge resume .*`"):
        folder.create(CONFIG)
    folder.write_status("stopped", 64_000, 128_000)
    with pytest.raises(UserError, match=r"already holds a run \(64,000 of 128,000 images\)"):
        folder.create(CONFIG)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("x")
    with pytest.raises(UserError, match="is not empty and holds no run"):
        RunFolder(other).create(CONFIG)
    with pytest.raises(UserError, match="is a file, not a folder"):
        RunFolder(other / "thesis.txt").create(CONFIG)
    with pytest.raises(UserError, match=r"thesis\.txt"):
        RunFolder(other / "thesis.txt" / "run").create(CONFIG)
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".hidden").touch()
    (tmp_path / "snapshots").mkdir()
    RunFolder(tmp_path).create(CONFIG)
    assert RunFolder(tmp_path).read_config() == CONFIG


def test_a_folder_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: RunFolder, config: dict[str, Any]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunFolder, "write_config", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)"):
        RunFolder(tmp_path / "a" / "b").create(CONFIG)
    assert list(tmp_path.iterdir()) == []


TRY = """
import sys
from ganforge.run.folder import RunFolder
with RunFolder(sys.argv[1]).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def try_to_lock(folder: RunFolder) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", TRY, str(folder.path)], input="", capture_output=True, text=True)


def test_the_lock_keeps_a_second_process_out(folder: RunFolder) -> None:
    with folder.lock():
        second = try_to_lock(folder)
        assert second.returncode == 1
        assert f"UserError: Another process is training in {folder.path}" in second.stderr
        with pytest.raises(UserError, match="Another process is training"):
            RunFolder(folder.path).lock()
    third = try_to_lock(folder)
    assert (third.returncode, third.stdout) == (0, "held\n")


def test_a_killed_process_gives_the_lock_back(folder: RunFolder) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TRY, str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="Another process is training"):
            folder.lock()
        other.kill()
        other.wait()
    with folder.lock():
        assert try_to_lock(folder).returncode == 1


def test_the_lock_clears_what_a_killed_process_was_writing(folder: RunFolder) -> None:
    folder.checkpoint(64).touch()
    folder.fakes(64).touch()
    leftovers = [folder.path / ".config-a1b2.json", folder.path / "checkpoints" / ".000000096-x_y.safetensors"]
    for path in leftovers:
        path.write_text("half")
    before = {path for path in folder.path.rglob("*") if path not in leftovers}
    with folder.lock():
        pass
    assert {path for path in folder.path.rglob("*") if path.name != ".lock"} == before


def test_next_free(tmp_path: Path) -> None:
    assert next_free(tmp_path, "note-mnist") == tmp_path / "note-mnist"
    (tmp_path / "note-mnist").mkdir()
    assert next_free(tmp_path, "note-mnist") == tmp_path / "note-mnist-2"
    (tmp_path / "note-mnist-2").touch()
    assert next_free(tmp_path, "note-mnist") == tmp_path / "note-mnist-3"


def test_json_files_are_for_people_too(folder: RunFolder) -> None:
    text = folder.config.read_text(encoding="utf-8")
    assert json.loads(text) == CONFIG
    assert text.startswith("{\n  ")
    assert text.endswith("}\n")
