"""Files that hold more than one picture, or more of one than is taken: counted, said, refused, or taken."""

import io
import struct
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_files import COLOUR, GREY, chunk, encode, save, shade, tiff
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.data.foreign_pictures import read_pictures
from ganforge.data.prepared.picture_dataset import describe_preparation
from ganforge.data.prepared.prepare import prepare
from ganforge.data.prepared.prepared_files import PICTURES
from ganforge.data.prepared.request import Request
from ganforge.data.sources.decode import PictureFile
from ganforge.data.sources.frames import Directory, pages_of
from ganforge.data.sources.inspect_source import describe_source, inspect_source
from ganforge.data.sources.open import open_guarded, picture_at
from ganforge.data.sources.pixel_kinds import Unreadable

FRAMES = [np.full((5, 4, 3), (value, 255 - value, 9), np.uint8) for value in (3, 90, 200)]
WRITTEN = [("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"big_tiff": True}), ("GIF", {}), ("PNG", {}),
           ("WEBP", {"lossless": True})]  # fmt: skip


def several(kind: str, frames: list[np.ndarray], **options: Any) -> bytes:
    first, *later = map(Image.fromarray, frames)
    return encode(first, kind, save_all=True, append_images=later, **options)


def prepared(path: Path, **wanted: Any) -> tuple[np.ndarray, dict[str, Any]]:
    root = path.parent / "cache"
    folder, facts = prepare(str(path), Request(**wanted), None, lambda line: None, root=root, workers=0)
    return np.fromfile(folder / PICTURES, np.uint8).reshape(facts["shape"]), facts


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    for label in ("cat", "dog"):
        (tmp_path / "p" / label).mkdir(parents=True)
        frames = [np.full((5, 4), value + 100 * (label == "dog"), np.uint8) for value in range(3)]
        (tmp_path / "p" / label / "stack.tif").write_bytes(several("TIFF", frames))
    return tmp_path / "p"


@pytest.mark.parametrize(("kind", "options"), WRITTEN)
def test_each_page_is_a_picture(kind: str, options: dict[str, Any]) -> None:
    file = PictureFile(several(kind, FRAMES, **options))
    assert file.pages == 3
    for page in (0, 1, 2, 1):
        picture, rest = file.take(page, every=True)
        assert np.array_equal(np.asarray(picture.convert("RGB")), FRAMES[page])
        assert rest.told() is None
    assert file.take(0)[1].told() == {"pages": 2}


def test_smaller_copies_and_masks_are_no_pages() -> None:
    found = [Directory(8, subfile=1), Directory(20, subfile=1), Directory(30, subfile=4), Directory(40, subfile=2)]
    assert pages_of(found) == [found[0], found[3]]


def test_directories_that_go_round_in_circles_end() -> None:
    content = bytearray(encode(GREY, "TIFF"))
    (at,) = struct.unpack_from("<I", content, 4)
    (fields,) = struct.unpack_from("<H", content, at)
    struct.pack_into("<I", content, at + 2 + 12 * fields, at)
    assert PictureFile(bytes(content)).pages == 1


def test_a_tiff_of_very_many_fields_takes_no_time() -> None:
    # Directories of 65,535 fields each, 16 bytes after one another, in the same bytes.
    content = bytearray(b"II*\0" + struct.pack("<I", 16) + bytes(8) + b"\xff\xff" * 500_000)
    for at in range(16, 100_000, 16):
        struct.pack_into("<I", content, at + 2 + 12 * 65_535, at + 16)
    begin = time.monotonic()
    with pytest.raises(Unreadable, match="would take too long: a TIFF of very many fields"):
        PictureFile(bytes(content))
    assert time.monotonic() - begin < 5


def test_a_header_that_promises_frames_is_not_believed() -> None:
    content = encode(COLOUR)
    lying = content[:33] + chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)) + content[33:]
    assert PictureFile(lying).pages == 1


def test_a_set_of_which_most_would_be_left_out_is_refused(stacks: Path) -> None:
    do = "which holds 3; take all of them with --pages all, or only the first ones with --pages first"
    with pytest.raises(UserError, match=rf"p: 4 of 6 pages or frames would be left out.* cat/stack\.tif, {do}"):
        prepared(stacks)
    with closing(open_guarded(stacks)) as source:
        text = describe_source(inspect_source(source))
    assert "Left out: 4 pages or frames of 2 files, of which the first is taken, such as cat/stack.tif" in text
    assert "warning: train will refuse this: 4 of 6 pages or frames would be left out" in text


