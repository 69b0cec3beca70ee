"""docs/breaking.md: its commands do what it says, in ganforge's own words, and the mends help.

`python tests/e2e/test_breaking.py` writes its numbers and pictures anew.
"""

import contextlib
import io
import json
import os
import re
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from PIL import Image

from ganforge.cli.main import main
from ganforge.run.folder import RunFolder

DOCS = Path(__file__).parents[2] / "docs"
PAGE, PICTURES = DOCS / "breaking.md", DOCS / "images"
NUMBER = re.compile(r"\d[\d,.]*(?<=\d)(?:e-?\d+)?")
MENDS = {
    "rate": ("rate-far-too-high", "healthy"),
    "strong": ("d-has-won", "healthy"),
    "short": ("missing-modes", "healthy"),
    "penalty": ("penalty-dominates", "penalty-mended"),
    "ring": ("mode-collapse", "ring-mended"),
}
"""run: (what is found in it, the run that is its mend)."""
DRAWN = {
    "breaking-digits": ("healthy", "rate", "strong", "short"),
    "breaking-penalty": ("penalty", "penalty-mended"),
    "breaking-ring": ("ring", "ring-mended"),
}
SIDE, COLOURS, LARGEST = 224, 128, 60_000


class Played(NamedTuple):
    """A command of the page, the lines that it shows below it, and what came when it was typed."""

    command: str
    shown: Sequence[str]
    said: Sequence[str]
    status: int

    def line(self, shown: str) -> str | None:
        """The line that came which is the shown one but for its numbers, as far as that goes; None without any."""
        known = blank(shown.removesuffix("..."))
        for said in self.said:
            if blank(said) == known or (shown.endswith("...") and blank(said).startswith(known)):
                return said
        return None


def blank(line: str) -> str:
    """Without its numbers, and with one space between words."""
    return NUMBER.sub("0", " ".join(line.split()))


def commands(page: str) -> list[tuple[str, list[str]]]:
    """Of the page's console blocks: each command, and the lines shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in "\n".join(re.findall(r"```console\n(.*?)```", page, re.S)).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line:
            found[-1][1].append(line)
    return found


def play(page: str) -> list[Played]:
    """Type all of them, here."""
    played = []
    for command, shown in commands(page):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = main(shlex.split(command)[1:])
        played.append(Played(command, shown, said.getvalue().splitlines(), status))
    return played


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with contextlib.chdir(tmp_path_factory.mktemp("breaking")):
        yield play(PAGE.read_text(encoding="utf-8"))
    torch.set_num_threads(threads)


def out(one: Played) -> Path:
    return Path(shlex.split(one.command)[-1])


def test_the_page_shows_what_ganforge_says(played: list[Played]) -> None:
    assert len(played) == 16
    strange = [(one.command, line) for one in played for line in one.shown if one.line(line) is None]
    assert strange == []
    for one in played:
        broken = one.command.startswith("ganforge diagnose") and str(out(one)) in MENDS
        assert one.status == (3 if broken else 0), one.command


@pytest.mark.parametrize("run", MENDS)
def test_what_a_finding_says_to_type_mends_it(played: list[Played], run: str) -> None:
    """The finding is gone, and the pictures are far better."""
    name, mended = MENDS[run]
    trained = {str(out(one)): one.command for one in played if one.command.startswith("ganforge train")}
    found = {finding["name"]: finding for finding in diagnosed(run)["findings"] if finding["until"] is None}
    assert trained[mended].removesuffix(f" --out {mended}") in [typed for _, typed in found[name]["do"]]
    assert not diagnosed(mended)["went_wrong"]
    assert name not in [finding["name"] for finding in diagnosed(mended)["findings"]]
    assert figure(mended) < figure(run) / 5


def diagnosed(run: str) -> Any:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        main(["diagnose", run, "--json"])
    return json.loads(said.getvalue())


def figure(run: str) -> float:
    """The last value of the run's headline figure."""
    record = list(RunFolder(Path(run)).metrics_rows())[-1]
    return float(record["figures"][record["headline"]]["value"])


@pytest.mark.parametrize("name", DRAWN)
def test_the_pictures_are_there_and_small(name: str) -> None:
    path = PICTURES / f"{name}.png"
    assert f"(images/{path.name})" in PAGE.read_text(encoding="utf-8")
    assert path.stat().st_size < LARGEST
    with Image.open(path) as picture:
        assert picture.size == (SIDE * len(DRAWN[name]) + 8 * (len(DRAWN[name]) - 1), SIDE)


def side_by_side(runs: Sequence[str]) -> Image.Image:
    """The newest grids of the runs."""
    sheet = Image.new("RGB", (SIDE * len(runs) + 8 * (len(runs) - 1), SIDE), "white")
    for index, run in enumerate(runs):
        with Image.open(RunFolder(Path(run)).all_fakes()[-1][1]) as picture:
            small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
        sheet.paste(small, (index * (SIDE + 8), 0))
    return sheet


def rewrite() -> None:
    """The page with the numbers of here and now, and its pictures."""
    torch.set_num_threads(1)
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        for one in play(page):
            for shown in one.shown:
                said = one.line(shown)
                if said is None:
                    raise SystemExit(f"{one.command} does not say {shown!r}, but:\n" + "\n".join(one.said))
                numbers = iter(NUMBER.findall(said))
                page = page.replace(shown, NUMBER.sub(lambda _, numbers=numbers: next(numbers), shown), 1)
        for name, runs in DRAWN.items():
            side_by_side(runs).quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("XDG_CACHE_HOME", tempfile.mkdtemp())
    rewrite()
