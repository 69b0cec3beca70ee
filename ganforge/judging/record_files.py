"""Where the record of an evaluation goes, and the picture of samples beside their nearest training pictures."""

import json
from pathlib import Path
from typing import Any

from ganforge.base.file_marks import refuse_foreign
from ganforge.base.files import write_text_atomically
from ganforge.base.images import grid, save_png
from ganforge.judging.judged import Judged
from ganforge.metrics.judge import Judge
from ganforge.run.folder import RunFolder

PAIRS = 32
"""Pairs in the picture of samples and their nearest training pictures."""


def places(judged: Judged, out: Path | None, judge: Judge) -> tuple[Path, Path]:
    """Where the record goes, and the picture where pictures were judged. Raises UserError where, outside a run's own
    folder, something lies there that ganforge did not make."""
    folder = RunFolder(judged.source)
    if out is None and folder.exists() and judged.model is not None:
        return folder.evaluation(judged.nimg, judge.protocol.id), folder.nearest(judged.nimg)
    name = judged.source.resolve().stem
    out = out or Path()
    json_path, png_path = out / f"evaluation-{name}-{judge.protocol.id}.json", out / f"nearest-{name}.png"
    refuse_foreign(json_path)
    if judge.copying is not None:
        refuse_foreign(png_path)
    return json_path, png_path


def write(record: dict[str, Any], judge: Judge, json_path: Path, png_path: Path) -> list[Path]:
    """The record as JSON, and the picture where pictures were judged; returns where they are."""
    json_path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(json_path, json.dumps(record, indent=2) + "\n")
    written = [json_path]
    if judge.copying is not None:
        save_png(grid(judge.copying.nearest_pictures(PAIRS), columns=8), png_path)
        written.append(png_path)
    return written
