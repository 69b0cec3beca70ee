"""Numbers of other than 8 bits: one range for the whole set, said; without it no grey levels are lost in silence."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_files import png, save, tiff
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.cli.main import main, make_parser
from ganforge.data.draw import draw_reals
from ganforge.data.foreign_pictures import read_pictures
from ganforge.data.load import load, load_held_out
from ganforge.data.prepared.prepare import prepare
from ganforge.data.prepared.prepared_files import PICTURES
from ganforge.data.prepared.request import Request, make_request, preparation_given
from ganforge.data.sources.decode import PictureFile
from ganforge.data.sources.depth import extremes, parse_range, some, to_bytes
from ganforge.data.sources.open import open_guarded
from ganforge.data.sources.pixel_kinds import Unreadable
from ganforge.data.summary import data_facts

RANDOM = np.random.default_rng(3)
TWELVE = RANDOM.integers(4096, size=(5, 4)).astype(np.uint16)
TWELVE[0, :2] = 0, 4095
FLOATS = (RANDOM.random((6, 5, 4)) * 2 - 1).astype(np.float32)
FLOATS[:, 0, 0], FLOATS[:, 0, 1] = -1, 1


def prepared(path: Path, **wanted: Any) -> tuple[np.ndarray, dict[str, Any]]:
    root = path.parent / "cache"
    folder, facts = prepare(str(path), Request(**wanted), None, lambda line: None, root=root, workers=0)
    return np.fromfile(folder / PICTURES, np.uint8).reshape(facts["shape"]), facts


@pytest.fixture
def twelve(tmp_path: Path) -> Path:
    for name, numbers in (("a.png", TWELVE), ("b.png", 4095 - TWELVE), ("c.png", TWELVE[::-1])):
        save(tmp_path / "p" / name, numbers)
    return tmp_path / "p"


@pytest.fixture
def floats(tmp_path: Path) -> Path:
    np.save(tmp_path / "f.npy", FLOATS)
    return tmp_path / "f.npy"


def test_numbers_become_bytes_by_hand() -> None:
    numbers = np.array([[-1024, 3071, 1023.5, -2000, 4000, np.nan, np.inf]])
    made, beyond, nan = to_bytes(numbers, (-1024, 3071))
    assert made.tolist() == [[0, 255, 128, 0, 255, 0, 255]]
    assert (beyond, nan) == (3, 1)
    assert extremes(numbers) == (-2000, 4000)
    assert extremes(np.full((2, 2), np.nan)) is None


def test_some_numbers_are_spread_over_all() -> None:
    assert some(np.arange(10.0), 5) == [0, 2, 4, 6, 8]
    assert some(np.array([1.0, np.nan, 3.0]), 9) == [1, 3]


@pytest.mark.parametrize("text", ["", "1", "2,1", "1,1", "0,1,2", "a,b", "nan,1", "0,inf", "-1e308,1e308"])
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(UserError, match=r"range cannot be .*: give auto, or two numbers"):
        parse_range(text)


@pytest.mark.parametrize("span", [("a", "b"), (10, 0), (1, 2, 3)])
def test_numbers_from_python_that_are_no_range(span: Any) -> None:
    with pytest.raises(UserError, match=r"range cannot be .*: give auto, or two numbers"):
        preparation_given({"range": span})


def test_a_range_is_the_same_request_however_it_is_given() -> None:
    wanted: list[Any] = ["0,4095", (0, 4095), (0.0, 4095.0)]
    requests = [make_request("train", preparation_given({"range": span})) for span in wanted]
    assert requests[0].range == (0.0, 4095.0)
    assert len({request.key("f00d") for request in requests}) == 1


def test_the_command_line_takes_a_range_that_begins_with_a_minus() -> None:
    given = make_parser(["data"])[0].parse_args(["data", "prepare", "p", "--range", "-1,1"])
    assert parse_range(given.range) == (-1, 1)


@pytest.mark.parametrize(
    ("dtype", "kind", "what"),
    [("int16", 2, "signed numbers of 16 bits"), ("uint32", 1, "unsigned numbers of 32 bits"),
     ("int8", 2, "signed numbers of 8 bits"), ("int32", 2, "signed numbers of 32 bits"),
     ("float32", 3, "floating-point numbers")],
)  # fmt: skip
def test_tiff_of_every_depth(dtype: str, kind: int, what: str) -> None:
    low, high = (-1.5, 2.5) if kind == 3 else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    numbers = np.array([[low, high], [low / 2 + high / 2, high]]).astype(dtype)
    file = PictureFile(tiff(numbers, kind))
    assert np.array_equal(file.numbers(), numbers)
    picture, rest = file.take(0, (float(low), float(high)))
    assert np.asarray(picture)[[0, 0], [0, 1]].tolist() == [0, 255]
    assert abs(int(np.asarray(picture)[1, 0]) - 127.5) < 1.5
    assert (rest.deep, rest.beyond, rest.values) == (what, 0, 4)
    with pytest.raises(
        Unreadable, match=f"holds {what}, .*: say what is black and what is white, --range .* or --range auto"
    ):
        PictureFile(tiff(numbers, kind)).take()


@pytest.mark.parametrize(("bands", "colour_type"), [(3, 2), (4, 6)])
def test_both_bytes_of_16_bit_colours_count_with_a_range(bands: int, colour_type: int) -> None:
    numbers = RANDOM.integers(4096, size=(5, 4, bands)).astype(np.uint16)
    wanted = np.rint(numbers[..., :3] * (255 / 4095)).astype(np.uint8)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in numbers)
    for content in (png(4, 5, 16, colour_type, rows), tiff(numbers, photometric=2, extra=(2,) * (bands - 3))):
        made, rest = PictureFile(content).take(0, (0, 4095))
        assert np.array_equal(np.asarray(made)[..., :3], wanted)
        assert made.mode == ("RGB" if bands == 3 else "RGBA")
        assert rest.high == numbers[..., :3].max()


def test_a_set_that_would_keep_few_grey_levels_is_refused(twelve: Path) -> None:
    do = "--range auto, or --range 0,4095, .*--range 0,65535"
    with pytest.raises(UserError, match=f"no value above 4,095, so that 17 of the 256 grey levels would be left; {do}"):
        prepared(twelve)
    for text, high in (("0,4095", 4095), ("0,65535", 65535)):  # the commands that it names
        pixels, facts = prepared(twelve, range=parse_range(text))
        assert np.array_equal(pixels[0, 0], np.rint(TWELVE * (255 / high)))
        assert facts["range"] == [0, high]
        assert facts["left"] == [
            f"Range: 0 becomes black and {high:,} white; none of the values lie beyond",
            "Of 3 pictures 3 hold numbers of 16 bits (0 to 4,095); all are taken by that range",
        ]


def test_full_16_bits_are_said_and_not_refused(tmp_path: Path) -> None:
    for name, numbers in (("a.png", TWELVE), ("b.png", 4095 - TWELVE)):
        save(tmp_path / "p" / name, numbers * 16)
    pixels, facts = prepared(tmp_path / "p")
    assert np.array_equal(pixels[0, 0], np.rint(TWELVE * 16 / 257))
    assert facts["left"] == [
        "Of 2 pictures 2 hold numbers of 16 bits (0 to 65,520): 0 becomes black and 65,535 white; --range auto, or "
        "--range LOW,HIGH, takes others"
    ]


def test_a_range_of_a_whole_set_is_measured(tmp_path: Path) -> None:
    numbers = RANDOM.normal(size=(40, 5, 4)) * 100
    numbers[0] /= 100  # stays a picture of nearly one grey
    np.save(tmp_path / "n.npy", numbers)
    pixels, facts = prepared(tmp_path / "n.npy", range="auto")
    low, high = np.percentile(numbers, (0.1, 99.9))
    assert facts["range"] == [low, high]
    assert np.array_equal(pixels[:, 0], np.rint((numbers.clip(low, high) - low) * (255 / (high - low))))
    assert np.ptp(pixels[0]) < 5
    assert "the 0.1 and 99.9 percentiles of 800 numbers of 40 pictures" in facts["left"][0]


def test_a_set_of_one_number_has_no_range(tmp_path: Path) -> None:
    np.save(tmp_path / "n.npy", np.full((4, 5, 4), 7.0))
    with pytest.raises(UserError, match="nearly all numbers in the 4 pictures measured are 7, which is no range; give"):
        prepared(tmp_path / "n.npy", range="auto")


def test_floats_without_a_range_are_refused_with_the_one_to_give(floats: Path) -> None:
    np.save(floats, FLOATS * 0.9)
    with pytest.raises(
        UserError, match=r"none of the 6 pictures can be read.*float32, -0.9 to 0.9: say .*, --range -1,1 or"
    ):
        prepared(floats)
    np.save(floats, FLOATS / 2 + 0.5)
    with pytest.raises(UserError, match=r"float32, 0 to 1: say .*, --range 0,1 or"):
        prepared(floats)


def test_a_range_beyond_the_numbers_is_refused(twelve: Path) -> None:
    with pytest.raises(UserError, match=r"100 % of the numbers lie beyond the range -9,-1 \(they are 0 to 4,095\), so"):
        prepared(twelve, range=(-9.0, -1.0))


def test_what_d_gets_is_what_the_sheets_show(floats: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(floats.parent / "home"))
    dataset = load(str(floats), range="-1,1")
    wanted = np.rint((FLOATS + 1) * 127.5)
    assert np.array_equal(dataset.items[:, 0].numpy(), wanted)
    assert dataset.range == (-1, 1)
    assert data_facts(dataset)["range"] == [-1, 1]
    assert any(line.startswith("Range: -1 becomes black and 1 white") for line in dataset.notes)
    shown = np.asarray(draw_reals(dataset, 1, seed=0))
    scale = len(shown) // 5  # each number is a square of so many pixels
    assert any(np.array_equal(shown, one.repeat(scale, 0).repeat(scale, 1)) for one in wanted)
    sheet = floats.parent / "sheet.png"
    assert main(["data", "inspect", str(floats), "--range", "-1,1", "--out", str(sheet)]) == 0
    assert "Range: -1 becomes black and 1 white; none of the values lie beyond" in capsys.readouterr().out
    with Image.open(sheet) as picture:
        assert len(np.unique(np.asarray(picture))) > 50


def test_held_out_pictures_are_taken_by_the_range_of_the_others(floats: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(floats.parent / "home"))
    others = floats.parent / "others.npy"
    np.save(others, FLOATS / 4)
    dataset = load(str(floats), range="auto")
    held_out = load_held_out(str(floats), str(others), dataset, None, lambda line: None)
    assert held_out is not None
    assert held_out.range == dataset.range
    assert held_out.items.max() < 170  # by its own range it would reach 255


def test_values_that_are_no_numbers_are_said(tmp_path: Path) -> None:
    numbers = FLOATS.copy()
    numbers[0, 2] = np.nan
    np.save(tmp_path / "n.npy", numbers)
    pixels, facts = prepared(tmp_path / "n.npy", range=(-1.0, 1.0))
    assert not pixels[0, 0, 2].any()
    assert facts["left"][-1] == "Taken as black: 4 values that are no number (NaN) in 1 picture, such as picture 0"


def test_one_range_for_8_and_16_bits_is_said(tmp_path: Path) -> None:
    save(tmp_path / "p" / "a.png", TWELVE)
    save(tmp_path / "p" / "b.png", (TWELVE // 16).astype(np.uint8))
    pixels, facts = prepared(tmp_path / "p", range=(0.0, 4095.0))
    assert np.array_equal(pixels[1, 0], np.rint(TWELVE // 16 * (255 / 4095)))
    assert facts["left"][-1] == "Of 2 pictures 1 hold numbers of 16 bits (0 to 4,095); all are taken by that range"


def test_pictures_to_judge_have_grey_levels(twelve: Path, floats: Path) -> None:
    with pytest.raises(UserError, match="no value in these pictures of 16 bits a channel is above 4,095 of 65,535"):
        read_pictures(twelve)
    with pytest.raises(UserError, match=r"\(holds numbers of the type float32, -1 to 1\); remove it or make it again"):
        read_pictures(floats)


def test_ganforges_own_data_have_no_range() -> None:
    with pytest.raises(UserError, match="digits is one of ganforge's own data sets, which has no range to choose"):
        load("digits", range="0,1")


def test_a_new_process_knows_of_the_range(twelve: Path) -> None:
    with closing(open_guarded(twelve)) as source:
        source.take_range((0, 4095))
        source._process.kill()
        with pytest.raises(Unreadable):
            source.picture(0)
        assert np.array_equal(np.asarray(source.picture(1)), np.rint((4095 - TWELVE) * (255 / 4095)))


@pytest.mark.parametrize("dtype", ["uint16", ">u2", "int16", "float16", "float64", "int64", "bool"])
def test_arrays_of_every_depth(tmp_path: Path, dtype: str) -> None:
    numbers = np.arange(60).reshape(3, 5, 4).astype(dtype)
    np.save(tmp_path / "n.npy", numbers)
    if dtype == "bool":
        assert np.array_equal(prepared(tmp_path / "n.npy")[0][:, 0], numbers * 255)
        return
    pixels, _ = prepared(tmp_path / "n.npy", range=(0.0, 59.0))
    assert np.array_equal(pixels[:, 0], np.rint(numbers.astype(float) * (255 / 59)))


def test_a_picture_with_white_zero_is_turned_round() -> None:
    content = tiff(np.array([[0, 4095]], np.uint16), photometric=0)
    assert np.asarray(PictureFile(content).take(0, (0, 4095))[0]).tolist() == [[255, 0]]
