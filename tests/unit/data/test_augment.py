"""data/augment.py: every transform on a picture made by hand, and what they all have in common."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from ganforge.base.errors import UserError
from ganforge.data.augment import (
    ADA_DRAWS,
    DIFF_AUGMENT,
    DIFF_AUGMENT_DRAWS,
    _warp,
    ada,
    diff_augment,
    next_p,
    translated,
)

Augmentation = Callable[[Tensor, Tensor], Tensor]

COINS = ["mirror", "quarters", "whole", "scale", "turn", "stretch", "turn_back", "fraction"]
COINS += ["bright", "contrast", "negative", "hue", "saturation"]
STRENGTHS = {"mirror": 1, "quarters": 1, "whole": 2, "scale": 1, "turn": 1, "stretch": 1, "turn_back": 1, "fraction": 2}
STRENGTHS |= {"bright": 1, "contrast": 1, "negative": 1, "hue": 1, "saturation": 1}
EACH_SHAPE = pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 7), (1, 28, 28), (3, 32, 32), (4, 6, 9)], ids=str)
BOTH = pytest.mark.parametrize(
    ("augment", "columns"),
    [(lambda images, draws: ada(images, 1.0, draws), ADA_DRAWS), (diff_augment, DIFF_AUGMENT_DRAWS)],
    ids=["ADA", "DiffAugment"],
)


def rand(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def pictures(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return rand(*shape, seed=5, dtype=dtype) * 2 - 1


def ndtr(x: float) -> float:
    """The draw that becomes x where a strength is normal."""
    return torch.special.ndtr(torch.tensor(x, dtype=torch.float64)).item()


def only(images: Tensor, **strengths: float | tuple[float, float]) -> Tensor:
    """ADA with the named transforms applied, at the draws given for their strengths, and no other."""
    coins = [0.0 if name in strengths else 0.99 for name in COINS]
    values: list[float] = []
    for name, count in STRENGTHS.items():
        given = strengths.get(name, (0.77,) * count)
        values += given if isinstance(given, tuple) else (given,)
    row = torch.tensor(coins + values, dtype=torch.float64)
    return ada(images, 0.5, row.expand(len(images), -1))


def ramp(dim: int, size: int = 16) -> Tensor:
    """A picture whose value is a pixel's place along a dimension, in pixels from the middle."""
    values = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    return (values if dim == 3 else values[:, None]).expand(1, 1, size, size)


