import json

import pytest

from ganforge.data.sources.entries import (
    Entry,
    class_names,
    empty_classes,
    folder_labels,
    is_picture,
    json_labels,
    printable,
    suffix_of,
    with_labels,
)


def test_numbers_are_ordered_by_value_and_before_names() -> None:
    labels = ["10", "2", "b", "a", "2", None, "²"]
    assert class_names(Entry("x", label) for label in labels) == ["2", "10", "a", "b", "²"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("ünï 猫.png", "ünï 猫.png"), ("a\nb\x1b[2J", "a\\nb\\x1b[2J"), ("\udcff.png", "\\xff.png")],
)  # fmt: skip
def test_names_are_made_printable(name: str, shown: str) -> None:
    assert printable(name) == shown
    assert shown.isprintable()


@pytest.mark.parametrize("path", ["a.png", "a/b.JPEG", "./a/b.tif", "../a.webp", "a.b.gif", "猫/猫.bmp"])
def test_pictures_by_name(path: str) -> None:
    assert is_picture(path)


@pytest.mark.parametrize(
    "path", ["a.txt", "png", ".png", ".a/b.png", "a/._b.png", "__MACOSX/a.png", "a.png/b", "a.pn", ""]
)
def test_what_is_no_picture_by_name(path: str) -> None:
    assert not is_picture(path)


def test_suffixes() -> None:
    assert [suffix_of(path) for path in ("a/b.PNG", "a.b/c", ".hidden", "a/.x.jpg")] == [".png", "", "", ".jpg"]


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        (["cat/1", "dog/2", "cat/x/3"], ["cat", "dog", "cat"]),
        (["all/cat/1", "all/dog/2"], ["cat", "dog"]),
        (["cat/1", "cat/2"], None),
        (["cat/1", "dog/2", "3"], None),
        (["cat/a/1", "cat/2"], None),
        (["1", "2"], None),
        ([], None),
    ],
)
def test_classes_are_the_first_folders_that_differ(paths: list[str], labels: list[str] | None) -> None:
    assert folder_labels(paths) == labels


def test_empty_class_folders_stand_beside_the_others() -> None:
    folders = ["all", "all/cat", "all/dog", "all/fox", "other", "all/cat/inner"]
    assert empty_classes(["all/cat/1", "all/dog/1"], folders) == [("all/fox/", "a class folder without pictures")]
    assert empty_classes(["1.png"], ["a", "b"]) == []


def test_stylegans_labels() -> None:
    assert json_labels(json.dumps({"labels": [["a/1.png", 3], ["b.png", "cat"]]}).encode()) == {
        "a/1.png": "3",
        "b.png": "cat",
    }
    assert json_labels(b'{"labels": null}') is None
    assert json_labels(b"{}") is None


PAIRS = ['["a"]', '["a", 0.5]', '["a", -1]', '["a", true]', '["a", ""]', "[1, 1]", '["a", [0, 1]]', "{}"]


@pytest.mark.parametrize(
    "held", [b"", b"\xff", b"[" * 100_000, b'{"labels": 3}', *(f'{{"labels": [{pair}]}}'.encode() for pair in PAIRS)]
)
def test_labels_of_another_form(held: bytes) -> None:
    with pytest.raises(ValueError, match=r"it is not JSON|is not a list of pairs"):
        json_labels(held)


def test_given_labels_count_only_if_they_know_every_picture() -> None:
    skipped: list[tuple[str, str]] = []
    paths = ["a/1.png", "b/2.png"]
    assert with_labels(paths, {"a/1.png": "7", "b/2.png": "8", "c": "9"}, skipped, "dataset.json") == (
        [Entry("a/1.png", "7"), Entry("b/2.png", "8")], "dataset.json",
    )  # fmt: skip
    assert not skipped
    entries, where = with_labels(paths, {"a/1.png": "7"}, skipped, "dataset.json")
    assert ([entry.label for entry in entries], where) == (["a", "b"], "sub-folders")
    assert skipped == [("dataset.json", "not used: no class for 1 of 2 pictures, such as b/2.png")]
