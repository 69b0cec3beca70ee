"""On an Apple GPU, which has no float64: every recipe and facility, on a stand-in for one, as on a CPU."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from apple import apple_gpu
from short_runs import begin, checkpoint_of, figures_of, go_on_with
from test_exact_resume import CASES, nimg_after, settings_of

from ganforge.base.errors import RunError
from ganforge.data.digits import load_digits
from ganforge.judging.evaluation import Wanted, evaluate
from ganforge.run.folder import RunFolder
from ganforge.sampling.model import load

THERE = "mps:0"
OTHERS = (
    *("ring", "measured", "diffaugment", "ada", "conditional sngan", "schedules", "logistic", "layer norm"),
    "upsample and recurrent",
)
"""Of ``CASES``, beside the recipes as they are."""
RUNS = [case for case, (recipe, _) in CASES.items() if case in (recipe, *OTHERS)]


def run(out: Path, case: str, device: str, steps: int = 2) -> RunFolder:
    """With a row, pictures and a snapshot at every step."""
    settings = settings_of(case) | {"total_nimg": nimg_after(case, steps), "report_nimg": 1, "snapshot_nimg": 1}
    return begin(out, CASES[case][0], **settings, device=device)


def weights(folder: RunFolder) -> torch.Tensor:
    """The newest checkpoint's."""
    tensors, _ = checkpoint_of(folder, folder.all_checkpoints()[-1][0])
    return torch.cat([tensor.flatten() for name, tensor in tensors.items() if name.startswith(("G.", "D."))])


def assert_same_figures(ours: dict[str, Any], expected: dict[str, Any]) -> None:
    mine, theirs = ({name: figure["value"] for name, figure in of["figures"].items()} for of in (ours, expected))
    assert mine.keys() == theirs.keys()
    for name, value in theirs.items():
        assert mine[name] == (None if value is None else pytest.approx(value, rel=1e-3, abs=1e-3)), name


@pytest.mark.parametrize("case", RUNS)
def test_a_run_is_as_on_a_cpu(case: str, tmp_path: Path) -> None:
    with apple_gpu():
        ours = run(tmp_path / "there", case, THERE)
    expected = run(tmp_path / "here", case, "cpu")
    assert ours.read_status()["state"] == "finished"
    apart = (weights(ours) - weights(expected)).norm() / weights(expected).norm()
    assert apart < 2e-5
    mine, theirs = list(ours.rows())[-1], list(expected.rows())[-1]
    numbers = [name for name in theirs if not name.startswith(("Timing/", "Resources/"))]
    assert [name for name in numbers if mine[name] != pytest.approx(theirs[name], rel=1e-3, abs=1e-4)] == []
    for one, other in zip(figures_of(ours), figures_of(expected), strict=True):
        assert_same_figures(one, other)


def test_what_is_done_with_a_run(tmp_path: Path) -> None:
    """Of pictures some of which are set aside: it is made longer, sampled and judged."""
    out, digits = tmp_path / "run", load_digits()
    np.savez(tmp_path / "digits.npz", images=digits.items[:600, 0].numpy())
    pictures = {"data": str(tmp_path / "digits.npz"), "max_images": None, "metric_samples": 100}
    with apple_gpu():
        folder = begin(out, total_nimg=64, **pictures | {"report_nimg": 32, "snapshot_nimg": 32}, device=THERE)
        assert all("Health/seen_apart" in row for row in folder.rows())
        go_on_with(out, total_nimg=96)
        pictures = load(out, THERE).sample([1, 2])
        judged = evaluate(out, wanted=Wanted(200, "random"), device=THERE, out=tmp_path).record
    assert torch.equal(pictures, load(out, "cpu").sample([1, 2]))
    expected = evaluate(out, wanted=Wanted(200, "random"), device="cpu", out=tmp_path).record
    assert_same_figures(judged, expected)


def test_what_is_not_finite_is_explained(tmp_path: Path) -> None:
    settings = settings_of("r1") | {"r1_gamma": 1e25, "total_nimg": 640}
    with apple_gpu(), pytest.raises(RunError, match=r"its term 'r1' gives most, is too large to be squared"):
        begin(tmp_path / "run", "r1", **settings, device=THERE)


def test_float64_and_mixtures_are_refused() -> None:
    with apple_gpu():
        there = torch.ones(3, device=THERE)
        assert there.device.type == "mps" and (there * 2).sum().item() == 6
        wide = torch.zeros(1, dtype=torch.float64)
        for make in (there.double, lambda: there.to("cpu", torch.float64), lambda: wide.to(THERE)):
            with pytest.raises(TypeError, match="float64"):
                make()
        with pytest.raises(RuntimeError, match="on one device"):
            there + torch.ones(3)
