"""run/folder.py: names and their order, rows, and one training process at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ganforge.base.errors import UserError
from ganforge.run.folder import RunFolder
from ganforge.run.paths import next_free

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
        run.best_checkpoint: "checkpoints/best.safetensors",
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
    (folder.path / "checkpoints" / ".ganforge-tmp-ab12cd34.safetensors").touch()
    (folder.path / "checkpoints" / "latest.safetensors").touch()
    folder.best_checkpoint.touch()
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
    told = {"state": "stopped", "nimg": 64, "total_nimg": 128, "reason": "why", "pid": os.getpid()}
    assert status == told | {"findings": []}
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
    with pytest.raises(UserError, match=r"already holds a run; continue it with `ganforge resume .*`"):
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
    RunFolder(tmp_path).create(CONFIG)
    assert RunFolder(tmp_path).read_config() == CONFIG


def test_so_is_one_in_which_a_process_was_killed_before_it_had_made_a_run(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / ".lock").touch()
    (tmp_path / ".ganforge-tmp-ab12_xyz.json").write_text("half")
    RunFolder(tmp_path).create(CONFIG)
    assert {path.name for path in tmp_path.iterdir()} == {"snapshots", "checkpoints", ".lock", "config.json"}


MINE = [
    ".env-production", ".pre-commit-config.yaml", ".gitconfig-work", "thesis.txt", ".DS_Store", "snapshots/mine.txt",
    "snapshots/.bash-history", "checkpoints/000000064.safetensors", ".ganforge-tmp-x.json", ".ganforge-tmp-AB12CD34",
    ".ganforge-tmp-ab12cd34-mine.json",
]  # fmt: skip


@pytest.mark.parametrize("name", MINE)
def test_a_folder_with_anything_of_the_users_is_refused_and_left_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match=r"is not empty and holds no run \(but .+\); choose another folder"):
        RunFolder(tmp_path).create(CONFIG)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [name]


@pytest.mark.skipif(sys.platform == "win32", reason="links")
@pytest.mark.parametrize("name", ["snapshots", "checkpoints", "config.json", ".lock"])
def test_a_link_of_the_users_is_refused_and_not_followed(name: str, tmp_path: Path) -> None:
    home, run = tmp_path / "home", tmp_path / "run"
    home.mkdir()
    run.mkdir()
    target = home if name in ("snapshots", "checkpoints") else home / "thesis"
    if target != home:
        target.write_text("mine")
    (run / name).symlink_to(target)
    with pytest.raises(UserError, match=r"is not empty and holds no run|already holds a run"):
        RunFolder(run).create(CONFIG)
    assert target == home or target.read_text() == "mine"
    assert list(run.iterdir()) == [run / name]


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_lock_that_is_a_link_is_refused_and_its_target_kept(folder: RunFolder, tmp_path: Path) -> None:
    thesis = tmp_path / "thesis"
    thesis.write_text("mine")
    lock = folder.path / ".lock"
    lock.unlink()
    lock.symlink_to(thesis)
    with pytest.raises(UserError, match=r"\.lock is a link, folder, pipe or device, and not one of ganforge's files"):
        folder.lock()
    assert thesis.read_text() == "mine"
    assert not folder.is_held()


def test_the_second_of_two_that_make_a_run_at_once_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look at the empty folder; the first makes its run and finishes; then the second goes on."""
    late = RunFolder(tmp_path / "run")
    look = RunFolder.refuse_occupied

    def first_comes(self: RunFolder) -> None:
        look(self)
        monkeypatch.setattr(RunFolder, "refuse_occupied", look)
        with RunFolder(tmp_path / "run").create(CONFIG):
            pass

    monkeypatch.setattr(RunFolder, "refuse_occupied", first_comes)
    with pytest.raises(UserError, match="already holds a run"):
        late.create(CONFIG | {"data": {"name": "another"}})
    assert late.read_config() == CONFIG
    with late.lock():  # and the lock was given back
        pass


def test_while_the_first_trains_the_second_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(tmp_path / "run")
    with run.create(CONFIG):
        monkeypatch.setattr(RunFolder, "refuse_occupied", lambda self: None)
        with pytest.raises(UserError, match="Another process is training"):
            RunFolder(run.path).create({})
    assert run.read_config() == CONFIG


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


