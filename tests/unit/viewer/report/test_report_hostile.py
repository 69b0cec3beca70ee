"""A report of a folder in which things are damaged, missing, or meant to do harm."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.run.folder import RunFolder
from ganforge.viewer.report.write_report import render_report, write_report

SCRIPT = "</style></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'"
ESCAPED = "&lt;/style&gt;&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;"


def make(path: Path, **settings: Any) -> RunFolder:
    folder = RunFolder(path)
    known = {"recipe": "note", "data": "digits", "objective": "non-saturating", "total_nimg": 3_000}
    data = {"name": "digits", "shape": [1, 8, 8], "count": 9}
    folder.create({"settings": known | settings, "data": data, "environment": [{"python": "3.11"}]})
    for nimg in (1_000, 2_000):
        folder.append_row({"nimg": nimg, "Loss/D": 1.2, "Loss/G": 0.9})
        Image.new("L", (8, 8)).save(folder.fakes(nimg), format="PNG")
    Image.new("L", (8, 8)).save(folder.reals, format="PNG")
    folder.write_status("finished", 2_000, 3_000)
    return folder


def missing(folder: RunFolder) -> list[str]:
    """What the report says is missing."""
    text = render_report(folder)
    listed = text.partition('<ul class="complaints">')[2].partition("</ul>")[0]
    return [line.partition(">")[2].partition("</li>")[0] for line in listed.splitlines() if "<li" in line]


def test_a_whole_run_has_nothing_missing(tmp_path: Path) -> None:
    assert missing(make(tmp_path / "run")) == []


def test_no_text_of_the_folder_becomes_markup(tmp_path: Path) -> None:
    folder = make(tmp_path / "run <b>&'", recipe=SCRIPT, data=SCRIPT, objective=SCRIPT, **{SCRIPT: [SCRIPT]})
    config = folder.read_config()
    facts = {"name": SCRIPT, "shape": [SCRIPT, 8, 8], "count": 9, "fingerprint": SCRIPT}
    folder.write_config(config | {"data": facts, "environment": [{"device": SCRIPT, "platform": SCRIPT}]})
    folder.append_row({"nimg": 3_000, SCRIPT: 1.0, "Loss/D/" + SCRIPT: 2.0})
    protocol = {"id": SCRIPT, "data": SCRIPT, "split": SCRIPT, "num_fakes": 5, "num_reals": 5, "num_floor": 5}
    figures = {SCRIPT: {"value": 1.0, "better": "lower"}, f"{SCRIPT}/{SCRIPT}": {"value": 2.0, "better": "higher"}}
    record = {"format": 2, "nimg": 2_000, "protocol": protocol | {"extractors": {SCRIPT: SCRIPT}}, "headline": SCRIPT}
    folder.append_metrics(record | {"figures": figures, "notes": [SCRIPT]})
    folder.status.write_text(json.dumps({"state": "failed", "reason": SCRIPT, "nimg": 1}), encoding="utf-8")
    text = render_report(folder)
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert text.count("<script>") == 1
    assert ESCAPED in text
    assert "<h1>run &lt;b&gt;&amp;&#39;</h1>" in text


def test_what_is_cut_off_or_damaged_is_said(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    with folder.stats.open("a", encoding="utf-8") as file:
        file.write('nonsense\n[1, 2]\n{"nimg": 3000, "Loss/D": 1')
    folder.metrics.write_text('{"nimg": 5}\n{"nimg"', encoding="utf-8")
    folder.fakes(1_000).write_bytes(folder.fakes(1_000).read_bytes()[:40])
    folder.reals.unlink()
    (folder.path / "evaluation-000001000-0badcafe.json").write_text("{", encoding="utf-8")
    said = missing(folder)
    for sentence in (
        "stats.jsonl: 2 lines left out as unreadable.",
        "stats.jsonl: the last line is cut off, and left out.",
        "metrics.jsonl: 2 of 2 lines are no whole record, and left out.",
        "fakes-000001000.png cannot be shown: it is no whole PNG.",
        "reals.png cannot be shown: it is missing.",
        "evaluation-000001000-0badcafe.json is no whole record, and left out.",
    ):
        assert sentence in said
    assert str(tmp_path) not in render_report(folder)


def test_a_line_that_is_being_written_is_no_fault_while_the_run_trains(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    with folder.stats.open("a", encoding="utf-8") as file:
        file.write('{"nimg": 3000')
    folder.write_status("running", 2_000, 3_000)
    with folder.lock():
        assert not [line for line in missing(folder) if "cut off" in line]
    assert [line for line in missing(folder) if "cut off" in line]  # nobody writes on


def test_nothing_outside_the_folder_is_shown(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    Image.new("L", (97, 8)).save(tmp_path / "private.png", format="PNG")
    for path in (folder.reals, folder.fakes(1_000)):
        path.unlink()
        path.symlink_to(tmp_path / "private.png")
    text = render_report(folder)
    assert 'width="97"' not in text
    assert len([line for line in missing(folder) if "a link, which is not followed" in line]) == 2


@pytest.mark.parametrize(
    "content",
    [
        {"state": 7, "nimg": "x"}, {"state": "finished", "nimg": -5, "total_nimg": 10**30}, [], "text",
        {"state": "running", "nimg": 10**400, "time": 1e400},
    ],
)  # fmt: skip
def test_any_status_will_do(tmp_path: Path, content: Any) -> None:
    folder = make(tmp_path / "run")
    folder.status.write_text(json.dumps(content), encoding="utf-8")
    assert "<!doctype html>" in render_report(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {}}, {"settings": {"recipe": None, "lr": {"a": [1]}, "z_dim": float("nan")}},
        {"data": {"shape": [[], {}], "count": 3}}, {"data": {"shape": "x", "name": 5, "count": -1}},
        {"environment": [1, "x", {"device": ["a"], "python": {}}]},
    ],
)  # fmt: skip
def test_any_config_will_do(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = make(tmp_path / "run")
    folder.write_config(folder.read_config() | change)
    assert "<!doctype html>" in render_report(folder)


def test_numbers_without_end(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    for nimg, value in ((3_000, float("nan")), (4_000, float("inf")), (5_000, 1.7e308), (6_000, -1.7e308)):
        folder.append_row({"nimg": nimg, "Loss/D": value, "Gradient/D": value, "Timing/total_sec": value})
    folder.append_row({"nimg": 2**52, "Loss/D": 10**400, "Timing/images_per_sec": -1})
    assert "<svg" in render_report(folder)


def test_half_a_character_can_be_written(tmp_path: Path) -> None:
    folder = make(tmp_path / "run", data="\ud800 half")
    write_report(folder, tmp_path / "out.html")
    assert "? half" in (tmp_path / "out.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["{", "[]", "[" * 200_000, '{"settings": 5}'])
def test_without_a_config_there_is_no_report(tmp_path: Path, text: str) -> None:
    folder = make(tmp_path / "run")
    folder.config.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"config\.json"):
        write_report(folder, tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()


def test_deep_nesting_is_a_line_that_cannot_be_read(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    for path in (folder.stats, folder.metrics, folder.path / "evaluation-000000001-0badcafe.json"):
        with path.open("a", encoding="utf-8") as file:
            file.write("[" * 200_000 + "\n")
    assert len(missing(folder)) >= 3


def test_a_folder_that_is_gone_is_no_run(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    shutil.rmtree(folder.path)
    with pytest.raises(UserError, match="There is no folder"):
        render_report(folder)


@pytest.mark.skipif(os.name == "nt", reason="pipes, links and devices are other things on Windows")
@pytest.mark.parametrize("name", ["stats.jsonl", "status.json", "reals.png", "fakes-000001000.png"])
@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "/etc/passwd", "sparse"])
def test_files_that_are_not_what_they_seem_are_said_to_be_left_out(tmp_path: Path, name: str, kind: str) -> None:
    folder = make(tmp_path / "run")
    path = folder.path / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(1 << 40)
    else:
        path.symlink_to(kind)
    assert any(line.startswith(name) for line in missing(folder))
    assert len(render_report(folder)) < 1_000_000


def test_what_is_too_much_for_a_report_is_counted(tmp_path: Path) -> None:
    folder = make(tmp_path / "run", **{f"s{number}": "x" * 10_000 for number in range(300)})
    for number in range(30):
        protocol = {"id": f"p{number}", "data": "d" * 1_000, "split": "s", "num_fakes": 1, "num_reals": 1}
        figures = {f"f{at}" * 100: {"value": 1.0, "better": "lower"} for at in range(300)}
        record = {"format": 2, "nimg": 1_000, "protocol": protocol | {"num_floor": 1, "extractors": {}}}
        folder.append_metrics(record | {"headline": None, "figures": figures, "notes": ["n" * 1_000] * 100})
    text, said = render_report(folder), missing(folder)
    assert len(text) < 2_000_000
    assert "10 protocols beyond the first 20 are left out." in said
    assert "236 figures beyond the first 64 are left out." in said
    assert "80 notes on figures beyond the first 20 are left out." in said
    assert "settings more than 200 are left out." in text
