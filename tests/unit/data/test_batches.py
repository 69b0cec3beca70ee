import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganforge.data import batches as module
from ganforge.data.batches import Batches
from ganforge.data.dataset import Dataset


def numbered(count: int, labelled: bool = True) -> Dataset:
    """Pictures that all differ: picture i holds i in every pixel, and its label is i mod 7."""
    numbers = torch.arange(count)
    items = numbers.to(torch.uint8).view(-1, 1, 1, 1).repeat(1, 1, 2, 3)
    return Dataset("numbered", "", items, numbers % 7 if labelled else None, num_classes=7 if labelled else 0)


def numbers(batches: Batches, nimg: int) -> list[int]:
    items, labels = batches(nimg)
    found = items[:, 0, 0, 0].tolist()
    assert items.shape == (batches.batch_size, 1, 2, 3)
    assert items.dtype == torch.uint8
    assert labels is not None
    assert labels.tolist() == [number % 7 for number in found]
    return found


@settings(deadline=None)
@given(count=st.integers(1, 200), batch_size=st.integers(1, 300), seed=st.integers(0, 2**40))
def test_every_epoch_is_a_permutation(count: int, batch_size: int, seed: int) -> None:
    batches = Batches(numbered(count), batch_size, seed)
    stream: list[int] = []
    while len(stream) < 3 * count:
        stream += numbers(batches, len(stream))
    for epoch in range(3):
        assert sorted(stream[epoch * count : (epoch + 1) * count]) == list(range(count))


@settings(deadline=None)
@given(count=st.integers(1, 60), batch_size=st.integers(1, 150), nimg=st.integers(0, 10_000))
def test_a_batch_depends_on_nothing_but_its_place(count: int, batch_size: int, nimg: int) -> None:
    one_by_one = Batches(numbered(count), 1, seed=3)
    wanted = [numbers(one_by_one, nimg + i)[0] for i in range(batch_size)]
    used_before = Batches(numbered(count), batch_size, seed=3)
    used_before(nimg + 5 * count)
    used_before(0)
    assert numbers(used_before, nimg) == wanted
    assert numbers(Batches(numbered(count), batch_size, seed=3), nimg) == wanted


def test_seeds_and_epochs_shuffle_differently() -> None:
    first, second = Batches(numbered(100), 100, seed=0), Batches(numbered(100), 100, seed=1)
    orders = [numbers(first, 0), numbers(first, 100), numbers(second, 0), list(range(100))]
    assert len({tuple(order) for order in orders}) == 4


def test_an_epoch_is_shuffled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    plain = torch.randperm
    monkeypatch.setattr(torch, "randperm", lambda count, **more: drawn.append(count) or plain(count, **more))
    batches = Batches(numbered(100), 30, seed=0)
    for nimg in range(0, 990, 30):
        batches(nimg)
    assert len(drawn) == 10


def test_points_without_labels() -> None:
    points = torch.arange(10, dtype=torch.float32).view(5, 2)
    items, labels = Batches(Dataset("p", "", points), 8, seed=0)(0)
    assert labels is None
    assert items.dtype == torch.float32
    assert sorted(items[:5].tolist()) == points.tolist()


def test_writing_to_a_batch_leaves_the_data_alone() -> None:
    dataset = numbered(10)
    batches = Batches(dataset, 10, seed=0)
    batches(0)[0].zero_()
    assert sorted(numbers(batches, 0)) == list(range(10))


def test_mirror_images_are_items_of_their_own() -> None:
    items = torch.arange(5 * 2 * 3, dtype=torch.uint8).view(5, 1, 2, 3)
    dataset = Dataset("d", "", items, torch.arange(5), num_classes=5)
    batches = Batches(dataset, 10, seed=0, mirror=True)
    found, labels = batches(0)
    assert labels is not None
    both = torch.cat([items, items.flip(3)])
    assert {item.numpy().tobytes() for item in found} == {item.numpy().tobytes() for item in both}
    for item, label in zip(found, labels, strict=True):
        assert torch.equal(item, items[label]) or torch.equal(item, items[label].flip(2))
    assert sorted(labels.tolist()) == sorted([*range(5)] * 2)
    one_by_one = Batches(dataset, 1, seed=0, mirror=True)
    assert torch.equal(torch.cat([one_by_one(nimg)[0] for nimg in range(10, 20)]), batches(10)[0])


def test_memory_of_mapped_items_is_given_back_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    released = []
    dataset = Dataset("d", "", numbered(100).items, release=lambda: released.append(1))
    batches = Batches(dataset, 10, seed=0)
    released.clear()
    monkeypatch.setattr(module, "MAPPED_BYTES", 25 * (6 + module.PAGES_AROUND))
    for nimg in range(0, 90, 10):
        batches(nimg)
    assert len(released) == 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("resident_bytes", [0, 1 << 30])
def test_the_same_on_a_gpu(monkeypatch: pytest.MonkeyPatch, resident_bytes: int) -> None:
    monkeypatch.setattr(module, "RESIDENT_BYTES", resident_bytes)
    on_cpu, on_gpu = Batches(numbered(100), 64, seed=0), Batches(numbered(100), 64, seed=0, device="cuda")
    for nimg in (0, 64, 990):
        items, labels = on_gpu(nimg)
        assert items.is_cuda
        assert labels is not None
        assert labels.is_cuda
        assert numbers(on_gpu, nimg) == numbers(on_cpu, nimg)


@pytest.mark.parametrize(("count", "batch_size"), [(0, 4), (4, 0), (4, -1)])
def test_nothing_to_draw_from(count: int, batch_size: int) -> None:
    with pytest.raises(ValueError, match="batches of"):
        Batches(numbered(count), batch_size, seed=0)


def test_no_place_before_the_start() -> None:
    with pytest.raises(ValueError, match="starts at 0"):
        Batches(numbered(4), 2, seed=0)(-1)
