"""A discriminator that reads a picture row by row, as the note has it: a recurrent network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganforge.networks.catalog import Family
from ganforge.networks.layers import Head, picture_shape

RECORD = Family(
    name="recurrent",
    order=3,
    meaning="reads a picture row by row",
    source="Cho et al. 2014, arXiv:1406.1078",
    d_sizes=("width",),
)


class Discriminator(nn.Module):
    """Pictures or points [N, *shape] in [-1, 1] (and labels [N]) -> logits [N].

    A gated recurrent unit (Cho et al. 2014, arXiv:1406.1078, in PyTorch's form) takes H steps, from the top row to the
    bottom one; each row is C * W numbers. ``width``: how many numbers it remembers. An affine head reads the last
    state (with projection where num_classes > 0).

    The unit is written out rather than taken from nn.GRU, which has no second derivative on a GPU with cuDNN, and
    gradient penalties need one.
    """

    def __init__(self, shape: Sequence[int], width: int = 128, num_classes: int = 0) -> None:
        super().__init__()
        self.shape, self.width = picture_shape(shape), width
        channels, _, side = self.shape
        self.from_row = nn.Linear(channels * side, 3 * width)
        self.from_state = nn.Linear(width, 3 * width)
        self.head = Head(width, num_classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        rows = images.view(-1, *self.shape).transpose(1, 2).flatten(2)  # [N, H, C * W]
        state = rows.new_zeros(len(rows), self.width)
        for seen in self.from_row(rows).unbind(1):
            state = self.step(seen, state)
        return self.head(state, labels)

    def step(self, seen: Tensor, state: Tensor) -> Tensor:
        """One row: what is seen of it [N, 3 * width] and the state [N, width] -> the new state."""
        reset_seen, keep_seen, new_seen = seen.chunk(3, dim=1)
        reset_known, keep_known, new_known = self.from_state(state).chunk(3, dim=1)
        reset = torch.sigmoid(reset_seen + reset_known)
        keep = torch.sigmoid(keep_seen + keep_known)
        new = torch.tanh(new_seen + reset * new_known)
        return new + keep * (state - new)
