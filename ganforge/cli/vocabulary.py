"""The terms of docs/vocabulary.md, read from its tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("vocabulary.md")
"""A link to the document, which becomes the file itself when the package is built."""
LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class Term:
    """words: the spellings in its row. section: the heading above its table. cells: what the row tells of it."""

    words: tuple[str, ...]
    section: str
    cells: tuple[str, ...]


def terms() -> Iterator[Term]:
    """Every row of every table, in order. Raises OSError where the file is missing."""
    section = ""
    header: list[str] = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section, header = line[3:], []
        if not line.startswith("|"):
            header = []
        elif not header:
            header = [_plain(cell) for cell in line.strip("|").split("|")]
        elif not line.startswith("|-"):
            first, *rest = (cell.strip() for cell in line.strip().strip("|").split("|"))
            told = [_plain(cell) for cell in rest]
            labels = ["", *(f"{label[0].upper()}{label[1:]}: " for label in header[2:])]
            cells = (f"{label}{cell}" for label, cell in zip(labels, told, strict=False) if cell)
            words = tuple(_plain(word) for word in re.split(r",\s*", first))
            yield Term(words, section, tuple(cells))


def _plain(text: str) -> str:
    return LINK.sub(r"\1", text).replace("`", "").strip()
