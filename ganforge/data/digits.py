"""The 1,797 small handwritten digits that come with scikit-learn: real data with no download.

Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
1998 (its test set: counts of ink in the 4 x 4 blocks of a 32 x 32 bitmap).
"""

import gzip
import importlib.util
from pathlib import Path

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.data.dataset import Dataset

TRAIN_COUNT = 1497
FULL_INK = 16


def load_digits(split: str = "train") -> Dataset:
    """Pictures uint8 [N, 1, 8, 8], 0 the background, with labels 0 to 9.

    split: "train", the file's first 1,497, or "test", its last 300. The file has no official split;
    neighbours in it are mostly one writer's, so a split by position keeps the writers apart better than a
    random one would. Raises UserError for another split.
    """
    if split not in ("train", "test"):
        raise UserError(f"digits has no split {split!r}; it has train and test.")
    table = _table()
    table = table[:TRAIN_COUNT] if split == "train" else table[TRAIN_COUNT:]
    ink, labels = table[:, :-1], table[:, -1]
    pixels = (ink * 255 + FULL_INK // 2) // FULL_INK  # 0..16 to 0..255, rounded
    images = pixels.to(torch.uint8).view(-1, 1, 8, 8)
    return Dataset("digits", "scikit-learn's load_digits", images, labels.contiguous(), num_classes=10)


def _table() -> Tensor:
    """int64 [1797, 65]: 64 counts of ink, then the label."""
    # Importing scikit-learn takes most of a second, so its file is read directly if it is where it should be.
    spec = importlib.util.find_spec("sklearn")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            lines = gzip.decompress(path.read_bytes()).decode("ascii").split()
            return torch.tensor([[int(float(cell)) for cell in line.split(",")] for line in lines])
    return _table_from_sklearn()


def _table_from_sklearn() -> Tensor:
    from sklearn import datasets

    bunch = datasets.load_digits()
    return torch.cat([torch.tensor(bunch.data), torch.tensor(bunch.target)[:, None]], dim=1).to(torch.int64)
