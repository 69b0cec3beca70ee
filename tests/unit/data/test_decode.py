import io
import os
import threading
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import COLOUR, FORMATS, GREY, OPAQUE, RGBA, chunk, encode, png, read_header
from PIL import Image, ImageOps

from ganforge.data.sources.decode import MAX_PIXELS, Header, decode
from ganforge.data.sources.pixel_kinds import Unreadable


def check(content: bytes, mode: str, wanted: np.ndarray) -> None:
    picture = decode(content)
    assert picture.mode == mode
    assert np.array_equal(np.asarray(picture), wanted)
    assert read_header(content) == Header(wanted.shape[1], wanted.shape[0], mode)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize(("mode", "array"), [("L", GREY), ("RGB", COLOUR)])
def test_formats_without_loss_come_back_to_the_bit(kind: str, mode: str, array: np.ndarray) -> None:
    check(encode(array, kind), mode, array)


def test_webp_is_in_colour() -> None:
    check(encode(GREY, "WEBP", lossless=True), "RGB", np.stack([GREY] * 3, 2))
    check(encode(RGBA // 2, "WEBP", lossless=True, exact=True), "RGBA", RGBA // 2)


@pytest.mark.parametrize(("mode", "array"), [("L", GREY), ("RGB", COLOUR)])
def test_jpeg_is_read_as_pillow_reads_it(mode: str, array: np.ndarray) -> None:
    content = encode(array, "JPEG")
    with Image.open(io.BytesIO(content)) as picture:
        check(content, mode, np.asarray(picture))


def test_the_first_frame_counts_and_gifs_are_in_colour() -> None:
    grey = np.stack([GREY] * 3, 2)
    later = {"save_all": True, "append_images": [Image.fromarray(255 - GREY)]}
    check(encode(GREY, "GIF", **later), "RGB", grey)
    check(encode(GREY // 200 * 200, "GIF"), "RGB", grey // 200 * 200)
    check(encode(GREY, "TIFF", **later), "L", GREY)
    check(encode(COLOUR, "PNG", **later | {"append_images": [Image.fromarray(255 - COLOUR)]}), "RGB", COLOUR)


@pytest.mark.parametrize(
    ("picture", "mode", "wanted"),
    [
        (Image.fromarray(GREY > 99), "L", (GREY > 99) * np.uint8(255)),
        (Image.fromarray(COLOUR).quantize(64), "RGB", COLOUR),
        (Image.fromarray(RGBA), "RGBA", RGBA),
        (Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(GREY.T.copy().reshape(5, 4))]), "LA", None),
    ],
    ids=["1-bit", "palette", "RGBA", "LA"],
)
def test_other_kinds_of_png(picture: Image.Image, mode: str, wanted: np.ndarray | None) -> None:
    check(encode(picture), mode, np.asarray(picture) if wanted is None else wanted)


@pytest.mark.parametrize(("mode", "becomes", "key"), [("P", "RGBA", 0), ("L", "LA", 0), ("RGB", "RGBA", (0, 0, 0))])
def test_one_transparent_colour_becomes_alpha(mode: str, becomes: str, key: object) -> None:
    picture = Image.new(mode, (4, 5))
    picture.putpixel((1, 2), (9,) * 3 if mode == "RGB" else 9)
    alpha = np.zeros((5, 4), np.uint8)
    alpha[2, 1] = 255
    content = encode(picture, transparency=key)
    assert np.array_equal(np.asarray(decode(content).getchannel("A")), alpha)
    assert decode(content).mode == read_header(content).mode == becomes


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_of_16_bits_is_scaled_and_rounded(kind: str) -> None:
    values = np.array([[0, 128, 129, 257, 32767, 32768, 65406, 65535]], np.uint16)
    check(encode(Image.fromarray(values), kind), "L", np.round(values / 257).astype(np.uint8))


def test_white_is_zero_in_16_bit_tiff_too() -> None:
    values = np.array([[0, 65535, 257]], np.uint16)
    content = bytearray(encode(Image.fromarray(values), "TIFF"))
    at = content.index(bytes([6, 1, 3, 0, 1, 0, 0, 0, 1, 0]))  # PhotometricInterpretation, SHORT, one, BlackIsZero
    content[at + 8] = 0
    check(bytes(content), "L", np.array([[255, 0, 254]], np.uint8))


@pytest.mark.parametrize(("colour_type", "mode", "channels"), [(2, "RGB", 3), (4, "LA", 2), (6, "RGBA", 4)])
def test_colours_of_16_bits_keep_their_high_byte(colour_type: int, mode: str, channels: int) -> None:
    content = png(2, 1, 16, colour_type, b"\0" + bytes(range(4 * channels)))
    check(content, mode, np.arange(0, 4 * channels, 2, dtype=np.uint8).reshape(1, 2, channels))


def test_cmyk_becomes_rgb() -> None:
    check(encode(Image.new("CMYK", (4, 5), (0, 255, 255, 0)), "TIFF"), "RGB", np.full((5, 4, 3), (255, 0, 0), np.uint8))


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (
            "F",
            "^holds floating-point numbers, 0 to 0: say what is black and what is white, --range 0,1 or --range auto$",
        ),
        ("I", "^holds signed numbers of 32 bits, 0 to 0: say what is black"),
        ("LAB", "^holds Lab colours, not grey or RGB$"),
    ],
)
def test_kinds_without_a_meaning_in_8_bits_are_refused(mode: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decode(encode(Image.new(mode, (4, 5)), "TIFF"))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(COLOUR, kind, exif=exif)
    with Image.open(io.BytesIO(content)) as picture:
        upright = ImageOps.exif_transpose(picture)
    check(content, "RGB", np.asarray(upright))
    assert upright.size == ((4, 5) if orientation < 5 else (5, 4))


def test_damaged_exif_is_passed_over() -> None:
    check(encode(COLOUR, "PNG", exif=b"Exif\0\0II*\0nonsense"), "RGB", COLOUR)


@pytest.mark.parametrize("pixels", [MAX_PIXELS + 1, 4 * MAX_PIXELS])
def test_a_bomb_is_refused_unread(pixels: int) -> None:
    for look in (decode, read_header):
        with pytest.raises(Unreadable, match=f"has {pixels:,} pixels, more than 64,000,000"):
            look(png(pixels, 1, 8, 0, b""))


def test_the_limit_itself_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.data.sources.decode.MAX_PIXELS", GREY.size)
    check(encode(GREY), "L", GREY)
    monkeypatch.setattr("ganforge.data.sources.decode.MAX_PIXELS", GREY.size - 1)
    with pytest.raises(Unreadable, match="has 20 pixels, more than 19"):
        decode(encode(GREY))


def test_a_jpeg_that_is_gone_over_too_often_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encode(COLOUR, "JPEG", progressive=True)
    scans = content.count(b"\xff\xda")
    assert scans == 10
    monkeypatch.setattr("ganforge.data.sources.decode.MAX_SCANNED", scans * GREY.size)
    decode(content)
    again = content[content.rindex(b"\xff\xda") : -2]
    for look in (decode, read_header):
        with pytest.raises(Unreadable, match="would take too long: a JPEG of very many scans"):
            look(content[:-2] + again + content[-2:])


def test_a_bomb_of_text_in_a_png_is_refused() -> None:
    content = encode(GREY)
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 26)))
    with pytest.raises(Unreadable, match="damaged"):
        decode(content[:33] + text + content[33:])


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_cut_off_files_are_told(kind: str, kept: float) -> None:
    content = encode(np.random.default_rng(0).integers(256, size=(40, 40, 3), dtype=np.uint8), kind)
    with pytest.raises(Unreadable, match=r"cut off|damaged"):
        decode(content[: int(len(content) * kept)])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "^empty file$"),
        (b"hello", "^not a picture$"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n", "^not a picture$"),
        (b"8BPS" + bytes(60), "^not a picture$"),
        (encode(GREY)[:10], "^damaged or cut off$"),
        (encode(COLOUR, "JPEG")[:-30], "^cut off$"),
        (encode(COLOUR, "WEBP")[:-30], "^cut off$"),
    ],
    ids=["empty", "text", "PostScript", "PSD", "PNG's beginning", "JPEG's beginning", "WebP's beginning"],
)
def test_reasons_are_plain(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decode(content)


def test_odd_metadata_are_read_over_without_a_word() -> None:
    content = encode(GREY)
    odd = content[:33] + chunk(b"acTL", bytes(8)) + content[33:]
    with pytest.warns(UserWarning, match="Invalid APNG"):
        Image.open(io.BytesIO(odd)).close()
    check(odd, "L", GREY)


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray(encode(COLOUR, "TIFF", compression="tiff_lzw"))
    content[8:20] = bytes(12)
    with pytest.raises(Unreadable):
        decode(bytes(content))
    assert capfd.readouterr() == ("", "")


def test_stderr_survives_decoding_in_many_threads(capfd: pytest.CaptureFixture[str]) -> None:
    threads = [threading.Thread(target=lambda: [decode(encode(GREY, "TIFF")) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


FILES = [encode(np.concatenate([RGBA] * 3)[..., :3], kind) for kind in FORMATS] + [encode(OPAQUE[..., 0], "TIFF")]


@settings(deadline=None, max_examples=300)
@given(content=st.sampled_from(FILES), where=st.floats(0, 0.999), change=st.binary(min_size=1, max_size=8))
def test_altered_bytes_give_a_picture_or_a_reason(content: bytes, where: float, change: bytes) -> None:
    at = int(where * len(content))
    altered = content[:at] + change + content[at + len(change) :]
    try:
        picture = decode(altered)
    except Unreadable as reason:
        assert str(reason) and "\n" not in str(reason)
    else:
        assert read_header(altered) == Header(picture.width, picture.height, picture.mode)
        assert picture.mode in ("L", "LA", "RGB", "RGBA")


def test_a_place_beyond_all_memory_is_where_no_page_is() -> None:
    with pytest.raises(Unreadable):
        decode(b"II+\0\x08\0\0\0" + b"\xff" * 8)
