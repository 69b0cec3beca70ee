"""What others run where there is no ganforge: .pt2 files, and the loader of docs/sharing.md."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from exported import CASES, FAMILIES, model
from safetensors.torch import load_file, save_file

import ganforge
from ganforge.base.errors import RunError
from ganforge.export import to_torch
from ganforge.export.card import loader
from ganforge.export.parity import TOLERANCE, difference
from ganforge.export.portable import Portable, inputs, portable

TRACED = [case for row, case in enumerate(CASES) if row % 4 in (0, 3) and case[0] in FAMILIES]
"""Each family once, told the class or not in turn, and points: tracing takes seconds. What only one way shows, ONNX's
files do, which are traced likewise."""
PROGRAM = """
import json, os, sys
sys.modules["ganforge"] = None  # importing it fails from now on
import torch
from safetensors.torch import load_file, save_file
exec(open("loader.py").read())
for path in json.load(open("paths.json")):
    given = load_file(path + ".inputs")
    labels = given.get("labels")
    generate, snapshot_facts = load(path)
    assert snapshot_facts["nimg"] == 640
    made = {"loader": generate(given["z"], labels)}
    if not os.path.exists(path + ".pt2"):
        save_file(made, path + ".made")
        continue
    extra = {"ganforge.json": ""}
    module = torch.export.load(path + ".pt2", extra_files=extra).module()
    facts = json.loads(extra["ganforge.json"])
    told = {"labels": labels} if facts["num_classes"] else {}
    assert facts["nimg"] == 640
    made["pt2"] = module(z=given["z"], **told).contiguous()
    save_file(made, path + ".made")
assert not any(name.startswith("ganforge.") for name in sys.modules)
"""


def test_pt2_files_and_the_loader_run_without_it(tmp_path: Path) -> None:
    models = [model(tmp_path, *case) for case in CASES]
    for made in models:
        z, labels = inputs(made, 5)
        save_file({"z": z} | ({} if labels is None else {"labels": labels}), f"{made.path}.inputs")
    assert {case[0] for case in TRACED} == {*FAMILIES}
    for made in (made for made, case in zip(models, CASES, strict=True) if case in TRACED):
        output = "uint8" if made.num_classes else "float"
        assert to_torch.write_torch(made, Path(f"{made.path}.pt2"), output) <= TOLERANCE
    (tmp_path / "loader.py").write_text(loader())
    (tmp_path / "paths.json").write_text(json.dumps([str(made.path) for made in models]))
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", PROGRAM], cwd=tmp_path, env=clean, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len([*tmp_path.glob("*.pt2")]) == len(TRACED) == 7
    for made, case in zip(models, CASES, strict=True):
        z, labels = inputs(made, 5)
        found, narrow = load_file(f"{made.path}.made"), made.config.precision == "bfloat16"
        assert found.keys() == ({"loader", "pt2"} if case in TRACED else {"loader"})
        for name, pictures in found.items():
            assert difference(pictures, portable(made, "float")(z, labels)) <= TOLERANCE, (made.path.name, name)
            assert difference(pictures, made.generate(z, labels)) <= (0.1 if narrow else TOLERANCE)
        assert found["loader"].shape == (5, *made.shape)


def test_the_loader_stands_in_the_docs_and_is_short() -> None:
    page = (Path(ganforge.__file__).parents[1] / "docs" / "sharing.md").read_text(encoding="utf-8")
    assert loader() in page
    assert len([line for line in loader().splitlines() if line.strip()]) <= 42
    assert set(re.findall(r"^(?:import|from) (\w+)", loader(), re.MULTILINE)) == {"json", "torch", "safetensors"}


def test_a_pt2_that_differs_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, whole = model(tmp_path), to_torch.traced

    def changed(module: Portable, *rest: Any) -> bytes:
        other = portable(made, "uint8")
        other.G.layers[-2].bias.data[0] += 0.01
        return whole(other, *rest)

    monkeypatch.setattr(to_torch, "traced", changed)
    with pytest.raises(RunError, match=r"torch.export model is not written: at batch 1"):
        to_torch.write_torch(made, tmp_path / "generator.pt2")
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


def test_bytes_are_those_of_ganforge(tmp_path: Path) -> None:
    made = model(tmp_path)
    z, labels = inputs(made, 7)
    assert torch.equal(portable(made, "uint8")(z).permute(0, 3, 1, 2), made.pictures(z, labels))
