"""metrics/fakes.py: where several processes judge, each looks at its share, and all know what one would have seen."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.data.load import load
from ganforge.judging.judged import drawn_from
from ganforge.metrics.fakes import CHUNK, Task, helpers, looked_at, shares
from ganforge.metrics.features import Extractor, Outputs

COUNT, KEPT = 2 * CHUNK + 100, CHUNK + 1
PICTURES = (torch.arange(3_000) % 251).to(torch.uint8).view(-1, 1, 1, 1)


class Thread:
    """One of several that add up their numbers."""

    def __init__(self, rank: int, count: int, barrier: Barrier, given: dict[int, Tensor]) -> None:
        self.rank, self.count, self.barrier, self.given = rank, count, barrier, given
        self.looks = 0

    def sum(self, tensor: Tensor) -> None:
        self.given[self.rank] = tensor.clone()
        self.barrier.wait(10)
        total = sum(self.given[rank] for rank in range(self.count))
        self.barrier.wait(10)
        tensor.copy_(total)

    def extract(self, items: Tensor) -> Outputs:
        self.looks += 1
        numbers = items.flatten(1).float()
        return torch.cat([numbers, 1 / (1 + numbers)], dim=1), torch.cat([numbers, -numbers], dim=1)

    def extractors(self) -> list[Extractor]:
        return [Extractor("both", "", 2, self.extract), Extractor("one", "", 2, lambda x: (self.extract(x)[0], None))]


def seen_by(threads: int, task: Task) -> tuple[list[list[tuple[Tensor, list[Outputs]]]], list[Thread]]:
    barrier, given = Barrier(threads), dict[int, Tensor]()
    group = [Thread(rank, threads, barrier, given) for rank in range(threads)]

    def look(one: Thread) -> list[tuple[Tensor, list[Outputs]]]:
        chunks: Iterator[Tensor] = drawn_from(PICTURES, shares(task.count, one))
        return list(looked_at(task, one.extractors(), chunks, one))

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(look, group)), group


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_all_know_what_one_would_have_seen(threads: int) -> None:
    task = Task({}, COUNT, KEPT)
    [[alone], _], [by_all, group] = seen_by(1, task), seen_by(threads, task)
    for found in by_all:
        assert len(found) == len(alone) == 3
        for number, ((items, seen), (expected_items, expected)) in enumerate(zip(found, alone, strict=True)):
            assert torch.equal(items, expected_items if number < 2 else expected_items[:0])
            for (features, classes), (right, right_classes) in zip(seen, expected, strict=True):
                assert torch.equal(features, right)
                assert (classes is None) == (right_classes is None)
                assert classes is None or right_classes is None or torch.equal(classes, right_classes)
    assert [one.looks for one in group] == [2 * -(-3 // threads)] * threads


def test_every_chunk_is_somebodys() -> None:
    class Rank:
        count = 4

        def __init__(self, rank: int) -> None:
            self.rank = rank

        def sum(self, tensor: Tensor) -> None: ...

    own = [shares(5 * CHUNK + 7, Rank(rank)) for rank in range(4)]
    assert own == [[(0, CHUNK), (4, CHUNK)], [(1, CHUNK), (5, 7)], [(2, CHUNK), (5, 7)], [(3, CHUNK), (5, 7)]]
    assert shares(CHUNK + 1) == [(0, CHUNK), (1, 1)]


def test_other_weights_are_refused() -> None:
    task = Task({"coordinates": "others"}, COUNT, 0)
    with pytest.raises(UserError, match="The coordinates extractor has other weights than that of rank 0"):
        helpers(task, load("ring"), torch.device("cpu"))
