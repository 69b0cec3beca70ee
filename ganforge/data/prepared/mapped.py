"""Prepared pictures as a tensor over the file: what is not read takes no memory."""

import hashlib
import math
import mmap
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganforge.base.files import open_plain
from ganforge.base.stopping import poll
from ganforge.data.prepared.cache import hold
from ganforge.data.sources.budget import MAX_ENTRIES

MAX_LABELS_BYTES = 8 * MAX_ENTRIES + 4096
NO_RESERVE = 0x4000 if sys.platform == "linux" else 0
"""MAP_NORESERVE, which Python names from 3.12 on: pictures may be more than memory and swap."""


def map_pictures(path: Path, shape: Sequence[int]) -> tuple[Tensor, Callable[[], None]]:
    """uint8 of ``shape`` over the file, and a function that gives the memory of what was looked at back to the system.

    Writing to the tensor changes neither the file nor what other processes see. The file counts as in use until the
    tensor is gone. Raises OSError where it cannot be mapped.
    """
    with path.open("rb") as file:
        hold(file)
        if sys.platform == "win32":
            view = mmap.mmap(file.fileno(), math.prod(shape), access=mmap.ACCESS_COPY)
        else:
            flags, rights = mmap.MAP_PRIVATE | NO_RESERVE, mmap.PROT_READ | mmap.PROT_WRITE
            view = mmap.mmap(file.fileno(), math.prod(shape), flags=flags, prot=rights)
    if hasattr(mmap, "MADV_RANDOM"):
        view.madvise(mmap.MADV_RANDOM)  # rows are looked at in the order of a shuffle

    def release() -> None:
        if hasattr(mmap, "MADV_DONTNEED"):
            view.madvise(mmap.MADV_DONTNEED)

    return torch.frombuffer(view, dtype=torch.uint8).view(*shape), release


def read_labels(path: Path, digest: str) -> Tensor | None:
    """int64 [N]; None where the file is not the one with this digest."""
    try:
        with open_plain(path) as file:
            if file.seek(0, 2) > MAX_LABELS_BYTES:
                return None
            file.seek(0)
            labels = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, SyntaxError):  # a header may promise anything
        return None
    if not isinstance(labels, np.ndarray) or labels.dtype != np.int64 or labels.ndim != 1:
        return None
    return torch.from_numpy(labels) if labels_digest(labels) == digest else None


def labels_digest(labels: np.ndarray) -> str:
    return hashlib.sha256(f"{labels.dtype} {labels.shape}".encode() + labels.tobytes()).hexdigest()


def pictures_digest(path: Path, shape: Sequence[int]) -> str:
    """``Dataset.fingerprint`` of the first pictures in a file, as many as the shape says, read piece by piece: about a
    second for a GiB."""
    digest, left = hashlib.sha256(f"torch.uint8 {tuple(shape)}".encode()), math.prod(shape)
    with path.open("rb", buffering=0) as file:
        hold(file)
        while chunk := file.read(min(left, 1 << 22)):
            poll()
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()
