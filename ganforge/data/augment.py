"""Augmentation of what D sees, reals and fakes alike, so that little data lasts longer; gradients flow through it.

Pictures float [N, C, H, W] in [-1, 1] of any size and channel count come out in the same shape, perhaps a little
outside the range, in the wider type of pictures and draws. All randomness comes in as ``draws``, float32 or float64,
uniform in [0, 1), a row for each picture: what happens to a picture follows from its own row alone.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganforge.base.errors import UserError

DIFF_AUGMENT_DRAWS = 7
"""Columns of draws that ``diff_augment`` takes, whatever the policy."""
ADA_DRAWS = 28
"""Columns of draws that ``ada`` takes, whatever the channels: 13 coins, then 15 strengths."""
MOVES, RECOLOURS = 8, 5  # of ADA's transforms

# ADA's strengths: Karras et al. 2020, arXiv:2006.06676, appendix B.
SHIFT = SHIFT_STD = 1 / 8  # of the side; by whole pixels uniform up to this, by fractions normal
SCALE_STD, STRETCH_STD, CONTRAST_STD, SATURATION_STD = 0.2, 0.2, 0.5, 1.0  # of log2 of the factor
BRIGHTNESS_STD = 0.2


def diff_augment(images: Tensor, draws: Tensor, policy: Sequence[str] = ("color", "translation", "cutout")) -> Tensor:
    """Zhao et al. 2020, arXiv:2006.10738: every picture is changed, at random, by the policy's parts in their order.

    color: brightness, saturation, contrast. translation: by up to an eighth of each side, with grey (0) coming in.
    cutout: a rectangle of half of each side becomes grey. draws: [N, DIFF_AUGMENT_DRAWS]. Raises UserError for
    another part and for points.
    """
    for part in policy:
        if part not in DIFF_AUGMENT:
            raise UserError(f"DiffAugment has no part {part!r}; it has {', '.join(DIFF_AUGMENT)}.")
    images, draws = _checked(images, draws, DIFF_AUGMENT_DRAWS)
    for part in policy:
        change, columns = DIFF_AUGMENT[part]
        images = change(images, draws[:, columns, None, None, None])
    return images


def _color(images: Tensor, u: Tensor) -> Tensor:
    """Adds -1/2 to 1/2, scales the differences between channels by 0 to 2, then the contrast by 1/2 to 3/2."""
    brightness, saturation, contrast = u.unbind(1)
    images = images + (brightness - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (2 * saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (contrast + 0.5)


def _translation(images: Tensor, u: Tensor) -> Tensor:
    for dim, where in zip((2, 3), u.unbind(1), strict=True):
        size = images.shape[dim]
        most = int(size / 8 + 0.5)
        source = _positions(images, dim) - (where * (2 * most + 1)).floor() + most
        index = source.clamp(0, size - 1).to(torch.int64).expand_as(images)
        images = images.gather(dim, index) * ((source >= 0) & (source < size))
    return images


def _cutout(images: Tensor, u: Tensor) -> Tensor:
    """The rectangle's middle is anywhere in the picture, so that a part of the rectangle may lie outside."""
    within = []
    for dim, where in zip((2, 3), u.unbind(1), strict=True):
        size = images.shape[dim]
        cut = (size + 1) // 2
        position = _positions(images, dim) - (where * (size + 1 - cut % 2)).floor() + cut // 2
        within.append((position >= 0) & (position < cut))
    rows, columns = within
    return images * ~(rows & columns)


DIFF_AUGMENT: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], slice]] = {
    "color": (_color, slice(0, 3)),
    "translation": (_translation, slice(3, 5)),
    "cutout": (_cutout, slice(5, 7)),
}
"""Part -> what it does, and which columns of the draws are its."""


def translated(images: Tensor, draws: Tensor) -> Tensor:
    """``diff_augment`` with its translation alone, for data that need little: draws [N, DIFF_AUGMENT_DRAWS]."""
    return diff_augment(images, draws, ("translation",))