def test_what_a_killed_process_was_writing_goes_and_nothing_else(folder: RunFolder, tmp_path: Path) -> None:
    """Neither for a lock alone, nor through a link."""
    home = tmp_path / "home"
    home.mkdir()
    names = [".ganforge-tmp-ab12_xyz.json", "checkpoints/.ganforge-tmp-ab12_xyz.safetensors"]
    for name in names:
        (folder.path / name).write_text("half")
    users = [folder.path / ".env-production", folder.path / "checkpoints" / ".000000096-x_y.safetensors"]
    users += [folder.path / ".ganforge-tmp-mine.json", folder.path / "sub" / ".ganforge-tmp-ab12_xyz.json"]
    users += [home / ".ganforge-tmp-ab12_xyz.png", home / ".gitconfig-work"]
    (folder.path / "sub").mkdir()
    for path in users:
        path.write_text("mine")
    if sys.platform != "win32":
        (folder.path / "snapshots").rmdir()
        (folder.path / "snapshots").symlink_to(home)
        (folder.path / ".ganforge-tmp-ab12_xy2.json").symlink_to(users[0])
        users.append(folder.path / ".ganforge-tmp-ab12_xy2.json")
    with folder.lock():
        assert all((folder.path / name).exists() for name in names)
        folder.remove_leftovers()
    assert not any((folder.path / name).exists() for name in names)
    assert [path.read_text() for path in users] == ["mine"] * len(users)


def test_what_a_killed_tracker_was_writing_goes_unless_one_is_told(folder: RunFolder) -> None:
    folder.make_trackers()
    left, lock = folder.trackers / ".ganforge-tmp-ab12_xyz.json", folder.trackers / "wandb.lock"
    left.write_text("half")
    with folder.lock():
        with folder.hold_tracker("wandb", 0):
            folder.remove_leftovers()
        assert left.exists()
        folder.remove_leftovers()
    assert [*folder.trackers.iterdir()] == [lock]


@pytest.mark.filterwarnings("ignore:.* multi-threaded, use of fork:DeprecationWarning")  # Python 3.12; the child ends
def test_what_is_being_written_has_a_name_that_is_known(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process killed while it writes: what it leaves is what ``remove_leftovers`` takes for such."""
    monkeypatch.setattr(Path, "replace", lambda *_: os._exit(9))
    child = os.fork()
    if child == 0:
        folder.write_status("running", 0, 1)
    os.waitpid(child, 0)
    monkeypatch.undo()
    [left] = [path for path in folder.path.iterdir() if path.name not in ("config.json", ".lock") and path.is_file()]
    with folder.lock():
        folder.remove_leftovers()
    assert not left.exists()


@pytest.mark.parametrize(
    "name", ["fakes-old-000000096.png", "fakes-96.png", "fakes-000000096.png.png", "old-fakes-000000096.png"]
)
def test_users_copies_of_pictures_are_never_removed(name: str, folder: RunFolder) -> None:
    (folder.path / name).write_text("mine")
    folder.fakes(96).touch()
    folder.cut_after(0, 0)
    assert (folder.path / name).read_text() == "mine"
    assert not folder.fakes(96).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
@pytest.mark.parametrize("what", ["link", "pipe", "device", "long", "folder"])
def test_a_log_that_is_none_is_refused_and_never_waited_for(
    what: str, folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thesis = tmp_path / "thesis"
    thesis.write_text("mine")
    match what:
        case "link":
            folder.stats.symlink_to(thesis)
        case "pipe":
            os.mkfifo(folder.stats)
        case "device":
            folder.stats.symlink_to("/dev/zero")
        case "folder":
            folder.stats.mkdir()
        case "long":
            monkeypatch.setattr("ganforge.run.logs.MAX_LOG_BYTES", 100)
            folder.stats.write_text("x" * 101)
    with pytest.raises(UserError, match=r"stats\.jsonl"):
        list(folder.rows())
    with pytest.raises(UserError, match=r"stats\.jsonl"):
        folder.cut_after(0, 0)
    if what != "long":
        with pytest.raises(OSError, match="a "):
            folder.append_row({"nimg": 0})
    assert thesis.read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
@pytest.mark.parametrize("what", ["link", "pipe", "long"])
def test_a_config_that_is_no_plain_file(what: str, folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (folder.config, folder.status):
        path.unlink(missing_ok=True)
        match what:
            case "link":
                path.symlink_to("/dev/zero")
            case "pipe":
                os.mkfifo(path)
            case "long":
                monkeypatch.setattr("ganforge.run.folder.MAX_JSON_BYTES", 100)
                path.write_text("{" + " " * 100 + "}")
    assert folder.read_status() == {}
    with pytest.raises(UserError, match=r"config\.json"):
        folder.read_config()
    with pytest.raises(UserError, match="already holds a run"):
        folder.refuse_occupied()


@pytest.mark.parametrize("status", [{"nimg": "abc"}, {"nimg": 1}, {"nimg": 1, "total_nimg": None}, {"nimg": True}, []])
def test_a_status_of_any_kind_is_no_fault_of_the_program(status: Any, folder: RunFolder) -> None:
    folder.status.write_text(json.dumps(status))
    with pytest.raises(UserError, match="already holds a run; continue"):
        folder.refuse_occupied()
    folder.signs_of_progress()


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
