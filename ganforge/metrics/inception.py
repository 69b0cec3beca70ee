"""The network of the published FID: Inception-v3 as in TensorFlow's model of 2015-12-05.

Architecture: Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", arXiv:1512.00567,
table 1 and the figures named below. The model deviates from it: 5 x 5 filters stay in the first blocks, average pools
leave the padding out of their means, and the last block pools by maximum. Modules are named as in the file of weights
that pytorch-fid published, so that it can be loaded (inception_weights.py). Shapes, names and loading are tested; with
the real weights no figure has been measured.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

SIDE = 299


class ConvBN(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(
        self, n_in: int, n_out: int, kernel: int | tuple[int, int], stride: int = 1, padding: int | tuple[int, int] = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(n_out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x)).relu_()


def average_pool(x: Tensor) -> Tensor:
    """Means over 3 x 3 neighbours, of those that lie inside the picture."""
    return avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class BlockA(nn.Module):
    """Mixed_5b to 5d, 35 x 35: 1 x 1, 5 x 5, two 3 x 3, pool. Figure 5, save for the 5 x 5."""

    def __init__(self, n_in: int, n_pool: int) -> None:
        super().__init__()
        self.branch1x1 = ConvBN(n_in, 64, 1)
        self.branch5x5_1 = ConvBN(n_in, 48, 1)
        self.branch5x5_2 = ConvBN(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = ConvBN(n_in, 64, 1)
        self.branch3x3dbl_2 = ConvBN(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvBN(96, 96, 3, padding=1)
        self.branch_pool = ConvBN(n_in, n_pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(average_pool(x))], 1)


class BlockB(nn.Module):
    """Mixed_6a: 35 x 35 to 17 x 17, by strides of two. Figure 10."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.branch3x3 = ConvBN(n_in, 384, 3, stride=2)
        self.branch3x3dbl_1 = ConvBN(n_in, 64, 1)
        self.branch3x3dbl_2 = ConvBN(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvBN(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, max_pool2d(x, 3, stride=2)], 1)


class BlockC(nn.Module):
    """Mixed_6b to 6e, 17 x 17: 7 x 7 filters as pairs of 1 x 7 and 7 x 1. Figure 6."""

    def __init__(self, n_in: int, n: int) -> None:
        super().__init__()
        row, column = partial(ConvBN, kernel=(1, 7), padding=(0, 3)), partial(ConvBN, kernel=(7, 1), padding=(3, 0))
        self.branch1x1 = ConvBN(n_in, 192, 1)
        self.branch7x7_1 = ConvBN(n_in, n, 1)
        self.branch7x7_2 = row(n, n)
        self.branch7x7_3 = column(n, 192)
        self.branch7x7dbl_1 = ConvBN(n_in, n, 1)
        self.branch7x7dbl_2 = column(n, n)
        self.branch7x7dbl_3 = row(n, n)
        self.branch7x7dbl_4 = column(n, n)
        self.branch7x7dbl_5 = row(n, 192)
        self.branch_pool = ConvBN(n_in, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(average_pool(x))], 1)


class BlockD(nn.Module):
    """Mixed_7a: 17 x 17 to 8 x 8, by strides of two."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.branch3x3_1 = ConvBN(n_in, 192, 1)
        self.branch3x3_2 = ConvBN(192, 320, 3, stride=2)
        self.branch7x7x3_1 = ConvBN(n_in, 192, 1)
        self.branch7x7x3_2 = ConvBN(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = ConvBN(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = ConvBN(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([three, seven, max_pool2d(x, 3, stride=2)], 1)


class BlockE(nn.Module):
    """Mixed_7b and 7c, 8 x 8: 3 x 3 filters spread into 1 x 3 beside 3 x 1. Figure 7. They differ in their pool."""

    def __init__(self, n_in: int, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.branch1x1 = ConvBN(n_in, 320, 1)
        self.branch3x3_1 = ConvBN(n_in, 384, 1)
        self.branch3x3_2a = ConvBN(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = ConvBN(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = ConvBN(n_in, 448, 1)
        self.branch3x3dbl_2 = ConvBN(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = ConvBN(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = ConvBN(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = ConvBN(n_in, 192, 1)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        three_both = [self.branch3x3_2a(three), self.branch3x3_2b(three)]
        double_both = [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)]
        return torch.cat([self.branch1x1(x), *three_both, *double_both, self.branch_pool(self.pool(x))], 1)


class Inception(nn.Module):
    """Pictures, uint8 [N, 1 or 3, H, W] -> (features after the last pool, float32 [N, 2048], None).

    Pictures are brought to 299 x 299 as pytorch-fid does it: bilinear, half-pixel centres (align_corners=False), no
    antialiasing, then x / 255 * 2 - 1; grey ones three times over. Features stay unscaled, as in the published FID.
    """

    version = 1
    dims = 2048
    num_classes = 0

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = ConvBN(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = ConvBN(32, 32, 3)
        self.Conv2d_2b_3x3 = ConvBN(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = ConvBN(64, 80, 1)
        self.Conv2d_4a_3x3 = ConvBN(80, 192, 3)
        self.Mixed_5b = BlockA(192, 32)
        self.Mixed_5c = BlockA(256, 64)
        self.Mixed_5d = BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b = BlockC(768, 128)
        self.Mixed_6c = BlockC(768, 160)
        self.Mixed_6d = BlockC(768, 160)
        self.Mixed_6e = BlockC(768, 192)
        self.Mixed_7a = BlockD(768)
        self.Mixed_7b = BlockE(1280, average_pool)
        self.Mixed_7c = BlockE(2048, lambda x: max_pool2d(x, 3, stride=1, padding=1))

    @staticmethod
    def largest_layer(shape: Sequence[int]) -> int:
        """Values that a picture takes in the network's largest layer."""
        return 64 * 147 * 147

    def forward(self, pictures: Tensor) -> tuple[Tensor, None]:
        x = interpolate(pictures.float(), (SIDE, SIDE), mode="bilinear", align_corners=False)
        x = (x / 255 * 2 - 1).expand(-1, 3, -1, -1)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(max_pool2d(x, 3, stride=2)))
        x = max_pool2d(x, 3, stride=2)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean((2, 3)), None
