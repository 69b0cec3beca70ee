"""base/file_marks.py: what ganforge made may be overwritten, nothing else."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ganforge.base.animations import encode_animation
from ganforge.base.charts import Chart
from ganforge.base.curves import save_curves
from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.images import save_png

GREY = Image.new("L", (8, 8), 99)
COLOURS = [Image.new("RGB", (300, 300), (n, 50, 255 - n)) for n in range(0, 250, 10)]
RECORD = {"format": 1, "nimg": 5, "protocol": {}, "figures": {}}

OURS: dict[str, Callable[[Path], object]] = {
    "a.png": lambda path: save_png(GREY, path),
    "b.PNG": lambda path: save_png(COLOURS[0], path),
    "c.png": lambda path: save_curves([Chart("title", {"run": [(1, 2.0)]})], path),
    "d.webp": lambda path: path.write_bytes(encode_animation([GREY, GREY.rotate(90)], "webp")),
    "e.webp": lambda path: path.write_bytes(encode_animation(COLOURS, "webp")),
    "f.gif": lambda path: path.write_bytes(encode_animation(COLOURS, "gif")),
    "g.gif": lambda path: path.write_bytes(encode_animation([GREY, GREY.rotate(90)], "gif", loop=False)),
    "h.json": lambda path: path.write_text(json.dumps(RECORD)),
}
FOREIGN: dict[str, Callable[[Path], object]] = {
    "a.png": lambda path: GREY.save(path),
    "b.png": lambda path: path.write_bytes(b""),
    "c.webp": lambda path: COLOURS[0].save(path, save_all=True, append_images=COLOURS),
    "d.gif": lambda path: COLOURS[0].save(path, save_all=True, append_images=COLOURS),
    "e.json": lambda path: path.write_text('{"my": "notes"}'),
    "f.json": lambda path: path.write_text("notes"),
    "g.json": lambda path: path.write_text("[" * 100_000),
    "h.png": lambda path: path.mkdir(),
    "i.png": lambda path: os.mkfifo(path),
    "j.png": lambda path: (save_png(GREY, path.with_name("target.png")), path.symlink_to("target.png")),
    "k.png": lambda path: path.symlink_to("nowhere.png"),
    "l.json": lambda path: path.symlink_to("/dev/zero"),
    "m.json": lambda path: path.write_text(json.dumps(RECORD | {"more": "x" * (1 << 20)})),
}


@pytest.mark.parametrize("name", OURS)
def test_what_ganforge_made_may_be_overwritten(name: str, tmp_path: Path) -> None:
    refuse_foreign(tmp_path / name)  # nothing is there yet
    OURS[name](tmp_path / name)
    refuse_foreign(tmp_path / name)


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_somebody_elses_may_not(name: str, tmp_path: Path) -> None:
    FOREIGN[name](tmp_path / name)
    with pytest.raises(UserError, match=rf"{name} is not overwritten.*; choose another name with --out\."):
        refuse_foreign(tmp_path / name)


def test_without_the_folder_there_is_nothing_to_overwrite(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refuse_foreign(tmp_path / "no" / "a.png")
    refuse_foreign(tmp_path / "file" / "a.png")
