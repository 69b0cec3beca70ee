"""MNIST: 60,000 training and 10,000 test pictures of handwritten digits, found on this machine or downloaded.

Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from ganforge.base.errors import UserError
from ganforge.base.stopping import poll
from ganforge.base.terminal import complain
from ganforge.base.user_cache import cache_folder
from ganforge.data.dataset import Dataset
from ganforge.data.download import NoMirror, download
from ganforge.data.idx import to_tensor, unpack_idx

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
# SHA-256 of the unpacked files: the gzip wrappers differ from copy to copy.
DIGESTS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
SUBFOLDERS = ("", "mnist", "MNIST/raw")  # the last is where torchvision puts them


def load_mnist(
    split: str = "train",
    data_dir: Path | None = None,
    *,
    cache_dir: Path | None = None,
    mirrors: Sequence[str] = MIRRORS,
    digests: Mapping[str, str] = DIGESTS,
) -> Dataset:
    """MNIST as uint8 pictures [N, 1, 28, 28], 0 the background, with labels 0 to 9.

    split: "train" (60,000) or "test" (10,000). Each of the split's two files is looked for, gzipped or not,
    in ``data_dir``, in ``$GANFORGE_DATA`` and in the user's cache (``cache_dir`` if given), and is otherwise
    downloaded into that cache. Raises UserError for a local file that is damaged or another data set's, and where
    there is nothing to download from.
    """
    if split not in FILES:
        raise UserError(f"mnist has no split {split!r}; it has train and test.")
    if data_dir is not None and not data_dir.is_dir():
        raise UserError(f"The data folder {data_dir} does not exist; check --data-dir.")
    cache_dir = cache_dir or cache_folder("mnist")
    found = []
    for name in FILES[split]:
        poll()
        found.append(_find(name, data_dir, cache_dir, digests[name], mirrors))
    poll()
    (images_path, images_bytes), (labels_path, labels_bytes) = found
    images, labels = to_tensor(images_bytes), to_tensor(labels_bytes)
    if images.ndim != 3 or labels.ndim != 1:
        raise UserError(f"{images_path} must hold pictures and {labels_path} labels; get the two files again.")
    if len(images) != len(labels):
        fault = f"{images_path} holds {len(images):,} pictures and {labels_path} {len(labels):,} labels"
        raise UserError(f"{fault}; use two files that belong together.")
    return Dataset("mnist", str(images_path), images.unsqueeze(1), labels.to(torch.int64), num_classes=10)


def _find(
    name: str,
    data_dir: Path | None,
    cache_dir: Path,
    digest: str,
    mirrors: Sequence[str],
) -> tuple[Path, bytearray]:
    """The path and the unpacked, verified bytes of one file."""
    for path in _candidates(name, _local_folders(data_dir)):
        content = unpack_idx(path)
        if not _matches(content, digest):
            raise UserError(_other_content(path, content))
        return path, content
    for path in _candidates(name, [cache_dir]):
        try:
            content = unpack_idx(path)
        except UserError:
            content = bytearray()
        if _matches(content, digest):
            return path, content
        complain(f"{path} in the cache is damaged: fetching it again")
    return _download(name, data_dir, cache_dir, digest, mirrors)


def _download(
    name: str,
    data_dir: Path | None,
    cache_dir: Path,
    digest: str,
    mirrors: Sequence[str],
) -> tuple[Path, bytearray]:
    content = bytearray()

    def is_right(path: Path) -> bool:
        nonlocal content
        try:
            content = unpack_idx(path)
        except UserError:
            return False
        return _matches(content, digest)

    target = cache_dir / f"{name}.gz"
    try:
        download(mirrors, target.name, target, is_right)
    except NoMirror as error:
        folders = [*_local_folders(data_dir), cache_dir]
        raise UserError(_nowhere(name, folders, error.failures)) from error
    except OSError as error:
        fault = f"ganforge cannot write {target} ({error.strerror or error})"
        raise UserError(f"{fault}; free space or grant access there, or pass --data-dir.") from error
    return target, content


def _local_folders(data_dir: Path | None) -> list[Path]:
    """The folders that the user named, in the order they are searched."""
    roots = [] if data_dir is None else [data_dir]
    if named := os.environ.get("GANFORGE_DATA"):
        roots.append(Path(named))
    return [root / subfolder for root in roots for subfolder in SUBFOLDERS]


def _candidates(name: str, folders: Sequence[Path]) -> list[Path]:
    paths = [folder / file for folder in folders for file in (f"{name}.gz", name)]
    return [path for path in paths if path.exists()]


def _matches(content: bytearray, digest: str) -> bool:
    return hashlib.sha256(content).hexdigest() == digest


def _other_content(path: Path, content: bytearray) -> str:
    sizes = " x ".join(f"{size:,}" for size in to_tensor(content).shape)
    return (
        f"{path} is well formed ({sizes}) but its content is not MNIST's: it is another data set in the same "
        "format, such as Fashion-MNIST, or an altered copy; move it away, or name another folder with "
        "--data-dir."
    )


def _nowhere(name: str, folders: Sequence[Path], failures: Sequence[str]) -> str:
    return (
        f"MNIST's file {name}.gz is not on this machine and could not be downloaded. "
        f"Looked in: {', '.join(map(str, folders))}. Tried to download from: {'; '.join(failures)}. "
        "Try again with a network, or put MNIST's files into a folder and pass --data-dir FOLDER "
        "(or export GANFORGE_DATA=FOLDER), or train on --data digits, which needs no download."
    )