def ada(images: Tensor, p: Tensor | float, draws: Tensor) -> Tensor:
    """Adaptive augmentation's geometric and colour transforms: Karras et al. 2020, arXiv:2006.06676, appendix B.

    Each is applied with probability p, in [0, 1]; a picture to which none applies comes back to the bit. In order:
    mirroring, quarter turns, shift by whole pixels, scale, rotation, stretch, rotation, shift; brightness, contrast,
    negative; and for 3 channels hue and saturation. Mirroring spares half of the pictures that it is applied to,
    quarter turns a quarter, the negative half, so that even at p = 1 nothing is gained by fakes that are mirrored,
    turned or negative themselves.

    What a transform uncovers shows the picture reflected at its edge. Values are interpolated bilinearly; the source
    passes through a wavelet filter at twice the size. draws: [N, ADA_DRAWS]. Raises UserError for points.
    """
    images, draws = _checked(images, draws, ADA_DRAWS)
    p = torch.as_tensor(p, dtype=draws.dtype, device=draws.device)
    one_of_two = 1 - (1 - p).sqrt()  # for each of the two rotations: with probability p there is one or both
    chances = torch.stack([p, p, p, p, one_of_two, p, one_of_two, p, *[p] * RECOLOURS])
    coins, strengths = draws[:, : len(chances)] < chances, draws[:, len(chances) :]
    images = _move(images, coins[:, :MOVES], strengths[:, :-RECOLOURS])
    return _recolour(images, coins[:, MOVES:], strengths[:, -RECOLOURS:])


def sign_mean(real_logits: Tensor, fake_logits: Tensor, boundary: float | None) -> Tensor:
    """How sure D is of the reals, -1 to 1, 0 if it cannot tell: what ``next_p`` goes by. 0-d.

    real_logits, fake_logits: [N]. boundary: the logit at which D cannot tell; None where a logit says nothing by
    itself, but only a real's against a fake's.
    """
    return (real_logits - (fake_logits if boundary is None else boundary)).sign().mean()


def next_p(
    p: Tensor, sign_mean: Tensor, batch_size: float | Tensor, target: float = 0.6, ada_nimg: int = 500_000
) -> Tensor:
    """ADA's probability, 0-d, within [0, 1], after a look at how well D knows the reals by heart: the same paper,
    section 3.

    sign_mean: the mean of sign(D(x)) over the reals of D's last update, 0-d; D(x) counts from the logit at which D
    cannot tell, or, where a loss has none, from D(G(z)). Above ``target`` p rises, below it falls, by batch_size /
    ada_nimg: from 0 to 1 in no less than ada_nimg pictures. batch_size: reals since the last look; in the source, of 4
    batches.
    """
    return (p + (sign_mean - target).sign() * (batch_size / ada_nimg)).clamp(0, 1)


def _move(images: Tensor, coins: Tensor, strengths: Tensor) -> Tensor:
    """The geometric transforms, all in one. coins: bool [N, 8]. strengths: [N, 10], uniform in [0, 1)."""
    height, width = images.shape[2:]
    mirror, quarters, whole, scale, turn, stretch, turn_back, fraction = coins.unbind(1)
    u_mirror, u_quarters, u_x, u_y, u_scale, u_turn, u_stretch, u_turn_back, u_dx, u_dy = strengths.unbind(1)

    sign = 1 - 2 * (mirror & (u_mirror < 0.5)).to(strengths.dtype)
    quarter_turn = quarters * (4 * u_quarters).floor() * (math.pi / 2)
    x, y = (whole * ((2 * u - 1) * SHIFT * side).round() for u, side in ((u_x, width), (u_y, height)))
    size = torch.exp2(SCALE_STD * _normal(u_scale) * scale)
    aspect = torch.exp2(STRETCH_STD * _normal(u_stretch) * stretch)
    angle, angle_back = (math.pi * (2 * u - 1) * coin for u, coin in ((u_turn, turn), (u_turn_back, turn_back)))
    dx, dy = (fraction * _normal(u) * SHIFT_STD * side for u, side in ((u_dx, width), (u_dy, height)))

    # Where a pixel comes from: the inverses, multiplied in the order in which the transforms are applied.
    inverse = _scaling(sign, torch.ones_like(sign)) @ _rotation(-quarter_turn) @ _shift(-x, -y)
    inverse = inverse @ _scaling(1 / size, 1 / size) @ _rotation(-angle)
    inverse = inverse @ _scaling(1 / aspect, aspect) @ _rotation(-angle_back) @ _shift(-dx, -dy)
    return torch.where(coins.any(1)[:, None, None, None], _warp(images, inverse[:, :2]), images)


def _matrix(*rows: Sequence[Tensor]) -> Tensor:
    """Two rows of three numbers [N], and (0, 0, 1) below them: [N, 3, 3], on (x, y, 1), y downwards."""
    zero = torch.zeros_like(rows[0][0])
    return torch.stack([torch.stack([*row], 1) for row in (*rows, (zero, zero, zero + 1))], 1)


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    zero = torch.zeros_like(x)
    return _matrix((x, zero, zero), (zero, y, zero))


