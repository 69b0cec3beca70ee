"""What folders mean: parts, classes or nothing; and files of labels that decide instead."""

import pytest

from ganforge.base.errors import UserError
from ganforge.data.sources.entries import BESIDE
from ganforge.data.sources.labels import Table
from ganforge.data.sources.tree import Tree, empty_classes, read_tree, split_kind


def tree(*paths: str, tables: tuple[Table, ...] = ()) -> tuple[dict[str, tuple[str | None, str]], Tree, list[str]]:
    """Each picture's class and part; all that was made of them; and what was passed over."""
    skipped: list[tuple[str, str]] = []
    made = read_tree("S", sorted(paths), tables, skipped)
    assert [entry.name for entry in made.entries] == sorted(paths)
    return {entry.name: (entry.label, entry.split) for entry in made.entries}, made, [": ".join(one) for one in skipped]


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        (["cat/1", "cat/x/3", "dog/2"], ["cat", "cat", "dog"]),
        (["all/cat/1", "all/dog/2"], ["cat", "dog"]),
        (["cat/1", "cat/2"], [None, None]),
        (["cat/2", "cat/a/1"], [None, None]),
        (["train/1", "train/2"], [None, None]),
        (["1", "2"], [None, None]),
        ([], []),
    ],
)
def test_classes_are_the_first_folders_that_differ(paths: list[str], labels: list[str | None]) -> None:
    held, made, skipped = tree(*paths)
    assert [label for label, _ in held.values()] == labels
    assert (made.labels_from, made.no_labels, skipped) == ("sub-folders" if any(labels) else "", "", [])


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"), ("Training", "train"), ("TRAIN_set", "train"), ("train images", "train"),
        ("seg_train", "train"),
        ("val", "val"), ("Valid", "val"), ("validation", "val"), ("val2017", "val"), ("dev", "val"),
        ("Testing", "test"), ("test-1", "test"), ("testset", "test"), ("hold-out", "test"),
        ("trained", ""), ("invalid", ""), ("tests", ""), ("2017", ""), ("", ""), ("device", ""),
    ],
)  # fmt: skip
def test_names_of_parts(name: str, part: str) -> None:
    assert split_kind(name) == part


@pytest.mark.parametrize("around", ["", "data/"])
@pytest.mark.parametrize(("train", "held", "part"), [("train", "val", "val"), ("Training", "Testing", "test")])
def test_parts_are_never_classes(around: str, train: str, held: str, part: str) -> None:
    here, there = f"{around}{train}", f"{around}{held}"
    paths = [
        f"{here}/cat/1",
        f"{here}/dog/1",
        f"{there}/cat/1",
        f"{there}/dog/1",
        f"{around}extra/1",
        f"{around}extra/2",
    ]
    held_there, made, skipped = tree(*paths)
    assert held_there[f"{here}/dog/1"] == ("dog", "train")
    assert held_there[f"{there}/cat/1"] == ("cat", part)
    assert held_there[f"{around}extra/1"][1] == BESIDE
    assert made.labels_from == "sub-folders"
    assert skipped == [f"{around}extra/1: neither to learn from nor held out, and 1 more in its folder"]


def test_parts_below_each_class() -> None:
    held, made, _ = tree("cat/train/1", "cat/Test/1", "dog/train/1", "dog/val/1")
    assert held == {
        "cat/Test/1": ("cat", "test"), "cat/train/1": ("cat", "train"),
        "dog/train/1": ("dog", "train"), "dog/val/1": ("dog", "val"),
    }  # fmt: skip
    assert made.labels_from == "folders around the parts"


