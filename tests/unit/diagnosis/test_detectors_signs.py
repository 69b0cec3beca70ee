"""Each sign sees what it is there for, on made pictures and points."""

import math

import pytest
import torch
from torch import Tensor

from ganforge.base.images import to_float
from ganforge.data.dataset import Dataset
from ganforge.data.synthetic import load_ring
from ganforge.diagnosis.signs import (
    Augment,
    LinearClasses,
    Look,
    Signs,
    k_means,
    leak,
    mean_distance,
    shares_of,
    to_nearest,
    traces,
)
from ganforge.run.stats import separation

Found = dict[str, float | list[float]]


def smooth(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """uint8 pictures [count, 1, 16, 16] of four kinds, a blob in one of the corners, and their kinds."""
    source = torch.Generator().manual_seed(seed)
    kinds = torch.arange(count) % 4
    at = torch.stack([kinds % 2, kinds // 2], 1) * 8 + 3.5 + torch.randn(count, 2, generator=source)
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    distance = (x - at[:, 0, None, None]) ** 2 + (y - at[:, 1, None, None]) ** 2
    return (255 * torch.exp(-distance / 12))[:, None].to(torch.uint8), kinds


PICTURES, KINDS = smooth(1_000)
FAKES, FAKE_KINDS = smooth(256, 1)


def signs_of(fakes: Tensor) -> Found:
    return Signs(Dataset("blobs", "made", PICTURES), 0, conditional=False).of(lambda labels: to_float(fakes))


def number(found: Found, name: str) -> float:
    value = found[f"Health/{name}"]
    assert isinstance(value, float)
    return value


def test_fresh_pictures_of_the_same_kinds_look_healthy() -> None:
    found = signs_of(FAKES)
    for name in ("spread", "contrast", "roughness"):
        assert abs(number(found, name) - 1) < 0.1, name
    assert number(found, "missing") == 0 and number(found, "overlap") > 0.8
    assert number(found, "duplicates") < 0.1 and abs(number(found, "level")) < 0.1
    assert 0.5 < number(found, "nearest") < 2


def test_a_collapse_has_no_spread_and_is_all_duplicates() -> None:
    found = signs_of(FAKES[:1].expand(256, -1, -1, -1))
    assert number(found, "spread") < 1e-3 and number(found, "duplicates") == 1 and number(found, "missing") > 0.5


def test_a_kind_that_is_left_out_is_missing() -> None:
    found = signs_of(smooth(344, 1)[0][smooth(344, 1)[1] != 2][:256])
    assert 0.15 < number(found, "missing") < 0.35 and number(found, "spread") > 0.7


def test_copies_lie_on_reals() -> None:
    assert number(signs_of(PICTURES[:256]), "nearest") == 0


def test_noise_and_a_checkerboard_are_rough_and_a_plain_has_no_contrast() -> None:
    source = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (256, 1, 16, 16), generator=source).to(torch.uint8)
    board = 255 * ((torch.arange(16)[:, None] + torch.arange(16)) % 2).expand(256, 1, 16, 16).to(torch.uint8)
    plain = torch.full((256, 1, 16, 16), 255, dtype=torch.uint8)
    assert number(signs_of(noise), "roughness") > 4
    assert number(signs_of(board), "roughness") > 1.8 * number(signs_of(noise), "roughness")
    found = signs_of(plain)
    assert number(found, "contrast") < 1e-6 and number(found, "roughness") == 0 and number(found, "level") > 2
    assert abs(Look.of(to_float(noise)).roughness - 1) < 0.05 and abs(Look.of(to_float(board)).roughness - 2) < 0.01


def test_points_tell_no_picture_s_signs_and_miss_the_modes_that_they_miss() -> None:
    ring = load_ring()
    found = Signs(ring, 0, conditional=False).of(lambda labels: ring.items[: 2 * 256])
    assert number(found, "missing") == 0 and "Health/contrast" not in found
    assert ring.mixture is not None
    there = ring.items[(ring.items - ring.mixture.centers[0]).norm(dim=1) > 0.2][:256]
    assert abs(number(Signs(ring, 0, conditional=False).of(lambda labels: there), "missing") - 1 / 8) < 0.03


def test_a_class_that_is_ignored_has_no_effect() -> None:
    dataset = Dataset("blobs", "made", PICTURES, KINDS, 4)
    signs = Signs(dataset, 0, conditional=True)
    kinds = [FAKES[kind == FAKE_KINDS] for kind in range(4)]

    def told(labels: Tensor | None) -> Tensor:
        assert labels is not None
        return to_float(torch.stack([kinds[label][at % 64] for at, label in enumerate(labels.tolist())]))

    heeded, ignored = signs.of(told), signs.of(lambda labels: to_float(FAKES))
    assert number(heeded, "class_effect") > 0.8 and number(heeded, "agreement") > 0.95
    assert number(ignored, "class_effect") == 0 and number(ignored, "agreement") < 0.4
    assert number(heeded, "agreement_reals") > 0.95
    shuffled = KINDS[torch.randperm(1_000, generator=torch.Generator().manual_seed(0))]
    assert LinearClasses(PICTURES.flatten(1).float(), shuffled, 4).on_reals < 0.35


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_labelled_items_has_signs(count: int) -> None:
    """Half of them are to learn the classes from, and the other half to judge that by: of one there is no half."""
    dataset = Dataset("blobs", "made", PICTURES[:count], KINDS[:count], 4)
    found = Signs(dataset, 0, conditional=True).of(lambda labels: to_float(FAKES))
    assert ("Health/agreement" in found) == ("Health/agreement_reals" in found) == (count > 1)
    assert all(math.isfinite(value) for value in found.values() if isinstance(value, float))


def test_an_average_apart_from_g_has_a_gap() -> None:
    signs = Signs(Dataset("blobs", "made", PICTURES), 0, conditional=False)
    make = lambda labels: to_float(FAKES)  # noqa: E731
    assert number(signs.of(make, make), "average_gap") == 0
    assert number(signs.of(make, lambda labels: to_float(FAKES.roll(1, 0))), "average_gap") > 0.9


def brighter(pictures: Tensor, source: torch.Generator) -> Tensor:
    return pictures + torch.rand(len(pictures), 1, 1, 1, generator=source) - 0.5


def with_holes(pictures: Tensor, source: torch.Generator) -> Tensor:
    return pictures * (torch.rand(len(pictures), 1, 16, 1, generator=source) > 0.3)


@pytest.mark.parametrize("change", [brighter, with_holes])
def test_fakes_that_look_augmented_are_on_the_way_there(change: Augment) -> None:
    signs = Signs(Dataset("blobs", "made", PICTURES), 0, conditional=False, augment=change)
    plain, source = to_float(FAKES), torch.Generator().manual_seed(7)
    assert abs(number(signs.of(lambda labels: plain), "leak")) < 0.1
    assert abs(number(signs.of(lambda labels: change(plain, source)), "leak") - 1) < 0.25
    half = torch.cat([plain[:128], change(plain[128:], source)])
    assert number(signs.of(lambda labels: half), "leak") > 0.3
    assert number(signs.of(lambda labels: plain[:1].expand(256, -1, -1, -1)), "leak") < 0.1


def test_an_augmentation_that_cannot_be_told_has_no_sign() -> None:
    signs = Signs(
        Dataset("blobs", "made", PICTURES), 0, conditional=False, augment=lambda pictures, _: pictures.flip(3)
    )
    assert "Health/leak" not in signs.of(lambda labels: to_float(FAKES))


def test_traces_by_hand() -> None:
    pictures = torch.zeros(2, 3, 2, 2)
    pictures[0] += 0.5
    pictures[1, :, 0, 0] = 0.01
    pictures[1, 0, 0, 1] = 1
    assert torch.allclose(traces(pictures), torch.tensor([(0.5 - 1.03 / 12) / 2, 3 / 8]))
    plain, changed = torch.tensor([0.1, 0.2]), torch.tensor([0.144, 0.4])
    assert leak(pictures, plain, changed) == {"Health/leak": pytest.approx((3 / 8 - 0.2) / 0.2)}
    changed = torch.tensor([0.2, 0.4])
    assert leak(pictures, plain, changed) == {"Health/leak": pytest.approx((0.5 - 1.03 / 12) * 5 - 1)}


def test_parts_by_hand() -> None:
    line = torch.tensor([[0.0], [1.0], [3.0]])
    assert mean_distance(line) == 2 and mean_distance(line[:1]) == 0
    assert to_nearest(line).tolist() == [1, 1, 2] and to_nearest(line[:1]).tolist() == [0]
    assert shares_of(line, torch.tensor([[0.4], [9.0], [3.0]])).tolist() == torch.tensor([2 / 3, 0, 1 / 3]).tolist()
    assert len(k_means(line, torch.Generator().manual_seed(0))) == 3


def test_separation_by_hand() -> None:
    reals, fakes = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 2.0])
    assert math.isclose(separation(reals, fakes), (3 + 1 + 0.5) / 6)
    assert separation(reals, reals) == 0.5
    assert separation(fakes + 9, fakes) == 1 and separation(fakes - 9, fakes) == 0
    assert separation(torch.zeros(4), torch.zeros(7)) == 0.5
