"""Hostile pictures: a hundred files that are small and ask for much, lie about themselves, or are something else."""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from attack import runs
from attack.outcome import Attempt
from ganforge.cli.main import main

Make = Callable[[], bytes]


def lay_out_good(folder: Path, count: int = 6, side: int = 12) -> None:
    """A folder of good pictures."""
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"good-{number}.png").write_bytes(encoded("PNG", number, side))


def encoded(kind: str, seed: int = 0, side: int = 32, **options: object) -> bytes:
    noise = np.random.default_rng(seed).integers(256, size=(side, side, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, kind, **options)
    return stream.getvalue()


def zeros(count: int) -> bytes:
    """So many zero bytes, packed."""
    packer, block = zlib.compressobj(9), bytes(1 << 20)
    parts = [packer.compress(block[: min(1 << 20, count - at)]) for at in range(0, count, 1 << 20)]
    return b"".join([*parts, packer.flush()])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int = 8, colour: int = 2, pixels: bytes = b"", extra: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def small_png(extra: Callable[[], bytes]) -> bytes:
    rows = b"".join(b"\0" + bytes(range(24)) for _ in range(8))
    return png(8, 8, pixels=zlib.compress(rows), extra=extra())


def pngs() -> dict[str, Make]:
    bomb = partial(zeros, 800_000_000)
    loop = b"II*\0\x08\0\0\0" + struct.pack("<H", 65535) + struct.pack("<HHII", 0x8769, 4, 1, 8) * 65535
    frames = chunk(b"acTL", struct.pack(">II", 10**6, 0)) + chunk(b"fcTL", bytes(26)) * 1000
    return {
        "100,000 x 100,000": lambda: png(100_000, 100_000, pixels=zeros(10**7)),
        "2 G x 2 G": lambda: png(2**31 - 1, 2**31 - 1),
        "no width": lambda: png(0, 5),
        "64 M pixels of 16-bit RGBA": lambda: png(8000, 8000, 16, 6, zeros(8000 * 64_001)),
        "64 M pixels of 1 bit": lambda: png(8000, 8000, 1, 0, zeros(8000 * 1001)),
        "a profile that unpacks to 800 MB": lambda: small_png(lambda: chunk(b"iCCP", b"x\0\0" + bomb())),
        "a text that unpacks to 800 MB": lambda: small_png(lambda: chunk(b"zTXt", b"x\0\0" + bomb())),
        "an international text of 800 MB": lambda: small_png(lambda: chunk(b"iTXt", b"x\0\1\0\0\0" + bomb())),
        "2,000 packed texts": lambda: small_png(lambda: chunk(b"zTXt", b"x\0\0" + zeros(900_000)) * 2000),
        "too many pixels": lambda: png(8, 8, pixels=bomb()),
        "300,000 chunks": lambda: small_png(lambda: chunk(b"tEXt", b"a\0b") * 300_000),
        "Exif in a loop": lambda: small_png(lambda: chunk(b"eXIf", loop)),
        "a palette of one colour": lambda: png(8, 8, 8, 3, zlib.compress(b"\0\xff" * 40), chunk(b"PLTE", b"\1\2\3")),
        "a million frames announced": lambda: small_png(lambda: frames),
        "1 x 67 million": lambda: png(1, 67_000_000, 8, 0, zeros(134_000_000)),
    }


def jpegs() -> dict[str, Make]:
    plain, progressive = encoded("JPEG", quality=90), encoded("JPEG", progressive=True)
    scan = progressive.index(b"\xff\xda")

    def sized(content: bytes, frame: bytes, height: int, width: int) -> bytes:
        changed = bytearray(content)
        struct.pack_into(">HH", changed, changed.index(frame) + 5, height, width)
        return bytes(changed)

    def segments(count: int) -> bytes:
        one = b"\xff\xe1" + struct.pack(">H", 65535) + b"Exif\0\0" + bytes(65527)
        return plain[:2] + one * count + plain[2:]

    def exif(entries: bytes, count: int) -> bytes:
        body = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + bytes(4)
        return plain[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body + plain[2:]

    def mpo() -> bytes:
        entries = struct.pack("<HHII", 0xB001, 4, 1, 0x7FFFFFFF) + struct.pack("<HHII", 0xB002, 7, 16_000, 8)
        body = b"MPF\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + struct.pack("<I", 8)
        return plain[:2] + b"\xff\xe2" + struct.pack(">H", 2 + len(body)) + body + plain[2:]

    return {
        "500 scans": lambda: progressive[:-2] + progressive[scan:-2] * 500 + progressive[-2:],
        "5,000 scans of 64 M pixels": lambda: sized(progressive, b"\xff\xc2", 8000, 8000) + progressive[scan:-2] * 5000,
        "65,500 x 977": lambda: sized(plain, b"\xff\xc0", 65500, 977),
        "no height": lambda: sized(plain, b"\xff\xc0", 0, 977),
        "800 segments": lambda: segments(800),
        "9,400 segments": lambda: segments(9400),
        "Exif that names itself": lambda: exif(struct.pack("<HHII", 0x8769, 4, 1, 8) * 3, 3),
        "4 G turns": lambda: exif(struct.pack("<HHII", 0x0112, 3, 0xFFFFFFFF, 8), 1),
        "2 G pictures": mpo,
        **{
            f"cut to {part} %": partial(plain.__getitem__, slice(len(plain) * part // 100)) for part in range(4, 100, 5)
        },
    }


def tiffs() -> dict[str, Make]:
    def tags(width: int = 64, height: int = 64, **changes: int) -> dict[int, tuple[int, int, int]]:
        usual = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 300, 277: 1, 278: height, 279: 400}
        values = usual | {int(tag[1:]): value for tag, value in changes.items()}
        return {tag: (3 if tag in (258, 259, 262, 277) else 4, 1, value) for tag, value in values.items()}

    def tiff(entries: dict[int, tuple[int, int, int]], following: int = 0, data: bytes = bytes(900)) -> bytes:
        packed = b"".join(struct.pack("<HHII", tag, *entries[tag]) for tag in sorted(entries))
        return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + struct.pack("<I", following) + data

    def tiled(**changes: int) -> dict[int, tuple[int, int, int]]:
        kept = {tag: value for tag, value in tags(**changes).items() if tag not in (273, 278, 279)}
        return kept | {322: (4, 1, 65520), 323: (4, 1, 65520), 324: (4, 1, 300), 325: (4, 1, 200)}

    deflated = zeros(8000 * 8000 * 4)
    many = b"II*\0" + struct.pack("<IH", 8, 65535) + struct.pack("<HHII", 256, 4, 1, 8) * 65535 + struct.pack("<I", 8)
    wide = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**60)
    whole = tags(8000, 8000, t259=8, t262=2, t273=134, t277=4, t279=len(deflated))
    return {
        "a loop": lambda: tiff(tags(), following=8),
        "100,000 x 100,000 ": lambda: tiff(tags(100_000, 100_000)),
        "one row a strip": lambda: tiff(tags(t278=1)),
        "268 M strips": lambda: tiff(tags() | {273: (4, 0x0FFFFFFF, 8), 279: (4, 0x0FFFFFFF, 8)}),
        "huge tiles": lambda: tiff(tiled()),
        "huge packed tiles": lambda: tiff(tiled(t259=5)),
        "65,535 samples": lambda: tiff(tags(t277=65535)),
        "65,535 bits": lambda: tiff(tags(t258=65535)),
        "268 M sub-directories": lambda: tiff(tags() | {330: (4, 0x0FFFFFFF, 8), 34665: (4, 1, 8)}, following=8),
        "a text of 4 GiB": lambda: tiff(tags() | {270: (2, 0xFFFFFFF0, 8)}),
        "65,535 entries": lambda: many,
        "an offset of 2^60": lambda: wide,
        "256 MB of pixels": lambda: tiff(whole | {338: (3, 1, 2)}, data=deflated),
        **{f"compression {kind}": partial(tiff, tags(t259=kind)) for kind in (
            2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34712, 34925, 50000, 50001)},
    }  # fmt: skip


def others() -> dict[str, Make]:
    screen = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\0"

    def canvas(width: int, height: int) -> bytes:
        return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + frame + b";"

    def webp(width: int, height: int, frames: int = 1) -> bytes:
        pixels = encoded("WEBP")[12:]
        sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        held = bytes(6) + (31).to_bytes(3, "little") * 2 + bytes((10, 0, 0, 0)) + pixels
        parts = [(b"VP8X", bytes((2, 0, 0, 0)) + sizes), (b"ANIM", bytes(6)), *[(b"ANMF", held)] * frames]
        body = b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1) for kind, data in parts)
        return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body

    def bmp(
        width: int, height: int, bits: int = 24, packing: int = 0, data: bytes = bytes(2000), colours: int = 0
    ) -> bytes:
        info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, 0, 0, 0, colours, 0)
        return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + info + data

    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n(%pipe%touch PWNED) (w) file\nshowpage\n"
    return {
        "a million frames": lambda: screen + frame * 10**6 + b";",
        "a canvas of 65,535 x 65,535": lambda: canvas(65535, 65535),
        "a canvas of 63 M pixels": lambda: canvas(8000, 7900),
        "51 MB of comments": lambda: screen + b"\x21\xfe" + (b"\xff" + b"x" * 255) * 200_000 + b"\0" + frame + b";",
        "a frame outside": lambda: screen + b"\x2c" + struct.pack("<HHHHB", 60000, 60000, 8, 8, 0) + frame[10:] + b";",
        "a frame of 65,535 x 65,535": lambda: screen + b"\x2c" + b"\0\0\0\0\xff\xff\xff\xff\0" + b"\2\2L\1\0;",
        "WebP of 16,383 x 16,383": lambda: webp(16383, 16383),
        "WebP of 2^24 x 256": lambda: webp(2**24, 256),
        "WebP of 63 M pixels": lambda: webp(8000, 7900),
        "WebP of 3,000 frames": lambda: webp(32, 32, 3000),
        "BMP upside down": lambda: bmp(8, -8),
        "BMP of 100,000 x 100,000": lambda: bmp(100_000, 100_000),
        "BMP of a height of -2^31": lambda: bmp(8, -(2**31)),
        "BMP packed": lambda: bmp(8000, 8000, 8, 1, bytes((255, 1)) * 100),
        "BMP packed, with jumps": lambda: bmp(7900, 8000, 8, 1, bytes(1024) + bytes((0, 2, 255, 255)) * 100_000),
        "BMP of 4 G colours": lambda: bmp(8, 8, 8, 0, colours=0xFFFFFFFF),
        "BMP of a negative width": lambda: bmp(-8, 8),
        "PostScript": lambda: script,
        "SVG that names a file": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "an icon": lambda: b"\0\0\1\0\1\0\x10\x10" + bytes(100),
        "PCX": lambda: b"\x0a\5\1\x08" + bytes(200),
        "PSD": lambda: b"8BPS\0\1" + bytes(200),
        "XBM": lambda: b"#define x_width 1000000\n#define x_height 1000000\n",
        "FLI": lambda: bytes(4) + b"\x12\xaf" + bytes(200),
        "a pickle": lambda: b"\x80\x04cos\nsystem\n(S'touch PWNED'\ntR.",
        "two pictures in one": lambda: encoded("JPEG") + encoded("PNG"),
        "a script that is a GIF": lambda: b"GIF89a/*" + encoded("GIF")[8:] + b"*/=1;alert(1)",
        "nothing": lambda: b"",
    }  # fmt: skip


SUFFIXES = {"png": pngs, "jpg": jpegs, "tif": tiffs, "gif": others}


def attempts(seed: int) -> Iterator[Attempt]:
    for verb in ("inspect", "prepare"):
        yield runs.normal("pictures", f"pictures {verb}", partial(look_at, verb), lay_out_alone)
    cases = [(suffix, name, make) for suffix, group in SUFFIXES.items() for name, make in group().items()]
    random.Random(seed).shuffle(cases)
    for suffix, name, make in cases:
        for verb in ("inspect", "prepare"):
            yield Attempt("pictures", f"{verb}: {suffix}, {name.strip()}", f"pictures {verb}", partial(look_at, verb),
                          partial(lay_out, suffix, make))  # fmt: skip


def lay_out_alone(home: Path) -> None:
    lay_out_good(home / "project" / "album")


def lay_out(suffix: str, make: Make, home: Path) -> None:
    lay_out_alone(home)
    (home / "project" / "album" / f"bad.{suffix}").write_bytes(make())


def look_at(verb: str, home: Path) -> int:
    if verb == "prepare":
        return main(["data", "prepare", "album", "--size", "8", "--max-broken", "1"])
    return main(["data", "inspect", "album", "--out", "sheet.png"])
