"""Pictures that follow each other: a walk as frames, made as they are written, and the grids of a run."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.base.film_files import save_film
from ganforge.base.images import open_frame, save_png
from ganforge.base.stopping import poll
from ganforge.data.draw import draw_frames
from ganforge.run.folder import RunFolder
from ganforge.sampling.model import Model

HOLD_S = 2.0
"""Seconds for which the last grid of a run stays."""


def walk_frames(model: Model, z: Tensor, labels: Tensor | None, scale: int | None) -> Iterator[Image.Image]:
    """A frame for each z [N, z_dim], as ``draw_frames`` draws them, one by one; points all at
    once, as each is drawn among all."""
    points = len(model.shape) != 3
    batch = len(z) if points else model.batch_size
    for first in range(0, len(z), batch):
        poll()
        part = slice(first, first + batch)
        items = model.pictures(z[part], None if labels is None else labels[part])
        for drawn in [items] if points else items.split(1):
            yield from draw_frames(drawn, scale)


def evolution_frames(run: RunFolder, fps: float) -> Iterator[Image.Image]:
    """The run's grids, oldest first, in the size of the newest; that one for ``HOLD_S``. Raises UserError where there
    is none, or one cannot be read."""
    run.read_config()
    try:
        paths = [path for _, path in run.all_fakes()]
        if not paths:
            raise UserError(f"{run.path} has no grids yet (fakes-*.png), so there is no film of them.")
        last = open_frame(paths[-1])
        for path in paths:
            poll()
            frame = open_frame(path)
            yield frame if frame.size == last.size else frame.resize(last.size, Image.Resampling.NEAREST)
    except OSError as error:
        raise UserError(f"The grids cannot be read: {reason(error)}; move that file away to leave it out.") from None
    for _ in range(round(HOLD_S * fps)):
        yield last


def write_frames(frames: Iterable[Image.Image], out: Path, fps: float) -> int:
    """A film, or, where ``out`` is no film's name, numbered PNG files in that folder; returns how many frames. Raises
    UserError where that cannot be written, and where there is something in the folder."""
    try:
        if out.suffix.lower() in (".mp4", ".webm"):
            return save_film(frames, out, fps)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UserError(f"{out} is there already and not an empty folder; choose another --out.")
        return _write_pngs(frames, out)
    except OSError as error:
        raise UserError(f"The frames cannot be written: {reason(error)}; choose another place with --out.") from None


def _write_pngs(frames: Iterable[Image.Image], out: Path) -> int:
    """All or none: of what was stopped or cannot go on, what was written is removed again, so that the same command can
    be given again."""
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    written: list[Path] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(frames):
            path = out / f"frame-{number:05}.png"
            save_png(frame, path)
            written.append(path)
    except BaseException:
        _remove(written, made)
        raise
    return len(written)


def _remove(files: Sequence[Path], folders: Sequence[Path]) -> None:
    """As far as that can be done: the files, and those of the folders, the innermost first, that are empty then."""
    for path in files:
        with contextlib.suppress(OSError):
            path.unlink()
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
