"""Writing small files in MNIST's format."""

import gzip
import struct
from pathlib import Path

from torch import Tensor


def idx_bytes(array: Tensor) -> bytes:
    """The IDX file of a uint8 array."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + bytes(array.flatten().tolist())


def write_idx(path: Path, array: Tensor) -> Path:
    """An IDX file, gzipped if its name says so."""
    content = idx_bytes(array)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
