"""`ganforge explain`: a run told in order, from its folder."""

from pathlib import Path

import pytest
from some_runs import make_run, record_at, row_at
from toy_troubles import only, toy

from ganforge.cli.main import main


def test_a_run_is_told_with_its_grids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path / "a")
    folder.append_row(row_at(4_000, **{"too-red": 1.0, "Logits/separation": 0.99}))
    folder.append_metrics(record_at(2_000, 3.0))
    with only(toy()):
        assert main(["explain", str(folder.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("note on digits, 3,000 of 3,000 images")
    assert lines[2:] == [
        "       2,000  First measurement: FD/random 3 at 2,000 (floor 0.5).  [fakes-000002000.png]",
        "       4,000  Trouble begins: the pictures are red, and it lasts.  [fakes-000003000.png]",
        "       4,000  The last report: D tells fakes from reals nearly always (99% of pairs).",
        "       4,000  The run ends at its full length, and it went wrong.",
    ]


def test_runs_without_a_log_and_failed_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(make_run(tmp_path / "a", "failed", rows=0, reason="e\x1b[2J\nx").path)]) == 0
    said = capsys.readouterr().out
    assert "The run fails: e\\x1b[2J\\nx" in said
    assert said.endswith("There is no row in its log yet.\n")
    assert main(["explain", str(tmp_path)]) == 2
