"""Arrays under the names that others give them: pictures, classes, splits; nothing is dropped in silence."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganforge.base.errors import UserError
from ganforge.data.foreign_pictures import read_pictures
from ganforge.data.load import load, load_held_out
from ganforge.data.prepared.picture_dataset import describe_preparation
from ganforge.data.prepared.prepare import prepare
from ganforge.data.prepared.request import Request
from ganforge.data.prepared.splits import choose_split
from ganforge.data.sources.entries import class_names
from ganforge.data.sources.inspect_source import describe_source, inspect_source
from ganforge.data.sources.open import open_guarded, open_source


def pictures(count: int, first: int = 0) -> np.ndarray:
    return np.arange(first, first + count, dtype=np.uint8)[:, None, None] + np.zeros((1, 5, 4), np.uint8)


def classes(count: int) -> np.ndarray:
    return (np.arange(count) % 3).astype(np.uint8)


MEDMNIST = {
    "train_images": pictures(9), "train_labels": classes(9)[:, None], "val_images": pictures(3, 50),
    "val_labels": classes(3)[:, None], "test_images": pictures(6, 100), "test_labels": classes(6)[:, None],
}  # fmt: skip
KERAS = {"x_test": pictures(6, 100), "y_test": classes(6), "x_train": pictures(9), "y_train": classes(9)}


def prepared(path: Path, **wanted: Any) -> dict[str, Any]:
    root = path.parent / "cache"
    return prepare(str(path), Request(**wanted), None, lambda line: None, root=root, workers=0)[1]


@pytest.mark.parametrize(
    ("arrays", "parts"),
    [
        (MEDMNIST, "train 9, val 3, test 6 pictures: these are of train; test is held out, and val is not used"),
        (KERAS, "train 9, test 6 pictures: these are of train; test is held out"),
        (
            {name: array for name, array in MEDMNIST.items() if "test" not in name},
            "train 9, val 3 pictures: these are of train; val is held out",
        ),
    ],
    ids=["MedMNIST", "Keras", "val"],
)
def test_splits_are_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrays: dict[str, np.ndarray], parts: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **arrays)
    dataset = load(str(path))
    assert dataset.items[:, 0, 0, 0].tolist() == list(range(9))
    assert dataset.labels is not None
    assert dataset.labels.tolist() == classes(9).tolist()
    assert any(note.endswith(f"has parts: {parts}.") for note in dataset.notes)
    said: list[str] = []
    held_out = load_held_out(str(path), None, dataset, None, said.append)
    assert held_out is not None
    assert any(line.startswith("Held out: ") for line in said)
    assert not any("warning" in line for line in said)  # of what would hurt a training
    assert held_out.items[:, 0, 0, 0].tolist() == (list(range(100, 106)) if " test " in parts else [50, 51, 52])
    with closing(open_guarded(path)) as source:
        assert f"parts       {parts}" in describe_source(inspect_source(source))


@pytest.mark.parametrize(
    ("names", "skipped"),
    [
        (("images", "labels"), []),
        (("data", "label"), []),
        (("x", "y"), []),
        (("samples", "targets"), []),
        (("arr_0", "arr_1"), []),
        (("Images", "Labels"), []),
        (("pixels", "labels"), []),
    ],
)
def test_names_of_pictures_and_classes(tmp_path: Path, names: tuple[str, str], skipped: list[Any]) -> None:
    np.savez(tmp_path / "a.npz", **dict(zip(names, (pictures(6), classes(6)), strict=True)))
    source = open_source(tmp_path / "a.npz")
    assert (class_names(source.entries), source.labels_from) == (["0", "1", "2"], f"array '{names[1]}'")
    assert list(source.skipped) == skipped
    assert [entry.split for entry in source.entries] == [""] * 6
    source.close()


def test_what_is_neither_is_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=pictures(4), mask=pictures(4), fid=np.array(1.5))
    source = open_source(tmp_path / "a.npz")
    reason = "neither pictures nor their classes, by its name"
    assert list(source.skipped) == [("array 'fid'", reason), ("array 'mask'", reason)]
    source.close()
    assert any(
        "array 'mask'" in line for line in describe_preparation(prepared(tmp_path / "a.npz"), Path("facts.json"))
    )


def test_classes_that_name_no_split_are_those_of_the_pictures_that_name_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=pictures(4), labels=np.arange(4) % 2, test_images=pictures(3, 50))
    source = open_source(tmp_path / "a.npz")
    train, test = choose_split(source, "train"), choose_split(source, "test")
    assert (train.labels, train.labels_from) == (["0", "1", "0", "1"], "array 'labels'")
    assert (len(test.indices), test.labels) == (3, None)
    assert class_names(source.entries) == ["0", "1"]
    source.close()


def test_a_part_without_classes_leaves_those_of_the_other(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=pictures(4), x_test=pictures(4, 50), y_test=classes(4))
    source = open_source(tmp_path / "a.npz")
    train, test = choose_split(source, "train"), choose_split(source, "test")
    assert (train.labels, train.labels_from, train.no_labels) == (None, "", "only 'y_test' tells any")
    assert (test.labels, test.labels_from, test.no_labels) == (["0", "1", "2", "0"], "array 'y_test'", "")
    source.close()


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (np.zeros((4, 14), np.uint8), "several values for one picture (['14 numbers'] for train, picture 0)"),
        (np.array([0.5, 1, 2, 3]), "numbers that are not whole (0.5 for train, picture 0)"),
    ],
)
def test_what_is_no_class_is_said_by_the_array_of_its_part(tmp_path: Path, labels: np.ndarray, why: str) -> None:
    more = {"train_labels": labels, "test_labels": classes(4)}
    np.savez(tmp_path / "a.npz", train_images=pictures(4), test_images=pictures(4, 50), **more)
    source = open_source(tmp_path / "a.npz")
    assert (source.labels_from, class_names(source.entries)) == ("", [])
    assert source.no_labels.startswith(f"one of the arrays 'train_labels', 'test_labels' holds {why}")
    source.close()


def test_what_cannot_be_labels_is_refused_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", train_images=pictures(4), train_labels=np.zeros((4, 1, 1), np.uint8))
    with pytest.raises(
        UserError, match=r"\(train_labels, uint8 \[4, 1, 1\]\) are not whole numbers .*; save one class"
    ):
        open_source(tmp_path / "a.npz")


def test_pictures_to_judge_are_of_one_split(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **KERAS)
    with pytest.raises(UserError, match=r"a\.npz holds the parts test, train; save those pictures"):
        read_pictures(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", images=pictures(4), mask=pictures(4))
    why = "neither pictures nor their classes, by its name"
    assert read_pictures(tmp_path / "b.npz").notes == (f"Skipped: array 'mask' ({why})",)


def test_only_a_test_split(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_test=pictures(4))
    with pytest.raises(UserError, match=r"a\.npz has no train pictures, only: test 4\."):
        prepared(tmp_path / "a.npz")
    assert prepared(tmp_path / "a.npz", split="held-out")["shape"][0] == 4
