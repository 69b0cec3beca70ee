import pytest

from ganforge.data.sources.entries import (
    Entry,
    class_names,
    is_picture,
    printable,
    suffix_of,
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
