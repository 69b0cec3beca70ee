import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from picture_files import COLOUR, GREY, save, shade, tiff

from ganforge.base.errors import UserError
from ganforge.base.stopping import Stopped, polled_by
from ganforge.cli.main import main
from ganforge.data.draw import draw_source_sheet
from ganforge.data.sources.hints import warnings_for
from ganforge.data.sources.inspect_source import SourceStatistics, describe_source, inspect_source
from ganforge.data.sources.open import open_source

NOISE = np.random.default_rng(3).integers(256, size=(1200, 8, 8, 3), dtype=np.uint8)


def facts_of(path: Path) -> SourceStatistics:
    return inspect_source(open_source(path))


def test_everything_that_is_told(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", COLOUR)
    save(tmp_path / "a" / "2.bmp", COLOUR)
    save(tmp_path / "b" / "3.png", GREY)
    save(tmp_path / "b" / "4.png", np.stack([GREY[:4], GREY[:4], GREY[:4], np.minimum(GREY[:4], 254)], 2))
    (tmp_path / "b" / "5.png").write_bytes(b"")
    (tmp_path / "c").mkdir()
    facts = facts_of(tmp_path)
    values = np.concatenate([COLOUR.ravel(), COLOUR.ravel(), GREY.ravel(), np.tile(GREY[:4].ravel(), 3)]).astype(float)
    assert (facts.count, facts.readable, facts.classes) == (5, 4, {"a": 2, "b": 3})
    assert facts.sizes == {(5, 4): 3, (4, 4): 1}
    assert facts.modes == {"RGB": 2, "L": 1, "RGBA": 1}
    assert (facts.grey_in_colour, facts.transparent, facts.constant) == (1, 1, 0)
    assert (facts.minimum, facts.maximum) == (values.min(), values.max())
    assert (facts.mean, facts.std) == pytest.approx((values.mean(), values.std()))
    assert (facts.duplicates, facts.examples) == (1, [("a/2.bmp", "a/1.png")])
    assert facts.unreadable == [("b/5.png", "empty file")]
    assert facts.empty_classes == ["c/"]
    lines = describe_source(facts).splitlines()
    assert lines[0] == f"source      {tmp_path} (folder)"
    for line in (
        "pictures    5, 1 of them unreadable",
        "size        2 different: 5x4 (3), 4x4 (1); 4 to 5 high, 4 to 4 wide",
        "kinds       1 grey (L), 2 colour (RGB), 1 colour with transparency (RGBA); "
        "1 of those in colour show grey only",
        "            a/2.bmp equals a/1.png",
        "classes     2 (sub-folders)",
        f"b           3 {'#' * 30}",
        "skipped     c/: a class folder without pictures",
        "unreadable  b/5.png: empty file",
        "warning: class folders without pictures: c/",
    ):
        assert line in lines


def test_equal_bytes_of_another_shape_are_no_duplicate(tmp_path: Path) -> None:
    save(tmp_path / "1.png", GREY)
    save(tmp_path / "2.png", GREY.reshape(4, 5))
    assert facts_of(tmp_path).duplicates == 0


def test_a_hundred_unreadable_ones_are_summed_up(tmp_path: Path) -> None:
    for number in range(25):
        (tmp_path / f"{number:02}.png").write_bytes(b"no")
    lines = describe_source(facts_of(tmp_path)).splitlines()
    assert lines[-4:] == [
        "unreadable  09.png: not a picture",
        "unreadable  and 15 more",
        "warning: pictures that cannot be read and will be left out: 25.",
        "warning: there is nothing to learn from.",
    ]
    assert sum(line.startswith("unreadable") for line in lines) == 11


@pytest.mark.parametrize(
    ("broken", "warning"),
    [
        (
            15,
            "train will refuse this: 15 pictures cannot be read, and at most 10 may be left out; fix or remove them, "
            "or allow more with --max-broken.",
        ),
        (10, "pictures that cannot be read and will be left out: 10."),
    ],
)
def test_unreadable_ones_are_left_out_or_the_set_is_refused(tmp_path: Path, broken: int, warning: str) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}.png").write_bytes(b"no" if number < broken else shade(number))
    said = [text for text in warnings_for(facts_of(tmp_path).seen()) if "cannot be read" in text]
    assert said == [warning]


def test_what_was_found_is_told_before_the_sheet_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        place = tmp_path / "p" / f"{number}.tif"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(tiff(np.linspace(-1, 1, 20, dtype=np.float32).reshape(5, 4), 3))
    assert main(["data", "inspect", str(tmp_path / "p"), "--out", str(tmp_path / "sheet.png")]) == 2
    said = capsys.readouterr()
    assert "holds floating-point numbers" in said.out
    assert "--range -1,1 or" in said.out
    assert said.err.count("\n") == 1
    assert not (tmp_path / "sheet.png").exists()


def clean(path: Path, pictures: np.ndarray = NOISE, labels: list[str] | None = None) -> Path:
    arrays = {"images": pictures} | ({} if labels is None else {"labels": labels})
    np.savez(path, **arrays)
    return path


