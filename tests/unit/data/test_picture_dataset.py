"""Anybody's pictures as data sets: loading, splits, held-out pictures, and built-in pictures reshaped."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.data.catalog import folder_name, locate, short_name
from ganforge.data.load import load, load_held_out
from ganforge.data.sources.inspect_source import describe_source, inspect_source
from ganforge.data.sources.open import open_guarded


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return iter([None])


def fill(folder: Path, count: int, first: int = 0, mode: str = "RGB", size: tuple[int, int] = (6, 5)) -> Path:
    """Pictures of one value each, first, first + 1, ...; in colour, red is one more."""
    folder.mkdir(parents=True, exist_ok=True)
    for value in range(first, first + count):
        colour: tuple[int, ...] | int = (value + 1, value, value)
        colour = value if mode == "L" else (*colour, 128) if mode == "RGBA" else colour
        Image.new(mode, size, colour).save(folder / f"{value:03d}.png")
    return folder


def test_a_folder_is_a_data_set(tmp_path: Path) -> None:
    for name, first in (("cat", 0), ("dog", 50)):
        fill(tmp_path / "p" / name, 4, first)
    dataset = load(str(tmp_path / "p"))
    assert (dataset.name, dataset.source) == ("p/", str(tmp_path / "p"))
    assert dataset.items[:, 1, 0, 0].tolist() == [0, 1, 2, 3, 50, 51, 52, 53]
    assert dataset.shape == (3, 5, 6)
    assert dataset.labels is not None
    assert (dataset.labels.tolist(), dataset.num_classes) == ([0] * 4 + [1] * 4, 2)
    assert (dataset.labels_from, dataset.class_names) == ("sub-folders", ("cat", "dog"))
    assert not dataset.has_test_split


def test_the_fingerprint_is_that_of_the_pictures(tmp_path: Path) -> None:
    dataset = load(str(fill(tmp_path / "p", 5)))
    again = load(str(fill(tmp_path / "q", 5)))
    assert dataset.fingerprint() == again.fingerprint()
    few = load(str(tmp_path / "p"), max_images=3)
    assert few.fingerprint() == load(str(fill(tmp_path / "r", 3))).fingerprint() != dataset.fingerprint()
    assert any("Only the first 3 of the 5 pictures are used (max_images)." in note for note in few.notes)


def test_classes_that_are_called_by_their_numbers_have_no_names(tmp_path: Path) -> None:
    for label in range(3):
        fill(tmp_path / "p" / str(label), 2, 10 * label)
    assert load(str(tmp_path / "p")).class_names == ()
    fill(tmp_path / "p" / "7", 2, 70)
    assert load(str(tmp_path / "p")).class_names == ("0", "1", "2", "7")


def test_classes_that_are_cut_off_are_said(tmp_path: Path) -> None:
    for name, first in (("ant", 0), ("bee", 50), ("cat", 90)):
        fill(tmp_path / "p" / name, 4, first)
    few, fewer = (load(str(tmp_path / "p"), max_images=count).notes[1] for count in (9, 4))
    assert few == "Only the first 9 of the 12 pictures are used (max_images)."
    assert "(max_images), and 2 of the 3 classes have none of them; --max-images none takes all." in fewer


@pytest.mark.parametrize(
    ("mode", "channels", "shape"),
    [("L", None, 1), ("L", 3, 3), ("RGB", None, 3), ("RGB", 1, 1), ("RGBA", None, 3), ("RGBA", 4, 4), ("L", 4, 4)],
)
def test_channels(tmp_path: Path, mode: str, channels: int | None, shape: int) -> None:
    dataset = load(str(fill(tmp_path / "p", 3, mode=mode)), channels=channels, size="7x9", fit="pad")
    assert dataset.shape == (shape, 7, 9)
    transparent = any("3 of them are transparent in places: laid on white" in note for note in dataset.notes)
    assert transparent == (mode == "RGBA" and channels is None)


@pytest.mark.parametrize(
    ("fit", "size", "enlarged"),
    [
        ("crop", "5x6", 0), ("crop", "4x5", 0), ("crop", "6x6", 2), ("crop", "4x7", 3),
        ("pad", "4x7", 0), ("pad", "6x7", 2), ("stretch", "4x7", 3), ("stretch", "6x6", 2), ("stretch", "8", 3),
    ],
)  # fmt: skip
def test_pictures_that_are_enlarged_are_counted(tmp_path: Path, fit: str, size: str, enlarged: int) -> None:
    """Two of 5x6, height x width, and one of 7x6."""
    fill(fill(tmp_path / "p", 2), 1, first=2, size=(6, 7))
    lines = [note for note in load(str(tmp_path / "p"), fit=fit, size=size).notes if "enlarged" in note]
    assert [line.split()[0] for line in lines] == [str(enlarged)] * (enlarged > 0)


def test_train_and_test_are_never_mixed(tmp_path: Path) -> None:
    for split, first in (("train", 0), ("test", 100)):
        for name, more in (("cat", 0), ("dog", 10)):
            fill(tmp_path / "p" / split / name, 3, first + more)
    fill(tmp_path / "p" / "val", 3, 200)
    train = load(str(tmp_path / "p"))
    assert train.items[:, 1, 0, 0].tolist() == [0, 1, 2, 10, 11, 12]
    assert (train.num_classes, train.labels_from, train.has_test_split) == (2, "sub-folders of train", True)
    held_out = load_held_out(str(tmp_path / "p"), None, train, None, lambda line: None)
    assert held_out is not None
    assert held_out.items[:, 1, 0, 0].tolist() == [100, 101, 102, 110, 111, 112]
    others = load(str(fill(tmp_path / "q", 3)))
    named = load_held_out(others.source, str(tmp_path / "p"), others, None, lambda line: None)
    assert named is not None
    assert torch.equal(named.items, held_out.items)


def test_val_is_held_out_where_there_is_no_test(tmp_path: Path) -> None:
    for split, first in (("Training", 0), ("val", 100)):
        for name, more in (("cat", 0), ("dog", 10)):
            fill(tmp_path / "p" / split / name, 3, first + more)
    train = load(str(tmp_path / "p"))
    assert train.items[:, 1, 0, 0].tolist() == [0, 1, 2, 10, 11, 12]
    assert f"{tmp_path / 'p'} has parts: train 6, val 6 pictures: these are of train; val is held out." in train.notes
    assert (train.class_names, train.has_test_split) == (("cat", "dog"), True)
    held_out = load_held_out(str(tmp_path / "p"), None, train, None, lambda line: None)
    assert held_out is not None
    assert held_out.items[:, 1, 0, 0].tolist() == [100, 101, 102, 110, 111, 112]


def test_a_stray_picture_is_left_out_and_named(tmp_path: Path) -> None:
    for name, first in (("cat", 0), ("dog", 50)):
        fill(tmp_path / "p" / name, 4, first)
    fill(tmp_path / "p", 1, 99)
    dataset = load(str(tmp_path / "p"))
    assert (len(dataset), dataset.num_classes) == (8, 2)
    assert "Skipped: 099.png (beside the class folders, and in none of them)" in dataset.notes


def test_why_there_are_no_classes_is_kept(tmp_path: Path) -> None:
    for name, first in (("00000", 0), ("00001", 50)):
        fill(tmp_path / "p" / name, 4, first)
    (tmp_path / "p" / "dataset.json").write_text('{"labels": null}')
    for _ in range(2):  # made, then found
        dataset = load(str(tmp_path / "p"))
        assert dataset.labels is None
        assert dataset.no_labels == 'dataset.json says that there are none ("labels": null)'


def test_pictures_are_called_by_their_files(tmp_path: Path) -> None:
    for name, first in (("cat", 0), ("dog", 50)):
        fill(tmp_path / "p" / name, 4, first)
    (tmp_path / "p" / "cat" / "001.png").write_bytes(b"broken")
    for dataset in (load(str(tmp_path / "p")), load(str(tmp_path / "p"), max_images=5)):
        assert dataset.name_items([4, 1, 1]) == ["dog/051.png", "cat/002.png", "cat/002.png"]
    [names] = (tmp_path / "cache").rglob("names.txt")
    names.write_text(names.read_text().replace("cat", "cow"))
    assert dataset.name_items([4, 1]) == ["picture 4", "picture 1"]
    names.unlink()
    assert dataset.name_items([4, 1]) == ["picture 4", "picture 1"]
    assert load("digits", max_images=5).name_items([1234]) == ["picture 1,234"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a, set()),
        (lambda a: np.concatenate([a, a[:9]]), set()),
        (
            lambda a: np.pad(a, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=255),
            {"100% have a plain frame (white)"},
        ),
        (lambda a: np.concatenate([a, a[:9, :, :, :1].repeat(3, 3)]), {"grey pictures among those in colour: 9 of 69"}),
    ],
    ids=["nothing", "copies", "frame", "grey"],
)
def test_training_warns_as_inspecting_does(
    tmp_path: Path, change: Callable[[np.ndarray], np.ndarray], said: set[str]
) -> None:
    pictures = np.random.default_rng(0).integers(256, size=(60, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", images=change(pictures))
    notes = [note for note in load(str(tmp_path / "a.npz")).notes if note.startswith("warning: ")]
    with closing(open_guarded(tmp_path / "a.npz")) as source:
        found = describe_source(inspect_source(source)).splitlines()
    warnings = [line for line in found if line.startswith("warning: ")]
    checked = ("fewer than 1,000 different pictures", "% of the pictures are copies of others")  # said before training
    assert [line for line in warnings if not any(text in line for text in checked)] == notes
    assert any(checked[1] in line for line in warnings) == (len(change(pictures)) == 69 and not said)
    assert len(notes) == len(said)
    assert all(any(text in note for note in notes) for text in said)


@pytest.mark.parametrize("change", [lambda a: a // 16, lambda a: np.concatenate([a, a[:3] // 99 + 7])])
def test_what_a_check_says_before_training_is_not_said_twice(
    tmp_path: Path, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    pictures = np.random.default_rng(0).integers(256, size=(60, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", images=change(pictures))
    assert not [note for note in load(str(tmp_path / "a.npz")).notes if note.startswith("warning: ")]
    with closing(open_guarded(tmp_path / "a.npz")) as source:
        assert describe_source(inspect_source(source)).count("warning: ") == 2


@pytest.mark.parametrize(("value", "said"), [(0, "equal, and of one single value"), (None, "equal")])
def test_pictures_that_are_all_equal_are_refused(tmp_path: Path, value: int | None, said: str) -> None:
    one = np.random.default_rng(0).integers(256, size=(8, 8, 3), dtype=np.uint8)
    array = one if value is None else np.full_like(one, value)
    np.savez(tmp_path / "a.npz", images=np.stack([array] * 30))
    with pytest.raises(UserError, match=f"all 30 pictures are {said}: nothing can be learnt"):
        load(str(tmp_path / "a.npz"))
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_dir() and len(path.name) > 30]


def test_pictures_without_a_test_split_have_none_until_some_are_named(tmp_path: Path) -> None:
    path = str(fill(tmp_path / "p", 3))
    train, nothing = load(path, size="4x8"), (None, lambda line: None)
    assert load_held_out(path, None, train, *nothing) is None
    held_out = load_held_out(path, str(fill(tmp_path / "q", 4, mode="L")), train, *nothing)
    assert held_out is not None
    assert (len(held_out), held_out.shape) == (4, train.shape)
    with pytest.raises(UserError, match="test_data and data are both"):
        load_held_out(path, path, train, *nothing)
    with pytest.raises(UserError, match="has no test pictures: it has no folders train and test"):
        load(path, "test")
    digits = load("digits", size="12")
    other = load_held_out("digits", None, digits, *nothing)
    assert other is not None
    assert (len(other), other.shape) == (300, (1, 12, 12))


def test_pictures_in_memory_are_reshaped() -> None:
    plain, large = (
        load("digits", max_images=5),
        load("digits", max_images=5, size="8x12", fit="pad", background="black"),
    )
    assert torch.equal(large.items[:, :, :, 2:10], plain.items)
    assert not large.items[:, :, :, :2].any()
    assert large.labels is not None
    assert large.fingerprint() != plain.fingerprint()
    assert load("digits", max_images=5, channels=3).items.float().std(1).max() == 0
    assert torch.equal(load("digits", max_images=5, size="8", channels=1).items, plain.items)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"size": "0"}, "size cannot be '0'"),
        ({"channels": 2}, "channels cannot be 2"),
        ({"fit": "squeeze"}, "fit cannot be 'squeeze': give crop or pad or stretch"),
        ({"background": "pink"}, "background cannot be 'pink'"),
        ({"split": "val"}, "split cannot be 'val'"),
    ],
)
def test_what_cannot_be(settings: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        load("digits", **settings)  # type: ignore[arg-type]


def test_points_have_no_size() -> None:
    with pytest.raises(UserError, match="ring consists of points"):
        load("ring", size="8")


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    (tmp_path / "birds.v2.zip").touch()
    assert locate("mnist") == "mnist"
    assert locate("./mnist") == str(tmp_path / "mnist")
    assert locate("hub:a/b") == "hub:a/b"
    assert short_name(locate("./mnist")) == "mnist/"  # no folder is taken for the data set of that name
    assert short_name(locate("birds.v2.zip")) == "birds.v2.zip"
    assert [folder_name(name) for name in ("ring", "hub:a/b", "x/birds.zip", "/")] == ["ring", "b", "birds", "pictures"]
    with pytest.raises(UserError, match="and no file or folder of that name; did you mean 'digits'"):
        locate("digit")


def test_an_array_file_too(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(256, size=(7, 4, 6, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", images=array, labels=np.arange(7) % 2)
    dataset = load(str(tmp_path / "a.npz"))
    assert np.array_equal(dataset.items.numpy(), array.transpose(0, 3, 1, 2))
    assert dataset.num_classes == 2
