"""Files of labels: every form, what is refused, and what is no class."""

import json
import re

import pytest

from ganforge.base.errors import UserError
from ganforge.data.sources.labels import Table, as_classes, cells_in, read_table, read_tables


def told(name: str, content: str) -> Table:
    return read_table(name, content.encode())


CSV = '\ufefffile_name,other,Label\r\na.png,1,cat\n\n./b/c.png,2,"dog, big"\n'
JSONL = '{"file_name": "a.png", "label": "cat"}\n\n{"file_name": "b\\\\c.png", "label": "dog, big", "text": "x"}\n'
STYLEGAN = json.dumps({"labels": [["a.png", "cat"], ["b\\c.png", "dog, big"], ["a.png", "cat"]]})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.csv", CSV),
        ("x/metadata.csv", CSV.replace("other,", "").replace("1,", "").replace("2,", "").replace("Label", "kind")),
        ("labels.csv", 'filename;label\na.png;cat\nb/c.png;"dog, big"'),
        ("metadata.jsonl", JSONL),
        ("dataset.json", STYLEGAN),
    ],
)
def test_every_form(name: str, content: str) -> None:
    assert told(name, content) == Table(name, {"a.png": "cat", "b/c.png": "dog, big"})


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("dataset.json", "{", "it is not JSON"),
        ("dataset.json", "[" * 100_000, "nested too deeply"),
        ("dataset.json", "{}", 'it has no "labels"'),
        ("dataset.json", '{"labels": 3}', "is not a list of pairs"),
        ("dataset.json", '{"labels": [["a", 1], ["b"]]}', r'entry 1 of its "labels" is \["b"\], and not a pair'),
        ("dataset.json", '{"labels": [["a", 1], ["a", 2]]}', "it gives a two classes, 1 and 2"),
        ("dataset.json", '{"labels": [["a", 1], ["a", null]]}', "it gives a two classes, 1 and none"),
        ("metadata.jsonl", '{"file_name": "a"}\n[1]', "line 2 is no JSON object"),
        ("metadata.jsonl", '{"file_name": "a", "label": 1}\n{"label": 1}', "row 2 names no picture"),
        ("metadata.csv", "", r"it has no column file_name among its columns \(none\)"),
        ("metadata.csv", "id,label\n1,2", r"no column file_name among its columns \(id, label\)"),
        ("labels.csv", "file_name,label\na.png", "row 1 has 1 cells, and there are 2 columns"),
        ("labels.csv", 'file_name,label\n"a.png,1', "it is not CSV"),
    ],
)
def test_what_is_no_file_of_labels(name: str, content: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        told(name, content)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ValueError, match="it is not a text in UTF-8"):
        read_table("labels.csv", b"file_name,label\n\xff,1")


def test_a_file_of_very_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.data.sources.labels.MAX_ENTRIES", 1)
    with pytest.raises(ValueError, match="it holds more than 2 lines"):
        told("labels.csv", "file_name,label\na,1\nb,1\n")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("dataset.json", '{"labels": null}', r'dataset\.json says that there are none \("labels": null\)'),
        ("dataset.json", '{"labels": [["a", null], ["b", null]]}', r"dataset\.json gives no picture a class"),
        (
            "dataset.json",
            '{"labels": [["a", 2], ["b", 0.5]]}',
            r"numbers that are not whole \(0\.5 for b\): measurements",
        ),
        (
            "dataset.json",
            '{"labels": [["a", [0, 1]]]}',
            r"several values for one picture \(\[0, 1\] for a\), and only one",
        ),
        ("dataset.json", '{"labels": [["a", true]]}', r"what is no class \(True for a\): classes are whole numbers"),
        ("labels.csv", "file_name,label\na,1\nb,2.5", r"numbers that are not whole \(2\.5 for b\)"),
        ("labels.csv", "file_name,label\na,cat|dog", r"several values for one picture \(\['cat', 'dog'\] for a\)"),
        ("labels.csv", 'file_name,label\na,"[1, 2]"', "several values for one picture"),
        ("labels.csv", "file_name,label\na,\nb,", r"labels\.csv gives no picture a class"),
        ("metadata.csv", "file_name,x,y\na,1,2", r"metadata\.csv has several columns \(x, y\) and none called label"),
        ("metadata.csv", "file_name\na", "has no column called label"),
        (
            "metadata.csv",
            "file_name,text\n" + "".join(f"{n},caption {n}\n" for n in range(101)),
            r"holds 101 different values for 101 pictures, such as caption 0: names, captions or measurements",
        ),
    ],
)
def test_what_is_no_class(name: str, content: str, why: str) -> None:
    table = told(name, content)
    assert re.search(why, table.no_labels)


def test_values_that_are_classes_beyond_doubt() -> None:
    assert as_classes([3, 3.0, "3", "b", None, "", -1, float("nan")], "", str) == (
        ["3", "3", "3", "b", None, None, None, None], "",
    )  # fmt: skip
    assert cells_in(["1.0", "", "2"]) == [1.0, None, 2.0]
    assert cells_in(["007", "8", ""]) == ["007", "8", None]
    assert cells_in(["1.5", "x"]) == ["1.5", "x"]
    many = [str(number) for number in range(200)]
    assert as_classes(many * 2, "", str) == (many * 2, "")


def test_two_files_of_labels_and_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"file_name,label\na,1\n"
    with pytest.raises(UserError, match=r"metadata\.csv! and labels\.csv both give the classes of the same pictures"):
        read_tables(["metadata.csv", "labels.csv"], lambda path: content, lambda path: f"{path}!")
    monkeypatch.setattr("ganforge.data.sources.labels.MAX_JSON_BYTES", 30)
    with pytest.raises(UserError, match=r"b/labels\.csv! cannot be used: all such files together take more than"):
        read_tables(["a/labels.csv", "b/labels.csv"], lambda path: content, lambda path: f"{path}!")
