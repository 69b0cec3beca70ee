"""What the list says of run folders, whole and broken ones."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from some_runs import make_run, row_at

from ganforge.run.folder import RunFolder
from ganforge.viewer.read import run_summary as runs
from ganforge.viewer.read.run_summary import MAX_DEPTH, RunSummary, badge, find_folders, newest_first, summarise


def find_runs(root: Path) -> list[RunSummary]:
    return newest_first(find_folders(root)[0])


def test_runs_are_found_where_they_lie(tmp_path: Path) -> None:
    make_run(tmp_path / "a", time=10.0)
    make_run(tmp_path / "group" / "b c", time=20.0)
    make_run(tmp_path / "group" / "b c" / "inner")
    make_run(tmp_path / ".hidden")
    (tmp_path / "notes.txt").touch()
    assert [run.id for run in find_runs(tmp_path)] == ["group/b c", "a"]


def test_own_pictures_are_named_without_their_place(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    config = json.loads(folder.config.read_text(encoding="utf-8"))
    config["settings"]["data"] = "/far/away/my pics"
    for name, shown in (("my pics/", "my pics/"), (None, "/far/away/my pics"), (7, "/far/away/my pics")):
        config["data"]["name"] = name
        folder.config.write_text(json.dumps(config), encoding="utf-8")
        assert summarise("a", folder).data == shown


def test_a_run_itself_may_be_the_root(tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    assert [run.id for run in find_runs(tmp_path / "a")] == ["a"]


def test_folders_are_not_searched_for_ever(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"abcdef"[:MAX_DEPTH])
    make_run(deep)
    make_run(tmp_path.joinpath(*"uvwxyz"[: MAX_DEPTH + 1]))
    assert [run.folder.path for run in find_runs(tmp_path)] == [deep]
    assert find_runs(tmp_path / "none") == []


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_not_followed(tmp_path: Path) -> None:
    make_run(tmp_path / "outside" / "run")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside" / "run")
    (tmp_path / "root" / "up").symlink_to(tmp_path)
    assert find_runs(tmp_path / "root") == []


@pytest.mark.parametrize("run_id", ["..", "../a", "/", "", ".", "a/", "a/.", "a\0", "A"])
def test_only_the_id_itself_leads_to_a_run(tmp_path: Path, run_id: str) -> None:
    make_run(tmp_path / "a")
    assert "a" in find_folders(tmp_path)[0]
    assert run_id not in find_folders(tmp_path)[0]


def test_a_summary(tmp_path: Path) -> None:
    run = summarise("a", make_run(tmp_path / "a"))
    assert (run.recipe, run.data, run.state, run.reason) == ("note", "digits", "finished", "")
    assert (run.nimg, run.total_nimg, run.thumbnail, run.eta_sec, run.complaints) == (3_000, 3_000, 3_000, None, ())


def test_who_trains_holds_the_folder_and_has_time_left(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", state="running", rows=1)
    with folder.lock():
        run = summarise("a", folder)
        assert run.state == "running"
        assert run.eta_sec == pytest.approx(20.0, abs=2.0)  # 2,000 pictures at 100 a second
    if os.name != "nt":
        killed = summarise("a", folder)
        assert (killed.state, killed.eta_sec) == ("killed", None)


def test_asking_who_trains_leaves_no_lock_behind(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", state="running")
    (folder.path / ".lock").unlink()
    summarise("a", folder)
    assert not (folder.path / ".lock").exists()
    with folder.lock():
        pass
    summarise("a", folder)
    with folder.lock():
        pass


@pytest.mark.parametrize(
    ("config", "complaint"),
    [("", "config.json cannot be used"), ("[]", "it is not a JSON object"), ("{}", "config.json holds no settings."),
     ('{"settings": 3}', "config.json holds no settings."), ("[" * 100_000, "config.json cannot be used"),
     ("\udcff", "config.json cannot be used")],
)  # fmt: skip
def test_a_broken_config_is_a_complaint(tmp_path: Path, config: str, complaint: str) -> None:
    folder = make_run(tmp_path / "a")
    folder.config.write_bytes(config.encode("utf-8", "surrogateescape"))
    run = summarise("a", folder)
    assert run.recipe == "?"
    assert complaint in run.complaints[0]


@pytest.mark.parametrize("status", ["", "[]", '{"state": 3, "nimg": -1, "time": 1e999, "reason": []}'])
def test_a_broken_status_is_an_unknown_state(tmp_path: Path, status: str) -> None:
    folder = make_run(tmp_path / "a")
    folder.status.write_text(status, encoding="utf-8")
    run = summarise("a", folder)
    assert (run.state, run.nimg, run.total_nimg, run.reason) == ("unknown", 0, 3_000, "")


def test_two_hundred_runs_with_ten_thousand_rows_take_less_than_a_second(tmp_path: Path) -> None:
    first = make_run(tmp_path / "0")
    row = first.stats.read_text(encoding="utf-8").splitlines()[0] + "\n"
    first.stats.write_text(row * 10_000, encoding="utf-8")
    for number in range(1, 200):
        folder = make_run(tmp_path / f"{number}", rows=1)
        os.link(first.stats, folder.path / "linked")
        (folder.path / "linked").replace(folder.stats)
    start = time.process_time()
    assert len(find_runs(tmp_path)) == 200
    assert time.process_time() - start < 1.0


def test_a_run_that_vanishes_while_it_is_read_raises_nothing(tmp_path: Path) -> None:
    run = summarise("gone", RunFolder(tmp_path / "gone"))
    assert run.state == "unknown"
    assert run.thumbnail is None
    assert run.complaints


def test_a_long_reason_is_cut(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    folder.status.write_text(json.dumps({"state": "failed", "reason": "x" * 10_000}), encoding="utf-8")
    assert len(summarise("a", folder).reason) == 500


def test_what_is_more_than_is_shown_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abcde":
        make_run(tmp_path / name)
    monkeypatch.setattr(runs, "MAX_RUNS", 3)
    found, more = find_folders(tmp_path)
    assert (list(found), more) == (["a", "b", "c"], 2)
    monkeypatch.setattr(runs, "MOST_COUNTED", 1)
    assert find_folders(tmp_path)[1] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_any_name_can_be_shown(tmp_path: Path) -> None:
    for name in (b"\xff", b"a\x1b[31m", b"two\nlines"):
        make_run(tmp_path / os.fsdecode(name))
    found = [run.id for run in find_runs(tmp_path)]
    assert sorted(found) == ["\\xff", "a\\x1b[31m", "two\\nlines"]
    assert [find_folders(tmp_path)[0][run_id].exists() for run_id in found] == [True] * 3


@pytest.mark.parametrize(
    "status",
    [{"nimg": "abc"}, {"nimg": 1e999, "time": 1e308, "state": ["running"], "total_nimg": 10**400, "reason": {}}],
)
def test_a_speed_and_a_status_that_cannot_be_are_not_believed(tmp_path: Path, status: dict[str, Any]) -> None:
    folder = make_run(tmp_path / "a", state="running", rows=0)
    folder.append_row(row_at(10, **{"Timing/images_per_sec": 1e-308}))
    with folder.lock():
        assert summarise("a", folder).eta_sec is None
        folder.status.write_text(json.dumps(status), encoding="utf-8")
        assert summarise("a", folder).nimg == 0


@pytest.mark.parametrize(
    ("findings", "wrong"),
    [
        ([{"title": "a", "grave": True}, {"title": "b", "grave": False}, {"title": "c", "grave": True}], ("a", "c")),
        ([{"title": str(number), "grave": True} for number in range(500)], ("0", "1", "2")),
        ([{"title": "x" * 1_000, "grave": True}], ("x" * 500,)),
        ([{"title": "a", "grave": 1}, {"title": 7, "grave": True}, {"grave": True}, "x", None, []], ()),
        ({"title": "a", "grave": True}, ()),
        ("x", ()),
        (None, ()),
    ],
)
def test_what_goes_wrong_by_the_runs_own_word(findings: object, wrong: tuple[str, ...], tmp_path: Path) -> None:
    assert summarise("a", make_run(tmp_path / "a", findings=findings)).wrong == wrong


def test_badges() -> None:
    assert badge("finished", went_wrong=False) == ("finished", "finished")
    assert badge("finished", went_wrong=True) == ("finished, and it went wrong", "wrong")
    assert badge("running", went_wrong=True) == ("running, and it goes wrong", "wrong")
    assert badge("failed", went_wrong=True) == ("failed", "failed")
