from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.images import grid
from ganforge.base.stopping import Stopped, polled_by
from ganforge.data.dataset import Dataset
from ganforge.data.draw import draw_contact_sheet
from ganforge.data.stacked import load_stacked_mnist, stack


def numbered(count: int = 30) -> Dataset:
    """Digits of 2 x 3 pixels: digit i holds i in every pixel, and its label is i mod 10."""
    numbers = torch.arange(count)
    items = numbers.to(torch.uint8).view(-1, 1, 1, 1).repeat(1, 1, 2, 3)
    return Dataset("numbered", "by hand", items, numbers % 10, num_classes=10)


def numbers(stacks: Dataset) -> Tensor:
    """int64 [N, 3]: the digits' numbers."""
    found = stacks.items[:, :, 0, 0]
    assert torch.equal(stacks.items, found[:, :, None, None].expand_as(stacks.items))  # whole digits, none mixed
    return found.to(torch.int64)


def test_every_digit_is_twice_in_every_channel_and_once_in_each_half() -> None:
    stacks = stack(numbered(), "train")
    assert stacks.items.shape == (60, 3, 2, 3)
    assert stacks.items.dtype == torch.uint8
    for channel in numbers(stacks).T:
        for half in channel.split(30):
            assert half.sort().values.tolist() == list(range(30))


def test_labels_are_the_three_digits_as_they_are_read() -> None:
    stacks = stack(numbered(), "train")
    assert (stacks.name, stacks.num_classes) == ("stacked-mnist", 1000)
    assert stacks.labels is not None
    red, green, blue = (numbers(stacks) % 10).T
    assert torch.equal(stacks.labels, 100 * red + 10 * green + blue)


def test_channels_halves_and_splits_are_shuffled_on_their_own() -> None:
    train, test = numbers(stack(numbered(), "train")), numbers(stack(numbered(), "test"))
    orders = [half.tolist() for stacks in (train, test) for channel in stacks.T for half in channel.split(30)]
    assert len({tuple(order) for order in orders} | {tuple(range(30))}) == 13


def test_the_stacks_are_the_same_every_time() -> None:
    assert stack(numbered(), "train").fingerprint() == stack(numbered(), "train").fingerprint()


def test_the_contact_sheet_shows_stacks_of_all_kinds() -> None:
    """Not one row for each of the first ten modes, which have zeros for red and green."""
    stacks = stack(numbered(250), "train")
    shown = np.asarray(draw_contact_sheet(stacks))
    evenly = np.asarray(grid(stacks.items[::5], columns=10))
    assert np.array_equal(shown, evenly)


def test_stopping_between_channels() -> None:
    def poll() -> None:
        raise Stopped("SIGINT")

    with polled_by(poll), pytest.raises(Stopped):
        stack(numbered(), "train")


@pytest.mark.parametrize(
    "other",
    [
        Dataset("bare", "", torch.zeros(4, 1, 2, 2, dtype=torch.uint8)),
        Dataset("coloured", "", torch.zeros(4, 3, 2, 2, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64), 10),
        Dataset("letters", "", torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64), 26),
    ],
    ids=lambda other: other.name,
)
def test_other_pictures_are_refused(other: Dataset) -> None:
    with pytest.raises(ValueError, match=f"{other.name} does not hold labelled grey digits"):
        stack(other, "train")


def test_wrong_split_or_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stacked-mnist has no split 'valid'"):
        load_stacked_mnist("valid")
    with pytest.raises(UserError, match="nowhere does not exist"):
        load_stacked_mnist("train", tmp_path / "nowhere")


@pytest.mark.parametrize(("split", "count"), [("train", 120_000), ("test", 20_000)])
def test_the_real_stacks_have_all_modes(real_data: Path, split: str, count: int) -> None:
    stacks = load_stacked_mnist(split, real_data)
    assert stacks.items.shape == (count, 3, 28, 28)
    assert str(real_data) in stacks.source
    assert stacks.labels is not None
    share = torch.bincount(stacks.labels, minlength=1000).to(torch.float64) / count
    assert share.min() > 0
    # KL from uniform, in nats: that of MNIST's unequal classes, 0.0043, plus (1000 - 1) / (2 N) of chance.
    assert (share * (share * 1000).log()).sum().item() == pytest.approx(0.0043 + 999 / (2 * count), abs=0.0015)
