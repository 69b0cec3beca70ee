"""The cache of prepared pictures: bounded, cleared, and never taken away from a reader."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganforge.base.errors import UserError
from ganforge.base.sizes import gib
from ganforge.base.stopping import polled_by
from ganforge.data.prepared import cache as prepared
from ganforge.data.prepared.cache import all_kept, limit_bytes, locked, make_room, remove
from ganforge.data.prepared.mapped import map_pictures
from ganforge.data.prepared.prepared_facts import read_facts
from ganforge.data.prepared.prepared_files import FACTS, FORMAT, PICTURES

SIZE = 1000


def key(name: str) -> str:
    return name[0] * 32 + name[1:]


def make(root: Path, name: str, used: float, size: int = SIZE) -> Path:
    """A prepared set of ``size`` bytes, without labels; its key is the name's letter, again and again."""
    folder = root / key(name)
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
    return sorted(path.name[0] for path in root.iterdir() if path.is_dir())


def test_the_least_recently_used_go_first(tmp_path: Path, limit: None) -> None:
    for name, used in (("a", 300.0), ("b", 100.0), ("c", 200.0)):
        make(tmp_path, name, used)
    assert [one.folder.name[0] for one in make_room(tmp_path, SIZE, "these")] == ["b"]
    assert names(tmp_path) == ["a", "c"]
    assert make_room(tmp_path, SIZE, "these") == []


def test_what_is_in_use_stays(tmp_path: Path, limit: None) -> None:
    for name, used in (("a", 100.0), ("b", 200.0), ("c", 300.0)):
        make(tmp_path, name, used)
    items, _ = map_pictures(tmp_path / key("a") / PICTURES, (SIZE,))
    assert [one.folder.name[0] for one in make_room(tmp_path, SIZE, "these")] == ["b"]
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
    with locked(tmp_path / key("a"), lambda line: None):
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

    first, second = locked(tmp_path / "a", said.append), locked(tmp_path / "a", said.append)
    with first, polled_by(poll), pytest.raises(KeyboardInterrupt), second:
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
    assert read_facts(folder) is not None
    (folder / name).write_bytes(b"[]")
    assert read_facts(folder) is None
    assert read_facts(tmp_path / "nowhere") is None


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


def clear(root: Path) -> None:
    for one in all_kept(root):
        remove(one)


def test_only_what_ganforge_made_is_removed(tmp_path: Path) -> None:
    root, home = tmp_path / "prepared", tmp_path / "home"
    make(home, "b", 1.0)
    made = make(root, "a", 1.0)
    kept = {
        "notes/thesis.txt",
        f"{key('c')}/thesis.txt",
        f"{key('c')}/{PICTURES}",
        f"{key('d')}.part/inner/{FACTS}",
        f"{key('e')}.old/{PICTURES}",
        f"{key('f')[1:]}/{PICTURES}",
        "thesis.lock",
    }
    for name in kept:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("mine")
    (root / key("1")).symlink_to(home / key("b"))
    (root / key("2")).mkdir()
    (root / key("2") / PICTURES).symlink_to(home / key("b") / PICTURES)
    assert [one.folder for one in all_kept(root)] == [made]
    clear(root)
    assert not made.exists()
    assert {name for name in kept if (root / name).read_text() == "mine"} == kept
    assert (root / key("2") / PICTURES).is_symlink()
    assert (home / key("b") / PICTURES).stat().st_size == SIZE


def test_what_stands_where_it_is_renamed_to_stays(tmp_path: Path) -> None:
    made = make(tmp_path, "a", 1.0)
    mine = made.with_suffix(".part") / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    assert not remove(all_kept(tmp_path)[0])
    assert made.is_dir()
    assert mine.read_text() == "mine"


def test_a_lock_that_is_a_link_is_not_opened(tmp_path: Path) -> None:
    made = make(tmp_path, "a", 1.0)
    (tmp_path / "thesis").write_text("mine")
    made.with_suffix(".lock").symlink_to(tmp_path / "thesis")
    assert not remove(all_kept(tmp_path)[0])
    with pytest.raises(UserError, match="is a link, which ganforge has not made; remove it"):
        locked(made, lambda line: None).__enter__()
    assert (tmp_path / "thesis").read_text() == "mine"


def test_the_cache_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    make(tmp_path / "large disk", "a", 1.0)
    (tmp_path / "prepared").symlink_to(tmp_path / "large disk")
    clear(tmp_path / "prepared")
    assert names(tmp_path / "large disk") == []


GOOD = {"format": FORMAT, "shape": [SIZE, 1, 1, 1], "classes": []}
BAD = [
    b"", b"\xff", b"null", b"[]", b"[" * 100_000, b'{"a":' * 100_000, b"{}", b"9" * 5000, b"{}," * 2_000_000,
    *(json.dumps(GOOD | {name: value}).encode() for name, value in [
        ("format", None), ("format", [1]), ("shape", None), ("shape", 3), ("shape", []), ("shape", [1, 1, 1]),
        ("shape", ["1", 1, 1, 1]), ("shape", [-SIZE, -1, 1, 1]), ("shape", [10**30, 1, 1, 1]), ("shape", [1.0] * 4),
        ("classes", None), ("classes", 3), ("classes", {"a": 1}), ("classes", [1]), ("summary", 3), ("summary", None),
        ("digest", 3), ("broken", 3), ("broken", [["a"]]), ("broken", [[1, 2]]), ("skipped", "ab"), ("request", []),
        ("request", {"channels": "x"}), ("num_sizes", "x"), ("transparent", [1]), ("labels_from", None),
    ]),
]  # fmt: skip


@pytest.mark.parametrize("content", BAD, ids=[content[:60].decode("latin1") for content in BAD])
def test_facts_that_are_none(tmp_path: Path, content: bytes) -> None:
    folder = make(tmp_path, "a", 1.0)
    assert read_facts(folder) is not None
    (folder / FACTS).write_bytes(content)
    assert read_facts(folder) is None
    assert [one.facts for one in all_kept(tmp_path)] == [None]
    clear(tmp_path)
    assert names(tmp_path) == []


def test_facts_are_not_obeyed_by_a_terminal(tmp_path: Path) -> None:
    folder = make(tmp_path, "a", 1.0)
    (folder / FACTS).write_text(json.dumps(GOOD | {"summary": "\x1b[2J\nx"}))
    facts = read_facts(folder)
    assert facts is not None
    assert facts["summary"] == "\\x1b[2J\\nx"


@pytest.mark.parametrize("name", [FACTS, PICTURES])
def test_links_and_pipes_are_no_prepared_pictures(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path, "a", 1.0)
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    assert read_facts(folder) is None
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert read_facts(folder) is None
