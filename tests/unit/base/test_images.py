"""base/images.py: exact values, exact pixels."""

import math
import os

import numpy as np
import pytest
import torch
from PIL import Image

from ganforge.base import images
from ganforge.base.images import animation, contact_sheet, grid, save_png, to_float, to_uint8

ALL_BYTES = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture)


def flat(*values: int, channels: int = 1, side: int = 2) -> torch.Tensor:
    """One picture for each value, all its pixels equal: uint8 [N, channels, side, side]."""
    return torch.tensor(values, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, channels, side, side)


def as_torchvision_does(items: torch.Tensor) -> torch.Tensor:
    return items.float().div(255).sub(0.5).div(0.5)


def test_to_float_has_the_bits_of_the_notes_scaling() -> None:
    assert torch.equal(to_float(ALL_BYTES).view(torch.int32), as_torchvision_does(ALL_BYTES).view(torch.int32))
    assert to_float(ALL_BYTES).dtype == torch.float32
    by_reciprocal = ALL_BYTES.float() * (1 / 127.5) - 1
    assert not torch.equal(to_float(ALL_BYTES), by_reciprocal)  # so the way it is computed does matter


def test_to_float_has_the_same_bits_in_a_large_batch_of_any_layout() -> None:
    items = torch.arange(128 * 3 * 28 * 28).view(128, 3, 28, 28).remainder(256).to(torch.uint8)
    before = items.clone()
    assert torch.equal(to_float(items), as_torchvision_does(items))
    assert torch.equal(to_float(items[:, :, :, 1::3]), as_torchvision_does(items[:, :, :, 1::3]))
    assert torch.equal(items, before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_to_float_has_the_same_bits_on_cuda() -> None:
    assert torch.equal(to_float(ALL_BYTES.cuda()).cpu(), to_float(ALL_BYTES))


def test_to_float_ends_are_exact() -> None:
    assert to_float(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1.0, 1.0]


def test_to_float_hands_points_back() -> None:
    points = torch.tensor([[0.3, -2.0]])
    assert to_float(points) is points


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.float16])
def test_to_float_refuses_other_types(dtype: torch.dtype) -> None:
    with pytest.raises(ValueError, match=str(dtype)):
        to_float(torch.zeros(1, 1, 2, 2, dtype=dtype))


def test_bytes_survive_the_round_trip() -> None:
    assert torch.equal(to_uint8(to_float(ALL_BYTES)), ALL_BYTES)


def test_to_uint8_rounds_halves_to_even() -> None:
    bytes_and_halves = torch.tensor([64.5, 65.5, 66.5, 127.5, 128.5, 129.5])
    fakes = bytes_and_halves / 127.5 - 1
    assert torch.equal((fakes + 1) * 127.5, bytes_and_halves)  # these are exact halves in float32
    assert to_uint8(fakes).tolist() == [64, 66, 66, 128, 128, 130]


def test_to_uint8_clamps_what_is_out_of_range() -> None:
    assert to_uint8(torch.tensor([1.0, 1.01, 3e38, -1.0, -1.01, -3e38])).tolist() == [255, 255, 255, 0, 0, 0]


def test_to_uint8_takes_half_precision_and_leaves_its_argument_alone() -> None:
    fakes = torch.tensor([-1.0, 0.25, 1.0], requires_grad=True)
    before = fakes.detach().clone()
    assert to_uint8(fakes).tolist() == [0, 159, 255]
    assert torch.equal(fakes.detach(), before)
    assert to_uint8(before.to(torch.bfloat16)).tolist() == [0, 159, 255]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_to_uint8_refuses_non_finite_values(value: float) -> None:
    fakes = torch.zeros(2, 1, 2, 2)
    fakes[1, 0, 1, 0] = value
    with pytest.raises(ValueError, match="1 of 8 values are non-finite"):
        to_uint8(fakes)


def test_to_uint8_refuses_bytes() -> None:
    with pytest.raises(ValueError, match="uint8"):
        to_uint8(ALL_BYTES)


def test_grid_exact_pixels_with_a_partial_last_row() -> None:
    made = pixels(grid(flat(10, 20, 30), columns=2, scale=1))
    g = 128
    expected = [
        [10, 10, g, g, 20, 20],
        [10, 10, g, g, 20, 20],
        [g, g, g, g, g, g],
        [g, g, g, g, g, g],
        [30, 30, g, g, g, g],
        [30, 30, g, g, g, g],
    ]
    assert made.tolist() == expected


