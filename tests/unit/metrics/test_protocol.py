"""What a figure depends on, and how the real items are shared out."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from ganforge.data.dataset import Dataset
from ganforge.metrics.protocol import Protocol, share_out, split_rows

PROTOCOL = Protocol("d", "f", "train", 30, 60, 30, {"random": "1"}, None, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"data": "e"}, {"fingerprint": "g"}, {"split": "test"}, {"num_fakes": 31}, {"num_reals": 61}, {"num_floor": 31},
        {"extractors": {"random": "2"}}, {"extractors": {"classifier": "1"}}, {"held_out": "h"}, {"kernel_subsets": 1},
        {"seed": 1}, {"conventions": 99},
    ],
)  # fmt: skip
def test_every_part_of_a_protocol_is_in_its_id(change: dict[str, Any]) -> None:
    assert replace(PROTOCOL, **change).id != PROTOCOL.id


def test_the_id_does_not_change_from_process_to_process() -> None:
    assert PROTOCOL.id == "0aeab326"
    assert PROTOCOL.as_json()["id"] == PROTOCOL.id


def test_shares() -> None:
    assert share_out(60_000, 10_000, 50_000) == (10_000, 50_000)
    assert share_out(60_000, 2_000, 10_000) == (2_000, 10_000)
    assert share_out(1_497, 10_000, 50_000) == (499, 998)


def test_the_floor_and_the_reference_are_disjoint_and_shuffled() -> None:
    dataset = Dataset("d", "", torch.zeros(90, 2))
    floor, reals = split_rows(dataset, PROTOCOL)
    assert (len(floor), len(reals)) == (30, 60)
    assert sorted(torch.cat([floor, reals]).tolist()) == list(range(90))
    assert not torch.equal(floor.sort().values, floor)
    again, _ = split_rows(dataset, PROTOCOL)
    assert torch.equal(floor, again)
