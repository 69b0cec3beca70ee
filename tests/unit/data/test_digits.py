import subprocess
import sys

import pytest
import torch

from ganforge.base.errors import UserError
from ganforge.data import digits


def test_equals_scikit_learns_own_reading() -> None:
    assert torch.equal(digits._table(), digits._table_from_sklearn())


def test_splits_are_the_whole_file_in_order() -> None:
    train, test = digits.load_digits("train"), digits.load_digits("test")
    assert train.items.shape == (1497, 1, 8, 8)
    assert test.items.shape == (300, 1, 8, 8)
    table = digits._table_from_sklearn()
    ink = torch.cat([train.items, test.items]).to(torch.float64).flatten(1) * 16 / 255
    assert (ink - table[:, :64]).abs().max() <= 0.5 * 16 / 255
    assert train.labels is not None
    assert test.labels is not None
    assert torch.equal(torch.cat([train.labels, test.labels]), table[:, 64])
    assert test.labels.unique().tolist() == list(range(10))


def test_full_ink_is_white_and_none_is_black() -> None:
    items = digits.load_digits().items
    assert items.dtype == torch.uint8
    assert sorted(items.unique().tolist()) == [round(ink * 255 / 16) for ink in range(17)]


def test_another_split_is_refused() -> None:
    with pytest.raises(UserError, match="no split 'all'"):
        digits.load_digits("all")


def test_scikit_learn_is_not_imported() -> None:
    code = "import sys; from ganforge.data.digits import *; load_digits(); sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