def test_grid_enlarges_pixels_to_squares() -> None:
    one = torch.tensor([[[[1, 2, 3], [4, 5, 6]]]], dtype=torch.uint8)
    made = pixels(grid(one, scale=2))
    assert made.tolist() == [[1, 1, 2, 2, 3, 3]] * 2 + [[4, 4, 5, 5, 6, 6]] * 2


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_grid_modes_and_channel_order(channels: int, mode: str) -> None:
    one = torch.arange(1, channels + 1, dtype=torch.uint8).view(1, channels, 1, 1)
    made = grid(torch.cat([one, one + 10, one + 20]), columns=2, scale=1)
    assert made.mode == mode
    first, gap, second, blank = (made.getpixel(at) for at in ((0, 0), (1, 0), (3, 0), (3, 3)))
    tuples = {1: (1, 128, 11), 3: ((1, 2, 3), (128,) * 3, (11, 12, 13))}
    tuples[4] = ((1, 2, 3, 4), (128, 128, 128, 255), (11, 12, 13, 14))
    assert (first, gap, second) == tuples[channels]
    assert blank == gap


@pytest.mark.parametrize(
    ("count", "height", "width", "expected"),
    [
        (64, 28, 28, (8, 8, 2)),  # 224 pixels: twice is enough
        (16, 28, 28, (4, 4, 4)),
        (1, 8, 8, (1, 1, 16)),  # 56 times would be needed, 16 is the most
        (17, 8, 8, (5, 4, 12)),
        (2, 600, 500, (2, 1, 1)),
        (8, 10, 40, (2, 4, 6)),  # wide pictures: fewer columns
        (8, 40, 10, (6, 2, 6)),
    ],
)
def test_grid_default_layout(count: int, height: int, width: int, expected: tuple[int, int, int]) -> None:
    columns, rows, scale = expected
    made = grid(torch.zeros(count, 1, height, width, dtype=torch.uint8))
    assert made.size == (columns * width * scale + 2 * (columns - 1), rows * height * scale + 2 * (rows - 1))


def test_grid_is_never_wider_than_its_pictures() -> None:
    assert grid(flat(1, 2), columns=10, scale=1).size == (6, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        torch.zeros(1, 2, 4, 4, dtype=torch.uint8),
        torch.zeros(1, 4, 4, dtype=torch.uint8),
        torch.zeros(0, 1, 4, 4, dtype=torch.uint8),
        torch.zeros(1, 1, 4, 4),
    ],
)
def test_grid_refuses_what_is_no_picture(wrong: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="not uint8"):
        grid(wrong)


