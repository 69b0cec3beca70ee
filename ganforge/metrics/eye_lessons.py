"""What the learned eye learns: the classes of pictures, by a small network, in a minute or two of one core.

Pictures are shifted at random, and never mirrored: an eye that has learned not to care would not see what is mirrored.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad
from torch.optim.lr_scheduler import OneCycleLR

from ganforge.base.seeding import derive, generator
from ganforge.base.stopping import poll
from ganforge.data.prepared.progress_bar import shown
from ganforge.metrics.eye_network import Eye, prepared

VIEWS, MOST_ROUNDS = 160_000, 60
"""Pictures that it looks at in all, unless that would be each of them more often than so."""
BATCH_SIZE = 128
LEARNING_RATE = 4e-3
WEIGHT_DECAY = 0.05
LABEL_SMOOTHING = 0.1
SHIFT = 8
"""Pictures are shifted by up to the n-th part of their sides."""
HOW = [VIEWS, MOST_ROUNDS, BATCH_SIZE, LEARNING_RATE, WEIGHT_DECAY, LABEL_SMOOTHING, SHIFT]
"""An eye that learned otherwise is not taken from a cache."""


def teach(pictures: Tensor, labels: Tensor, num_classes: int, seed: int) -> Eye:
    """An eye that has learned from pictures uint8 [N, C, H, W] and their labels int64 [N].

    On the CPU and in one thread, whatever else is used, so that a machine gives the same eye every time. Shows how far
    it is.
    """
    views = min(VIEWS, MOST_ROUNDS * len(pictures))
    steps = max(1, views // BATCH_SIZE)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "eye/weights"))
            eye = Eye(pictures.shape[1:], num_classes)
        eye.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = torch.optim.AdamW(eye.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps + 1, pct_start=0.2)
        what = f"the eye learns classes from {len(pictures):,} pictures"
        with shown(steps * BATCH_SIZE, what, "views") as show:
            for step in range(steps):
                poll()
                draws = generator(seed, "eye/lesson", step)
                rows = torch.randint(len(pictures), (BATCH_SIZE,), generator=draws)
                x = shifted(prepared(pictures[rows]), draws).contiguous(memory_format=torch.channels_last)
                loss = cross_entropy(eye.logits(eye.features(x)), labels[rows], label_smoothing=LABEL_SMOOTHING)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                show((step + 1) * BATCH_SIZE)
    finally:
        torch.set_num_threads(threads)
    return eye.eval()


def shifted(x: Tensor, draws: torch.Generator) -> Tensor:
    """Each picture moved by its own whole numbers of pixels; what comes in repeats the edge."""
    count, _, height, width = x.shape
    most = max(1, height // SHIFT), max(1, width // SHIFT)
    x = pad(x, (most[1], most[1], most[0], most[0]), mode="replicate")
    down, across = (torch.randint(2 * side + 1, (count, 1), generator=draws) for side in most)
    rows, columns = down + torch.arange(height), across + torch.arange(width)
    return x[torch.arange(count).view(-1, 1, 1), :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
