"""Lines are read once, as they come, whatever they hold."""

import json
import os
from pathlib import Path

import pytest

from ganforge.viewer.read.tail import LONGEST_LINE, Tail


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def nimgs(tail: Tail) -> list[int]:
    return [row["nimg"] for row in tail.look()[0]]


def test_each_row_comes_once(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    tail = Tail(path)
    assert tail.look() == ([], False)
    append(path, '{"nimg": 1}\n{"nimg": 2}\n')
    assert nimgs(tail) == [1, 2]
    assert nimgs(tail) == []
    append(path, '{"nimg": 3}\n')
    assert nimgs(tail) == [3]


def test_half_a_line_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    tail = Tail(path)
    append(path, '{"nimg": 1}\n{"ni')
    assert nimgs(tail) == [1]
    append(path, 'mg": 2}\n')
    assert nimgs(tail) == [2]
    assert tail.complaints() == []


def test_a_file_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    append(path, '{"nimg": 1}\n{"nimg": 2}\nbad\n')
    tail = Tail(path)
    assert tail.look()[1] is False
    assert tail.bad_lines == 1
    new = tmp_path / "new"
    append(new, '{"nimg": 1}\n')
    new.replace(path)
    assert tail.look() == ([{"nimg": 1}], True)
    assert tail.bad_lines == 0
    path.write_text("", encoding="utf-8")
    assert tail.look() == ([], True)


def test_a_file_that_vanishes_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    append(path, '{"nimg": 1}\n')
    tail = Tail(path)
    tail.look()
    path.unlink()
    assert tail.look() == ([], True)
    assert tail.look() == ([], False)


@pytest.mark.parametrize(
    "line",
    ["", "x", "[]", "3", "{}", '{"nimg": "3"}', '{"nimg": 1.5}', '{"nimg": -1}', '{"nimg": 9007199254740992}', "\x00",
     "[" * 100_000, '{"nimg": 1, "x": "' + "y" * LONGEST_LINE + '"}'],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_row_is_counted(tmp_path: Path, line: str) -> None:
    path = tmp_path / "stats.jsonl"
    append(path, f'{line}\n{{"nimg": 7}}\n')
    tail = Tail(path)
    assert nimgs(tail) == [7]
    expected = [] if not line else ["stats.jsonl: 1 line left out as unreadable."]
    assert tail.complaints() == expected


def test_bytes_that_are_no_text_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    path.write_bytes(b"\xff\xfe\n" + json.dumps({"nimg": 7}).encode() + b"\n")
    tail = Tail(path)
    assert nimgs(tail) == [7]
    assert tail.bad_lines == 1


@pytest.mark.skipif(os.name == "nt", reason="links and pipes need rights on Windows")
def test_links_and_pipes_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('{"nimg": 1, "secret": 1}\n', encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    for name, what in (("link", "a link, which is not followed"), ("pipe", "a pipe, socket or device, not a file")):
        tail = Tail(tmp_path / name)
        assert tail.look() == ([], False)
        assert tail.complaints() == [f"{name} cannot be read: {what}."]


def test_one_look_is_bounded_and_the_next_reads_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "stats.jsonl"
    append(path, "".join(f'{{"nimg": {at}}}\n' for at in range(10)))
    monkeypatch.setattr("ganforge.viewer.read.tail.MOST_ROWS_AT_ONCE", 4)
    tail = Tail(path)
    assert [nimgs(tail) for _ in range(4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], []]
    assert tail.complaints() == []


@pytest.mark.parametrize("limit", ["LARGEST_LOG", "LONGEST_LOG"])
def test_what_follows_a_very_long_log_is_said_to_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    path = tmp_path / "stats.jsonl"
    append(path, '{"nimg": 1}\n' * 5)
    monkeypatch.setattr("ganforge.viewer.read.tail.MOST_ROWS_AT_ONCE", 2)
    monkeypatch.setattr(f"ganforge.viewer.read.tail.{limit}", {"LARGEST_LOG": 30, "LONGEST_LOG": 2}[limit])
    tail = Tail(path)
    assert [nimgs(tail) for _ in range(3)] == [[1, 1], [], []]
    [said] = tail.complaints()
    assert said.startswith("stats.jsonl is too long: what follows its first ")
