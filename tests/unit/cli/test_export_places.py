"""cli/export.py: what cannot be written is refused in a sentence, and nothing of it is left."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from untrained import make_run

from ganforge.cli.main import main
from ganforge.export import to_onnx, to_page, to_torch
from ganforge.export.page_folder import RUNTIME


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody can write into: root may write into any of a disk, but not make files in /proc."""
    folder = Path("/proc") if hasattr(os, "geteuid") and os.geteuid() == 0 else tmp_path / "closed"
    if not folder.exists():
        folder.mkdir(0o555)
    yield folder
    if folder.is_relative_to(tmp_path):
        folder.chmod(0o755)


@pytest.mark.parametrize("name", ["a.onnx", "a.pt2", "page", "card"])
def test_a_place_that_takes_nothing(
    name: str, closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = make_run(tmp_path / "run"), closed / name
    for file in RUNTIME:
        (tmp_path / file).touch()
    monkeypatch.setattr(to_page, "runtime_files", lambda given: {file: tmp_path / file for file in RUNTIME})
    for module, name_of in ((to_onnx, "converted"), (to_torch, "traced")):
        monkeypatch.setattr(module, name_of, lambda *given: b"what is not written")
    before, to = sorted(tmp_path.rglob("*")), {"a.onnx": "onnx", "a.pt2": "torch"}.get(name, name)
    assert main(["export", str(run.path), "--to", to, "--out", str(out)]) == 2
    said = capsys.readouterr()
    why = os.strerror(errno.ENOENT if closed == Path("/proc") else errno.EACCES)
    assert said.err == f"ganforge: {out} cannot be written: {why}; choose another place with --out.\n"
    assert said.out == ""
    assert sorted(tmp_path.rglob("*")) == before
    assert not list(closed.glob(".ganforge*"))
    assert not out.exists()
