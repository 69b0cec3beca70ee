"""A new figure is one new file: measured, with a floor, and shown wherever figures are."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ganforge

MEANING = "How bright it is, in features."
TOY = f'''"""brightness: how bright the first feature is, for a test."""

from ganforge.metrics.catalog import FigureRecord
from ganforge.metrics.figure import Value
from ganforge.metrics.sides import Sides

RECORD = FigureRecord(
    name="brightness",
    order=25,
    meaning="{MEANING}",
    source="none",
    better="near floor",
    needs="features",
    range="0 up",
    is_share=True,
)


def measure(sides: Sides) -> dict[str, Value]:
    return {{"brightness": Value(float(sides.judged.first[:, 0].mean()) + 1)}}
'''
PROGRAM = """
import json
from pathlib import Path

import ganforge
from ganforge.cli.main import main
from ganforge.judging.comparison import compare
from ganforge.viewer.report.report_content import rows
from ganforge.viewer.read.run_view import RunView
from ganforge.viewer.report.write_report import render_report
from ganforge.viewer.read.run_charts import charts_of

settings = {"data": "digits", "g_hidden": [8], "d_hidden": [8], "z_dim": 4, "batch_size": 64, "device": "cpu"}
run = ganforge.train("note", out="run", total_nimg=64, metric_samples=300, **settings)
for command in ("evaluate", "compare"):
    print(f"--- {command}")
    assert main([command, "run"]) == 0
[measured] = [one for one in compare([run.path]).runs[0].measured.values() if one.how == "evaluated"]
charts = charts_of(RunView("run", run).look())
told = {
    "package": str(Path(ganforge.__file__).parent),
    "logged": [json.loads(line)["figures"]["brightness/random"] for line in run.metrics.read_text().splitlines()],
    "evaluated": json.loads(run.all_evaluations()[0].read_text())["figures"]["brightness/random"],
    "rows": [[what, features, figure.floor, text] for what, features, figure, text in rows(measured.shown)],
    "shares": [curve.text for chart in charts if chart.title.startswith("Shares") for curve in chart.curves],
    "report": render_report(run),
}
print("--- told")
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one file more."""
    place = tmp_path_factory.mktemp("copied")
    source = Path(ganforge.__file__).parent
    shutil.copytree(source, place / "ganforge", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "ganforge" / "metrics" / "brightness.py").write_text(TOY, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def said(place: Path) -> dict[str, str]:
    """What a process of that package says: of `evaluate`, of `compare`, and all else as JSON."""
    environment = os.environ | {"PYTHONPATH": str(place), "XDG_CACHE_HOME": str(place / "cache"), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=place, env=environment, capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stderr
    parts = re.split(r"^--- (\w+)\n", done.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_it_is_measured_while_training_with_a_floor(said: dict[str, str], place: Path) -> None:
    told = json.loads(said["told"])
    assert Path(told["package"]) == place / "ganforge"
    assert told["logged"]
    for figure in [*told["logged"], told["evaluated"]]:
        assert figure["value"] > 1 < figure["floor"] and figure["better"] == "near floor"


def test_it_is_in_the_tables_in_its_place(said: dict[str, str]) -> None:
    figure = json.loads(said["told"])["evaluated"]
    lines = said["evaluate"].splitlines()
    [line] = [line for line in lines if line.startswith("brightness")]
    assert line.split() == ["brightness", "random", f"{figure['value']:.4g}", f"{figure['floor']:.4g}", "near", "floor"]
    assert lines[lines.index(line) - 1].startswith("KID ") and lines[lines.index(line) + 1].startswith("precision ")
    headers = next(line for line in said["compare"].splitlines() if "FD" in line)
    assert re.search(r"KID\s+brightness\s+precision", headers), said["compare"]


def test_page_and_report_have_its_place_and_text(said: dict[str, str]) -> None:
    told = json.loads(said["told"])
    names = [name for name, features, _, _ in told["rows"] if features == "random"]
    assert names.index("brightness") == 1 + names.index("KID") == names.index("precision") - 1
    [row] = [row for row in told["rows"] if row[0] == "brightness"]
    assert row[3] == MEANING and row[2] is not None
    assert any(MEANING in text for text in told["shares"])
    assert MEANING in told["report"]
