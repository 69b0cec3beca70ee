"""Bringing pictures to one shape: hand values, and what must stay as it is."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from ganforge.data.prepared.fit import Target, fit_picture, infer_size, is_grey

RANDOM = np.random.default_rng(0)


def picture(height: int, width: int, channels: int = 3) -> Image.Image:
    array = RANDOM.integers(256, size=(height, width, channels), dtype=np.uint8)
    return Image.fromarray(array[..., 0] if channels == 1 else array)


def pixels(image: Image.Image) -> np.ndarray:
    array = np.asarray(image)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_what_has_the_shape_already_stays_as_it_is(channels: int, fit: str) -> None:
    image = picture(5, 7, channels)
    if channels == 4:
        image.putalpha(200)
    assert np.array_equal(fit_picture(image, Target(channels, 5, 7, fit)), pixels(image))


@pytest.mark.parametrize("height", [9, 10])
def test_cropping_alone_changes_no_pixel(height: int) -> None:
    image = picture(height, 6)
    top = (height - 6) // 2
    assert np.array_equal(fit_picture(image, Target(3, 6, 6)), pixels(image)[:, top : top + 6])


def halves(left: int, right: int, height: int = 40, width: int = 80) -> Image.Image:
    array = np.full((height, width), left, np.uint8)
    array[:, width // 2 :] = right
    return Image.fromarray(array)


def test_crop_takes_the_middle() -> None:
    image = Image.new("L", (90, 30), 10)
    image.paste(200, (30, 0, 60, 30))
    made = fit_picture(image, Target(1, 10, 10)).astype(int)
    assert np.abs(made[:, :, 1:-1] - 200).max() < 5  # the filter looks a little beyond the edge


@pytest.mark.parametrize(("background", "value"), [("white", 255), ("black", 0)])
def test_pad_puts_the_background_on_two_sides(background: str, value: int) -> None:
    made = fit_picture(Image.new("RGB", (40, 20), (9, 99, 199)), Target(3, 16, 16, "pad", background))
    assert (made[:, 4:12] == np.array([9, 99, 199])[:, None, None]).all()
    assert (made[:, :4] == value).all() and (made[:, 12:] == value).all()


def test_padding_of_transparent_pictures_is_transparent() -> None:
    made = fit_picture(Image.new("RGBA", (40, 20), (9, 99, 199, 255)), Target(4, 16, 16, "pad", "black"))
    assert (made[3, :4] == 0).all() and (made[3, 4:12] == 255).all()
    assert (made[:3, :4] == 0).all()


def test_stretch_keeps_all_of_it() -> None:
    made = fit_picture(halves(0, 250), Target(1, 8, 8, "stretch"))
    assert (made[0, :, 0] < 5).all() and (made[0, :, -1] > 245).all()


def test_resizing_averages_what_falls_on_a_pixel() -> None:
    """A chessboard of single pixels becomes grey; taking every eighth pixel would leave it black or white."""
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    made = fit_picture(Image.fromarray(board), Target(1, 8, 8))
    assert np.abs(made.astype(int) - 127).max() <= 2


def test_transparency_lies_on_the_background_before_resizing() -> None:
    """Half is opaque red, half wholly transparent green: no green may be seen."""
    array = np.zeros((32, 32, 4), np.uint8)
    array[:, :16] = (255, 0, 0, 255)
    array[:, 16:] = (0, 255, 0, 0)
    image = Image.fromarray(array)
    on_black = fit_picture(image, Target(3, 8, 8, background="black"))
    assert (on_black[1] == 0).all()
    on_white = fit_picture(image, Target(3, 8, 8))
    assert (on_white[:, :, -1] == 255).all()
    assert np.array_equal(on_white[1], on_white[2])
    kept = fit_picture(image, Target(4, 8, 8, background="black"))
    assert (kept[1] == 0).all()
    assert (kept[3, :, 0] == 255).all() and (kept[3, :, -1] == 0).all()
    assert (kept[0, :, :4] == 255).all()  # full red as far as there is anything to be seen


def test_colours_that_nobody_sees_are_the_backgrounds() -> None:
    array = np.full((4, 4, 4), (1, 2, 3, 0), np.uint8)
    made = fit_picture(Image.fromarray(array), Target(4, 4, 4))
    assert (made[:3] == 255).all() and (made[3] == 0).all()


def test_between_grey_and_colour() -> None:
    grey = picture(4, 4, 1)
    coloured = fit_picture(grey, Target(3, 4, 4))
    assert is_grey(coloured) and np.array_equal(coloured[:1], pixels(grey))
    assert np.array_equal(fit_picture(Image.fromarray(coloured.transpose(1, 2, 0)), Target(1, 4, 4)), pixels(grey))
    assert not is_grey(fit_picture(Image.new("RGB", (4, 4), (1, 1, 2)), Target(3, 4, 4)))
    half = Image.merge("LA", (Image.new("L", (4, 4), 100), Image.new("L", (4, 4), 0)))
    assert (fit_picture(half, Target(1, 4, 4)) == 255).all()
    assert fit_picture(half, Target(4, 4, 4)).shape == (4, 4, 4)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2), (100, 7)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_odd_shapes_fit_too(fit: str, size: tuple[int, int], channels: int) -> None:
    made = fit_picture(picture(*size, 4), Target(channels, 6, 9, fit))
    assert made.shape == (channels, 6, 9) and made.dtype == np.uint8


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        ({(28, 28): 7}, (28, 28)),
        ({(20, 31): 7}, (20, 31)),
        ({(1024, 3): 2}, (1024, 3)),
        ({(2000, 1500): 9}, (256, 256)),
        ({(64, 64): 1, (65, 64): 1}, (64, 64)),
        ({(63, 200): 2, (500, 500): 1}, (32, 32)),
        ({(63, 200): 2, (500, 500): 3}, (256, 256)),
        ({(5, 5): 1, (6, 6): 1}, (16, 16)),
    ],
)
def test_the_size_follows_from_the_pictures(sizes: dict[tuple[int, int], int], wanted: tuple[int, int]) -> None:
    size, why = infer_size(Counter(sizes))
    assert size == wanted
    assert why
