"""What is written into an exported page, and what is refused before anything is."""

import html
import json
from pathlib import Path
from typing import Any

import pytest
from exported import trace_once

from ganforge.base.errors import UserError
from ganforge.base.stopping import polled_by
from ganforge.cli.main import main
from ganforge.export import to_page
from ganforge.export.page_folder import NAMES, RUNTIME, STATIC
from ganforge.export.to_page import OURS, POLICY, write_page
from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot
from ganforge.sampling.model import Model, load


def snap(run: RunFolder, shape: tuple[int, ...] = (1, 4, 4), **settings: Any) -> Model:
    config = recipe("note", **{"data": "digits", "g_hidden": (4,), "z_dim": 2} | settings)
    values = config.model_dump(mode="json")
    run.create({"settings": values, "data": {}, "environment": [{}]})
    G = build_generator("mlp", 2, shape, 1, hidden=(4,))
    save_snapshot(run, 640, G, values, shape, 0)
    return load(run.path, "cpu")


@pytest.fixture(autouse=True)
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    trace_once(monkeypatch)


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of another content in place of onnxruntime-web's, which a page need not run here."""
    for name in RUNTIME:
        (tmp_path / name).write_bytes(b"wasm")
    monkeypatch.setattr(to_page, "runtime_files", lambda given: {name: tmp_path / name for name in RUNTIME})


def test_the_folder_is_complete_and_tells_no_paths(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    model = snap(RunFolder(tmp_path / "run"), data="/home/somebody/cats & dogs.zip")
    for _ in range(2):  # the second one takes the place of the first
        write_page(model, tmp_path / "page", license="mit")
    page = {path.name: path.read_bytes() for path in (tmp_path / "page").iterdir()}
    assert page.keys() == NAMES
    facts = json.loads(page["model.json"])
    assert facts["name"] == "note on cats & dogs"
    assert facts["bytes"] == len(page["model.onnx"]) + len(page["onnxruntime.wasm"])
    assert (facts["noise"], facts["z_dim"], facts["shape"], facts["license"]) == ("uniform", 2, [1, 4, 4], "mit")
    index = page["index.html"].decode()
    assert "<h1>note on cats &amp; dogs</h1>" in index
    assert POLICY in html.unescape(index)
    assert not [name for name, content in page.items() if b"/home/" in content or str(tmp_path).encode() in content]


def test_every_file_of_the_page_is_copied() -> None:
    assert {path.name for path in OURS.iterdir()} == {*STATIC, "index.html"}


def test_nothing_is_left_where_it_is_stopped(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    model, before = snap(RunFolder(tmp_path / "run")), {path.name for path in tmp_path.iterdir()}
    polled = iter(range(10))

    def stops() -> None:
        if next(polled) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), polled_by(stops):
        write_page(model, tmp_path / "page")
    assert {path.name for path in tmp_path.iterdir()} == before


def test_points_are_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="makes points, and the page shows pictures"):
        write_page(snap(RunFolder(tmp_path / "run"), (2,), data="ring"), tmp_path / "page")


@pytest.mark.parametrize(("options", "sentence"), [
    (["--to", "page", "--output", "float"], "--output is for onnx and torch"),
    (["--to", "onnx", "--wasm-dir", "."], "--wasm-dir is for the page, not for onnx"),
    (["--to", "page", "--out", "taken"], "holds other files than a page's (mine)"),
])  # fmt: skip
def test_options_that_do_not_fit(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("")
    assert main(["export", "run", *options]) == 2
    assert sentence in capsys.readouterr().err


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxscript")
    snap(RunFolder(tmp_path / "run"))
    assert main(["export", str(tmp_path / "run"), "--to", "page", "--out", str(tmp_path / "page")]) == 0
    said = capsys.readouterr().out
    assert "a page of" in said
    assert f"python -m http.server --bind 127.0.0.1 --directory {tmp_path / 'page'}" in said
