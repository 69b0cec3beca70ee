import io
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.base.stopping import Stopped
from ganforge.data.pictures import as_grey, read_pictures

RANDOM = np.random.default_rng(1)
GREY = RANDOM.integers(256, size=(5, 4), dtype=np.uint8)  # 4 wide, 5 high
COLOUR = RANDOM.integers(256, size=(5, 4, 3), dtype=np.uint8)
OPAQUE = np.full((5, 4, 1), 255, np.uint8)
RGBA = np.concatenate([COLOUR, OPAQUE], axis=2)


def save(path: Path, array: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def nchw(*pictures: np.ndarray) -> torch.Tensor:
    """Pictures [H, W, 3] or [H, W] as items."""
    return torch.stack([torch.tensor(picture).view(5, 4, -1).permute(2, 0, 1) for picture in pictures])


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, bits: int, colour_type: int, rows: bytes) -> bytes:
    """A PNG file of any kind; Pillow does not write all of them."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.bmp", "a.tif", "a.tiff"])
@pytest.mark.parametrize("array", [GREY, COLOUR], ids=["grey", "colour"])
def test_files_without_loss_come_back_to_the_bit(tmp_path: Path, name: str, array: np.ndarray) -> None:
    save(tmp_path / name, array)
    assert torch.equal(read_pictures(tmp_path).items, nchw(array))


def test_webp_is_in_colour(tmp_path: Path) -> None:
    save(tmp_path / "a.webp", COLOUR, lossless=True)
    assert torch.equal(read_pictures(tmp_path).items, nchw(COLOUR))


@pytest.mark.parametrize(("name", "array"), [("a.jpg", GREY), ("a.jpeg", COLOUR)])
def test_jpeg_is_read_as_pillow_reads_it(tmp_path: Path, name: str, array: np.ndarray) -> None:
    with Image.open(save(tmp_path / name, array)) as picture:
        wanted = np.asarray(picture)
    assert wanted.ndim == array.ndim
    assert torch.equal(read_pictures(tmp_path).items, nchw(wanted))


def test_of_a_gif_the_first_frame_is_read_and_always_in_colour(tmp_path: Path) -> None:
    later = Image.fromarray(255 - GREY)
    save(tmp_path / "a.gif", GREY, save_all=True, append_images=[later])
    save(tmp_path / "b.gif", GREY // 200 * 200)
    items = read_pictures(tmp_path).items
    assert torch.equal(items, nchw(GREY, GREY // 200 * 200).expand(2, 3, 5, 4))
    assert torch.equal(as_grey(items), items[:, :1])


@pytest.mark.parametrize(
    ("picture", "wanted"),
    [
        (Image.fromarray(GREY > 99), (GREY > 99) * np.uint8(255)),
        (Image.fromarray(COLOUR).quantize(64), COLOUR),
        (Image.fromarray(RGBA), COLOUR),
        (Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(OPAQUE[..., 0])]), GREY),
    ],
    ids=["1-bit", "palette", "opaque RGBA", "opaque LA"],
)
def test_other_kinds_are_resolved(tmp_path: Path, picture: Image.Image, wanted: np.ndarray) -> None:
    picture.save(tmp_path / "a.png")
    assert torch.equal(read_pictures(tmp_path).items, nchw(wanted))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
def test_transparency_is_refused(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.png"
    if mode in ("RGBA", "LA"):
        picture = Image.fromarray(RGBA).convert(mode)
        picture.putpixel((0, 0), (0,) * (len(mode) - 1) + (254,))
        picture.save(path)
    else:  # one colour stands for "transparent"
        picture = Image.new(mode, (4, 5))
        picture.save(path, transparency=(0, 0, 0) if mode == "RGB" else 0)
    with pytest.raises(UserError, match=r"a\.png is transparent in places; lay it on a background"):
        read_pictures(tmp_path)


def sixteen_bit(colour_type: int, channels: int) -> bytes:
    return png(2, 1, 16, colour_type, b"\0" + bytes(range(4 * channels)))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        *((sixteen_bit(colour_type, channels), "16-bit") for colour_type, channels in [(0, 1), (2, 3), (4, 2), (6, 4)]),
        (Image.new("CMYK", (4, 5)), "CMYK"),
        (Image.new("F", (4, 5)), "F"),
        (Image.new("I", (4, 5)), "I"),
    ],
    ids=["16-bit grey", "16-bit RGB", "16-bit LA", "16-bit RGBA", "CMYK", "float", "32-bit"],
)
def test_kinds_that_would_lose_something_are_refused(tmp_path: Path, content: Image.Image | bytes, kind: str) -> None:
    path = tmp_path / "a.tif"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.save(path)
    with pytest.raises(UserError, match=rf"a\.tif is a picture of the kind {kind}; save it as grey or RGB with 8 bits"):
        read_pictures(tmp_path)


def test_subfolders_are_read_in_order_and_other_files_passed_over(tmp_path: Path) -> None:
    shades = {"b.png": 1, "c/a.png": 2, "c/b.png": 3, "a/z.bmp": 0, ".hidden.png": 9, ".cache/a.png": 9}
    for name, shade in shades.items():
        save(tmp_path / name, np.full((2, 2), shade, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    dataset = read_pictures(tmp_path)
    assert dataset.items[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert dataset.items.is_contiguous()
    assert (dataset.name, dataset.labels, dataset.num_classes) == (str(tmp_path), None, 0)


def test_stopping_on_request(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)

    def poll() -> None:
        raise Stopped("SIGINT")

    with pytest.raises(Stopped):
        read_pictures(tmp_path, poll)


def test_where_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no folder of pictures .*nowhere; check its name"):
        read_pictures(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"holds no pictures \(bmp, gif, jpeg, jpg, png, tif, tiff, webp\)"):
        read_pictures(tmp_path)
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(UserError, match=r"notes\.txt is neither a folder of pictures nor an \.npz"):
        read_pictures(tmp_path / "notes.txt")


def test_two_sizes_or_kinds_are_refused_by_name(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)
    save(tmp_path / "b.png", GREY)
    save(tmp_path / "c.png", GREY.T)
    with pytest.raises(UserError, match=r"a\.png is 4 x 5 grey, and \S*c\.png is 5 x 4 grey; make them one size"):
        read_pictures(tmp_path)
    save(tmp_path / "c.png", COLOUR)
    with pytest.raises(UserError, match=r"a\.png is 4 x 5 grey, and \S*c\.png is 4 x 5 in colour"):
        read_pictures(tmp_path)


def test_more_than_fits_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "b.png"):
        save(tmp_path / name, GREY)
    monkeypatch.setattr("ganforge.data.pictures.MAX_BYTES", 2 * GREY.size)
    assert len(read_pictures(tmp_path).items) == 2
    (tmp_path / "c.png").write_bytes(b"is not looked at")
    with pytest.raises(UserError, match=r"holds 3 pictures, which take 0\.0 GiB; at most"):
        read_pictures(tmp_path)


@pytest.mark.parametrize("pixels", [Image.MAX_IMAGE_PIXELS + 1, 3 * Image.MAX_IMAGE_PIXELS])
def test_an_absurdly_large_picture_is_refused_unread(tmp_path: Path, pixels: int) -> None:
    (tmp_path / "a.png").write_bytes(png(pixels, 1, 8, 0, b""))
    with pytest.raises(UserError, match=rf"a\.png has more than {Image.MAX_IMAGE_PIXELS:,} pixels, the most for one"):
        read_pictures(tmp_path)


def test_a_picture_as_large_as_pillow_allows_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a.png", GREY)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", GREY.size)
    assert len(read_pictures(tmp_path)) == 1
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", GREY.size - 1)
    with pytest.raises(UserError, match="more than 19 pixels"):
        read_pictures(tmp_path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp", "a.gif", "a.tif"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.9])
def test_a_cut_off_file_is_refused_by_name(tmp_path: Path, name: str, kept: float) -> None:
    path = save(tmp_path / name, RANDOM.integers(256, size=(40, 40, 3), dtype=np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(UserError, match=rf"{name} cannot be read as a picture .* take it away or make it again"):
        read_pictures(tmp_path)


def test_a_program_with_a_pictures_name_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n")
    with pytest.raises(UserError, match=r"a\.png cannot be read as a picture \(cannot identify"):
        read_pictures(tmp_path)


def encoded(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(RANDOM.integers(256, size=(9, 9, 3), dtype=np.uint8)).save(stream, kind)
    return stream.getvalue()


FILES = [encoded(kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(content=st.sampled_from(FILES), where=st.floats(0, 0.999), change=st.binary(min_size=1, max_size=8))
def test_altered_bytes_give_pictures_or_one_sentence(
    tmp_path: Path, content: bytes, where: float, change: bytes
) -> None:
    at = int(where * len(content))
    (tmp_path / "a.png").write_bytes(content[:at] + change + content[at + len(change) :])
    try:
        assert read_pictures(tmp_path).items.shape[0] == 1
    except UserError as error:
        assert "a.png" in str(error)


def test_odd_metadata_are_read_over_without_a_word(tmp_path: Path) -> None:
    content = encoded("PNG")
    header = len(b"\x89PNG\r\n\x1a\n") + 25
    (tmp_path / "a.png").write_bytes(content[:header] + chunk(b"acTL", bytes(8)) + content[header:])
    with pytest.warns(UserWarning, match="Invalid APNG"):
        Image.open(tmp_path / "a.png").close()
    assert read_pictures(tmp_path).items.shape == (1, 3, 9, 9)


BATCH = RANDOM.integers(256, size=(6, 5, 4, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["images", "arr_0"])
@pytest.mark.parametrize(
    "array",
    [BATCH, BATCH.transpose(0, 3, 1, 2), BATCH[..., :1], BATCH[..., :1].transpose(0, 3, 1, 2), BATCH[..., 0]],
    ids=["NHWC", "NCHW", "NHW1", "N1HW", "NHW"],
)
def test_arrays_in_either_order(tmp_path: Path, name: str, array: np.ndarray) -> None:
    np.savez_compressed(tmp_path / "a.npz", **{name: array, "labels": np.arange(6)})
    np.save(tmp_path / "a.npy", array)
    wanted = torch.tensor(BATCH).permute(0, 3, 1, 2)
    for path in (tmp_path / "a.npz", tmp_path / "a.npy"):
        items = read_pictures(path).items
        assert torch.equal(items, wanted if 3 in array.shape else wanted[:, :1])
        assert items.is_contiguous()


@pytest.mark.parametrize(
    ("array", "held"),
    [
        (BATCH.astype(np.float32), r"float32 \[6, 5, 4, 3\]"),
        (BATCH[0, 0], r"uint8 \[4, 3\]"),
        (BATCH[:0], r"uint8 \[0, 5, 4, 3\]"),
        (BATCH[..., :2], r"uint8 \[6, 5, 4, 2\]"),
    ],
    ids=["float", "flat", "empty", "two channels"],
)
def test_arrays_that_are_no_pictures(tmp_path: Path, array: np.ndarray, held: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=rf"a\.npy holds {held}; save the pictures as uint8 \[N, H, W, C\]"):
        read_pictures(tmp_path / "a.npy")


def test_an_npz_without_the_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", pixels=BATCH)
    with pytest.raises(UserError, match=r"a\.npz holds no array named images or arr_0"):
        read_pictures(tmp_path / "a.npz")


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("sprung"),)


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_no_code_from_an_array_file_is_run(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trap = np.empty(1, object)
    trap[0] = Trap()
    if name == "a.npz":
        np.savez(tmp_path / name, images=trap)
    else:
        np.save(tmp_path / name, trap)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Trap()))
    for path in (tmp_path / name, tmp_path / "b.npy"):
        with pytest.raises(UserError, match=f"{path.name} cannot be read as arrays"):
            read_pictures(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.99])
def test_a_cut_off_array_file(tmp_path: Path, name: str, kept: float) -> None:
    path = tmp_path / name
    if name == "a.npz":
        np.savez_compressed(path, BATCH)
    else:
        np.save(path, BATCH)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(UserError, match=f"{name} cannot be read as arrays"):
        read_pictures(path)


def test_grey_pictures_in_colour_become_grey() -> None:
    grey = torch.randint(256, (3, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    coloured = grey.repeat(1, 3, 1, 1)
    assert torch.equal(as_grey(coloured), grey)
    assert torch.equal(as_grey(grey), grey)
    coloured[2, 2, 3, 3] ^= 1
    assert torch.equal(as_grey(coloured), coloured)
