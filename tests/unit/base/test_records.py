"""Records are read out of the files of parts, without importing these."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ganforge.base.records import Record, read_records

HALF = 0.5


@dataclass(frozen=True, kw_only=True)
class Toy(Record):
    weight: float = HALF


FIRST = """
Toy, HALF = dict, 0.5
RECORD = Toy(
    name="b",
    order=1,
    meaning="a line, such as RECORD = Toy(",
    source="none",
    weight=HALF * 4,
)

raise RuntimeError("imported")
"""
SECOND = 'RECORD = Toy(name="a", order=2, meaning="x", source="y")\n'


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "toys"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "other.py").write_text("RECORDS = 1\n")
    (folder / "one.py").write_text(FIRST)
    (folder / "two.py").write_text(SECOND)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toys", raising=False)
    __import__("toys")
    return folder


def test_records_are_read_in_their_order_and_nothing_is_imported(package: Path) -> None:
    found = read_records("toys", Toy)
    assert [*found] == ["b", "a"]
    assert (found["b"].weight, found["a"].weight) == (2.0, 0.5)
    assert [record.module for record in found.values()] == ["toys.one", "toys.two"]
    with pytest.raises(RuntimeError, match="imported"):
        found["b"].load()


def test_one_name_for_one_part(package: Path) -> None:
    (package / "three.py").write_text(SECOND)
    with pytest.raises(ValueError, match="two parts of toys have one name: b, a, a"):
        read_records("toys", Toy)


def test_a_file_may_hold_several_parts(package: Path) -> None:
    both = ", ".join(f'Toy(name="{name}", order=0, meaning="x", source="y")' for name in ("d", "c"))
    (package / "family.py").write_text("import nothing\nRECORDS = (\n    " + both + ",\n)\n")
    found = read_records("toys", Toy)
    assert [*found] == ["c", "d", "b", "a"]
    assert {record.module for record in found.values() if record.order == 0} == {"toys.family"}


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            "MINE = 2\nRECORD = Toy(name='c', order=3, meaning='x', source='y', weight=MINE)\n",
            "'MINE' is not defined",
        ),
        ("RECORD = Toy(name='c', order=3, meaning='x')\n", "missing 1 required keyword-only argument: 'source'"),
        ("RECORD: Toy = Toy(name='c', order=3, meaning='x', source='y')\n", "begin with exactly `RECORD = Toy"),
        ("RECORD  =  Toy(name='c', order=3, meaning='x', source='y')\n", "begin with exactly `RECORD = Toy"),
    ],
)
def test_a_record_that_cannot_be_read_is_told_with_its_file(source: str, why: str, package: Path) -> None:
    (package / "three.py").write_text(source)
    with pytest.raises(ValueError, match=rf"three\.py: the record .*{why}"):
        read_records("toys", Toy)
