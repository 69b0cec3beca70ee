"""The folder of an exported page: its files; it appears whole or not at all, and never over others' files."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.files import TEMPORARY, reason, sync, umask

INDEX, MODEL, FACTS = "index.html", "model.onnx", "model.json"
STATIC = (
    "common.js", "engine.js", "grid.js", "keep.js", "noise.js", "onnxruntime-license.txt", "page.css", "page.js",
    "walk.js", "wish.js", "worker.js",
)  # fmt: skip
RUNTIME = {"ort.wasm.bundle.min.mjs": "onnxruntime.js", "ort-wasm-simd-threaded.wasm": "onnxruntime.wasm"}
"""By name in the package, the name beside the page: some servers do not know what an .mjs file is."""
NAMES = {INDEX, MODEL, FACTS, *STATIC, *RUNTIME.values()}


def refuse_other_folder(out: Path) -> None:
    """Raise UserError where something lies at ``out`` that is neither an empty folder nor a page of ours alone."""
    if out.name in ("", ".."):
        raise UserError(f"{out} is no name for the page's folder, which is made anew; give another with --out.")
    try:
        kind = out.lstat().st_mode
        names = sorted(entry.name for entry in os.scandir(out)) if stat.S_ISDIR(kind) else []
    except (FileNotFoundError, NotADirectoryError):
        if not out.parent.is_dir():
            raise UserError(f"There is no folder {out.parent}; make it, or choose another place with --out.") from None
        return
    except OSError as error:
        raise UserError(f"The folder cannot be read: {reason(error)}; choose another with --out.") from None
    if not stat.S_ISDIR(kind):
        raise UserError(f"{out} is not a folder, and a page is one; choose another name with --out.")
    others = [name for name in names if name not in NAMES]
    if others or (names and not {INDEX, FACTS} <= {*names}):
        some = ", ".join((others or names)[:3]) + ", ..." * (len(others or names) > 3)
        raise UserError(f"The folder {out} holds other files than a page's ({some}); choose another with --out.")
    if names:
        refuse_foreign(out / INDEX)


@contextmanager
def written_aside(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` to be filled, which takes its place at the end of the context, or goes away. Raises
    OSError."""
    try:
        aside = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=out.parent))
    except OSError as error:
        error.filename = str(out)
        raise
    try:
        yield aside
        for path in aside.iterdir():
            sync(path)
        aside.chmod(0o777 & ~umask())
        _put(aside, out)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    sync(out.parent)


def _put(aside: Path, out: Path) -> None:
    """Two renames where there is a page already: should the second one fail, the old page comes back."""
    refuse_other_folder(out)  # which may have got other files meanwhile
    if not out.exists():
        aside.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=out.parent))
    out.rename(old / out.name)
    try:
        aside.rename(out)
    except BaseException:
        (old / out.name).rename(out)
        old.rmdir()
        raise
    shutil.rmtree(old)