@pytest.mark.parametrize(
    ("paths", "fault"),
    [
        (["test/1", "val/1"], r"S holds the folders test, val, which are to be held out, and no folder train"),
        (["bus/1", "car/1", "train/1"], r"S holds the folders train, beside bus, car: it cannot be told whether"),
        (["cat/1", "dog/1", "test/1"], r"S holds the folders test, beside cat, dog: it cannot be told whether"),
        (["cat/test/1", "cat/train/1", "dog/1"], r"to hold out in cat, and dog/1 in none"),
    ],
)
def test_folders_that_may_be_either_stop(paths: list[str], fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        tree(*paths)


def test_a_file_of_labels_says_that_they_are_no_parts() -> None:
    held, _, _ = tree("bus/1", "train/1", tables=(Table("labels.csv", {"bus/1": "b", "train/1": "t"}),))
    assert held == {"bus/1": ("b", ""), "train/1": ("t", "")}


def test_few_loose_pictures_are_left_out_and_named() -> None:
    held, made, skipped = tree("cat/1", "dog/2", "stray")
    assert held == {"cat/1": ("cat", ""), "dog/2": ("dog", ""), "stray": (None, BESIDE)}
    assert skipped == ["stray: beside the class folders, and in none of them"]
    held, made, skipped = tree("all/cat/1", "all/dog/2", "stray")
    assert held["all/dog/2"] == ("dog", "")
    held, made, skipped = tree("cat/1", "dog/2", "x", "y")
    assert set(held.values()) == {(None, "")}
    assert made.no_labels == "the folders are not taken for classes, as 2 of 4 pictures, such as x, lie beside them"
    assert skipped == []


def test_many_loose_pictures_are_too_many_to_leave_out() -> None:
    classes = [f"{folder}/{number}" for folder in "ab" for number in range(300)]
    assert tree(*classes, *(f"loose{n}" for n in range(10)))[1].labels_from == "sub-folders"
    assert tree(*classes, *(f"loose{n}" for n in range(11)))[1].labels_from == ""


def test_empty_class_folders_stand_beside_the_others() -> None:
    folders = ["all", "all/cat", "all/dog", "all/fox", "other", "all/cat/inner"]
    assert empty_classes(["all/cat/1", "all/dog/1"], folders) == [("all/fox/", "a class folder without pictures")]
    assert empty_classes(["1.png"], ["a", "b"]) == []


PATHS = ["0/a.png", "1/b.png"]


@pytest.mark.parametrize(
    ("paths", "table"),
    [
        (PATHS, Table("dataset.json", {"0/a.png": "x", "1/b.png": "y"})),
        ([f"in/{path}" for path in PATHS], Table("in/dataset.json", {"0/a.png": "x", "1/b.png": "y"})),
        ([f"in/{path}" for path in PATHS], Table("in/dataset.json", {"in/0/a.png": "x", "in/1/b.png": "y"})),
        ([f"in/{path}" for path in PATHS], Table("dataset.json", {"0/a.png": "x", "1/b.png": "y"})),
    ],
)
def test_a_file_of_labels_goes_before_folders(paths: list[str], table: Table) -> None:
    held, made, _ = tree(*paths, tables=(table,))
    assert [label for label, _ in held.values()] == ["x", "y"]
    assert made.labels_from == "dataset.json"


@pytest.mark.parametrize(
    ("labels", "fault"),
    [
        (
            {"0/a.png": "x"},
            r"dataset\.json in S gives no class to 1 of 2 pictures, such as 1/b\.png; complete it",
        ),
        ({"0/a.png": "x", "1/b.png": None}, r"gives no class to 1 of 2 pictures, such as 1/b\.png"),
        (
            {"a.png": "x", "b.png": "y"},
            r"names pictures that are not there: a\.png \(is 0/a\.png meant\?\), and 1 more; correct it",
        ),
        ({"0/a.png": "x", "1/b.png": "y", "1/c.png": "y"}, r"pictures that are not there: 1/c\.png; correct"),
    ],
)
def test_a_file_of_labels_that_does_not_fit_stops(labels: dict[str, str | None], fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        tree(*PATHS, tables=(Table("dataset.json", labels),))


def test_a_file_of_labels_may_name_what_was_passed_over() -> None:
    skipped = [("1/bomb.png", "too large")]
    table = Table("dataset.json", {"0/a.png": "x", "1/b.png": "y", "1/bomb.png": "y"})
    assert read_tree("S", PATHS, [table], skipped).labels_from == "dataset.json"


def test_files_of_labels_in_each_part_and_none_for_what_is_held_out() -> None:
    tables = (Table("train/metadata.csv", {"1": "a", "2": "b"}), Table("test/metadata.csv", {}, "why not"))
    held, made, _ = tree("train/1", "train/2", "test/1", tables=tables)
    assert held == {"test/1": (None, "test"), "train/1": ("a", "train"), "train/2": ("b", "train")}
    assert (made.labels_from, made.no_labels) == ("metadata.csv", "why not")


def test_a_file_that_says_there_are_no_classes_decides() -> None:
    held, made, _ = tree(*PATHS, tables=(Table("dataset.json", {}, "dataset.json says so"),))
    assert {label for label, _ in held.values()} == {None}
    assert made.no_labels == "dataset.json says so"
