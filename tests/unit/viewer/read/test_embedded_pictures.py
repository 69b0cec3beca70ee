import base64
import itertools
import os
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from ganforge.viewer.read import embedded_pictures as module
from ganforge.viewer.read.embedded_pictures import embed, embed_series, spread


def png(path: Path, size: tuple[int, int] = (4, 3), noise: bool = False) -> Path:
    picture = Image.frombytes("L", size, os.urandom(size[0] * size[1]) if noise else bytes(size[0] * size[1]))
    picture.save(path, format="PNG")
    return path


def test_the_picture_is_the_file_itself(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    complaints: list[str] = []
    found = embed(path, complaints, 7)
    assert found is not None
    assert (found.width, found.height, found.nimg) == (4, 3, 7)
    assert base64.b64decode(found.source.removeprefix("data:image/png;base64,")) == path.read_bytes()
    assert complaints == []


def damaged(path: Path) -> None:
    png(path, (64, 64), noise=True)
    path.write_bytes(path.read_bytes()[:-200])


def other_kind(path: Path) -> None:
    path.write_text("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", encoding="utf-8")


def gif(path: Path) -> None:
    Image.new("L", (4, 4)).save(path, format="GIF")


def link(path: Path) -> None:
    path.symlink_to(png(path.with_name("other.png")))


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [lambda path: None, damaged, other_kind, gif, link, folder, Path.touch])
def test_what_is_no_whole_png_of_the_folder_is_said_to_be_so(tmp_path: Path, make: object) -> None:
    path = tmp_path / "fakes-000000001.png"
    make(path)  # type: ignore[operator]
    complaints: list[str] = []
    assert embed(path, complaints) is None
    assert len(complaints) == 1
    assert complaints[0].startswith("fakes-000000001.png cannot be shown: ")


def test_too_large_a_picture_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_BYTES", 10)
    complaints: list[str] = []
    assert embed(png(tmp_path / "a.png"), complaints) is None
    assert complaints == ["a.png cannot be shown: larger than 10 bytes."]


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PngImageFile, "load", lambda *_: pytest.fail("it was unpacked"))
    Image.new("1", (8_001, 8_000)).save(tmp_path / "a.png", format="PNG")
    complaints: list[str] = []
    assert embed(tmp_path / "a.png", complaints) is None
    assert complaints == ["a.png cannot be shown: larger than 64,000,000 pixels."]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)  # so that Pillow refuses by itself
    assert embed(tmp_path / "a.png", complaints) is None
    assert complaints[1] == complaints[0]


def test_frames_of_very_many_pixels_in_all_are_fewer_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PIXELS_IN_ALL", 250)
    pictures = [(at, png(tmp_path / f"{at}.png", (10, 10))) for at in range(5)]
    complaints: list[str] = []
    assert [one.nimg for one in embed_series(pictures, complaints)] == [3, 4]
    assert complaints == ["3 grids are left out: more than 250 pixels in all."]


def test_of_many_frames_some_are_taken_evenly(tmp_path: Path) -> None:
    pictures = [(at, png(tmp_path / f"{at}.png")) for at in range(200)]
    found = [one.nimg for one in embed_series(pictures, [])]
    assert len(found) == module.MAX_FRAMES
    assert (found[0], found[-1]) == (0, 199)
    gaps = {later - earlier for earlier, later in itertools.pairwise(found)}
    assert gaps <= {3, 4}


def test_large_frames_are_fewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [(at, png(tmp_path / f"{at}.png", (50, 50), noise=True)) for at in range(20)]
    size = pictures[0][1].stat().st_size
    monkeypatch.setattr(module, "BUDGET_BYTES", 5 * size + 500)
    found = [one.nimg for one in embed_series(pictures, [])]
    assert 4 <= len(found) <= 5
    assert (found[0], found[-1]) == (0, 19)
    monkeypatch.setattr(module, "BUDGET_BYTES", 1)
    assert [one.nimg for one in embed_series(pictures, [])] == [0, 19]


def test_a_damaged_frame_is_left_out_and_said(tmp_path: Path) -> None:
    pictures = [(at, png(tmp_path / f"{at}.png")) for at in range(3)]
    pictures[1][1].write_bytes(b"")
    complaints: list[str] = []
    assert [one.nimg for one in embed_series(pictures, complaints)] == [0, 2]
    assert len(complaints) == 1


def test_places_are_spread_evenly() -> None:
    assert spread(0, 0) == []
    assert spread(1, 1) == [0]
    assert spread(5, 1) == [4]
    assert spread(7, 3) == [0, 3, 6]
    assert spread(4, 4) == [0, 1, 2, 3]
