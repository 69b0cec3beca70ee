"""ONNX files: the same pictures as PyTorch's, or no file."""

import json
import sys
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from exported import CASES, SHAPE, model

from ganforge.base.errors import RunError, UserError
from ganforge.export import parity, to_onnx
from ganforge.export.parity import BATCHES, TOLERANCE, difference
from ganforge.export.portable import Portable, inputs, portable


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
    read = onnx.load(out)
    assert {one.domain: one.version for one in read.opset_import}[""] == to_onnx.OPSET
    facts = {one.key: one.value for one in read.metadata_props}
    assert (facts["license"], facts["noise"], facts["z_dim"], facts["nimg"]) == ("cc-by-4.0", "uniform", "12", "640")
    assert json.loads(facts["class_names"]) == ["kind 0", "kind 1", "kind 2"]
    assert (facts["output"], facts["layout"], json.loads(facts["range"])) == ("uint8", "NHWC", [0, 255])
    assert str(tmp_path) not in str(facts)


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


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"onnxruntime, which is not installed: pip install 'ganforge\[export\]'"):
        to_onnx.require_packages()


def test_what_no_file_can_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_onnx, "MAX_BYTES", 1000)
    with pytest.raises(UserError, match="larger than the 2 GiB"):
        to_onnx.write_onnx(model(tmp_path), tmp_path / "generator.onnx")
    assert not (tmp_path / "generator.onnx").exists()
