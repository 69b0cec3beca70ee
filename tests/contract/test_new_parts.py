"""A new objective or penalty is one new file: the command line, training, the log and the page find it there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ganforge
from ganforge.objectives.catalog import OBJECTIVES

OBJECTIVE = '''
"""A toy: D pays the exponential of what its logits lack."""

from torch import Tensor

from ganforge.objectives.catalog import Objective
from ganforge.objectives.losses import Terms

RECORD = Objective(
    name="toy-boost",
    order=900,
    meaning="The exponential loss of a toy: 2 when D cannot tell.",
    source="none",
    undecided=2.0,
    healthy=(0.5, 2.5),
)


def d_loss(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    return {"toy": (-real_logits).exp() + fake_logits.exp()}


def g_loss(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    return {"toy": (-fake_logits).exp()}
'''
PENALTY = '''
"""A toy: D pays for the size of its logits of reals."""

from torch import Tensor

from ganforge.objectives.catalog import Penalty
from ganforge.objectives.penalties import Judged

RECORD = Penalty(
    name="drift",
    order=900,
    meaning="The squared logits of reals, a toy.",
    source="none",
    setting="drift_weight",
    help="Weight of a toy.",
    draws=("alpha",),
    needs_items_judged_alone=False,
)


def penalty(judged: Judged) -> Tensor:
    assert judged.draws["alpha"].shape == (len(judged.reals), 1)
    return judged.real_logits.square()
'''
TRAIN = """
import json, sys
import ganforge
run = ganforge.train("note", out=sys.argv[1], data="digits", max_images=64, batch_size=16, total_nimg=64,
                     report_nimg=32, z_dim=4, g_hidden=[8], d_hidden=[8], metric_samples=0, device="cpu",
                     **json.loads(sys.argv[2]))
"""
MEANING = """
import json, sys
from ganforge.viewer.read.curve_meanings import meanings
print(json.dumps({name: vars(one) for name, one in meanings(json.loads(sys.argv[1])).items()}))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a copy of the package."""
    shutil.copytree(Path(ganforge.__file__).parent, tmp_path / "ganforge", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(copy: Path, *arguments: str) -> str:
    """What a fresh interpreter prints, with the copy instead of the package."""
    environment = os.environ | {"PYTHONPATH": str(copy), "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=copy, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows_of(copy: Path, settings: dict[str, object]) -> list[dict[str, float]]:
    """Of the log of a short run with these settings."""
    run(copy, "-c", TRAIN, str(copy / "run"), json.dumps(settings))
    return [json.loads(line) for line in (copy / "run" / "stats.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_new_objective(copy: Path) -> None:
    (copy / "ganforge" / "objectives" / "toy_boost.py").write_text(OBJECTIVE, encoding="utf-8")
    text = " ".join(run(copy, "-m", "ganforge", "train", "--help").split())
    assert f"{', '.join(OBJECTIVES)} or toy-boost" in text
    rows = rows_of(copy, {"objective": "toy-boost"})
    assert len(rows) == 2
    for row in rows:
        assert row["Loss/D"] == row["Loss/D/toy"] > 0
        assert "Accuracy/real" in row  # at its decision boundary, 0
    told = json.loads(run(copy, "-c", MEANING, json.dumps({"objective": "toy-boost"})))
    assert told["Loss/D"]["text"] == "The exponential loss of a toy: 2 when D cannot tell."
    assert (told["Loss/D"]["even"], told["Loss/D"]["healthy"]) == (2.0, [0.5, 2.5])


def test_a_new_penalty(copy: Path) -> None:
    (copy / "ganforge" / "objectives" / "drift.py").write_text(PENALTY, encoding="utf-8")
    text = " ".join(run(copy, "-m", "ganforge", "train", "--help").split())
    assert "--drift-weight WEIGHT Weight of a toy (default: 0.0)" in text
    rows = rows_of(copy, {"drift_weight": 100.0})
    for row in rows:
        assert row["Loss/D/drift"] > 0
        assert row["Loss/D"] == pytest.approx(row["Loss/D/reals"] + row["Loss/D/fakes"] + row["Loss/D/drift"])
    told = json.loads(run(copy, "-c", MEANING, json.dumps({"objective": "hinge", "drift_weight": 1.0})))
    assert told["Loss/D/drift"]["text"].startswith("The squared logits of reals, a toy.")
    assert "This run adds drift to it." in told["Loss/D"]["text"]
