"""The cache of prepared pictures: bounded, cleared, and never taken away from a reader."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganforge.base.errors import UserError
from ganforge.data.prepared import cache as prepared
from ganforge.data.prepared.cache import FACTS, FORMAT, PICTURES, all_kept, gib, limit_bytes, locked, make_room, remove
from ganforge.data.prepared.mapped import map_pictures

SIZE = 1000


def make(root: Path, name: str, used: float, size: int = SIZE) -> Path:
    """A prepared set of ``size`` bytes, without labels."""
    folder = root / name
    folder.mkdir(parents=True)
    (folder / PICTURES).write_bytes(bytes(size))
    facts = {"format": FORMAT, "shape": [size, 1, 1, 1], "classes": []}
    (folder / FACTS).write_text(json.dumps(facts))
    os.utime(folder / FACTS, (used, used))
    return folder


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANFORGE_CACHE_GIB", str(3.5 * SIZE / 2**30))


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.is_dir())


def test_the_least_recently_used_go_first(tmp_path: Path, limit: None) -> None:
    for name, used in (("a", 300.0), ("b", 100.0), ("c", 200.0)):
        make(tmp_path, name, used)
    assert [one.folder.name for one in make_room(tmp_path, SIZE, "these")] == ["b"]
    assert names(tmp_path) == ["a", "c"]
    assert make_room(tmp_path, SIZE, "these") == []


def test_what_is_in_use_stays(tmp_path: Path, limit: None) -> None:
    for name, used in (("a", 100.0), ("b", 200.0), ("c", 300.0)):
        make(tmp_path, name, used)
    items, _ = map_pictures(tmp_path / "a" / PICTURES, (SIZE,))
    assert [one.folder.name for one in make_room(tmp_path, SIZE, "these")] == ["b"]
    with pytest.raises(UserError, match=r"other pictures that are in use now take [\d.]+ KiB|wait for those runs"):
        make_room(tmp_path, 3 * SIZE, "these")
    del items, _
    assert len(make_room(tmp_path, 3 * SIZE, "these")) == 1


def test_another_process_counts_too(tmp_path: Path) -> None:
    folder = make(tmp_path, "a", 1.0)
    code = (
        "import sys, pathlib; from ganforge.data.prepared.mapped import map_pictures;"
        f"kept = map_pictures(pathlib.Path(sys.argv[1]), ({SIZE},)); print('ready', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(folder / PICTURES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"ready\n"
        assert not remove(all_kept(tmp_path)[0])
        reader.communicate()
    assert remove(all_kept(tmp_path)[0])
    assert names(tmp_path) == []


def test_what_is_being_made_stays(tmp_path: Path) -> None:
    folder = make(tmp_path, "a.part", 1.0)
    with locked(tmp_path / "a", lambda: None, lambda line: None):
        assert not remove(all_kept(tmp_path)[0])
    assert all_kept(tmp_path)[0].facts is None
    assert remove(all_kept(tmp_path)[0])
    assert not folder.exists()


def test_who_waits_for_another_is_told_and_can_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "LOCK_EVERY_S", 0.01)
    said: list[str] = []

    def poll() -> None:
        if said:
            raise KeyboardInterrupt

    first, second = locked(tmp_path / "a", lambda: None, said.append), locked(tmp_path / "a", poll, said.append)
    with first, pytest.raises(KeyboardInterrupt), second:
        pytest.fail("two at once")
    assert said == ["Another process is preparing the same pictures: waiting for it."]


def test_more_than_the_limit_is_refused(tmp_path: Path, limit: None) -> None:
    make(tmp_path, "a", 1.0)
    with pytest.raises(UserError, match=r"these would take 3.9 KiB, and prepared pictures may take 3.4 KiB in all"):
        make_room(tmp_path, 4 * SIZE, "these")
    assert names(tmp_path) == ["a"]


def test_a_full_disk_is_seen_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANFORGE_CACHE_GIB", "1e6")
    with pytest.raises(UserError, match=r"free; make room there"):
        make_room(tmp_path, 2**49, "these")


@pytest.mark.parametrize("text", ["none", "0", "-3", "nan", "inf"])
def test_a_limit_that_is_none(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANFORGE_CACHE_GIB", text)
    with pytest.raises(UserError, match="GANFORGE_CACHE_GIB is"):
        limit_bytes()


@pytest.mark.parametrize("name", [PICTURES, FACTS])
def test_what_is_not_whole_is_not_found(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path, "a", 1.0)
    assert prepared.read_facts(folder) is not None
    (folder / name).write_bytes(b"[]")
    assert prepared.read_facts(folder) is None
    assert prepared.read_facts(tmp_path / "nowhere") is None


def test_writing_to_mapped_pictures_leaves_the_file_alone(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(bytes(range(12)))
    items, release = map_pictures(tmp_path / "p", (2, 1, 2, 3))
    assert items.tolist()[1][0] == [[6, 7, 8], [9, 10, 11]]
    items.zero_()
    release()
    assert (tmp_path / "p").read_bytes() == bytes(range(12))


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (2048, "2.0 KiB"), (3 * 2**20, "3.0 MiB"), (2**31, "2.0 GiB")],
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert gib(size) == text
