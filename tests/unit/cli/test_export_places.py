"""cli/export.py: what cannot be written is refused in a sentence."""

import errno
from pathlib import Path
from typing import Any

import pytest
from untrained import make_run

from ganforge.cli.main import main


@pytest.mark.parametrize(
    ("to", "out", "writer"), [("torch", "a.pt2", "to_torch.write_torch"), ("card", "card", "card.write_card")]
)
def test_a_place_that_takes_nothing(
    to: str, out: str, writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / out))

    run = make_run(tmp_path / "run")
    monkeypatch.setattr(f"ganforge.export.{writer}", refuse)
    assert main(["export", str(run.path), "--to", to, "--out", str(tmp_path / out)]) == 2
    assert "cannot be written: " in (said := capsys.readouterr().err)
    assert said.endswith("Permission denied; choose another place with --out.\n")
