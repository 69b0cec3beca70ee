"""Short runs, one a recipe and one with everything at once, do what they did when the files in golden/ were written.

Where a change of the numbers is meant: `python tests/contract/test_golden_run.py` writes the files anew.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from golden_runs import EVERYTHING, RUNS, golden_run
from short_runs import begin, checkpoint_of, rows_of, snapshot_of

from ganforge.recipes.catalog import RECIPES
from ganforge.run.folder import RunFolder

GOLDEN = Path(__file__).with_name("golden")
TOTAL = 20 * 32


def test_every_recipe_has_a_golden_run() -> None:
    assert RUNS.keys() == RECIPES.keys() | {EVERYTHING}
    assert all(recipe_name == name for name, (recipe_name, _) in RUNS.items() if name != EVERYTHING)
    assert {path.stem for path in GOLDEN.iterdir()} == RUNS.keys()


@pytest.mark.parametrize("name", RUNS)
def test_the_golden_run(name: str, tmp_path: Path) -> None:
    expected = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    found = json.loads(json.dumps(golden_run(name, tmp_path)))
    assert list(differences(found, expected)) == []


def differences(found: Any, expected: Any, where: str = "") -> Any:
    """A line for each number, name or digest that is another; numbers by a tolerance, as processors add up in their own
    order."""
    if isinstance(expected, dict):
        if list(found) != list(expected):
            yield f"{where}: {list(found)} instead of {list(expected)}"
            return
        for key, value in expected.items():
            yield from differences(found[key], value, f"{where}/{key}")
    elif isinstance(expected, list):
        if len(found) != len(expected):
            yield f"{where}: {len(found)} instead of {len(expected)}"
            return
        for index, value in enumerate(expected):
            yield from differences(found[index], value, f"{where}/{index}")
    elif found != (pytest.approx(expected, **tolerance(where)) if isinstance(expected, float) else expected):
        yield f"{where}: {found} instead of {expected}"


def tolerance(where: str) -> dict[str, float]:
    """Rates, schedules and shares are computed in double precision. What counts whole pictures may change by some."""
    if "/rates/" in where or "/gammas/" in where or "/average keeps" in where or "/penalties times" in where:
        return {"rel": 1e-12}
    if any(f"/{counted}/" in where for counted in ("Accuracy", "precision", "recall", "density", "coverage", "fakes")):
        return {"abs": 0.02}
    return {"rel": 1e-4, "abs": 1e-6}


def note(out: Path, **changes: Any) -> RunFolder:
    return begin(out, **({"fused_adam": False, "max_images": None, "total_nimg": TOTAL, "seed": 0} | changes))


def test_another_run_has_the_same_bits(tmp_path: Path) -> None:
    one, two = note(tmp_path / "one"), note(tmp_path / "two")
    assert rows_of(one) == rows_of(two)
    assert [nimg for nimg, _ in one.all_fakes()] == [0, 128, 256, 384, 512, 640]
    for name in ["reals.png", "evolution.webp", *(path.name for _, path in one.all_fakes())]:
        assert (one.path / name).read_bytes() == (two.path / name).read_bytes(), name
    for read in (checkpoint_of, snapshot_of):
        (tensors, _), (same, _) = read(one, TOTAL), read(two, TOTAL)
        assert tensors.keys() == same.keys()
        assert all(tensors[name].numpy().tobytes() == same[name].numpy().tobytes() for name in tensors)


def test_another_setting_has_other_bits(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [{}, {"seed": 1}, {"lr": 2e-4}, {"beta1": 0.6}, {"noise": "normal"}]
    losses = {rows_of(note(tmp_path / str(at), **change))[-1]["Loss/D"] for at, change in enumerate(changes)}
    assert len({round(loss, 4) for loss in losses}) == len(changes)


def written(content: dict[str, Any]) -> str:
    """JSON with a line for each step, tensor, row, ..."""
    parts = []
    for name, value in content.items():
        lines = [json.dumps(each) for each in value] if isinstance(value, list) else []
        lines += [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()] if isinstance(value, dict) else []
        opening, closing = "[]" if isinstance(value, list) else "{}"
        parts.append(f"{json.dumps(name)}: {opening}\n " + ",\n ".join(lines) + f"\n{closing}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    for name in RUNS:
        with tempfile.TemporaryDirectory() as folder:
            text = written(golden_run(name, Path(folder)))
        (GOLDEN / f"{name}.json").write_text(text, encoding="utf-8", newline="\n")
