"""run/stats.py: means over the steps, the same wherever a run was interrupted."""

import pytest
import torch
from torch import Tensor

from ganforge.run.stats import Stats, separation


def step(index: int) -> dict[str, Tensor]:
    source = torch.Generator().manual_seed(index)
    logits = {f"{side}_logits": torch.randn(5, generator=source) for side in ("real", "fake")}
    return {"Loss/D": torch.rand((), generator=source), "Gradient/G": torch.rand((), generator=source)} | logits


def test_a_row_by_hand() -> None:
    stats = Stats()
    first, second = torch.tensor([1.0, -1.0]), torch.tensor([3.0, 0.0])
    stats.add({"real_logits": first, "fake_logits": second, "Loss/D": torch.tensor(1.0)})
    stats.add({"real_logits": second, "fake_logits": -first - second, "Loss/D": torch.tensor(4.0)})
    assert stats.row() == {
        "Logits/separation": 8.5 / 16,
        "Logits/spread": pytest.approx((2.1875**0.5 + 6.5**0.5) / 2),  # of 1, -1, 3, 0 and of 3, 0, -4, 1
        "Loss/D": 2.5,
        "Loss/scores/real": 0.75,
        "Accuracy/real": 0.5,  # 1 and 3; a logit of 0 is no decision
        "Loss/scores/fake": 0.0,
        "Accuracy/fake": 0.25,  # -4
    }


def test_accuracy_is_counted_at_the_decision_boundary_and_left_out_where_there_is_none() -> None:
    stats = Stats()
    stats.add({"real_logits": torch.tensor([0.4, 0.6, 1.0, 2.0]), "fake_logits": torch.tensor([0.4, 0.6, -1.0, 0.5])})
    row = stats.row(boundary=0.5)
    assert (row["Accuracy/real"], row["Accuracy/fake"]) == (0.75, 0.5)
    assert {"Loss/scores/real", "Loss/scores/fake"} <= stats.row(boundary=None).keys()
    assert not {"Accuracy/real", "Accuracy/fake"} & stats.row(boundary=None).keys()


def test_means_are_taken_in_double_precision() -> None:
    stats = Stats()
    for value in (16_777_216.0, 1.0, 1.0, 1.0):  # 2^24: in single precision adding 1 to it changes nothing
        stats.add({"Loss/D": torch.tensor(value)})
    assert stats.row()["Loss/D"] == 16_777_219 / 4


def test_names_are_in_order() -> None:
    stats = Stats()
    stats.add({"b": torch.zeros(()), "c": torch.zeros(()), "a": torch.zeros(())})
    assert list(stats.row()) == ["a", "b", "c"]


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_row_does_not_depend_on_an_interruption(cut: int) -> None:
    whole, before, after = Stats(), Stats(), Stats()
    for index in range(6):
        whole.add(step(index))
    for index in range(cut):
        before.add(step(index))
    after.load_tensors(before.tensors())
    for index in range(cut, 6):
        after.add(step(index))
    assert after.row() == whole.row()
    assert all(torch.equal(after.tensors()[name], tensor) for name, tensor in whole.tensors().items())


def test_cleared_is_empty_of_what_was_removed_too() -> None:
    before, stats = Stats(), Stats()
    before.add(step(0))
    stats.load_tensors(before.tensors())
    stats.clear()
    stats.add(step(1))
    before.clear()
    before.add(step(1))
    assert stats.row() == before.row()


def test_cleared_is_empty() -> None:
    stats = Stats()
    stats.add(step(0))
    assert stats.row()
    stats.clear()
    assert stats.row() == stats.tensors() == {}
    stats.add(step(1))
    assert stats.row()["Loss/D"] == step(1)["Loss/D"].item()


def test_separation_counts_pairs() -> None:
    """Of 2 x 2 pairs by hand: 3 > 1, 3 > 2, 2 > 1, and 2 = 2 half."""
    assert separation(torch.tensor([3.0, 2.0]), torch.tensor([1.0, 2.0])) == (3 + 0.5) / 4
    assert separation(torch.tensor([0.0, 0.0]), torch.tensor([0.0])) == 0.5
    assert separation(torch.tensor([0.0]), torch.tensor([1.0])) == 0.0


def test_the_newest_logits_tell_how_far_apart_they_are() -> None:
    """Of batches of 512, the last two."""
    stats = Stats()
    for real in (-9.0, 3.0, 3.0):
        logits = torch.full((512,), real)
        stats.add({"real_logits": logits, "fake_logits": torch.cat([logits[:256] * 0, logits[256:] * 0 + 4])})
    row = stats.row()
    assert row["Logits/separation"] == 0.5
    assert row["Logits/spread"] == pytest.approx(torch.tensor([3.0] * 2 + [0.0, 4.0]).std(correction=0).item())
