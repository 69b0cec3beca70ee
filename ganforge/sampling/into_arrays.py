"""Pictures, or points, in an .npz file, arr_0 as the evaluators of papers read it."""

import math
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ganforge.base.errors import UserError
from ganforge.sampling.into_archive import Begun, zip_entry
from ganforge.sampling.picture_plan import Plan


class IntoArrays:
    """See ``save.Target``. arr_0: pictures uint8 [N, H, W, C], or points float32 [N, 2]; arr_1: their classes, int64
    [N], where there are any, and class_names, where these have names; seeds int64 [N], nimg and truncation. Source:
    evaluator.py of github.com/openai/guided-diffusion, which takes arr_0.

    Until all is there, the numbers lie in a file of their own, which is read again for the archive.
    """

    def __init__(self, out: Path, plan: Plan) -> None:
        if plan.look.kind != "png" or plan.look.upscale > 1:
            raise UserError("An .npz file holds the model's own numbers; leave the format, quality and upscale out.")
        self.plan, self._begun = plan, Begun(out, plan, [])
        self.written = self._begun.written
        self._type: np.dtype[Any] = np.dtype("u1" if len(plan.shape) == 3 else "<f4")
        self._shape = (*plan.shape[1:], plan.shape[0]) if len(plan.shape) == 3 else plan.shape
        self._file = self._begun.part.open("ab")

    def begin(self) -> int:
        row_bytes = math.prod(self._shape) * self._type.itemsize
        done = min(self._file.seek(0, 2) // row_bytes, len(self.plan))
        self._file.truncate(done * row_bytes)
        return done

    def work(self, first: int, items: NDArray[Any]) -> bytes:
        """Their bytes, as they lie in the file; in any thread."""
        return (items.transpose(0, 2, 3, 1) if items.ndim == 4 else items).astype(self._type).tobytes()

    def add(self, piece: bytes) -> None:
        self._file.write(piece)

    def finish(self) -> None:
        self._file.close()
        plan = self.plan
        others: dict[str, NDArray[Any]] = {"seeds": np.array(plan.seeds, np.int64)}
        if plan.labels is not None:
            others["arr_1"] = plan.labels.numpy()
            others |= {"class_names": np.array(plan.class_names)} if plan.class_names else {}
        others |= {"nimg": np.array(plan.nimg), "truncation": np.array(plan.truncation)}
        archive = self._begun.part.with_suffix(".whole")
        try:
            with zipfile.ZipFile(archive, "w") as file:
                header = {"descr": npy.dtype_to_descr(self._type), "fortran_order": False}
                with (
                    self._begun.part.open("rb") as rows,
                    file.open(zip_entry("arr_0.npy"), "w", force_zip64=True) as to,
                ):
                    npy.write_array_header_2_0(to, header | {"shape": (len(plan), *self._shape)})
                    shutil.copyfileobj(rows, to, 1 << 20)
                for name, array in others.items():
                    with file.open(zip_entry(f"{name}.npy"), "w", force_zip64=True) as to:
                        npy.write_array(to, array, allow_pickle=False)
            self._begun.becomes(archive, self._begun.out)
        except BaseException:
            archive.unlink(missing_ok=True)
            raise
        self._begun.part.unlink()
        self._begun.about.unlink()

    def close(self) -> None:
        self._file.close()
        self._begun.release()
