"""ONNX files: the same pictures as PyTorch's, or no file."""

import hashlib
import re
import sys
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from exported import CASES, SHAPE, model

from ganforge._version import __version__
from ganforge.base.errors import RunError, UserError
from ganforge.cli.main import main
from ganforge.export import parity, to_onnx
from ganforge.export.parity import BATCHES, TOLERANCE, difference
from ganforge.export.portable import Output, Portable, facts, inputs, portable

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("family", "told", "precision", "shape"), CASES)
def test_every_family_leaves_as_it_is(
    family: str, told: int, precision: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    made, out = model(tmp_path, family, told, precision, shape), tmp_path / "generator.onnx"
    output = "float" if told else "uint8"
    assert to_onnx.write_onnx(made, out, output) <= TOLERANCE
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == ["z", "labels"][: 1 + bool(told)]
    assert [one.name for one in session.get_outputs()] == ["pictures" if len(shape) == 3 else "points"]
    z, labels = inputs(made, 5)  # a number of pictures that no check has seen
    given = {"z": z.numpy()} | ({"labels": labels.numpy()} if labels is not None else {})
    pictures = torch.from_numpy(session.run(None, given)[0])
    own = made.generate(z, labels)
    narrow = 0.1 if precision == "bfloat16" else TOLERANCE
    assert difference(pictures, own) <= narrow
    assert pictures.shape == ((5, 9, 6, 3) if output == "uint8" and len(shape) == 3 else (5, *shape))


def test_facts_and_opset_are_in_the_file(tmp_path: Path) -> None:
    import onnx

    made, out = model(tmp_path, told=3), tmp_path / "generator.onnx"
    to_onnx.write_onnx(made, out, license="cc-by-4.0")
    read, docs = onnx.load(out), (ROOT / "docs" / "sharing.md").read_text()
    assert {one.domain: one.version for one in read.opset_import}[""] == 20
    assert "opset 20" in docs
    assert (read.producer_name, read.producer_version) == ("ganforge", __version__)
    assert {one.key: one.value for one in read.metadata_props} == {
        "made_by": f"ganforge {__version__}", "format": "1", "recipe": "note", "nimg": "640", "noise": "uniform",
        "z_dim": "12", "num_classes": "3", "class_names": '["kind 0", "kind 1", "kind 2"]', "shape": "[3, 9, 6]",
        "output": "uint8", "layout": "NHWC", "range": "[0, 255]", "trained_precision": "float32",
        "license": "cc-by-4.0", "snapshot_sha256": hashlib.sha256(made.path.read_bytes()).hexdigest(),
    }  # fmt: skip
    table = docs[docs.index("| fact |") : docs.index("import numpy as np, onnxruntime")]
    documented = [
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    ]
    assert documented == [*facts(made, "uint8", None)]


@pytest.mark.parametrize(
    ("output", "shape", "told"),
    [
        ("float", SHAPE, {"output": "float32", "layout": "NCHW", "range": [-1, 1], "shape": [3, 9, 6]}),
        ("uint8", (2,), {"output": "float32", "layout": "NC", "range": [-1, 1], "shape": [2]}),
    ],
)
def test_facts_of_floats_and_of_points(output: Output, shape: tuple[int, ...], told: dict, tmp_path: Path) -> None:
    assert told.items() <= facts(model(tmp_path, shape=shape), output, None).items()


def test_a_model_that_differs_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, out = model(tmp_path), tmp_path / "generator.onnx"
    out.write_bytes(b"what was there before")
    whole = to_onnx.converted

    def changed(module: Portable, *rest: Any) -> bytes:
        other = portable(made, "uint8")
        other.G.layers[-2].bias.data[0] += 0.01
        return whole(other, *rest)

    monkeypatch.setattr(to_onnx, "converted", changed)
    with pytest.raises(RunError, match=r"ONNX model is not written: at batch 1 its pictures differ from PyTorch's"):
        to_onnx.write_onnx(made, out)
    assert out.read_bytes() == b"what was there before"
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".onnx", ".safetensors"]


def test_nor_one_that_differs_from_ganforges_own(tmp_path: Path) -> None:
    made = model(tmp_path)
    module = portable(made, "float")
    made.G.layers[-2].bias.data += 0.01
    with pytest.raises(RunError, match="differ from ganforge's own"):
        parity.check_parity(lambda z, labels: module(z), module, made, "ONNX")


@pytest.mark.parametrize("wrong_at", BATCHES)
def test_each_batch_is_looked_at(wrong_at: int, tmp_path: Path) -> None:
    made = model(tmp_path)
    module = portable(made, "float")
    with pytest.raises(RunError, match=f"at batch {wrong_at} "):
        parity.check_parity(lambda z, labels: module(z) + 0.001 * (len(z) == wrong_at), module, made, "ONNX")


def test_what_is_no_number_differs(tmp_path: Path) -> None:
    made = model(tmp_path)
    with pytest.raises(RunError, match="differ from PyTorch's by nan"):
        parity.check_parity(
            lambda z, labels: torch.full((len(z), *SHAPE), torch.nan), portable(made, "float"), made, "ONNX"
        )


def test_differences() -> None:
    fakes = torch.tensor([[[[-1.0, 0.0], [0.5, 2.0]]]])  # levels 0, 127.5, 191.25, 255 of [1, 1, 2, 2]
    bytes_out = torch.tensor([0, 128, 191, 255], dtype=torch.uint8).view(1, 2, 2, 1)
    assert difference(bytes_out, fakes) == 0
    assert difference(
        bytes_out + torch.tensor([1, 0, 0, 0], dtype=torch.uint8).view(1, 2, 2, 1), fakes
    ) == pytest.approx(0.5 / 127.5)
    assert difference(bytes_out.permute(0, 3, 1, 2), fakes) == float("inf")
    assert difference(fakes + 0.01, fakes) == pytest.approx(0.005)  # of the largest, which is 2
    assert difference(fakes[:1, :, :1], fakes) == difference(fakes.double(), fakes) == float("inf")
    assert not difference(fakes * float("nan"), fakes) <= 1


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
@pytest.mark.parametrize("to", ["onnx", "page"])
def test_a_missing_package_is_said_before_the_run_is_looked_at(
    to: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["export", "nowhere", "--to", to]) == 2
    assert capsys.readouterr().err == (
        f"ganforge: An ONNX file needs {package}, which is not installed: pip install 'ganforge[export]'.\n"
    )
    assert not list(tmp_path.iterdir())


def test_what_no_file_can_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_onnx, "MAX_BYTES", 1000)
    with pytest.raises(UserError, match="larger than the 2 GiB"):
        to_onnx.write_onnx(model(tmp_path), tmp_path / "generator.onnx")
    assert not (tmp_path / "generator.onnx").exists()
