"""Which picture files are read, and how they are told by their first bytes."""

import re
from functools import cache

from ganforge.data.sources.frames import TIFF_MAGIC

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM", "JPEG2000", "TGA", "QOI")
"""What a file may be, whatever its name says: Pillow has other readers that start programs."""
SUFFIXES = frozenset((
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".avif", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".jp2", ".j2k", ".jpx", ".tga", ".qoi",
))  # fmt: skip
"""What picture files are called; what is in them decides how they are read."""
HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
NO_PICTURES = frozenset((
    ".txt", ".json", ".jsonl", ".csv", ".tsv", ".xml", ".yaml", ".yml", ".md", ".html", ".cls", ".py", ".log", ".pdf",
    ".zip", ".gz", ".tar", ".npy", ".npz", ".parquet", ".mp4", ".mov", ".avi", ".mkv", ".webm", ".mp3", ".wav", ".db",
    ".safetensors", ".pt", ".pth", ".pkl", ".ini",
))  # fmt: skip
"""What other files are called: they are not opened to look."""
LOOKED_AT = 64
"""Bytes at a file's beginning that tell what it is."""
AVIF_BRANDS, HEIF_BRANDS = (b"avif", b"avis"), (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
TGA_KINDS = (1, 2, 3, 9, 10, 11)
HEIF_EXTRA = "HEIC pictures, which pip install 'ganforge[heif]' reads"


def format_of(begin: bytes) -> str:
    """The format of a file that begins so, one of ``FORMATS`` or HEIF, "" for what is no picture that may be read."""
    if begin.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if begin.startswith(b"\x89PNG"):
        return "PNG"
    if begin.startswith(b"RIFF") and begin[8:12] in (b"WEBP", b""):
        return "WEBP"
    if begin.startswith(b"GIF8"):
        return "GIF"
    if begin.startswith(TIFF_MAGIC):
        return "TIFF"
    if begin.startswith(b"BM") and (len(begin) < 18 or 12 <= int.from_bytes(begin[14:18], "little") <= 124):
        return "BMP"
    if begin[4:8] == b"ftyp":
        brands = [begin[at : at + 4] for at in (8, *range(16, min(len(begin), int.from_bytes(begin[:4], "big")), 4))]
        if any(brand in AVIF_BRANDS for brand in brands):
            return "AVIF"
        return "HEIF" if any(brand in HEIF_BRANDS for brand in brands) else ""
    if begin.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return "JPEG2000"
    if re.match(rb"P([1-6]|[Ff])[ \t\r\n]", begin):
        return "PPM"
    if begin.startswith(b"qoif"):
        return "QOI"
    return "TGA" if _is_tga(begin) else ""


def _is_tga(begin: bytes) -> bool:
    """TGA has no mark at its beginning: its header must make sense. Source: Truevision TGA 2.0, table 1."""
    if len(begin) < 18 or begin[1] > 1 or begin[2] not in TGA_KINDS or begin[17] & 0xC0:
        return False
    return (
        begin[16] in (8, 16, 24, 32)
        and any(begin[12:14])
        and any(begin[14:16])
        and (begin[1] == 1 or not any(begin[3:8]))
    )


@cache
def heif_is_read() -> bool:
    """Is the extra that reads HEIC installed? Pillow then knows of it, too."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    return True


def picture_suffixes() -> frozenset[str]:
    return SUFFIXES | HEIF_SUFFIXES if heif_is_read() else SUFFIXES
