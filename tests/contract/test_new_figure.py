"""A new figure is one new file: measured, with a floor, and shown wherever figures are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ganforge

TOY = '''
"""brightness: how bright the first feature is, for a test."""

from ganforge.metrics.catalog import FigureRecord
from ganforge.metrics.figure import Value
from ganforge.metrics.sides import Sides

RECORD = FigureRecord(
    name="brightness",
    order=25,
    meaning="How bright it is, between KID and precision.",
    source="none",
    better="near floor",
    needs="features",
    range="0 up",
    is_share=True,
)


def measure(sides: Sides) -> dict[str, Value]:
    return {"brightness": Value(float(sides.judged.first[:, 0].mean()) + 1)}
'''
TOLD = '''
import json, sys
from pathlib import Path
import ganforge
from ganforge.judging.comparison import compare
from ganforge.judging.description import describe
from ganforge.judging.evaluation import evaluate
from ganforge.run.folder import RunFolder
from ganforge.viewer.content import rows
from ganforge.viewer.history import RunView
from ganforge.viewer.report import render_report
from ganforge.viewer.run_charts import SHARES, charts_of
from ganforge.cli.main import main

assert Path(ganforge.__file__).is_relative_to(Path.cwd()), ganforge.__file__
settings = {"data": "digits", "g_hidden": [8], "d_hidden": [8], "z_dim": 4, "batch_size": 64, "device": "cpu"}
run = ganforge.train("note", out="run", total_nimg=128, snapshot_nimg=64, metric_samples=300, **settings)
logged = [json.loads(line)["figures"] for line in run.metrics.read_text().splitlines()]
main(["evaluate", "run"])
main(["compare", "run"])
[measured] = compare([run.path]).runs[0].measured.values()[:1] if False else [next(iter(compare([run.path]).runs[0].measured.values()))]
row = next(row for row in rows(measured.shown) if row.name == "brightness")
charts = charts_of(RunView("run", run).look())
texts = [curve.text for chart in charts for curve in chart.curves if chart.title.startswith("Shares")]
print(json.dumps({
    "logged": [one.get("brightness/random") for one in logged],
    "row": [row.name, row.features, row.floor, row.meaning],
    "order": [row.name for row in rows(measured.shown)],
    "chart": [text for text in texts if "How bright" in text],
    "report": "How bright it is" in render_report(run),
}))
'''


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one file more, and its output."""
    place = tmp_path_factory.mktemp("copied")
    source = Path(ganforge.__file__).parent
    shutil.copytree(source, place / "ganforge", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "ganforge/metrics/brightness.py").write_text(TOY)
    return place
