"""Small files of every format and container, and the ways in which ``fuzz.py`` damages them."""

import gzip
import io
import json
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def make_pictures() -> dict[str, bytes]:
    """A picture of 19 x 23 in every format, mode and compression that matters."""
    noise = np.random.default_rng(0).integers(256, size=(23, 19, 4), dtype=np.uint8)
    noise[4:18, 3:15] //= 16  # flat enough to be packed
    rgba = Image.fromarray(noise)
    rgb, grey = rgba.convert("RGB"), rgba.convert("L")
    turned = Image.Exif()
    turned[0x0112] = 6
    deep = Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
    later = {"save_all": True, "append_images": [rgb.rotate(90)]}
    return {
        "BMP": encode(rgb, "BMP"),
        "BMP palette": encode(rgb.quantize(8), "BMP"),
        "GIF": encode(rgb, "GIF", **later),
        "JPEG": encode(rgb, "JPEG", exif=turned),
        "JPEG grey": encode(grey, "JPEG"),
        "JPEG progressive": encode(rgb, "JPEG", progressive=True),
        "JPEG CMYK": encode(rgb.convert("CMYK"), "JPEG"),
        "MPO": encode(rgb, "MPO", **later),
        "PNG": encode(rgba, "PNG", exif=turned),
        "PNG animated": encode(rgba, "PNG", **later),
        "PNG palette": encode(rgb.quantize(8), "PNG", transparency=2),
        "PNG 16-bit": encode(deep, "PNG"),
        "TIFF": encode(rgb, "TIFF", exif=turned),
        "TIFF 16-bit": encode(deep, "TIFF"),
        "TIFF CMYK": encode(rgb.convert("CMYK"), "TIFF"),
        "TIFF LZW": encode(rgb, "TIFF", compression="tiff_lzw"),
        "TIFF JPEG": encode(rgb, "TIFF", compression="jpeg"),
        "TIFF G4": encode(grey.convert("1"), "TIFF", compression="group4"),
        "TIFF deflate": encode(rgba, "TIFF", compression="tiff_adobe_deflate"),
        "WebP": encode(rgb, "WEBP", exif=turned),
        "WebP lossless": encode(rgba, "WEBP", lossless=True),
        "WebP animated": encode(rgba, "WEBP", **later),
    }


def encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def make_containers(folder: Path) -> dict[str, bytes]:
    """Every container, with six small pictures in it."""
    pictures = np.random.default_rng(1).integers(256, size=(6, 5, 7, 3), dtype=np.uint8)
    files = {f"{row % 2}/{row}.png": encode(Image.fromarray(picture), "PNG") for row, picture in enumerate(pictures)}
    labels = {"labels": [[name, row % 3] for row, name in enumerate(files)]}
    idx = struct.pack(">IIII", 0x803, *pictures.shape[:3]) + pictures[..., 0].tobytes()
    return {
        "IDX": idx,
        "IDX gzip": gzip.compress(idx, mtime=0),
        "npy": saved(lambda stream: np.save(stream, pictures)),
        "npz": saved(lambda stream: np.savez(stream, images=pictures, labels=np.arange(6))),
        "npz packed": saved(lambda stream: np.savez_compressed(stream, images=pictures)),
        "Parquet": parquet(folder, list(files.values())),
        "tar": saved(lambda stream: fill_tar(stream, files)),
        "tar PAX": saved(lambda stream: fill_tar(stream, {f"ü{'n' * 120}/{name}": one for name, one in files.items()})),
        "zip": saved(lambda stream: fill_zip(stream, files, zipfile.ZIP_DEFLATED)),
        "zip LZMA": saved(lambda stream: fill_zip(stream, files, zipfile.ZIP_LZMA)),
        "zip bzip2": saved(lambda stream: fill_zip(stream, files, zipfile.ZIP_BZIP2)),
        "zip with dataset.json": saved(
            lambda stream: fill_zip(stream, files | {"dataset.json": json.dumps(labels).encode()}, zipfile.ZIP_STORED)
        ),
    }


def saved(fill: Callable[[io.BytesIO], None]) -> bytes:
    stream = io.BytesIO()
    fill(stream)
    return stream.getvalue()


def fill_zip(stream: io.BytesIO, files: dict[str, bytes], method: int) -> None:
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)


def fill_tar(stream: io.BytesIO, files: dict[str, bytes]) -> None:
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for row, (name, content) in enumerate(files.items()):
            for path, held in ((name, content), (name.replace(".png", ".cls"), str(row % 3).encode())):
                info = tarfile.TarInfo(path)
                info.size = len(held)
                archive.addfile(info, io.BytesIO(held))


def parquet(folder: Path, pictures: list[bytes]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    cells = [{"bytes": content, "path": None} for content in pictures]
    path = folder / "made.parquet"
    pq.write_table(pa.table({"image": cells, "label": list(range(len(cells)))}), path, row_group_size=4)
    content = path.read_bytes()
    path.unlink()
    return content


def damaged(content: bytes, other: bytes, chance: random.Random) -> tuple[bytes, str]:
    """The bytes changed in one to three of the ways below, and the last of them."""
    how = ""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        how = chance.choice(sorted(WAYS))
        content = WAYS[how](bytearray(content), other, chance)
    return content, how


def flip(content: bytearray, other: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 2, 8, 64))):
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


def cut(content: bytearray, other: bytes, chance: random.Random) -> bytes:
    return bytes(content[: chance.randrange(len(content) + 1)])


def cut_front(content: bytearray, other: bytes, chance: random.Random) -> bytes:
    return bytes(content[chance.randrange(len(content) + 1) :])


def splice(content: bytearray, other: bytes, chance: random.Random) -> bytes:
    """A piece of another file in the middle of this one."""
    start, stop = sorted(chance.randrange(len(other) + 1) for _ in range(2))
    at = chance.randrange(len(content) + 1)
    return bytes(content[:at]) + other[start:stop] + bytes(content[at + chance.choice((0, stop - start)) :])


def lie(content: bytearray, other: bytes, chance: random.Random) -> bytes:
    """An extreme number where formats keep their headers: near the beginning or the end."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        number, size = chance.choice(EXTREMES), chance.choice((1, 2, 4))
        places = min(len(content), chance.choice((32, 128, 600)))
        at = chance.randrange(places + 1)
        at = len(content) - at if chance.random() < 0.4 else at
        content[at : at + size] = (number & ((1 << 8 * size) - 1)).to_bytes(size, chance.choice(("big", "little")))
    return bytes(content)


def blank(content: bytearray, other: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content) + 1)
    stop = min(len(content), start + chance.choice((1, 4, 64, 512)))
    content[start:stop] = bytes([chance.choice((0, 255))]) * (stop - start)
    return bytes(content)


def repeat(content: bytearray, other: bytes, chance: random.Random) -> bytes:
    start, stop = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    return bytes(content[:stop] + content[start:stop] * chance.choice((1, 1, 3)) + content[stop:])


WAYS: dict[str, Callable[[bytearray, bytes, random.Random], bytes]] = {
    "bits flipped": flip,
    "end cut off": cut,
    "beginning cut off": cut_front,
    "piece of another": splice,
    "extreme numbers": lie,
    "blanked": blank,
    "piece repeated": repeat,
}
