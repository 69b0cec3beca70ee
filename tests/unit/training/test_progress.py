"""The line that tells how far a run is."""

import pytest

from ganforge.training.progress import Progress

WHOLE = "step 31,250 · 4,000,000 of 10,000,000 images · D 1.310 G 0.840 · 2,000 images/s · 50:00 left"


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (None, WHOLE),
        (len(WHOLE), WHOLE),
        (len(WHOLE) - 1, WHOLE.removeprefix("step 31,250 · ")),
        (65, "4,000,000 of 10,000,000 images · D 1.310 G 0.840 · 50:00 left"),
        (30, "D 1.310 G 0.840 · 50:00 left"),
        (27, "50:00 left"),
        (1, "50:00 left"),
    ],
)
def test_what_matters_least_is_left_out_first(width: int | None, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress()
    progress.first_nimg, progress.nimg, progress.total_nimg, progress.step = 0, 4_000_000, 10_000_000, 31_250
    monkeypatch.setattr(progress, "seconds", lambda: 2_000.0)
    assert progress.describe(1.31, 0.84, width) == text
