import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from picture_files import COLOUR, GREY, RANDOM, RGBA, encode, png, save
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.base.stopping import Stopped, polled_by
from ganforge.data.foreign_pictures import as_grey, read_pictures
from ganforge.data.sources.decode import MAX_PIXELS

OPAQUE = RGBA[..., 3:]


def nchw(*pictures: np.ndarray) -> torch.Tensor:
    """Pictures [H, W, 3] or [H, W] as items."""
    return torch.stack([torch.tensor(picture).view(5, 4, -1).permute(2, 0, 1) for picture in pictures])


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


def test_gifs_are_always_in_colour(tmp_path: Path) -> None:
    save(tmp_path / "a.gif", GREY)
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


@pytest.mark.parametrize(("mode", "kind"), [("F", "floating-point numbers"), ("I", "signed numbers of 32 bits")])
def test_kinds_without_a_meaning_in_8_bits_are_refused(tmp_path: Path, mode: str, kind: str) -> None:
    Image.new(mode, (4, 5)).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=rf"a\.tif cannot be read as a picture \(holds {kind}, 0 to 0\); remove it"):
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
    (note,) = dataset.notes
    assert note.startswith("Skipped: 1 file ending in .txt (no pictures of a kind that is read), ")
    assert "b.png" not in note
    assert (dataset.name, dataset.labels, dataset.num_classes) == (str(tmp_path), None, 0)


def test_what_is_not_judged_as_it_lies_there_is_said(tmp_path: Path) -> None:
    """Without advice on settings, which judging does not have."""
    save(tmp_path / "a.jpg", COLOUR, format="MPO", save_all=True, append_images=[Image.fromarray(COLOUR)])
    assert read_pictures(tmp_path).notes == (
        "Left out: a second picture (a preview, a view, a map of depth or light) in 1 file, such as a.jpg",
    )
    numbers = np.array([[0, 65280], [40000, 5]], np.uint16)
    np.save(tmp_path / "a.npy", np.stack([numbers, numbers.T]))
    assert read_pictures(tmp_path / "a.npy").notes == (
        "Of 2 pictures 2 hold numbers of 16 bits (0 to 65,280): 0 becomes black and 65,535 white",
    )


def test_stopping_on_request(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)

    def poll() -> None:
        raise Stopped("SIGINT")

    with polled_by(poll), pytest.raises(Stopped):
        read_pictures(tmp_path)


def test_where_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no file or folder .*nowhere; check its name"):
        read_pictures(tmp_path / "nowhere")
    with pytest.raises(UserError, match="holds no pictures; check"):
        read_pictures(tmp_path)


def test_two_sizes_or_kinds_are_refused_by_name(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)
    save(tmp_path / "b.png", GREY)
    save(tmp_path / "c.png", GREY.T)
    with pytest.raises(UserError, match=r"a\.png is 5x4 grey, and \S*c\.png is 4x5 grey; make them one size"):
        read_pictures(tmp_path)
    save(tmp_path / "c.png", COLOUR)
    with pytest.raises(UserError, match=r"a\.png is 5x4 grey, and \S*c\.png is 5x4 in colour"):
        read_pictures(tmp_path)


def test_more_than_fits_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "b.png"):
        save(tmp_path / name, GREY)
    monkeypatch.setattr("ganforge.data.foreign_pictures.MAX_BYTES", 2 * GREY.size)
    assert len(read_pictures(tmp_path).items) == 2
    (tmp_path / "c.png").write_bytes(b"is not looked at")
    with pytest.raises(UserError, match=r"holds 3 pictures, which take 0\.0 GiB; at most"):
        read_pictures(tmp_path)


def test_an_absurdly_large_picture_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(MAX_PIXELS + 1, 1, 8, 0, b""))
    reason = "has 64,000,001 pixels, more than 64,000,000"
    with pytest.raises(UserError, match=rf"a\.png cannot be read as a picture \({reason}\); remove it"):
        read_pictures(tmp_path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp", "a.gif", "a.tif"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.9])
def test_a_cut_off_file_is_refused_by_name(tmp_path: Path, name: str, kept: float) -> None:
    path = save(tmp_path / name, RANDOM.integers(256, size=(40, 40, 3), dtype=np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(UserError, match=rf"{name} cannot be read as a picture .* remove it or make it again"):
        read_pictures(tmp_path)


def test_a_program_with_a_pictures_name_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n")
    with pytest.raises(UserError, match=r"a\.png cannot be read as a picture \(not a picture\)"):
        read_pictures(tmp_path)


BATCH = RANDOM.integers(256, size=(6, 5, 4, 3), dtype=np.uint8)


@pytest.mark.parametrize("array", [BATCH, BATCH.transpose(0, 3, 1, 2)], ids=["NHWC", "NCHW"])
def test_arrays_in_either_order(tmp_path: Path, array: np.ndarray) -> None:
    np.savez_compressed(tmp_path / "a.npz", images=array, labels=np.arange(6))
    np.save(tmp_path / "a.npy", array)
    for path in (tmp_path / "a.npz", tmp_path / "a.npy"):
        dataset = read_pictures(path)
        assert torch.equal(dataset.items, torch.tensor(BATCH).permute(0, 3, 1, 2))
        assert dataset.items.is_contiguous()
        assert dataset.labels is None


def test_a_zip_of_pictures(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("2.png", encode(GREY))
        archive.writestr("1.png", encode(GREY[::-1].copy()))
    assert torch.equal(read_pictures(tmp_path / "a.zip").items, nchw(GREY[::-1].copy(), GREY))
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("0.png", b"no")
    with pytest.raises(UserError, match=r"0\.png in .*a\.zip cannot be read as a picture \(not a picture\)"):
        read_pictures(tmp_path / "a.zip")


def test_grey_pictures_in_colour_become_grey() -> None:
    grey = torch.randint(256, (3, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    coloured = grey.repeat(1, 3, 1, 1)
    assert torch.equal(as_grey(coloured), grey)
    assert torch.equal(as_grey(grey), grey)
    coloured[2, 2, 3, 3] ^= 1
    assert torch.equal(as_grey(coloured), coloured)