def _rotation(angle: Tensor) -> Tensor:
    """Clockwise, as y points downwards."""
    zero = torch.zeros_like(angle)
    return _matrix((angle.cos(), -angle.sin(), zero), (angle.sin(), angle.cos(), zero))


def _shift(x: Tensor, y: Tensor) -> Tensor:
    zero = torch.zeros_like(x)
    return _matrix((zero + 1, zero, x), (zero, zero + 1, y))


def _normal(u: Tensor) -> Tensor:
    """Uniform in [0, 1) -> N(0, 1), finite at 0, too."""
    return math.sqrt(2) * torch.erfinv(2 * u.clamp(min=2**-25) - 1)


def _warp(images: Tensor, inverse: Tensor) -> Tensor:
    """Shows at (x, y), in pixels from the middle, what ``images`` has at inverse [N, 2, 3] @ (x, y, 1).

    By gather, whose second derivative, which R1 needs, is in every PyTorch; grid_sample's is missing in some.
    """
    channels, height, width = images.shape[1:]
    columns, rows = (_positions(images, dim).flatten() - (images.shape[dim] - 1) / 2 for dim in (3, 2))
    target = torch.stack([columns.repeat(height), rows.repeat_interleave(width), columns.new_ones(height * width)])
    x, y = (inverse @ target).unbind(1)  # [N, H W] each
    left, right, rightness = _neighbours(x, width)
    upper, lower, lowness = _neighbours(y, height)
    flat = images.flatten(2)

    def at(row: Tensor, column: Tensor) -> Tensor:
        return flat.gather(2, (row * width + column)[:, None].expand(-1, channels, -1))

    above = torch.lerp(at(upper, left), at(upper, right), rightness)
    below = torch.lerp(at(lower, left), at(lower, right), rightness)
    return torch.lerp(above, below, lowness).view_as(images)


def _neighbours(position: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The two pixels around each position, in pixels from the middle, int64 [N, M], and how near it is to the second,
    [N, 1, M], 0 to 1. Beyond the edge, half a pixel outside the last pixel, positions are reflected."""
    folded = (position + size / 2).remainder(2 * size)
    inside = (torch.minimum(folded, 2 * size - folded) - 0.5).clamp(0, size - 1)
    first = inside.floor()
    index = first.to(torch.int64)
    return index, (index + 1).clamp(max=size - 1), (inside - first)[:, None]


def _recolour(images: Tensor, coins: Tensor, strengths: Tensor) -> Tensor:
    """The colour transforms, which never mix grey values with colours. coins, strengths: [N, 5]."""
    coloured = images.shape[1] == 3
    bright, contrast, negative, hue, saturation = coins[:, :, None, None, None].unbind(1)
    u_bright, u_contrast, u_negative, u_hue, u_saturation = strengths[:, :, None, None, None].unbind(1)

    grey = images.mean(1, keepdim=True)
    colour = images - grey
    gain = torch.exp2(CONTRAST_STD * _normal(u_contrast) * contrast)
    grey, colour = (grey + BRIGHTNESS_STD * _normal(u_bright) * bright) * gain, colour * gain
    grey = torch.where(negative & (u_negative < 0.5), -grey, grey)
    if coloured:
        # Rodrigues' rotation about (1, 1, 1): the rolls' difference is sqrt(3) times the cross product with its unit.
        angle = math.pi * (2 * u_hue - 1) * hue
        across = (colour.roll(1, 1) - colour.roll(-1, 1)) / math.sqrt(3)
        colour = angle.cos() * colour + angle.sin() * across
        colour = colour * torch.exp2(SATURATION_STD * _normal(u_saturation) * saturation)
    changed = coins if coloured else coins[:, :3]
    return torch.where(changed.any(1)[:, None, None, None], grey + colour, images)


def _positions(images: Tensor, dim: int) -> Tensor:
    """0, 1, ... along a dimension of NCHW, ready to be broadcast."""
    shape = [1] * 4
    shape[dim] = images.shape[dim]
    return torch.arange(images.shape[dim], dtype=images.dtype, device=images.device).view(shape)


def _checked(images: Tensor, draws: Tensor, columns: int) -> tuple[Tensor, Tensor]:
    """Both in the wider of their types."""
    if images.dim() != 4:
        raise UserError("Augmentation changes pictures, and these items are points; train without it.")
    if draws.shape != (len(images), columns):
        raise ValueError(f"{len(images)} pictures need draws [{len(images)}, {columns}], not {list(draws.shape)}")
    wider = torch.promote_types(images.dtype, draws.dtype)
    return images.to(wider), draws.to(wider)
