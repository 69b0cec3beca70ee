"""The model card: what a hub reads in it, what it does not tell, and that nobody's text is lost."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from exported import model, snapshot, trace_once
from huggingface_hub import ModelCard
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.cli.main import main
from ganforge.export.card import card_text, dataset_name, loader, write_card
from ganforge.run.stored_records import StoredRecord

RECORD = {
    "format": 2, "headline": "FD/random",
    "protocol": {"id": "6c087025", "data": "digits", "split": "train", "num_fakes": 499, "num_reals": 998,
                 "num_floor": 499, "extractors": {"random": "7871a061437c6b27"}},
    "figures": {"FD/random": {"value": 35.66, "better": "lower", "floor": 0.2777},
                "recall/random": {"value": None, "better": "higher", "note": "too few"}},
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder whose newest snapshot, at 640 images, was measured; and an earlier one."""
    folder = tmp_path / "run"
    (folder / "snapshots").mkdir(parents=True)
    snapshot(tmp_path, "mlp", 3, "float32", (1, 8, 8)).rename(folder / "snapshots" / "000000640.safetensors")
    data = {"name": "/home/somebody/cats", "count": 1497, "shape": [1, 8, 8], "num_classes": 3, "fingerprint": "f1a871"}
    (folder / "config.json").write_text(json.dumps({"settings": {"recipe": "note"}, "data": data, "environment": [{}]}))
    earlier = RECORD | {"nimg": 320, "protocol": RECORD["protocol"] | {"id": "earlier1"}}
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (earlier, RECORD | {"nimg": 640})))
    return folder


@pytest.mark.parametrize("whole", [True, False], ids=["of a run", "of a snapshot in it"])
def test_a_hub_reads_it(whole: bool, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "card"
    source = run if whole else run / "snapshots" / "000000640.safetensors"
    assert main(["export", str(source), "--to", "card", "--out", str(out), "--license", "cc-by-4.0"]) == 0
    told_of = capsys.readouterr()
    assert told_of.err == ""
    assert f"put the snapshot beside them: {run}/snapshots/000000640.safetensors\n" in told_of.out
    card = ModelCard.load(out / "README.md")
    assert (card.data.license, card.data.library_name) == ("cc-by-4.0", "ganforge")
    assert card.data.pipeline_tag == "unconditional-image-generation"
    assert {"ganforge", "gan", "mlp", "note"} <= set(card.data.tags)
    (result,) = card.data.eval_results
    assert (result.metric_name, result.metric_value, result.dataset_name) == ("FD/random", 35.66, "digits")
    assert (result.metric_args["floor"], result.metric_args["protocol"]) == (0.2777, "6c087025")
    for told in ("1,497 items", "f1a871", "kind 2", "| FD/random | 35.66 | 0.2777 | lower |", "499 pictures", loader()):
        assert told in card.text
    assert "- Snapshot: the file `000000640.safetensors` beside this card, SHA-256 " in card.text
    assert "earlier1" not in card.content  # a figure of another snapshot
    assert "somebody" not in card.content
    assert "data_dir" not in card.content
    with Image.open(out / "grid.png") as grid:
        assert min(grid.size) > 64


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    complaints = write_card(model(tmp_path), None, tmp_path / "card")
    assert [sentence.partition(",")[0] for sentence in complaints] == [
        "Its license is to be filled in: --license", "It has no figures",
    ]  # fmt: skip
    text = (tmp_path / "card" / "README.md").read_text()
    assert "**to be filled in**" in text
    assert "None were measured at 640 images." in text
    assert "model-index" not in text


def test_a_card_of_ours_is_renewed_and_a_changed_one_kept(tmp_path: Path) -> None:
    made, out = model(tmp_path), tmp_path / "card"
    write_card(made, None, out)
    write_card(made, None, out, "mit")
    path = out / "README.md"
    changed = path.read_text().replace("A generative", "My own generative")
    path.write_text(changed)
    (out / "grid.png").unlink()
    with pytest.raises(UserError, match="was changed since"):
        write_card(made, None, out)
    assert path.read_text() == changed
    assert not (out / "grid.png").exists()
    path.write_text("mine")
    with pytest.raises(UserError, match=r"no card of ganforge's"):
        write_card(made, None, out)


def test_points_have_a_card_too(tmp_path: Path) -> None:
    """Which does not speak of pictures, but for the one that shows the points."""
    made = model(tmp_path, shape=(2,))
    figures = {"high quality/coordinates": {"value": 0.5, "better": "near floor", "floor": 0.9}}
    record = StoredRecord.model_validate(RECORD | {"nimg": 640, "figures": figures})
    text = card_text(made, {}, [record], None).replace(loader(), "")
    assert "pipeline_tag" not in text
    assert '"type": "high-quality-coordinates", "name": "high quality/coordinates"' in text
    for told in ("640 points shown to D", "![2,000 points, by the seeds 0 to 1,999", "- Points: 2 numbers; G",
                 "points = ganforge.load", "# float32 [16, 2]", "499 points judged"):  # fmt: skip
        assert told in text
    assert not re.search("picture|image-|uint8", text)
    write_card(made, None, tmp_path / "card")
    with Image.open(tmp_path / "card" / "grid.png") as grid:
        assert (np.asarray(grid.convert("L")) < 200).sum() > 2000  # a cloud, not some dots


def test_what_was_mended_stands_beside_the_settings(tmp_path: Path) -> None:
    made = model(tmp_path)
    assert "mended" not in card_text(made, {}, [], None)
    event = {"nimg": 320, "finding": "noise", "state": "mended", "change": {"lr": 1e-4}}
    made.mended = (event,)
    text = card_text(made, {}, [], None)
    assert "The training began with these, and was mended as it went:" in text
    assert "- From 320 images on, since noise was found: lr 0.0003 -> 0.0001\n" in text
    made.mended = (event,) * 99
    assert card_text(made, {}, [], None).count("since noise was found") == 3


def test_no_paths() -> None:
    assert dataset_name("/home/somebody/cats.zip") == "cats.zip"
    assert dataset_name("hub:owner/name") == "hub:owner/name"
    assert dataset_name("digits") == "digits"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "card", "--output", "float"], "--output is for onnx and torch"),
        (["--to", "onnx", "--license", "My own"], "The license is 'My own'"),
        (["--to", "onnx", "--out", "model.pt2"], "ends in .onnx"),
        (["--to", "torch", "--out", "nowhere/model.pt2"], "There is no folder nowhere"),
        (["--to", "torch", "--out", "mine.pt2"], "nothing in it shows that ganforge made it"),
        (["--to", "onnx", "--out", "mine.onnx"], "nothing in it shows that ganforge made it"),
    ],
)
def test_refusals(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.pt2", "mine.onnx"):
        Path(name).write_bytes(b"precious" * 1000)
    assert main(["export", "run", *words]) == 2
    assert said in capsys.readouterr().err
    assert Path("mine.pt2").read_bytes() == Path("mine.onnx").read_bytes() == b"precious" * 1000


@pytest.mark.parametrize(("to", "name"), [("onnx", "generator.onnx"), ("torch", "generator.pt2")])
def test_an_exported_file_may_be_made_again(
    to: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    trace_once(monkeypatch)
    path = snapshot(tmp_path, "mlp", 0, "bfloat16", (1, 8, 8))
    for _ in range(2):
        assert main(["export", str(path), "--to", to]) == 0
    said = capsys.readouterr()
    assert f"{name}: " in said.out
    assert "computes in float32, and the run in bfloat16" in said.out
    assert said.err == ""
