"""Records of parts: what is true of an objective, a penalty, a family of networks or a figure, told in one place.

Each part is one file. Its record stands at the top of it, as ``RECORD = Kind(...)``, and below it the implementation,
which loads PyTorch; parts that one computation gives share a file, and are ``RECORDS = (Kind(...), ...)`` in it. A
catalog reads the records alone, so that whoever only tells what parts there are, such as `ganforge train --help`, waits
for nothing heavy.
"""

import re
import sys
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TypeVar


@dataclass(frozen=True, kw_only=True)
class Record:
    """What every part tells.

    name: as people type and read it. order: parts are listed by it, lowest first, then by name. meaning: one line.
    source: paper and equation, or where else it comes from. module: the file's, filled in by the catalog.
    """

    name: str
    order: int
    meaning: str
    source: str
    module: str = ""

    def load(self) -> ModuleType:
        """The part's implementation, whose import loads PyTorch."""
        return import_module(self.module)


Part = TypeVar("Part", bound=Record)


def read_records(package: str, kind: type[Part]) -> dict[str, Part]:
    """The records of ``kind`` in a package's files, by name, in their order. No part is imported.

    A record is an expression of literals and of names from the module that ``kind`` is defined in. Raises ValueError,
    with the file's name, for one that is not, and where two parts have one name.
    """
    folder = Path(str(import_module(package).__file__)).parent
    found: list[Part] = []
    for path, source in _sources(folder):
        for start in (f"RECORD = {kind.__name__}(", f"RECORDS = (\n    {kind.__name__}("):
            if statement := _statement(source, start):
                records = _told(path, statement, kind)
                found += [replace(record, module=f"{package}.{path.stem}") for record in records]
                break
        else:
            if re.search(rf"^RECORDS?\b.*=\s*\(?\s*{kind.__name__}\(", source, re.MULTILINE):
                raise ValueError(f"{path}: the record has to begin with exactly `RECORD = {kind.__name__}(`")
    if not found:
        raise ValueError(f"{package} has no records in {folder}: ganforge needs its source files, unpacked")
    found.sort(key=lambda record: (record.order, record.name))
    names = [record.name for record in found]
    if len({*names}) < len(names):
        raise ValueError(f"two parts of {package} have one name: {', '.join(names)}")
    return dict(zip(names, found, strict=True))


def _sources(folder: Path) -> list[tuple[Path, str]]:
    """The files that may hold a record, by name."""
    texts = ((path, path.read_bytes()) for path in sorted(folder.glob("*.py")))
    return [(path, text.decode()) for path, text in texts if b"RECORD" in text]


def _told(path: Path, statement: str, kind: type[Part]) -> tuple[Part, ...]:
    """The records of a statement. Raises ValueError for one that cannot be read by itself."""
    try:
        told = eval(statement.partition(" = ")[2], dict(vars(sys.modules[kind.__module__])))
    except Exception as error:
        raise ValueError(
            f"{path}: the record cannot be read ({error}); it may hold literals, and names that {kind.__module__} has"
        ) from error
    return told if isinstance(told, tuple) else (told,)


def _statement(source: str, start: str) -> str:
    """The statement at the margin that begins with ``start``, up to the line that closes its bracket; or nothing."""
    first = f"\n{source}".find(f"\n{start}")
    if first < 0:
        return ""
    lines = source[first:].splitlines()
    is_whole = lines[0].endswith(")")
    return "\n".join(lines[: 1 if is_whole else lines.index(")") + 1])
