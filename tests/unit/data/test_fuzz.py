"""A small share of benchmarks/fuzz.py, and that it would notice harm."""

import importlib.util
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def fuzz() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        spec = importlib.util.spec_from_file_location("fuzz", BENCHMARKS / "fuzz.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, "fuzz", module)
        spec.loader.exec_module(module)
        yield module


@pytest.fixture(scope="module")
def watch(fuzz: ModuleType) -> object:
    return fuzz.Watch()  # an audit hook stays for good: one is enough


def test_damaged_files_do_no_harm(fuzz: ModuleType, watch: object, tmp_path: Path) -> None:
    pictures, containers = fuzz.make_pictures(), fuzz.make_containers(tmp_path)
    outcomes = [fuzz.try_one(number, 9, tmp_path, pictures, containers, watch) for number in range(300)]
    assert [outcome for outcome in outcomes if outcome.fault] == []
    results = Counter(outcome.result for outcome in outcomes)
    assert min(results["pictures"], results["in part"], results["refused"]) > 5


def test_whole_files_are_read_whole(fuzz: ModuleType, tmp_path: Path) -> None:
    assert {fuzz.read_picture(content) for content in fuzz.make_pictures().values()} == {"pictures"}
    for content in fuzz.make_containers(tmp_path).values():
        (tmp_path / "case").write_bytes(content)
        assert fuzz.read_container(tmp_path / "case") == "pictures"


@pytest.mark.parametrize("harm", ["raise", "write", "folder"])
def test_harm_is_noticed(
    fuzz: ModuleType, watch: object, tmp_path: Path, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bad(*_: object) -> str:
        if harm == "write":
            (tmp_path / "written").write_bytes(b"")
            (tmp_path / "written").unlink()
        elif harm == "folder":
            (tmp_path / "made").mkdir()
        else:
            raise KeyError("x")
        return "pictures"

    monkeypatch.setattr(fuzz, "read_picture", bad)
    monkeypatch.setattr(fuzz, "read_container", bad)
    files = {"BMP": b"x"}
    outcome = fuzz.try_one(0, 0, tmp_path, files, files, watch)
    assert outcome.result == "fault"
    assert outcome.fault
