"""benchmarks/scaling_model.py: each term by hand, and that fitting gives back what timings were made of."""

import runpy
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return runpy.run_path(str(BENCHMARKS / "processes.py"), run_name="not main")


def test_each_term_by_hand(script: dict[str, Any]) -> None:
    cost, machine = script["Cost"](2e-3, 1e-4, 5e-3, 3, 8e6), script["Machine"](1e9, 1e-5, 4)
    step_sec, exchange_sec = script["step_sec"], script["exchange_sec"]
    assert exchange_sec(cost, 1, machine) == 0
    assert exchange_sec(cost, 2, machine) == pytest.approx(3 * 2 * 1e-5 + 8e6 / 1e9)
    assert exchange_sec(cost, 8, machine) == pytest.approx(3 * 2 * 3 * 1e-5 + 2 * 7 / 8 * 8e6 / 1e9)
    assert step_sec(cost, 64, 1, machine) == pytest.approx(64 * 2.1e-3 + 5e-3)
    assert step_sec(cost, 64, 4, machine) - exchange_sec(cost, 4, machine) == pytest.approx(16 * 2e-3 + 6.4e-3 + 5e-3)
    assert step_sec(cost, 64, 8, machine) - exchange_sec(cost, 8, machine) == pytest.approx(
        2 * (8 * 2e-3 + 6.4e-3 + 5e-3)  # two share a core
    )


def test_a_fit_gives_back_what_was_put_in(script: dict[str, Any]) -> None:
    cost, machine, steps = (
        script["Cost"](2e-3, 1e-4, 5e-3, 3, 8e6),
        script["Machine"](1e9, 1e-5, 2),
        script["RECIPES"]["r1"],
    )
    turns: dict[tuple[str, str], Any] = {}
    for whose, batch, count in (("one", 64, 1), ("half", 32, 1), ("two", 64, 2), ("four", 64, 4)):
        seconds, images = steps * script["step_sec"](cost, batch, count, machine), steps * batch
        found = {"seconds": seconds, "images": images, "feeding": images * cost.whole_sec}
        turns["r1", whose] = [found | {"sums": steps * cost.sums, "bytes": steps * cost.bytes}] * 3
    fitted, batch = script["fitted"]("r1", turns)
    assert batch == 64
    for name in ("compute_sec", "whole_sec", "fixed_sec", "sums", "bytes"):
        assert getattr(fitted, name) == pytest.approx(getattr(cost, name))
    told = [cell.strip() for cell in script["fits"](["r1"], turns, machine)[-1].split("|")]
    assert all(foretold == took for foretold, took in (cell.split(", ") for cell in told[-3:-1]))
