"""The published weights of FID's Inception network: a file that the user names, or a download into the user's cache."""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.terminal import complain
from ganforge.base.user_cache import cache_folder
from ganforge.data.download import NoMirror, download
from ganforge.metrics.catalog import ExtractorRecord
from ganforge.metrics.inception import Inception

RECORD = ExtractorRecord(
    name="inception",
    order=50,
    meaning="The network of the published FID, for grey or colour pictures of any size.",
    source="Heusel et al. 2017, arXiv:1706.08500",
    takes="grey pictures or pictures in colour",
    rank=10,
    channels=(1, 3),
)
FILE = "pt_inception-2015-12-05-6726825d.pth"
MIRROR = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
DIGEST = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""SHA-256 of ``FILE``, 95,628,359 bytes; by PyTorch's custom its name carries the first eight digits."""


def network(channels: int, weights: Path | None) -> Inception:
    """weights: as for ``load_inception``."""
    return load_inception(weights)


def load_inception(
    path: Path | None = None,
    *,
    cache_dir: Path | None = None,
    mirror: str = MIRROR,
    digest: str = DIGEST,
) -> Inception:
    """The network with its weights, on the CPU.

    path: a `.safetensors` file whose tensors are named as in the published file, or the published file itself, which is
    a pickle and is read only if its SHA-256 is ``digest``. Without a path the published file is taken from the user's
    cache (``cache_dir`` if given) or downloaded into it.
    Raises UserError for a file that is missing, damaged or something else, and where there is nothing to download from.
    """
    path = path or _cached(cache_dir or cache_folder("inception"), mirror, digest)
    try:
        tensors = load_file(path) if path.suffix == ".safetensors" else _load_published(path, digest)
    except OSError as error:
        raise UserError(f"The Inception weights {path} cannot be read: {error.strerror or error}.") from None
    except SafetensorError as error:
        raise UserError(f"The Inception weights {path} are damaged or no safetensors file ({error}).") from None
    # The classes' layer is not needed, nor how many batches the network was trained on.
    tensors = {
        name: tensor.float()
        for name, tensor in tensors.items()
        if not name.startswith("fc.") and not name.endswith("num_batches_tracked")
    }
    with torch.device("meta"):  # which draws no random numbers
        network = Inception()
    try:
        network.load_state_dict(tensors, assign=True)
    except RuntimeError:
        raise UserError(f"{path} holds other tensors than FID's Inception network; use {FILE} from {MIRROR}.") from None
    return network.eval()


def _load_published(path: Path, digest: str) -> dict[str, Tensor]:
    if not _is_published(path, digest):
        raise UserError(
            f"{path} is not {FILE} as published (its SHA-256 differs) and was not opened: a pickle could run code; "
            f"get the file from {MIRROR}, or use a .safetensors file."
        )
    return torch.load(path, map_location="cpu", weights_only=True)


def _is_published(path: Path, digest: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == digest


def _cached(folder: Path, mirror: str, digest: str) -> Path:
    path = folder / FILE
    try:
        if path.exists():
            if _is_published(path, digest):
                return path
            complain(f"{path} in the cache is damaged: fetching it again")
        download([mirror], FILE, path, lambda fetched: _is_published(fetched, digest))
    except NoMirror as error:
        raise UserError(
            f"The Inception weights are not in {folder} and could not be downloaded ({error}); "
            f"try again with a network, or get {FILE} from {mirror} and pass --inception-file FILE."
        ) from error
    except OSError as error:
        fault = f"ganforge cannot write {path} ({error.strerror or error})"
        raise UserError(f"{fault}; make room or give rights there, or name a file of weights.") from error
    return path
