"""What was found and mended in a run does not depend on whether it was that long from the beginning."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from short_runs import Cut, Killed, begin, checkpoint_of, go_on_with

from ganforge.diagnosis import findings
from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History
from ganforge.run.folder import RunFolder

TOTAL = 704
RECORD = Detector(
    name="", order=1, title="somebody has planted this", meaning="", source="this test", patience=1,
    remedies=(Remedy("halve the rates", {"lr": "x0.5"}, mends=True),),
)  # fmt: skip


def of_rows(history: History) -> Seen | None:
    return Seen(f"rate {history.settings['lr']}") if 256 <= history.nimg < 512 else None


def of_figures(history: History) -> Seen | None:
    last = history.records[-1]["nimg"] if history.records else 0
    return Seen(f"{len(history.records)} records") if last > 192 else None


def of_end(history: History) -> Seen | None:
    return Seen("it ends") if history.progress == 1 else None


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Detector] = {}
    for look in (of_rows, of_figures, of_end):
        name = look.__name__
        found[name] = replace(RECORD, name=name, module=f"planted_{name}", of_length=look is of_end)
        monkeypatch.setitem(sys.modules, f"planted_{name}", SimpleNamespace(look=look))
    monkeypatch.setattr(findings, "DETECTORS", found)
    monkeypatch.setattr("ganforge.training.actions.measure", lambda judge, G, config, nimg, device: record(nimg))


def record(nimg: int) -> dict[str, Any]:
    figures = {"FD/random": {"value": 9.0, "floor": 0.5, "spread": None, "better": "lower"}}
    return {"nimg": nimg, "headline": "FD/random", "protocol": {"id": "p"}, "figures": figures}


def run(out: Path, total_nimg: int, cut: Cut | None = None) -> RunFolder:
    return begin(out, total_nimg=total_nimg, metric_samples=20, on_trouble="mend", cut=cut)


@pytest.mark.parametrize("first", [[256], [384], [288], [512], [256, 384], [576, 640]], ids=str)
def test_a_run_that_was_made_longer_has_the_same_bytes(first: list[int], tmp_path: Path) -> None:
    """Ends at a report whose figures a longer run would not have (256, 512), at one without (384), between reports
    (288), and at a snapshot (576)."""
    one = run(tmp_path / "one", TOTAL)
    folder = run(tmp_path / "run", first[0])
    for total_nimg in (*first[1:], TOTAL):
        go_on_with(folder.path, total_nimg=total_nimg)
    assert folder.findings.read_bytes() == one.findings.read_bytes()
    events = [(event["nimg"], event["finding"], event["state"]) for event in one.finding_rows()]
    assert [event for event in events if event[2] != "found"] == [
        (256, "of_rows", "mended"), (384, "of_figures", "mended"), (512, "of_rows", "over"),
    ]  # fmt: skip
    assert (0, "short-run", "found") in events
    expected, found = checkpoint_of(one, TOTAL)[0], checkpoint_of(folder, TOTAL)[0]
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert [one["finding"] for one in folder.read_status()["findings"]] == [
        "of_figures", "of_end", "few-pictures", "short-run",
    ]  # fmt: skip


def test_a_kill_between_changes_nothing_of_that(tmp_path: Path) -> None:
    one, folder = run(tmp_path / "one", TOTAL), RunFolder(tmp_path / "run")
    with pytest.raises(Killed):
        run(folder.path, 384, Cut(kill_after=11))
    go_on_with(folder.path, total_nimg=512)
    go_on_with(folder.path, total_nimg=TOTAL)
    assert folder.findings.read_bytes() == one.findings.read_bytes()
