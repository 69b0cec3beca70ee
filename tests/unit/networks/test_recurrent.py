"""networks/recurrent: the unit is PyTorch's, and it reads rows from the top."""

import torch
from torch import nn

from ganforge.networks.recurrent import Discriminator


def test_the_unit_is_pytorchs_gru() -> None:
    torch.manual_seed(0)
    D = Discriminator((3, 6, 4), width=5).double()
    gru = nn.GRU(3 * 4, 5, batch_first=True).double()
    gru.load_state_dict({
        "weight_ih_l0": D.from_row.weight, "bias_ih_l0": D.from_row.bias,
        "weight_hh_l0": D.from_state.weight, "bias_hh_l0": D.from_state.bias,
    })  # fmt: skip
    images = torch.randn(7, 3, 6, 4, dtype=torch.float64)
    rows = torch.stack([images[:, :, row].flatten(1) for row in range(6)], dim=1)
    _, last = gru(rows)
    torch.testing.assert_close(D(images), D.head.logit(last[0]).squeeze(1))


def test_it_remembers_and_order_counts() -> None:
    torch.manual_seed(0)
    D = Discriminator((1, 6, 4), width=8)
    images = torch.randn(3, 1, 6, 4)
    changed = images.clone()
    changed[:, :, 0] += 1.0
    assert (D(changed) - D(images)).abs().min() > 1e-6
    assert (D(images.flip(2)) - D(images)).abs().min() > 1e-6


def test_weights_by_hand() -> None:
    """Three gates, each with weights for a row, weights for the state, and two biases; then the head."""
    D = Discriminator((3, 32, 20), width=64)
    assert sum(p.numel() for p in D.parameters()) == 3 * 64 * (60 + 64 + 2) + 65
