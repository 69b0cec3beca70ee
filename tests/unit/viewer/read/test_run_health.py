"""What goes wrong in a run, from its folder: whatever that holds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from some_runs import make_run, record_at, row_at
from toy_troubles import only, toy

from ganforge.diagnosis.catalog import DETECTORS, Seen
from ganforge.diagnosis.command import ANEW
from ganforge.diagnosis.history import History
from ganforge.run.folder import RunFolder
from ganforge.run.stats import Stats
from ganforge.viewer.read import run_health
from ganforge.viewer.read.run_health import ALWAYS
from ganforge.viewer.read.run_view import RunView, read_whole

REAL = tuple(DETECTORS.values())


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with only(toy(), toy("pale", grave=False, title="they are pale")):
        yield


def run_of(path: Path, *values: float | None, name: str = "too-red") -> RunFolder:
    folder = make_run(path, rows=0)
    for number, value in enumerate(values, start=1):
        folder.append_row(row_at(1_000 * number, **({} if value is None else {name: value})))
    return folder


def test_findings_come_with_the_rows(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "a", 0.0)
    view = RunView("a", folder).look()
    assert view.health.findings == []
    assert not view.health.went_wrong
    version = view.version
    folder.append_row(row_at(2_000, **{"too-red": 3.0}))
    assert view.look().version == version + 1
    [one] = view.health.told()
    assert (one.name, one.since, one.found, one.until, one.seen) == ("too-red", 2_000, 2_000, None, "a value of 3")
    assert (one.objective, one.here, one.read) == (
        "non-saturating", "D likes red.", "docs/troubleshooting.md#too-red",
    )  # fmt: skip
    assert one.do[0][0] == "lower the rate"
    assert one.do[0][1].startswith("ganforge train note --data digits")
    assert one.do[1] == ("look at the data", "")
    assert view.health.went_wrong
    folder.append_row(row_at(3_000, **{"too-red": 0.0}))
    [one] = view.look().health.told()
    assert (one.when, view.health.went_wrong) == ("from 2,000 to 3,000 images", False)


def test_advice_is_no_wrong(tmp_path: Path) -> None:
    health = read_whole(run_of(tmp_path / "a", 1.0, name="pale")).health
    assert [one.kind for one in health.told()] == ["note"]
    assert not health.went_wrong


def test_the_grave_ones_that_last_come_first(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", rows=0)
    for nimg, pale, red in ((1, 1.0, 0.0), (2, 1.0, 1.0), (3, 1.0, 0.0), (4, 1.0, 1.0)):
        folder.append_row(row_at(nimg, **{"pale": pale, "too-red": red}))
    told = read_whole(folder).health.told()
    assert [(one.name, one.lasts) for one in told] == [("too-red", True), ("pale", True), ("too-red", False)]


def test_a_log_that_began_anew_is_diagnosed_anew(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "a", 1.0, 1.0)
    view = RunView("a", folder).look()
    assert view.health.went_wrong
    folder.stats.unlink()
    folder.append_row(row_at(500, **{"too-red": 0.0}))
    assert not view.look().health.findings
    assert view.health.rows == 1


def test_who_could_not_look_is_named(tmp_path: Path) -> None:
    assert [one.name for one in read_whole(run_of(tmp_path / "a", None)).health.blind()] == ["too-red", "pale"]
    assert [one.name for one in read_whole(run_of(tmp_path / "b", 0.0, None)).health.blind()] == ["pale"]
    assert read_whole(run_of(tmp_path / "c")).health.blind() == []


def test_what_does_not_apply_to_a_run_is_not_called_blind(tmp_path: Path) -> None:
    """This version writes a column into every row, and leaves others out where there is nothing to tell."""
    folder = run_of(tmp_path / "a")
    folder.append_row(row_at(500, **{ALWAYS: 0.7}))
    assert read_whole(folder).health.blind() == []
    stats = Stats()
    stats.add({"real_logits": torch.zeros(4), "fake_logits": torch.zeros(4)})
    assert ALWAYS in stats.row(boundary=None)


def test_records_come_with_the_row_after_them(tmp_path: Path) -> None:
    seen: list[list[int]] = []

    def look(history: History) -> Seen | None:
        seen.append([record["nimg"] for record in history.records])
        return None

    folder = run_of(tmp_path / "a", 0.0, 0.0)
    folder.append_metrics(record_at(1_500, 3.0))
    folder.append_metrics(record_at(1_000, 3.0))
    with only(toy(look=look)):
        read_whole(folder)
    assert seen == [[1_000], [1_000, 1_500]]


def test_figures_that_come_after_their_row_count_for_it(tmp_path: Path) -> None:
    """While a run trains, the page sees a row some seconds before its figures; a reload sees both."""

    def look(history: History) -> Seen | None:
        late = [record["nimg"] for record in history.records]
        return Seen(f"{late}") if history.nimg in late else None

    with only(toy(look=look), toy("pale", look=lambda history: Seen(f"{len(history.rows)}"), patience=2, needs=())):
        folder = run_of(tmp_path / "a", 0.0)
        view = RunView("a", folder).look()
        for nimg in (1_000, 2_000):
            folder.append_metrics(record_at(nimg, 3.0))
            version = view.version
            assert view.look().version == version + 1
            [red, *pale] = sorted(view.health.findings, key=lambda one: one.name != "too-red")
            assert (red.since, red.found, red.until) == (1_000, 1_000, None)
            assert red.seen.text.endswith(f"{nimg}]")
            assert [(one.since, one.found) for one in pale] == ([] if nimg == 1_000 else [(1_000, 2_000)])
            assert view.health.told() == read_whole(folder).health.told()
            folder.append_row(row_at(nimg + 1_000, **{"too-red": 0.0}))
            view.look()
        assert [one.until for one in view.health.findings if one.name == "too-red"] == [3_000]


def test_what_was_mended_is_told_by_the_run_and_counts_for_what_to_do(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "a", 1.0)
    config = json.loads(folder.config.read_text(encoding="utf-8"))
    config["settings"]["lr"] = 0.01
    config["environment"] = [{"python": "3.11", "processes": 2}]
    folder.config.write_text(json.dumps(config), encoding="utf-8")
    view = RunView("a", folder).look()
    assert view.health.mends == []
    assert view.health.told()[0].do[0][1].endswith("note --data digits --lr 0.001 --total-nimg 3000")
    assert view.health.told()[0].do[0][1].startswith("torchrun --nproc-per-node 2 -m ganforge train")
    back = {"nimg": 900, "finding": "too-red", "state": "mended", "change": {}, "back_to": 500}
    folder.append_finding(back)
    told = view.look().health.told()
    assert view.health.mends[0].text.endswith("too-red was found: back to the best checkpoint, of 500 images")
    assert ANEW not in told[0].do[0]  # whose settings are those of this run
    event = {"nimg": 1_000, "finding": "too-red", "state": "mended", "change": {"lr": 0.001}}
    folder.append_finding(event)
    version = view.version
    assert view.look().version == version + 1
    [_, mend] = view.health.mends
    assert mend.text == "From 1,000 images on, since too-red was found: lr 0.01 -> 0.001"
    assert view.health.told()[0].do == (
        (ANEW, "torchrun --nproc-per-node 2 -m ganforge train note --data digits --lr 0.001 --total-nimg 3000"),
        ("look at the data", ""),
    )
    assert view.health.settings["lr"] == 0.01
    for _ in range(2 * run_health.MOST_FINDINGS):
        folder.append_finding(event)
    assert len(view.look().health.mends) == run_health.MOST_FINDINGS
    folder.findings.unlink()
    assert view.look().health.mends == []


def test_what_was_found_before_training_is_told_by_the_run(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "a", 0.0)
    event: dict[str, Any] = {"nimg": 0, "state": "found", "seen": "5 pictures", "sure": "certain"}
    for name in ("few-pictures", "unknown", "too-red", 7):
        folder.append_finding(event | {"finding": name})
    [one] = read_whole(folder).health.told()
    assert (one.name, one.when, one.evidence) == ("few-pictures", "before training", "5 pictures")
    folder.append_finding(event | {"finding": "few-pictures", "state": "over"})
    assert read_whole(folder).health.told() == []


def test_a_detector_that_fails_is_said(tmp_path: Path) -> None:
    def look(history: History) -> Seen | None:
        if history.nimg == 1_000:
            raise ZeroDivisionError
        return Seen("late")

    with only(toy(look=look)):
        view = read_whole(run_of(tmp_path / "a", 1.0, 1.0))
    assert [one.since for one in view.health.told()] == [2_000]
    assert view.complaints == ["stats.jsonl: 1 rows cannot be diagnosed (ZeroDivisionError in 1)."]


HOSTILE: list[object] = [
    None, "x", True, -1, 10**400, 1e308, float("nan"), float("inf"), [], {}, [[1]], ["x"], [None], [1e308] * 2_000,
    [0.0] * 10, "\ud800", "e\x1b[2J",
]  # fmt: skip


@pytest.mark.filterwarnings("error")
def test_nothing_in_the_files_is_too_much_for_the_real_detectors(tmp_path: Path) -> None:
    names = {name for one in REAL for name in one.needs} | {
        "Health/shares", "Health/spread", "Loss/D", "Loss/G", "Gradient/G", "step", "Augmentation/p",
        "Logits/separation",
    }  # fmt: skip
    for number, value in enumerate(HOSTILE):
        folder = make_run(tmp_path / str(number), rows=0)
        config = json.loads(folder.config.read_text(encoding="utf-8"))
        config["settings"] = dict.fromkeys([*config["settings"], "augment", "lr", "batch_size"], value)
        config["data"] = dict.fromkeys(["name", "count", "shape", "num_classes"], value)
        folder.config.write_text(json.dumps(config), encoding="utf-8")
        lines = [dict.fromkeys(names, value) | {"nimg": nimg} for nimg in (0, 5, 5, 3, 2**52)]
        folder.stats.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        record = {"nimg": 5, "protocol": value, "headline": value, "figures": {"FD/random": value}}
        folder.metrics.write_text(json.dumps(record) + "\n", encoding="utf-8")
        event = dict.fromkeys(["finding", "state", "seen", "sure"], value) | {"nimg": 0}
        mended = {"nimg": 0, "finding": value, "state": "mended", "change": {"lr": value, "\x1b": value}}
        lines = json.dumps(event) + "\n" + json.dumps(mended) + "\n"
        folder.findings.write_text(lines, encoding="utf-8")
        folder.append_finding(event | {"finding": "few-pictures", "state": "found"})
        with only(*REAL):
            view = read_whole(folder)
            assert all(isinstance(one.seen, str) for one in view.health.told())
            assert [mend.text.isprintable() for mend in view.health.mends] == [True]
        assert view.health.rows == 3
        assert "no more images than the row before in 2" in " ".join(view.complaints)


def test_a_log_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_health, "MOST_ROWS", 50)
    monkeypatch.setattr(run_health, "MOST_KEPT", 20)
    view = read_whole(run_of(tmp_path / "a", *[0.0] * 60))
    assert view.health.rows == 50
    assert view.complaints == ["Of the log only the first 50 rows are diagnosed."]
    assert len(view.health.diagnosis.history.rows) <= 20
    assert [row["nimg"] for row in view.health.diagnosis.history.rows[-10:]] == [1_000 * n for n in range(41, 51)]


def test_rows_are_kept_small(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", rows=0)
    folder.append_row(row_at(1, **{"x" * 200: 1.0, "text": "x" * 10_000, "long": [1.0] * 2_000}))  # type: ignore[arg-type]
    [row] = read_whole(folder).health.diagnosis.history.rows
    assert set(row) == set(row_at(1))
