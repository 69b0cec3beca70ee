import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ganforge.base.errors import UserError
from ganforge.data.catalog import DATA_SETS
from ganforge.data.load import load


def test_the_catalog_needs_no_torch() -> None:
    code = "import sys; import ganforge.data.catalog; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", [name for name in DATA_SETS if "mnist" not in name])
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_name_gives_its_data_set(name: str, split: str) -> None:
    dataset = load(name, split, max_images=10)
    assert dataset.name == name
    assert len(dataset) == 10
    assert dataset.labels is not None
    assert len(dataset.labels) == 10
    assert torch.equal(dataset.items, load(name, split).items[:10])


def test_mnist_through_the_front_door(real_data: Path) -> None:
    dataset = load("mnist", "test", data_dir=real_data, max_images=100)
    assert dataset.items.shape == (100, 1, 28, 28)
    stacks = load("stacked-mnist", "test", data_dir=real_data, max_images=100)
    assert stacks.items.shape == (100, 3, 28, 28)
    assert stacks.num_classes == 1000


@pytest.mark.parametrize(
    ("name", "meant"),
    [("minst", "mnist"), ("MNIST", "mnist"), ("digit", "digits"), ("rings", "ring"), ("stackedmnist", "stacked-mnist")],
)
def test_a_misspelt_name_gets_a_suggestion(name: str, meant: str) -> None:
    with pytest.raises(UserError, match=f"did you mean {meant!r}") as error:
        load(name)
    assert all(known in str(error.value) for known in DATA_SETS)


def test_a_strange_name_gets_the_list_only() -> None:
    with pytest.raises(
        UserError,
        match=r"no data set 'xyzzy', and no file or folder of that name; the data sets are mnist, stacked",
    ):
        load("xyzzy")


@pytest.mark.parametrize("max_images", [0, -3])
def test_max_images_must_leave_something(max_images: int) -> None:
    with pytest.raises(UserError, match=f"max_images is {max_images}"):
        load("digits", max_images=max_images)


def test_more_images_than_there_are_is_all_of_them() -> None:
    assert len(load("digits", max_images=10**9)) == 1497