def close(found: Tensor, expected: Tensor, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def test_the_helper_names_every_column() -> None:
    assert [*STRENGTHS] == COINS
    assert len(COINS) + sum(STRENGTHS.values()) == ADA_DRAWS


# ADA, one transform at a time


def test_mirror() -> None:
    images = pictures(2, 3, 5, 7)
    close(only(images, mirror=0.3), images.flip(3))
    close(only(images, mirror=0.6), images)


@pytest.mark.parametrize(("draw", "turns"), [(0.1, 0), (0.3, 1), (0.6, 2), (0.9, 3)])
def test_quarter_turns_go_clockwise(draw: float, turns: int) -> None:
    images = pictures(2, 3, 6, 6)
    close(only(images, quarters=draw), images.rot90(-turns, (2, 3)))


def test_a_half_turn_of_a_picture_that_is_not_square() -> None:
    images = pictures(2, 1, 5, 8)
    close(only(images, quarters=0.6), images.flip(2, 3))


def test_shift_by_whole_pixels() -> None:
    """By up to an eighth of each side, right and down; the pixels beyond the edge are those before it, reflected."""
    images = pictures(1, 2, 24, 16)  # at most 3 down and 2 right
    padded = torch.cat([images[..., :2].flip(3), images[..., :-2]], 3)
    close(only(images, whole=(0.99, 0.5)), padded)
    padded = torch.cat([images[:, :, 3:], images[:, :, -3:].flip(2)], 2)
    close(only(images, whole=(0.5, 0.01)), padded)


def test_scale_enlarges_about_the_middle() -> None:
    for dim in (2, 3):
        close(only(ramp(dim), scale=ndtr(5)), ramp(dim) / 2, 1e-8)  # 2^(0.2 * 5) = 2
    inner = only(ramp(3), scale=ndtr(-5))[..., 4:12]
    close(inner, ramp(3)[..., 4:12] * 2, 1e-8)


@pytest.mark.parametrize("name", ["turn", "turn_back"])
def test_rotation_goes_clockwise_by_up_to_half_a_turn(name: str) -> None:
    images = pictures(2, 3, 6, 6)
    close(only(images, **{name: 0.75}), images.rot90(-1, (2, 3)))
    close(only(images, **{name: 0.25}), images.rot90(1, (2, 3)))
    close(only(images, **{name: 0.0}), images.flip(2, 3))
    close(only(images, **{name: 0.5}), images)
    angle = 2 * math.pi * (0.55 - 0.5)
    inner = only(ramp(3), **{name: 0.55})[..., 5:11, 5:11]
    close(inner, (math.cos(angle) * ramp(3) + math.sin(angle) * ramp(2))[..., 5:11, 5:11])


def test_stretch_widens_and_flattens_alike() -> None:
    close(only(ramp(3), stretch=ndtr(5)), ramp(3) / 2, 1e-8)
    close(only(ramp(2), stretch=ndtr(5))[:, :, 4:12], ramp(2)[:, :, 4:12] * 2, 1e-8)


def test_shift_by_fractions() -> None:
    right = only(ramp(3), fraction=(ndtr(0.25), 0.5))  # 0.25 * 16 / 8 = half a pixel
    close(right[..., 1:], ramp(3)[..., 1:] - 0.5)
    down = only(ramp(2), fraction=(0.5, ndtr(-0.25)))
    close(down[:, :, :-1], ramp(2)[:, :, :-1] + 0.5)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_brightness_contrast_and_negative(channels: int) -> None:
    images = pictures(2, channels, 3, 4)
    close(only(images, bright=ndtr(1.5)), images + 0.3)
    close(only(images, contrast=ndtr(2)), images * 2)
    close(only(images, contrast=ndtr(-2)), images / 2)
    close(only(images, negative=0.3), images - 2 * images.mean(1, keepdim=True))
    close(only(images, negative=0.6), images)


def test_the_negative_of_a_grey_picture() -> None:
    images = pictures(2, 1, 3, 4)
    close(only(images, negative=0.3), -images)


def test_hue_by_a_third_of_a_turn_exchanges_the_channels() -> None:
    images = pictures(2, 3, 4, 5)
    close(only(images, hue=0.5 + 1 / 3), images[:, [2, 0, 1]])  # red becomes green, green blue
    close(only(images, hue=0.5 - 1 / 3), images[:, [1, 2, 0]])
    close(only(images, hue=0.5), images)
    turned = only(images, hue=0.63)
    close(turned.mean(1), images.mean(1))
    close(turned.square().sum(1), images.square().sum(1))
    assert (turned - images).abs().max() > 0.1


def test_saturation_scales_the_colours_about_the_grey() -> None:
    images = pictures(2, 3, 4, 5)
    grey = images.mean(1, keepdim=True)
    close(only(images, saturation=ndtr(1)), grey + 2 * (images - grey))
    close(only(images, saturation=ndtr(-1)), grey + (images - grey) / 2)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_hue_and_saturation_are_for_three_channels(channels: int) -> None:
    images = pictures(2, channels, 4, 5)
    assert torch.equal(only(images, hue=0.7, saturation=0.2), images)


ORDER = [{"mirror": 0.3}, {"quarters": 0.3}, {"whole": (0.99, 0.01)}, {"turn": 0.75}, {"stretch": ndtr(2)}]
ORDER += [{"bright": ndtr(1)}, {"contrast": ndtr(2)}, {"negative": 0.3}, {"hue": 0.7}, {"saturation": ndtr(1)}]


@pytest.mark.parametrize("second", range(1, len(ORDER)))
def test_the_order_is_the_papers(second: int) -> None:
    """Two at once are one after the other. Only whole shifts are as good as exact, so that fractions come last."""
    images = pictures(2, 3, 8, 8)
    one, other = ORDER[second - 1], ORDER[second]
    close(only(images, **one, **other), only(only(images, **one), **other))


def test_stretch_comes_between_the_rotations() -> None:
    """A quarter turn, a stretch, and the turn back: the stretch of the other axis."""
    x = only(ramp(3), turn=0.75, stretch=ndtr(2), turn_back=0.25)
    y = only(ramp(2), turn=0.75, stretch=ndtr(2), turn_back=0.25)
    factor = 2**0.4
    close(y, ramp(2) / factor, 1e-9)
    close(x[..., 4:12], ramp(3)[..., 4:12] * factor, 1e-9)


def test_bilinear_and_reflected_as_grid_sample_does_it() -> None:
    images = pictures(8, 3, 9, 14)
    inverse = torch.eye(3, dtype=torch.float64)[:2] + (rand(8, 2, 3) * 2 - 1) * torch.tensor([0.8, 0.8, 20.0])
    half_sides = torch.tensor([7.0, 4.5, 1.0], dtype=torch.float64)  # which are 1 in grid_sample's units
    grid = affine_grid(inverse * half_sides / half_sides[:2, None], images.shape, align_corners=False)
    expected = grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    close(_warp(images, inverse), expected)


# ADA's probability


@EACH_SHAPE
def test_at_p_0_nothing_changes_to_the_bit(shape: tuple[int, ...]) -> None:
    images = pictures(8, *shape, dtype=torch.float32)
    draws = rand(8, ADA_DRAWS, dtype=torch.float32)
    draws[:4] = 0.0
    images[1, 0, 0, 0] = float("inf")  # nor does what is not finite spread
    assert torch.equal(ada(images, 0.0, draws), images)
    assert torch.equal(ada(images, torch.tensor(0.0), draws), images)


def test_at_p_1_everything_changes() -> None:
    images = pictures(64, 3, 8, 8)
    changed = (ada(images, 1.0, rand(64, ADA_DRAWS)) - images).abs().amax((1, 2, 3))
    assert (changed > 0.05).all()


def test_pictures_that_the_coins_spare_are_the_same_to_the_bit() -> None:
    images, draws = pictures(64, 3, 8, 8), rand(64, ADA_DRAWS)
    spared = (draws[:, :13] >= 0.1).all(1)
    same = (ada(images, 0.1, draws) == images).all(3).all(2).all(1)
    assert 0 < spared.sum() <= same.sum() < 64
    assert same[spared].all()


@pytest.mark.parametrize("names", [["scale"], ["fraction"], ["contrast"], ["saturation"], ["turn", "turn_back"]])
def test_each_is_applied_with_probability_p(names: list[str]) -> None:
    """Both rotations together, too. 4,000 pictures: 3 standard deviations are 0.022."""
    draws = rand(4000, ADA_DRAWS, seed=3)
    draws[:, [i for i, name in enumerate(COINS) if name not in names]] = 0.99
    images = pictures(1, 3, 4, 4).expand(4000, -1, -1, -1)
    changed = (ada(images, 0.3, draws) != images).any(3).any(2).any(1)
    assert changed.double().mean().item() == pytest.approx(0.3, abs=0.022)


@pytest.mark.parametrize("column", range(ADA_DRAWS))
def test_every_draw_counts(column: int) -> None:
    images, draws = pictures(1, 3, 16, 16), torch.full((1, ADA_DRAWS), 0.3, dtype=torch.float64)
    other = draws.clone()
    other[:, column] = 0.95
    assert not torch.equal(ada(images, 0.9, draws), ada(images, 0.9, other))


def test_p_may_be_a_number_or_a_tensor() -> None:
    images, draws = pictures(8, 3, 5, 5), rand(8, ADA_DRAWS)
    assert torch.equal(ada(images, 0.4, draws), ada(images, torch.tensor(0.4, dtype=torch.float64), draws))


def test_next_p() -> None:
    p, low, high = (torch.tensor(value, dtype=torch.float64) for value in (0.5, 0.55, 0.65))
    step = 256 / 500_000
    assert next_p(p, high, 256).item() == pytest.approx(0.5 + step, rel=1e-12)
    assert next_p(p, low, 256).item() == pytest.approx(0.5 - step, rel=1e-12)
    assert next_p(p, low, 256, target=0.5).item() == pytest.approx(0.5 + step, rel=1e-12)
    assert next_p(p, high, 100, ada_nimg=1000).item() == pytest.approx(0.6, rel=1e-12)
    assert next_p(p * 0, low, 256).item() == 0
    assert next_p(p * 2, high, 256).item() == 1
    assert next_p(p * 2 - step / 2, high, 256).item() == 1


def test_p_goes_from_0_to_1_in_ada_nimg() -> None:
    p, certain = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for _ in range(49):
        p = next_p(p, certain, 1000, ada_nimg=50_000)
    assert p.item() == pytest.approx(0.98, rel=1e-12)


# DiffAugment


def test_color() -> None:
    """In its order: brightness, saturation, contrast; each alone where the others' draws are 1/2."""
    images = pictures(2, 3, 4, 5)
    grey, mean = images.mean(1, keepdim=True), images.mean((1, 2, 3), keepdim=True)

    def color(*u: float) -> Tensor:
        return diff_augment(images, torch.tensor([[*u, 0, 0, 0, 0]] * 2, dtype=torch.float64), ["color"])

    close(color(0.5, 0.5, 0.5), images)
    close(color(0.9, 0.5, 0.5), images + 0.4)
    close(color(0.5, 0.0, 0.5), grey.expand_as(images))
    close(color(0.5, 0.9, 0.5), grey + 1.8 * (images - grey))
    close(color(0.5, 0.5, 0.0), mean + 0.5 * (images - mean))
    close(color(0.9, 0.0, 0.0), mean + 0.4 + 0.5 * (grey - mean).expand_as(images))


@pytest.mark.parametrize(("u", "shift"), [(0.0, -1), (0.34, 0), (0.66, 0), (0.67, 1), (0.999, 1)])
def test_translation(u: float, shift: int) -> None:
    """8 pixels: by up to 1, with grey coming in."""
    images = pictures(2, 3, 8, 8)
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    down = diff_augment(images, torch.tensor([[0, 0, 0, u, 0.5, 0, 0]] * 2), ["translation"])
    assert torch.equal(down, padded[:, :, 1 - shift : 9 - shift, 1:9])
    right = diff_augment(images, torch.tensor([[0, 0, 0, 0.5, u, 0, 0]] * 2), ["translation"])
    assert torch.equal(right, padded[:, :, 1:9, 1 - shift : 9 - shift])


@pytest.mark.parametrize(("size", "most"), [(1, 0), (3, 0), (4, 1), (5, 1), (28, 4), (32, 4)])
def test_translation_goes_up_to_an_eighth_rounded(size: int, most: int) -> None:
    images = pictures(1, 1, 1, size)
    right = diff_augment(images, torch.tensor([[0, 0, 0, 0.5, 0.999, 0, 0]]), ["translation"])
    assert torch.equal(right[..., most:], images[..., : size - most])
    assert right[..., :most].count_nonzero() == 0


@pytest.mark.parametrize(
    ("rows", "columns", "cut"),
    [
        (0.5, 0.5, (slice(2, 6), slice(2, 7))),  # 8 x 9: 4 x 5 in the middle
        (0.0, 0.5, (slice(0, 2), slice(2, 7))),
        (0.999, 0.0, (slice(6, 8), slice(0, 3))),
        (0.5, 0.999, (slice(2, 6), slice(6, 9))),
    ],
)
def test_cutout(rows: float, columns: float, cut: tuple[slice, slice]) -> None:
    images = pictures(2, 3, 8, 9)
    expected = images.clone()
    expected[:, :, cut[0], cut[1]] = 0
    draws = torch.tensor([[0, 0, 0, 0, 0, rows, columns]] * 2)
    assert torch.equal(diff_augment(images, draws, ["cutout"]), expected)


def test_the_policy_is_parts_in_order() -> None:
    images, draws = pictures(4, 3, 16, 16), rand(4, DIFF_AUGMENT_DRAWS)
    step_by_step = images
    for part in DIFF_AUGMENT:
        step_by_step = diff_augment(step_by_step, draws, [part])
    assert torch.equal(diff_augment(images, draws), step_by_step)
    assert torch.equal(diff_augment(images, draws, ()), images)
    other = diff_augment(images, draws, ["cutout", "color"])
    assert not torch.equal(other, diff_augment(images, draws, ["color", "cutout"]))


def test_pictures_that_are_shifted_are_not_changed_otherwise() -> None:
    images, draws = pictures(4, 3, 16, 16), rand(4, DIFF_AUGMENT_DRAWS)
    assert torch.equal(translated(images, draws), diff_augment(images, draws, ["translation"]))
    assert not torch.equal(translated(images, draws), images)


@pytest.mark.parametrize("column", range(DIFF_AUGMENT_DRAWS))
def test_every_draw_of_diff_augment_counts(column: int) -> None:
    images, draws = pictures(1, 3, 16, 16), torch.full((1, DIFF_AUGMENT_DRAWS), 0.3, dtype=torch.float64)
    other = draws.clone()
    other[:, column] = 0.8
    assert not torch.equal(diff_augment(images, draws), diff_augment(images, other))


# Both


@EACH_SHAPE
@BOTH
def test_any_shape_and_the_extremes_of_the_draws(augment: Augmentation, columns: int, shape: tuple[int, ...]) -> None:
    images, draws = pictures(6, *shape, dtype=torch.float32), rand(6, columns, dtype=torch.float32)
    draws[0], draws[1] = 0.0, 1 - 2**-24
    found = augment(images, draws)
    assert (found.shape, found.dtype) == (images.shape, torch.float32)
    assert torch.isfinite(found).all()
    assert torch.equal(found, augment(images.clone(), draws.clone()))


@BOTH
def test_a_picture_follows_from_its_own_row(augment: Augmentation, columns: int) -> None:
    images, draws = pictures(6, 3, 8, 8), rand(6, columns)
    found = augment(images, draws)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    close(augment(images[order], draws[order]), found[order], 1e-14)
    images[2], draws[2] = 0.1, 0.9
    after = augment(images, draws)
    kept = [0, 1, 3, 4, 5]
    assert torch.equal(after[kept], found[kept])


@pytest.mark.parametrize("shape", [(1, 3, 4), (3, 4, 3)], ids=str)
@BOTH
def test_gradients_agree_with_finite_differences(augment: Augmentation, columns: int, shape: tuple[int, ...]) -> None:
    """Twice: R1 goes through the augmentation to the pictures before it, and from there to D's weights."""
    images, draws = pictures(3, *shape).requires_grad_(), rand(3, columns)
    assert torch.autograd.gradcheck(lambda x: augment(x, draws), (images,))
    assert torch.autograd.gradgradcheck(lambda x: augment(x, draws).pow(3), (images,))


@BOTH
def test_gradients_reach_the_pictures(augment: Augmentation, columns: int) -> None:
    images = pictures(8, 3, 8, 8).requires_grad_()
    [grad] = torch.autograd.grad(augment(images, rand(8, columns)).square().sum(), [images])
    assert torch.isfinite(grad).all()
    assert (grad.abs().amax((1, 2, 3)) > 0).all()


@BOTH
def test_the_wider_type_comes_out(augment: Augmentation, columns: int) -> None:
    """A sixteen-bit picture is treated as the float32 picture that it is."""
    images, draws = pictures(4, 3, 8, 8).to(torch.bfloat16), rand(4, columns, dtype=torch.float32)
    assert torch.equal(augment(images, draws), augment(images.float(), draws))
    assert augment(images.double(), draws).dtype == torch.float64


@BOTH
def test_points_are_refused(augment: Augmentation, columns: int) -> None:
    with pytest.raises(UserError, match=r"these items are points; train without it\."):
        augment(torch.zeros(4, 2), torch.zeros(4, columns))


def test_another_part_is_refused() -> None:
    with pytest.raises(UserError, match="no part 'colour'; it has color, translation, cutout"):
        diff_augment(pictures(2, 1, 4, 4), rand(2, DIFF_AUGMENT_DRAWS), ["colour"])


@BOTH
def test_draws_of_another_shape_are_refused(augment: Augmentation, columns: int) -> None:
    for shape in ((3, columns), (2, columns + 1)):
        with pytest.raises(ValueError, match=rf"2 pictures need draws \[2, {columns}\]"):
            augment(pictures(2, 1, 4, 4), rand(*shape))
