"""On an Apple GPU, which has no float64: every recipe and facility, on a stand-in for one, as on a CPU."""

from pathlib import Path

import pytest
from apple import AppleGpu
from short_runs import begin
from test_exact_resume import CASES, nimg_after, settings_of

STEPS = 2
OTHERS = ("moving average", "ring", "measured", "diffaugment", "ada", "conditional sngan", "accumulated", "schedules")
"""Of ``CASES``, beside the recipes as they are."""
RUNS = [case for case, (recipe, _) in CASES.items() if case == recipe or case in OTHERS]


@pytest.mark.parametrize("case", RUNS)
def test_a_run_is_as_on_a_cpu(case: str, tmp_path: Path) -> None:
    settings = settings_of(case) | {"total_nimg": nimg_after(case, STEPS), "report_nimg": 1, "snapshot_nimg": 1}
    with AppleGpu():
        ours = begin(tmp_path / "there", CASES[case][0], **settings | {"device": "mps"})
    assert ours.read_status()["state"] == "finished"
