"""Hostile arrays: headers that lie, labels without end, objects that would be programs."""

import gzip
import struct
from pathlib import Path

from attack.packing import BLOCK, Write, big_entry, sparse, zipped

LONG_HEADER = b"\x93NUMPY\2\0\xff\xff\xff\xff"


def npy(shape: tuple[int, ...], kind: str = "|u1", version: int = 1) -> bytes:
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack("<H" if version == 1 else "<I", len(head)) + head


def gzipped(shape: tuple[int, int, int], zeros: int) -> Write:
    def write(path: Path) -> None:
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(b"\0\0\x08\x03" + struct.pack(">III", *shape))
            for at in range(0, zeros, len(BLOCK)):
                file.write(BLOCK[: zeros - at])

    return write


def arrays() -> dict[str, Write]:
    pickled = b"\x80\x04cos\nsystem\n(S'touch PWNED'\ntR."
    code = b"\x93NUMPY\1\0" + struct.pack("<H", 118) + b"__import__('os').system('touch PWNED')".ljust(117) + b"\n"
    objects = zipped(("images.npy", npy((2, 8, 8)) + bytes(128)), ("labels.npy", npy((2,), "|O") + pickled), good=False)
    return {
        "header.npz: a header of 4 GiB": big_entry("images.npy", LONG_HEADER, 1 << 32, other=("a", b"")),
        "labels.npz: 1.2 G labels": big_entry(
            "labels.npy", npy((1_200_000_000,)), 1_200_000_000, other=("images.npy", npy((4, 8, 8)) + bytes(256))),
        "header.npy: a header of 4 GiB, sparse": sparse(LONG_HEADER, 5 << 30),
        "many.npy: 20 M pictures of a pixel": sparse(npy((20_000_000, 1, 1)), 20_000_128),
        "many-images-idx3-ubyte.gz: 20 M pictures of a pixel": gzipped((20_000_000, 1, 1), 20_000_000),
        "wide-images-idx3-ubyte.gz: 2 pictures of 1 G pixels": gzipped((2, 32768, 32768), 2 << 30),
        "lies-idx3-ubyte: 2^31 x 2^31 x 2^31": lambda path: path.write_bytes(
            b"\0\0\x08\x03" + struct.pack(">III", 2**31, 2**31, 2**31) + bytes(10)),
        "shape.npy: 10^18 pictures": sparse(npy((10**18, 28, 28)), 1000),
        "shape.npy: 10^30 pictures": sparse(npy((10**30, 28, 28)), 1000),
        "shape.npy: -1 pictures": sparse(npy((-1, 28, 28)), 1000),
        "object.npy: a pickle": lambda path: path.write_bytes(npy((2, 8, 8), "|O") + pickled),
        "object.npz: a pickle": lambda path: path.write_bytes(objects),
        "code.npy: a program in the header": lambda path: path.write_bytes(code),
    }  # fmt: skip
