"""`ganforge diagnose`: what it says and its exit status."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from some_runs import make_run, row_at
from toy_troubles import only, toy

from ganforge.cli.main import main
from ganforge.run.folder import RunFolder


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with only(toy(), toy("pale", grave=False, title="they are pale", remedies=())):
        yield


def run_of(path: Path, state: str = "finished", reason: str = "", **columns: float) -> RunFolder:
    folder = make_run(path, rows=0)
    folder.append_row(row_at(1_000, **{name.replace("_", "-"): value for name, value in columns.items()}))
    folder.write_status(state, 1_000, 3_000, reason)
    return folder


def said(folder: RunFolder, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, list[str]]:
    status = main(["diagnose", str(folder.path), *more])
    return status, capsys.readouterr().out.splitlines()


def test_a_healthy_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = said(run_of(tmp_path / "a", too_red=0.0, pale=0.0), capsys)
    assert (status, lines[0]) == (0, "Healthy: nothing grave is found that lasts.")
    assert len(lines) == 2


def test_a_run_that_went_wrong_is_told_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_of(tmp_path / "a", too_red=2.0, pale=1.0)
    status, lines = said(folder, capsys)
    assert status == 3
    assert lines[0] == "It went wrong: the pictures are red (since 1,000 images)."
    assert lines[3:11] == [
        "Trouble since 1,000 images: the pictures are red [too-red]",
        "  Seen:  a value of 2 (likely)",
        "  Means: All is red.",
        "  With non-saturating: D likes red.",
        "  Do:    lower the rate",
        lines[8],
        "  Or:    look at the data",
        "  Read:  docs/troubleshooting.md#too-red",
    ]
    assert lines[8].strip().startswith("ganforge train note --data digits")
    assert "--lr" in lines[8]
    assert lines[12] == "Note since 1,000 images: they are pale [pale]"


def test_advice_and_what_is_over_leave_a_run_healthy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_of(tmp_path / "a", too_red=2.0, pale=1.0)
    folder.append_row(row_at(2_000, **{"too-red": 0.0, "pale": 1.0}))
    status, lines = said(folder, capsys)
    assert (status, lines[0]) == (0, "Healthy: nothing grave is found that lasts.")
    assert "Over from 1,000 to 2,000 images: the pictures are red [too-red]" in lines


@pytest.mark.parametrize(
    ("state", "reason", "red", "status", "first"),
    [
        ("stopped", "", 1.0, 3, "It goes wrong: the pictures are red (since 1,000 images)."),
        ("failed", "No space.", 0.0, 3, "The run failed: No space."),
        ("failed", "", 1.0, 3, "The run failed: no reason was recorded. It went wrong: the pictures are red "
                               "(since 1,000 images)."),
    ],
)  # fmt: skip
def test_runs_in_other_states(
    state: str, reason: str, red: float, status: int, first: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, lines = said(run_of(tmp_path / "a", state, reason, too_red=red, pale=0.0), capsys)
    assert (found, lines[0]) == (status, first)


def test_old_runs_and_empty_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = said(run_of(tmp_path / "a"), capsys)
    assert (status, lines[0]) == (0, "Healthy: nothing grave that this log lets be looked for is found that lasts.")
    assert lines[-1] == "Nobody could look for too-red and pale: the log lacks what they need."
    status, lines = said(make_run(tmp_path / "b", rows=0), capsys)
    assert (status, lines[0]) == (0, "Nothing can be said yet: the log has no row.")


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = said(run_of(tmp_path / "a", too_red=2.0), capsys, "--json")
    told = json.loads("\n".join(lines))
    assert (status, told["went_wrong"], told["not_looked_for"]) == (3, True, ["pale"])
    assert [(one["name"], one["since"], one["until"]) for one in told["findings"]] == [("too-red", 1_000, None)]


def test_what_was_mended_has_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_of(tmp_path / "a", too_red=2.0)
    assert not [line for line in said(folder, capsys)[1] if line.startswith("Mended")]
    folder.append_finding({"nimg": 1_000, "finding": "too-red", "state": "mended", "change": {"z_dim": 8}})
    status, lines = said(folder, capsys)
    assert status == 3
    assert "Mended. From 1,000 images on, since too-red was found: z_dim unset -> 8." in lines
    told = json.loads("\n".join(said(folder, capsys, "--json")[1]))
    assert told["mended"] == [{"nimg": 1_000, "finding": "too-red", "change": {"z_dim": [None, 8]}, "back_to": None}]


def test_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", str(tmp_path)]) == 2
    assert "is not a run folder" in capsys.readouterr().err


def test_nothing_in_a_run_obeys_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_of(tmp_path / "a", "failed", "e\x1b[2J\nHealthy: no", too_red=2.0)
    config = json.loads(folder.config.read_text(encoding="utf-8"))
    config["settings"]["recipe"] = "note\nHealthy\x1b[2J"
    folder.config.write_text(json.dumps(config), encoding="utf-8")
    _, lines = said(folder, capsys)
    assert not any("\x1b" in line or line.startswith("Healthy") for line in lines)
