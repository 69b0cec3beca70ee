"""Small files that may hold anything, or be something else than files."""

import json
import os
import resource
from pathlib import Path

import pytest

from ganforge.viewer.read import untrusted
from ganforge.viewer.read.untrusted import DEEPEST, MOST_COMPLAINTS, cut, first_complaints, last_row, parse, read_object


@pytest.mark.skipif(os.name == "nt", reason="pipes, links and devices are other things on Windows")
@pytest.mark.parametrize("kind", ["pipe", "zero", "link", "folder", "sparse", "nothing"])
def test_what_is_no_plain_file_is_neither_read_nor_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "status.json"
    (tmp_path / "outside").write_text('{"nimg": 1}\n', encoding="utf-8")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(1 << 40)
    elif kind != "nothing":
        path.symlink_to({"zero": Path("/dev/zero"), "link": tmp_path / "outside"}[kind])
    complaints: list[str] = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_object(path, complaints) == {}
    assert last_row(path) == {}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB
    [said] = complaints
    assert said.startswith("status.json ")


def test_texts_can_be_sent_whatever_they_were() -> None:
    value = parse(b'{"a\\ud800": ["\\udfff b", {"c": "\xed\xa0\x80"}], "d": "\\ud83d\\ude00"}')
    assert json.dumps(value, ensure_ascii=False).encode() is not None
    assert value["d"] == "\U0001f600"


@pytest.mark.parametrize("depth", [DEEPEST + 1, 900, 100_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    for content in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        with pytest.raises(ValueError, match="nested too deeply"):
            parse(content)


def test_what_is_usual_is_not_too_deep() -> None:
    value: object = 1
    for _ in range(DEEPEST):
        value = {"a": value}
    assert parse(json.dumps(value).encode()) == value
    assert len(parse(json.dumps([[1]] * 1_000).encode())) == 1_000


def test_complaints_are_counted_beyond_some() -> None:
    said = first_complaints([f"fault {number}" for number in range(100)] + ["fault 1", "x" * 10_000])
    assert len(said) == MOST_COMPLAINTS + 1
    assert said[-1] == f"And {101 - MOST_COMPLAINTS} more faults of this kind."
    assert len(cut("x" * 10_000)) == untrusted.LONGEST_TEXT
