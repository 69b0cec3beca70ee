"""How shards are named, and in which order their pictures are shown."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganforge.base.errors import UserError
from ganforge.data.batches import Batches
from ganforge.data.catalog import folder_name, has_gone, locate, short_name
from ganforge.data.dataset import Dataset
from ganforge.data.shards.pattern import is_shards, shards_of
from ganforge.data.shards.shuffle_order import ShuffleOrder


def test_patterns_name_shards(tmp_path: Path) -> None:
    assert shards_of("https://h/t-{08..10}.tar") == ["https://h/t-08.tar", "https://h/t-09.tar", "https://h/t-10.tar"]
    assert shards_of("s3://b/{a,b}-{0..1}.tar") == [f"s3://b/{x}-{n}.tar" for x in "ab" for n in range(2)]
    for name in ("b.tar", "a[1].tar", "a[0].tar"):
        (tmp_path / name).touch()
    assert shards_of(f"{tmp_path}/a[*.tar") == [f"{tmp_path}/a[0].tar", f"{tmp_path}/a[1].tar"]
    assert not is_shards(str(tmp_path))
    (tmp_path / "a*b").mkdir()
    assert not is_shards(f"{tmp_path}/a*b")  # what is there by that very name is meant


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("pipe://cat a.tar", "pipe:// is not read"),
        ("https://me:secret@h/a.tar", "must hold no user or password"),
        ("t-{0000..}.tar", "is no range; write it as"),
        ("t-{9..3}.tar", "is no range of 1 to"),
        ("t-{0..999}{0..999}.tar", "names more than 100,000 shards"),
        ("t-{1,1}.tar", "names t-1.tar twice"),
    ],
)
def test_what_names_no_shards_is_refused(name: str, fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        shards_of(name)


def test_a_run_keeps_an_absolute_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train-3.tar").touch()
    monkeypatch.chdir(tmp_path)
    kept = locate("train-{3..5}.tar")
    assert kept == str(tmp_path / "train-{3..5}.tar")
    assert (short_name(kept), folder_name(kept)) == ("train-{3..5}.tar", "train")
    assert not has_gone(kept)
    (tmp_path / "train-3.tar").unlink()
    assert has_gone(kept)
    assert not has_gone("https://h/train-{3..5}.tar")
    with pytest.raises(UserError, match="There is no data set"):
        locate("train-{3..5}.tar")


Counts = st.lists(st.integers(0, 30), min_size=1, max_size=8).filter(any)


@settings(deadline=None)
@given(Counts, st.integers(1, 80), st.integers(0, 2**40), st.booleans())
def test_an_epoch_shows_each_picture_once(counts: list[int], window: int, seed: int, mirror: bool) -> None:
    order = ShuffleOrder(counts, window, seed, mirror=mirror)
    size = sum(counts) * (1 + mirror)
    for epoch in range(2):
        assert sorted(order.places(epoch * size, size).tolist()) == list(range(size))


@settings(deadline=None)
@given(Counts, st.integers(1, 80), st.integers(0, 500), st.integers(1, 90))
def test_each_position_depends_on_nothing_else(counts: list[int], window: int, nimg: int, size: int) -> None:
    order = ShuffleOrder(counts, window, 5)
    one_by_one = [int(ShuffleOrder(counts, window, 5).places(at, 1)) for at in range(nimg, nimg + size)]
    assert order.places(nimg, size).tolist() == one_by_one
    firsts = torch.tensor([0, *counts]).cumsum(0)
    held = {int(torch.searchsorted(firsts, place, right=True)) - 1 for place in order.places(nimg, 1)}
    assert held <= set(order.shards_at(nimg))


def test_a_window_mixes_neighbours_only_and_epochs_differ() -> None:
    order = ShuffleOrder([10] * 10, 20, seed=1)
    epochs = [[order.places(epoch * 100 + at, 20).tolist() for at in range(0, 100, 20)] for epoch in range(2)]
    for windows in epochs:
        for window in windows:
            assert len({place // 10 for place in window}) == 2
            assert window != sorted(window)
    assert epochs[0] != epochs[1]
    assert [place // 10 for window in epochs[0] for place in sorted(window)] != [at // 10 for at in range(100)]
    assert set(order.shards_at(0)) == {place // 10 for place in order.places(0, 40).tolist()}


def test_a_window_is_in_another_order_in_each_epoch() -> None:
    order = ShuffleOrder([100], 20, seed=1)
    first, second = order.places(0, 20).tolist(), order.places(100, 20).tolist()
    assert first != second
    assert sorted(first) == sorted(second)


@pytest.mark.parametrize("mirror", [False, True])
def test_one_window_has_the_order_of_prepared_pictures(mirror: bool) -> None:
    items = torch.arange(30, dtype=torch.uint8).view(-1, 1, 1, 1).repeat(1, 1, 2, 2)
    batches = Batches(Dataset("n", "", items), 7, seed=4, mirror=mirror)
    order = ShuffleOrder([12, 18], 30, 4, mirror=mirror)
    for nimg in (0, 7, 28, 56, 63):
        assert (order.places(nimg, 7) % 30).tolist() == batches(nimg)[0][:, 0, 0, 0].tolist()