@pytest.mark.parametrize("wrong", [{"columns": 0}, {"scale": 0}, {"columns": -1}])
def test_grid_refuses_layouts_below_one(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        grid(flat(1), **wrong)


def cells(picture: Image.Image, columns: int, rows: int) -> list[list[int]]:
    """The grey value at the centre of each cell."""
    width, height = picture.size[0] / columns, picture.size[1] / rows
    return [
        [picture.getpixel((int((c + 0.5) * width), int((r + 0.5) * height))) for c in range(columns)]
        for r in range(rows)
    ]


def test_contact_sheet_has_a_row_for_each_class() -> None:
    items = flat(10, 20, 11, 12, 30, 13)
    labels = torch.tensor([0, 1, 0, 0, 3, 0])
    made = contact_sheet(items, labels, num_classes=4, columns=3)
    blank = images.GAP_VALUE
    assert cells(made, 3, 4) == [[10, 11, 12], [20, blank, blank], [blank] * 3, [30, blank, blank]]


def test_contact_sheet_leaves_classes_beyond_ten_out() -> None:
    made = contact_sheet(flat(*range(12)), torch.arange(12), num_classes=12, columns=1)
    assert cells(made, 1, 10) == [[value] for value in range(10)]


def test_contact_sheet_without_labels_is_evenly_spaced() -> None:
    assert cells(contact_sheet(flat(*range(200)), None, 0, columns=2), 2, 10) == [
        [20 * r, 20 * r + 10] for r in range(10)
    ]
    assert cells(contact_sheet(flat(7, 8, 9), None, 0, columns=2), 2, 2) == [[7, 8], [9, images.GAP_VALUE]]


def test_contact_sheet_fills_transparent_data_with_opaque_grey() -> None:
    made = contact_sheet(flat(0, channels=4), torch.tensor([0]), 1, columns=2)
    assert made.getpixel((0, 0)) == (0, 0, 0, 0)
    assert made.getpixel((made.size[0] - 1, 0)) == (128, 128, 128, 255)


def test_contact_sheet_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not uint8"):
        contact_sheet(flat(1)[:0], None, 0)


def test_save_png_is_lossless_and_repeatable(tmp_path) -> None:
    picture = grid(flat(1, 2, 3, channels=3))
    save_png(picture, tmp_path / "a.png")
    save_png(picture, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as read:
        assert read.format == "PNG"
        assert np.array_equal(pixels(read), pixels(picture))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_save_png_leaves_the_old_picture_when_it_fails(tmp_path) -> None:
    save_png(grid(flat(1)), tmp_path / "a.png")
    old = (tmp_path / "a.png").read_bytes()
    with pytest.raises(OSError, match="CMYK"):
        save_png(Image.new("CMYK", (2, 2)), tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == old


def frames_of(path) -> tuple[list[np.ndarray], list[int]]:
    with Image.open(path) as read:
        shown, durations = [], []
        for k in range(read.n_frames):
            read.seek(k)
            shown.append(pixels(read.convert("RGB")))
            durations.append(read.info["duration"])
    return shown, durations


def write_frames(folder, count: int, side: int = 6, first: int = 0) -> list:
    """PNG files of one noisy RGB picture each; the corner's red value is the file's number."""
    paths = []
    for k in range(first, first + count):
        noise = np.random.default_rng(k).integers(0, 256, (side, side, 3), dtype=np.uint8)
        noise[0, 0, 0] = k
        paths.append(folder / f"{k:03d}.png")
        save_png(Image.fromarray(noise), paths[-1])
    return paths


def test_animation_is_lossless_and_holds_its_last_frame(tmp_path) -> None:
    paths = write_frames(tmp_path, 20)
    animation(paths, tmp_path / "out.webp", seconds=2.0)
    shown, durations = frames_of(tmp_path / "out.webp")
    assert durations == [100] * 19 + [2100]
    for path, frame in zip(paths, shown, strict=True):
        with Image.open(path) as written:
            assert np.array_equal(frame, pixels(written))
    with Image.open(tmp_path / "out.webp") as read:
        assert read.format == "WEBP"
        assert read.info["loop"] == 0
    assert not list(tmp_path.glob(".*"))


def test_animation_shows_few_frames_for_half_a_second(tmp_path) -> None:
    animation(write_frames(tmp_path, 3), tmp_path / "out.webp")
    assert frames_of(tmp_path / "out.webp")[1] == [500, 500, 2500]


@pytest.mark.parametrize("count", [61, 130])
def test_animation_thins_evenly_and_keeps_both_ends(tmp_path, count: int) -> None:
    animation(write_frames(tmp_path, count), tmp_path / "out.webp")
    numbers = [int(frame[0, 0, 0]) for frame in frames_of(tmp_path / "out.webp")[0]]
    assert len(numbers) == 60
    assert (numbers[0], numbers[-1]) == (0, count - 1)
    assert set(np.diff(numbers)) <= {count // 60, count // 60 + 1}


def test_animation_brings_frames_to_the_size_of_the_last(tmp_path) -> None:
    paths = write_frames(tmp_path, 2, side=4) + write_frames(tmp_path, 1, side=8, first=2)
    animation(paths, tmp_path / "out.webp")
    shown, _ = frames_of(tmp_path / "out.webp")
    with Image.open(paths[0]) as small:
        assert np.array_equal(shown[0], pixels(small).repeat(2, axis=0).repeat(2, axis=1))
    assert shown[2].shape == (8, 8, 3)


def test_animation_makes_large_frames_smaller(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(images, "MAX_FRAME_SIDE", 4)
    animation(write_frames(tmp_path, 2, side=12), tmp_path / "out.webp")
    assert frames_of(tmp_path / "out.webp")[0][0].shape == (4, 4, 3)


def test_animation_of_one_picture(tmp_path) -> None:
    paths = write_frames(tmp_path, 1)
    animation(paths, tmp_path / "out.webp")
    with Image.open(tmp_path / "out.webp") as read, Image.open(paths[0]) as written:
        assert np.array_equal(pixels(read), pixels(written))


def test_animation_of_nothing_writes_nothing(tmp_path) -> None:
    animation([], tmp_path / "out.webp")
    assert not list(tmp_path.iterdir())


def test_animation_leaves_the_old_file_when_a_picture_cannot_be_read(tmp_path) -> None:
    paths = write_frames(tmp_path, 2)
    animation(paths, tmp_path / "out.webp")
    old = (tmp_path / "out.webp").read_bytes()
    paths[1].write_bytes(b"no picture")
    with pytest.raises(OSError, match="no whole picture"):
        animation(paths, tmp_path / "out.webp")
    assert (tmp_path / "out.webp").read_bytes() == old


@pytest.mark.parametrize("what", ["link", "pipe", "text", "cut off", "many pixels"])
def test_animation_takes_whole_pictures_only_and_waits_for_none(what: str, tmp_path, monkeypatch) -> None:
    paths = write_frames(tmp_path, 3)
    content = paths[1].read_bytes()
    paths[1].unlink()
    match what:
        case "link":
            paths[1].symlink_to(paths[0])
        case "pipe":
            os.mkfifo(paths[1])
        case "text":
            paths[1].write_text("no picture")
        case "cut off":
            paths[1].write_bytes(content[:-30])
        case _:
            paths[1].write_bytes(content)
            monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    reasons = {"link": "a link", "pipe": "a pipe", "many pixels": "too many pixels"}
    with pytest.raises(OSError, match=reasons.get(what, "no whole picture")) as caught:
        animation(paths, tmp_path / "out.webp")
    assert caught.value.filename == str(paths[0] if what == "many pixels" else paths[1])
    assert not (tmp_path / "out.webp").exists()
