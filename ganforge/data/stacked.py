"""Stacked MNIST: three digits as red, green and blue, a picture of one of 1,000 kinds; the test bed for lost modes.

Source: Metz, Poole, Pfau, Sohl-Dickstein, "Unrolled Generative Adversarial Networks", arXiv:1611.02163, section 3.3.2.
Every channel is two random permutations of the digits, as in the code of Xiao, Kreis, Vahdat, "Tackling the Generative
Learning Trilemma with Denoising Diffusion GANs", arXiv:2112.07804. Others stack training and test digits together; here
a split is made of MNIST's own split, so that the test stacks hold no training digit.
"""

from pathlib import Path

import torch

from ganforge.base.errors import UserError
from ganforge.base.seeding import generator
from ganforge.base.stopping import poll
from ganforge.data.dataset import Dataset
from ganforge.data.mnist import FILES, load_mnist

NAME = "stacked-mnist"
NUM_MODES = 1000
PERMUTATIONS = 2  # of all digits, in every channel: so many stacks come from one digit
SEED = 0  # the stacks are the same in every run: they are a data set, not a stream


def load_stacked_mnist(split: str = "train", data_dir: Path | None = None) -> Dataset:
    """Stacks uint8 [N, 3, 28, 28], 0 the background, with labels 100 * red + 10 * green + blue, 0 to 999.

    split: "train", 120,000 stacks of MNIST's training digits, or "test", 20,000 of its test digits. data_dir: as for
    ``load_mnist``, which finds the digits and raises UserError. The training stacks take 282 MB of memory, and
    about a second.
    """
    if split not in FILES:
        raise UserError(f"{NAME} has no split {split!r}; it has train and test.")
    return stack(load_mnist(split, data_dir), split)


def stack(digits: Dataset, split: str) -> Dataset:
    """Stacks uint8 [2 N, 3, H, W] of N labelled grey digits; each digit is twice in each channel.

    digits: uint8 [N, 1, H, W] with labels 0 to 9. split: another one gives other stacks. Raises ValueError for
    other digits.
    """
    count, (channels, height, width) = len(digits), digits.shape
    if channels != 1 or digits.labels is None or digits.num_classes != 10:
        raise ValueError(f"{digits.name} does not hold labelled grey digits")
    items = torch.empty(PERMUTATIONS * count, 3, height, width, dtype=torch.uint8)
    labels = torch.zeros(PERMUTATIONS * count, dtype=torch.int64)
    for channel, worth in enumerate((100, 10, 1)):
        random = generator(SEED, f"{NAME}/{split}", channel)
        order = torch.cat([torch.randperm(count, generator=random) for _ in range(PERMUTATIONS)])
        items[:, channel] = digits.items[order, 0]
        labels += worth * digits.labels[order]
        poll()
    return Dataset(NAME, f"stacked from {digits.source}", items, labels, num_classes=NUM_MODES)
