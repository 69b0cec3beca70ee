"""Where the record of an evaluation goes, and the picture of samples beside their nearest training pictures."""

import contextlib
import itertools
import json
import re
from pathlib import Path
from typing import Any

from ganforge.base.file_marks import MAX_RECORD_BYTES, is_marked, refuse_foreign
from ganforge.base.files import read_plain_json, write_text_atomically
from ganforge.base.images import grid, save_png
from ganforge.base.terminal import complain, printable
from ganforge.judging.judged import Judged
from ganforge.metrics.judge import Judge
from ganforge.run.folder import RunFolder
from ganforge.run.paths import entries

PAIRS = 32
"""Pairs in the picture of samples and their nearest training pictures."""


def places(judged: Judged, out: Path | None, judge: Judge) -> tuple[Path, Path]:
    """Where the record goes, and the picture where pictures were judged; outside a run's own folder with -2, -3, ...
    after the name where records of something else that is called so lie there: these are not replaced. Raises UserError
    where something lies there that ganforge did not make."""
    folder = RunFolder(judged.source)
    if out is None and folder.exists() and judged.model is not None:
        return folder.evaluation(judged.nimg, judge.protocol.id), folder.nearest(judged.nimg)
    out = out or Path()
    name = free_name(judged.source.resolve().stem, out, judged.subject())
    json_path, png_path = out / f"evaluation-{name}-{judge.protocol.id}.json", out / f"nearest-{name}.png"
    refuse_foreign(json_path)
    if judge.copying is not None:
        refuse_foreign(png_path)
    return json_path, png_path


def free_name(stem: str, out: Path, subject: dict[str, Any]) -> str:
    """``stem``, or with a number after it, which is said: all records by that name are of this subject."""
    others: dict[str, Path] = {}
    with contextlib.suppress(OSError):  # that will be said when it is written
        for file, _ in entries(out):
            found = re.fullmatch(rf"evaluation-({re.escape(stem)}(-[0-9]+)?)-[0-9a-f]+\.json", file)
            if found and subject_path(out / file) not in (None, place_of(subject)):
                others[found[1]] = out / file
    numbered = (stem if n == 1 else f"{stem}-{n}" for n in itertools.count(1))
    name = next(name for name in numbered if name not in others)
    if name != stem:
        complain(printable(f"{others[stem]} is of something else and stays; what is written is called {name}."))
    return name


def subject_path(path: Path) -> Path | None:
    """Of what a record's figures are; None where it is none of ganforge's, or does not tell."""
    try:
        if not is_marked(path):
            return None
        subject = read_plain_json(path, MAX_RECORD_BYTES).get("subject")
    except (OSError, ValueError):
        return None
    return place_of(subject) if isinstance(subject, dict) and isinstance(subject.get("path"), str) else None


def place_of(subject: dict[str, Any]) -> Path:
    return Path(subject["path"]).resolve()


def write(record: dict[str, Any], judge: Judge, json_path: Path, png_path: Path) -> list[Path]:
    """The record as JSON, and the picture where pictures were judged; returns where they are."""
    json_path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(json_path, json.dumps(record, indent=2) + "\n")
    written = [json_path]
    if judge.copying is not None:
        save_png(grid(judge.copying.nearest_pictures(PAIRS), columns=8), png_path)
        written.append(png_path)
    return written
