"""A generator as a folder that any web server can offer: a page that makes its pictures in the visitor's browser."""

import json
import shutil
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ganforge._version import __version__
from ganforge.base.errors import UserError
from ganforge.base.stopping import poll
from ganforge.data.catalog import folder_name
from ganforge.export.page_folder import FACTS, INDEX, MODEL, RUNTIME, STATIC, refuse_other_folder, written_aside
from ganforge.export.page_runtime import VERSION, runtime_files
from ganforge.export.portable import facts
from ganforge.export.to_onnx import write_onnx
from ganforge.sampling.model import Model

OURS = Path(__file__).parent / "page_files"
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
"""What the page may do: nothing but run its own files. A server may send it as a header, too, for all files."""


def write_page(model: Model, out: Path, wasm_dir: Path | None = None, license: str | None = None) -> float:
    """Write the page's folder; returns the largest difference of the model in it from PyTorch's (``write_onnx``).

    The folder appears whole or not at all, and takes the place of an earlier page only if nothing else lies in it.
    wasm_dir: as ``runtime_files`` takes it. Raises OSError, UserError, and RunError as ``write_onnx`` does.
    """
    if len(model.shape) == 1:
        raise UserError(f"The model in {model.path} makes points, and the page shows pictures; use --to onnx.")
    refuse_other_folder(out)
    runtime = runtime_files(wasm_dir)
    with written_aside(out) as folder:
        found = write_onnx(model, folder / MODEL, "uint8", license)
        poll()
        _fill(folder, model, runtime, license)
        poll()
    return found


def _fill(folder: Path, model: Model, runtime: dict[str, Path], license: str | None) -> None:
    for name in STATIC:
        shutil.copyfile(OURS / name, folder / name)
    for name, path in runtime.items():
        shutil.copyfile(path, folder / RUNTIME[name])
    told = page_facts(model, license)
    told["bytes"] = sum((folder / name).stat().st_size for name in (MODEL, "onnxruntime.wasm"))
    (folder / FACTS).write_text(json.dumps(told, indent=1), encoding="utf-8", newline="\n")
    pages = Environment(
        loader=PackageLoader("ganforge.export", "page_files"), autoescape=True, undefined=StrictUndefined
    )
    pages.trim_blocks = pages.lstrip_blocks = True
    text = pages.get_template(INDEX).render(facts=told, policy=POLICY, version=__version__, runtime=VERSION)
    (folder / INDEX).write_text(text + "\n", encoding="utf-8", newline="\n")


def page_facts(model: Model, license: str | None) -> dict[str, Any]:
    """``portable.facts``, and what the page calls itself: of a path to data, only its last name."""
    data = folder_name(model.config.data)
    return facts(model, "uint8", license) | {"data": data, "name": f"{model.config.recipe} on {data}"}
