"""Scatter pictures of points in the plane, drawn pixel by pixel: smooth edges, and the same bytes every time."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

LIMIT = 1.1
"""The frame reaches from -LIMIT to LIMIT on both axes."""

AXES = (226, 226, 226)
REFERENCE = (176, 176, 176)
CENTERS = (70, 70, 70)
POINTS = (201, 42, 42)
ARROWS = (28, 34, 92)
HEAD, SIDES = 0.35, (-0.5, 0.5)
"""Each side of an arrow's head, as a share of its length, and the angles of both with the shaft, in radians."""
LOW, HIGH = (253, 205, 140), (150, 196, 235)
"""Of the decision map: orange and blue, pale enough for the points to stand out."""

Color = tuple[int, int, int]
Array = NDArray[np.float64]


def scatter(
    points: Tensor, size: int = 448, reference: Tensor | None = None, centers: Tensor | None = None,
    decision_map: Tensor | None = None, arrows: Tensor | None = None,
) -> Image.Image:  # fmt: skip
    """Generated points, red, over real ones, grey; rings around the modes' centres and arrows on top; x to the right,
    y up.

    points, reference, centers: float [N, 2], N may be 0. size: pixels of each side, at least 64. The lines are at -1, 0
    and 1. What lies beyond ``LIMIT``, infinity included, is drawn on the frame. arrows: float [K, 2, 2], from and to.
    decision_map: float [K, L] in [0, 1], spread over the frame behind everything, top row first: 0 is orange, 1/2
    white, 1 blue. Returns an RGB picture. Raises ValueError for another shape, for NaN, and for a smaller size.
    """
    if size < 64:
        raise ValueError(f"size is {size} pixels; at least 64 are needed")
    unit = size / 448  # radii are given for this size
    canvas = np.full((size, size, 3), 255.0)
    if decision_map is not None:
        _colour(canvas, decision_map)
    _axes(canvas)
    if reference is not None:
        _stamp(canvas, _to_pixels(reference, size), 2.0 * unit, None, REFERENCE, 0.5)
    _stamp(canvas, _to_pixels(points, size), 2.0 * unit, None, POINTS, 0.5)
    if centers is not None:
        _stamp(canvas, _to_pixels(centers, size), 9.0 * unit, 1.2 * unit, CENTERS, 0.9)
    if arrows is not None:
        _stamp(canvas, _along(arrows, size), 0.8 * unit, None, ARROWS, 0.8)
    return Image.fromarray(canvas.round().astype(np.uint8))


def _margin(size: int) -> int:
    """Pixels outside the frame, enough for the points on it."""
    return size // 40


def _to_pixels(points: Tensor, size: int) -> Array:
    """[N, 2] in the plane -> [N, 2] of (column, row), y turned over, clamped to the frame."""
    if points.dim() != 2 or points.shape[1] != 2:
        raise ValueError(f"points have shape {list(points.shape)}, not [N, 2]")
    plane = points.detach().to("cpu", torch.float64).numpy().clip(-LIMIT, LIMIT)
    if np.isnan(plane).any():
        raise ValueError("some points are non-finite (NaN): they have no place in the plane")
    margin = _margin(size)
    return margin + (plane * (1, -1) + LIMIT) / (2 * LIMIT) * (size - 1 - 2 * margin)


def _along(arrows: Tensor, size: int) -> Array:
    """Places along the shaft and both sides of the head of each arrow, about a pixel apart; (column, row) [N, 2]."""
    tail, tip = (_to_pixels(ends, size) for ends in arrows.unbind(1))  # [K, 2]
    turns = [np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) for turn in SIDES]
    sides = [tip + HEAD * (tail - tip) @ turn for turn in turns]
    steps = np.linspace(0, 1, 2 + int(np.abs(tip - tail).max(initial=0)))[:, None, None]
    return np.concatenate([(tip + steps * (end - tip)).reshape(-1, 2) for end in (tail, *sides)])


def _colour(canvas: Array, decision_map: Tensor) -> None:
    """Colour the frame by ``decision_map``, smoothly between its values."""
    low, high = _margin(len(canvas)), len(canvas) - _margin(len(canvas))
    values = decision_map.detach().to("cpu", torch.float32)[None, None]
    smooth = torch.nn.functional.interpolate(values, (high - low, high - low), mode="bilinear", align_corners=True)
    share = smooth[0, 0].clamp(0, 1).double().numpy()[:, :, None] * 2 - 1
    color = np.where(share > 0, np.array(HIGH, dtype=float), np.array(LOW, dtype=float))
    canvas[low:high, low:high] = 255 + (color - 255) * np.abs(share)


def _axes(canvas: Array) -> None:
    """The frame, and lines at -1, 0 and 1, each one pixel wide."""
    size = len(canvas)
    low, high = _margin(size), size - 1 - _margin(size)
    places = torch.tensor([-LIMIT, -1.0, 0.0, 1.0, LIMIT], dtype=torch.float64)
    for at in _to_pixels(torch.stack([places, places], dim=1), size)[:, 0].round().astype(int):
        canvas[low : high + 1, at] = AXES
        canvas[at, low : high + 1] = AXES


def _stamp(canvas: Array, at: Array, radius: float, line: float | None, color: Color, opacity: float) -> None:
    """Blend a disc, or a ring of width ``line``, around each of ``at`` [N, 2] into the canvas [H, W, 3], in place.

    A pixel's coverage is that of a straight edge at its distance. Stamps of one call have one colour, so what shows
    through them is a product, and their order does not matter.
    """
    size = len(canvas)
    reach = int(radius + (line or 0)) + 2
    steps = np.arange(-reach, reach + 1)
    columns = np.floor(at[:, 0]).astype(int)[:, None, None] + steps[None, None, :]
    rows = np.floor(at[:, 1]).astype(int)[:, None, None] + steps[None, :, None]
    columns, rows = np.broadcast_arrays(columns, rows)  # [N, K, K]
    distance = np.hypot(columns - at[:, 0, None, None], rows - at[:, 1, None, None])
    edge = radius - distance if line is None else line / 2 - np.abs(distance - radius)
    coverage = (edge + 0.5).clip(0, 1)
    seen = (coverage > 0) & (columns >= 0) & (columns < size) & (rows >= 0) & (rows < size)
    places = rows[seen] * size + columns[seen]
    logs = np.bincount(places, np.log1p(-opacity * coverage[seen]), minlength=size * size)
    through = np.exp(logs).reshape(size, size, 1)
    canvas *= through
    canvas += (1 - through) * color