def test_nothing_to_warn_of(tmp_path: Path) -> None:
    facts = facts_of(clean(tmp_path / "a.npz", labels=["a", "b"] * 600))
    assert warnings_for(facts.seen()) == []
    assert "size        8x8, all of them" in describe_source(facts)


def framed(pictures: np.ndarray) -> np.ndarray:
    changed = np.full_like(pictures, 255)
    changed[:, 1:-1, 1:-1] = pictures[:, 1:-1, 1:-1]
    return changed


@pytest.mark.parametrize(
    ("change", "labels", "warning"),
    [
        (lambda p: p[:999], None, "fewer than 1,000 different pictures"),
        (lambda p: np.concatenate([p, p[:100]]), None, "8% of the pictures are copies of others"),
        (lambda p: p, ["cat"] * 601 + ["dog"] * 599, r"more than half of the pictures are of one class \(cat\)"),
        (lambda p: np.concatenate([p, p[:1] * 0]), None, "pictures of one value or almost one: 1;"),
        (lambda p: np.concatenate([p, p[:1] % 5]), None, "pictures of one value or almost one: 1;"),
        (
            lambda p: p,
            ["cat"] * 600 + ["dog"] * 595 + ["eel"] * 5,
            r"classes with less than a tenth .*: 1 \(.* eel, has 5",
        ),
        (lambda p: p // 8, None, "the values go from 0 to 31 only, of 0 to 255"),
        (framed, None, r"100% have a plain frame \(white\); cut it off if it is a border"),
    ],
    ids=["few", "copies", "one class", "constant", "near-constant", "tiny class", "tiny range", "frames"],
)
def test_warnings(tmp_path: Path, change: Callable[..., np.ndarray], labels: list[str] | None, warning: str) -> None:
    [found] = warnings_for(facts_of(clean(tmp_path / "a.npz", change(NOISE), labels)).seen())
    assert re.match(warning, found)


def test_many_sizes_grey_among_colours_and_transparency(tmp_path: Path) -> None:
    save(tmp_path / "1.png", COLOUR)
    save(tmp_path / "2.png", GREY[:4])
    save(tmp_path / "3.png", np.dstack([COLOUR, GREY]))
    found = warnings_for(facts_of(tmp_path).seen())[1:]
    assert [text.partition(";")[0] for text in found] == [
        "2 different sizes: pictures are made one size",
        "grey pictures among those in colour: 1 of 3",
        "pictures that are transparent in places: 1",
    ]


def test_one_picture_and_all_identical_ones(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(shade(7))
    told = describe_source(facts_of(tmp_path))
    assert "pictures    1\n" in told
    assert told.endswith(
        "warning: train will refuse this: a single picture is too little to learn from; give at least 2."
    )
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(shade(7))
    facts = facts_of(tmp_path)
    assert (facts.duplicates, facts.constant, facts.std) == (4, 5, 0)
    assert "warning: train will refuse this: all 5 pictures are equal" in describe_source(facts)


def test_stopping_on_request(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(shade(7))

    def poll() -> None:
        raise Stopped("SIGINT")

    for look in (inspect_source, draw_source_sheet):
        with polled_by(poll), pytest.raises(Stopped):
            look(open_source(tmp_path))


@pytest.mark.parametrize(("span", "told"), [(4, {(102, 102, 102): 1}), (5, {})])
def test_a_frame_may_be_as_uneven_as_jpeg_makes_it(tmp_path: Path, span: int, told: dict[tuple[int, ...], int]) -> None:
    pixels = np.full((8, 8), 100, np.uint8)
    pixels[0, 3], pixels[2:6, 2:6] = 100 + span, 200
    save(tmp_path / "a.png", pixels)
    assert facts_of(tmp_path).frames == told


def test_the_sheet_has_a_row_for_each_class(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        (tmp_path / "ab"[number % 2] / f"{number}.png").write_bytes(shade(100 if number % 2 else 50))
    (tmp_path / "b" / "x.png").write_bytes(b"no")
    sheet = draw_source_sheet(open_source(tmp_path))
    cells = np.asarray(sheet.convert("L"))
    scale = (sheet.height + 2) // 2 - 2
    middles = cells[scale // 2 :: scale + 2, scale // 2 :: scale + 2]
    assert middles.tolist() == [[50] * 5, [100] * 4 + [128]]
    assert np.array_equal(cells, np.asarray(draw_source_sheet(open_source(tmp_path)).convert("L")))


def test_the_sheet_shrinks_large_pictures_and_keeps_small_ones(tmp_path: Path) -> None:
    save(tmp_path / "1.png", np.zeros((300, 600, 3), np.uint8))
    save(tmp_path / "2.png", np.full((2, 2, 4), (255, 0, 0, 0), np.uint8))
    sheet = draw_source_sheet(open_source(tmp_path))
    assert sheet.size[0] > sheet.size[1] >= 96
    assert (255, 0, 0) not in set(
        sheet.get_flattened_data() if hasattr(sheet, "get_flattened_data") else sheet.getdata()
    )


def test_a_sheet_of_nothing_readable(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"no")
    with pytest.raises(UserError, match=r"None of the pictures tried in .* can be read, so no sheet is drawn"):
        draw_source_sheet(open_source(tmp_path))
