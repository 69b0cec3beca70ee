"""A short run gives the numbers that it gave when golden.json was written, and the same bits when it is run again.

Where a change of the numbers is meant: `python tests/contract/test_golden_run.py` writes the file anew.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from short_runs import begin, checkpoint_of, rows_of, snapshot_of

from ganforge.run.folder import RunFolder

GOLDEN = Path(__file__).with_name("golden.json")
TOTAL = 20 * 32


def golden_run(out: Path) -> RunFolder:
    return begin(out, fused_adam=False, max_images=None, total_nimg=TOTAL, seed=0)


def test_the_rows_are_the_golden_ones(tmp_path: Path) -> None:
    rows = rows_of(golden_run(tmp_path / "run"))
    expected: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert len(rows) == len(expected) == 5
    for row, golden in zip(rows, expected, strict=True):
        assert list(row) == list(golden)
        for key, value in golden.items():
            # Other processors add up in another order. A share can change by whole pictures, of 128 a row.
            tolerance = {"abs": 1.5 / 128} if key.startswith("Accuracy/") else {"rel": 1e-4, "abs": 1e-6}
            assert row[key] == pytest.approx(value, **tolerance), (row["nimg"], key)


def test_another_run_has_the_same_bits(tmp_path: Path) -> None:
    one, two = golden_run(tmp_path / "one"), golden_run(tmp_path / "two")
    assert rows_of(one) == rows_of(two)
    assert [nimg for nimg, _ in one.all_fakes()] == [0, 128, 256, 384, 512, 640]
    for name in ["reals.png", "evolution.webp", *(path.name for _, path in one.all_fakes())]:
        assert (one.path / name).read_bytes() == (two.path / name).read_bytes(), name
    for read in (checkpoint_of, snapshot_of):
        (tensors, _), (same, _) = read(one, TOTAL), read(two, TOTAL)
        assert tensors.keys() == same.keys()
        assert all(tensors[name].numpy().tobytes() == same[name].numpy().tobytes() for name in tensors)


@pytest.mark.parametrize("change", [{"seed": 1}, {"lr": 2e-4}, {"beta1": 0.6}, {"noise": "normal"}])
def test_another_setting_has_other_bits(change: dict[str, Any], tmp_path: Path) -> None:
    expected = json.loads(GOLDEN.read_text(encoding="utf-8"))
    out = begin(
        tmp_path / "run", **({"fused_adam": False, "max_images": None, "total_nimg": TOTAL, "seed": 0} | change)
    )
    assert rows_of(out)[-1]["Loss/D"] != pytest.approx(expected[-1]["Loss/D"], rel=1e-4)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(rows_of(golden_run(Path(folder) / "run")), indent=1)
    GOLDEN.write_text(text + "\n", encoding="utf-8", newline="\n")