def test_the_first_pages_if_they_are_asked_for(stacks: Path) -> None:
    pixels, facts = prepared(stacks, pages="first")
    assert pixels[:, 0, 0, 0].tolist() == [0, 100]
    assert any(
        line.startswith("Left out: 4 pages or frames of 2 files")
        for line in describe_preparation(facts, Path("facts.json"))
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_all_pages_with_the_classes_of_their_files(stacks: Path, workers: int) -> None:
    folder, facts = prepare(
        str(stacks), Request(pages="all"), None, lambda line: None,
        root=stacks.parent / "cache", workers=workers,
    )  # fmt: skip
    assert (folder / PICTURES).read_bytes()[::20] == bytes([0, 1, 2, 100, 101, 102])
    assert (facts["classes"], facts["class_counts"]) == (["cat", "dog"], [3, 3])
    assert not any("Left out" in line for line in describe_preparation(facts, Path("facts.json")))


def test_a_new_process_knows_of_the_pages(stacks: Path) -> None:
    with closing(open_guarded(stacks)) as source:
        source.take_pages()
        assert [entry.name for entry in source.entries][2:4] == ["cat/stack.tif, page 3", "dog/stack.tif, page 1"]
        source._process.kill()
        with pytest.raises(Unreadable):
            picture_at(source, 0)
        assert np.asarray(picture_at(source, 4)).max() == 101


def test_a_few_frames_are_said_and_not_refused(tmp_path: Path) -> None:
    for value in range(4):
        save(tmp_path / "p" / f"{value}.png", COLOUR)
    (tmp_path / "p" / "x.gif").write_bytes(several("GIF", FRAMES))
    _, facts = prepared(tmp_path / "p")
    assert facts["left"] == [
        "Left out: 2 pages or frames of 1 file, of which the first is taken, such as x.gif, which holds 3; "
        "--pages all takes every one as a picture"
    ]


def test_the_second_picture_of_a_jpeg_is_said(tmp_path: Path) -> None:
    for name, colour in (("a.jpg", COLOUR), ("b.jpg", 255 - COLOUR)):
        save(tmp_path / "p" / name, colour, format="MPO", save_all=True, append_images=[Image.fromarray(COLOUR)])
    _, facts = prepared(tmp_path / "p", pages="all")
    assert facts["shape"][0] == 2
    assert facts["left"][0].startswith(
        "Left out: a second picture (a preview, a view, a map of depth or light) in 2 files"
    )


@pytest.mark.parametrize(("bands", "left"), [(4, "2 bands of 2 pictures"), (5, "4 bands of 2 pictures")])
def test_bands_that_are_dropped_are_said(tmp_path: Path, bands: int, left: str) -> None:
    array = np.arange(20 * bands, dtype=np.uint8).reshape(5, 4, bands)
    (tmp_path / "p").mkdir()
    for name, pixels in (("a.tif", array), ("b.tif", 255 - array)):
        (tmp_path / "p" / name).write_bytes(tiff(pixels, photometric=2, extra=(0,) * (bands - 3)))
    pixels, facts = prepared(tmp_path / "p")
    assert np.array_equal(pixels[0].transpose(1, 2, 0), array[..., :3])
    assert facts["left"][0].startswith(f"Left out: {left}, such as a.tif (3 of {bands} are taken)")


def test_bands_that_are_too_many_are_told() -> None:
    with pytest.raises(
        Unreadable, match=r"^holds 8 bands of numbers of 8 bits, which is not read from TIFF: save the bands"
    ):
        PictureFile(tiff(np.zeros((5, 4, 8), np.uint8), extra=(0,) * 7))


def test_pictures_to_judge_hold_one_picture_each(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(several("GIF", FRAMES))
    with pytest.raises(UserError, match=r"a\.gif holds 3 pages or frames, of which only some would be judged"):
        read_pictures(tmp_path)


def test_a_large_jpeg_is_made_smaller_while_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = encode(np.random.default_rng(0).integers(256, size=(40, 80, 3), dtype=np.uint8), "JPEG")
    with Image.open(io.BytesIO(content)) as picture:
        picture.draft(None, (40, 20))
        wanted = np.asarray(picture)
    monkeypatch.setattr("ganforge.data.sources.decode.MAX_PIXELS", 800)
    picture, rest = PictureFile(content).take()
    assert picture.size == (40, 20)
    assert np.array_equal(np.asarray(picture), wanted)
    assert rest.told() == {"larger": (80, 40)}
    monkeypatch.setattr("ganforge.data.sources.decode.MAX_PIXELS", 49)  # an eighth has 50
    with pytest.raises(Unreadable, match=r"has 3,200 pixels, more than 49"):
        PictureFile(content)


def test_files_of_one_picture_leave_nothing(tmp_path: Path) -> None:
    for value in range(2):
        (tmp_path / "p").mkdir(exist_ok=True)
        (tmp_path / "p" / f"{value}.png").write_bytes(shade(value))
    assert prepared(tmp_path / "p")[1]["left"] == []
