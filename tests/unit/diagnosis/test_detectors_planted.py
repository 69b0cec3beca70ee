"""Faults of networks and losses, planted in a short real run, show in its log by their names."""

import json
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

import ganforge
from ganforge.objectives import non_saturating
from ganforge.objectives.losses import Terms

SMALL: dict[str, Any] = {
    "data": "digits", "g_hidden": (64, 64), "d_hidden": (64, 64), "batch_size": 32, "total_nimg": 16_000,
    "report_nimg": 1_000, "metric_samples": 0, "seed": 1,
}  # fmt: skip
sound = non_saturating.g_loss


def wrong_sign(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    return {name: -term for name, term in sound(fake_logits).items()}


def without_gradient(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    return {name: 0 * term for name, term in sound(fake_logits).items()}


def grave(run: Path) -> set[str]:
    if not (run / "findings.jsonl").exists():
        return set()
    events = [json.loads(line) for line in (run / "findings.jsonl").read_text().splitlines()]
    return {event["finding"] for event in events if event["grave"]}


@pytest.mark.parametrize(("g_loss", "name"), [(wrong_sign, "d-has-won"), (without_gradient, "frozen"), (sound, None)])
def test_a_fault_of_g_s_loss_is_found(
    g_loss: Any, name: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(non_saturating, "g_loss", g_loss)
    ganforge.train("note", tmp_path / "run", **SMALL)
    assert name in grave(tmp_path / "run") if name else not grave(tmp_path / "run")
