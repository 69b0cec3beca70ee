"""metrics/frechet.py, kernel_distance.py and moments.py: known values, invariances, and agreement with torchmetrics."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from ganforge.base.errors import UserError
from ganforge.base.seeding import generator
from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.kernel_distance import kernel_distance, kernels_within
from ganforge.metrics.moments import Moments, MomentSums, moments

SEEDS = st.integers(0, 2**32)


def features(count: int, dims: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Like a classifier's: correlated, not negative, of unequal spread."""
    draws = generator(seed, "features", dims)
    mixing = torch.randn(dims, dims, generator=draws, dtype=torch.float64) / dims**0.5
    return (torch.randn(count, dims, generator=draws, dtype=torch.float64) @ mixing + 0.3).relu().to(dtype)


def whitened(count: int, variances: Tensor, mean: Tensor, seed: int) -> Tensor:
    """Samples whose mean is exactly ``mean`` and whose covariance is exactly diagonal, with these variances."""
    drawn = torch.randn(count, len(mean), generator=generator(seed, "whitened"), dtype=torch.float64)
    basis, _ = torch.linalg.qr(drawn - drawn.mean(dim=0))
    return basis * math.sqrt(count - 1) * variances.sqrt() + mean


def rotation(dims: int, seed: int) -> Tensor:
    return torch.linalg.qr(torch.randn(dims, dims, generator=generator(seed, "rotation"), dtype=torch.float64))[0]


def fd(real: Tensor, fake: Tensor) -> float:
    return frechet_distance(moments(real), moments(fake))


class TestMoments:
    def test_agree_with_the_definition(self) -> None:
        rows = features(50, 4)
        found = moments(rows)
        assert found.count == 50
        torch.testing.assert_close(found.mean, rows.mean(dim=0), rtol=1e-14, atol=0)
        torch.testing.assert_close(found.cov, torch.cov(rows.T), rtol=1e-13, atol=1e-16)

    @settings(max_examples=30, deadline=None)
    @given(SEEDS, st.lists(st.integers(1, 20), min_size=1, max_size=8))
    def test_do_not_depend_on_the_batches(self, seed: int, sizes: list[int]) -> None:
        rows = features(sum(sizes) + 1, 3, seed)
        sums = MomentSums(3)
        for batch in rows.split([*sizes, 1]):
            sums.add(batch)
        torch.testing.assert_close(sums.moments().mean, rows.mean(dim=0), rtol=1e-13, atol=1e-15)
        torch.testing.assert_close(sums.moments().cov, torch.cov(rows.T), rtol=1e-12, atol=1e-15)

    def test_lose_no_digits_far_from_zero(self) -> None:
        """Sums of products would leave no correct digit here: (1e8)^2 is 1e16."""
        rows = features(400, 3)
        sums = MomentSums(3)
        for batch in (rows + 1e8).split(64):
            sums.add(batch)
        shifted = (rows + 1e8) - 1e8  # what is left of the digits before any summing
        torch.testing.assert_close(sums.moments().cov, torch.cov(shifted.T), rtol=1e-7, atol=1e-9)

    def test_of_float32_are_computed_in_float64(self) -> None:
        rows = features(200, 3, dtype=torch.float32)
        torch.testing.assert_close(moments(rows).cov, torch.cov(rows.to(torch.float64).T), rtol=1e-13, atol=1e-16)

    def test_take_no_gradient_along(self) -> None:
        assert not moments(features(10, 3).requires_grad_()).cov.requires_grad

    def test_given_out_are_not_changed_by_what_comes_later(self) -> None:
        sums = MomentSums(3)
        sums.add(features(10, 3))
        before = sums.moments()
        mean = before.mean.clone()
        sums.add(features(10, 3, seed=1))
        assert torch.equal(before.mean, mean)


class TestFrechetDistance:
    def test_by_hand_in_one_dimension(self) -> None:
        """(mu_1 - mu_2)^2 + (sigma_1 - sigma_2)^2 = 3^2 + (2 - 5)^2."""
        real = Moments(9, torch.tensor([1.0]).double(), torch.tensor([[4.0]]).double())
        fake = Moments(9, torch.tensor([4.0]).double(), torch.tensor([[25.0]]).double())
        assert frechet_distance(real, fake) == pytest.approx(18, rel=1e-14)

    @settings(max_examples=20, deadline=None)
    @given(SEEDS, st.integers(1, 12))
    def test_of_whitened_samples_is_exact(self, seed: int, dims: int) -> None:
        draws = generator(seed, "variances")
        a, b = torch.rand(2, dims, generator=draws, dtype=torch.float64) + 0.1
        mean = torch.randn(dims, generator=draws, dtype=torch.float64)
        real, fake = whitened(60, a, torch.zeros_like(mean), seed), whitened(80, b, mean, seed + 1)
        expected = (mean.square().sum() + (a.sqrt() - b.sqrt()).square().sum()).item()
        assert fd(real, fake) == pytest.approx(expected, rel=1e-9)

    @settings(max_examples=20, deadline=None)
    @given(SEEDS, st.floats(0.01, 100))
    def test_symmetry_rotation_scale_and_order(self, seed: int, scale: float) -> None:
        real, fake = features(80, 6, seed), features(90, 6, seed + 1)
        value, turn = fd(real, fake), rotation(6, seed)
        same = pytest.approx(value, rel=1e-8)
        assert fd(fake, real) == same
        assert fd(real @ turn, fake @ turn) == same
        assert fd(real, fake[torch.randperm(90, generator=generator(seed, "order"))]) == same
        assert fd(real * scale, fake * scale) / scale**2 == same

    def test_of_a_set_with_itself_is_zero(self) -> None:
        rows = features(500, 64)
        assert 0 <= fd(rows, rows) <= 1e-6 * moments(rows).cov.trace()

    def test_of_singular_covariances_is_finite(self) -> None:
        """A feature that never fires has no variance: the root of its eigenvalue must not be NaN."""
        real, fake = features(100, 8), features(100, 8, seed=1)
        real[:, 3] = fake[:, 3] = 0.0
        rest = [0, 1, 2, 4, 5, 6, 7]
        assert fd(real, fake) == pytest.approx(fd(real[:, rest], fake[:, rest]), rel=1e-6)

    def test_of_features_in_a_plane_is_that_in_the_plane(self) -> None:
        """Rounding makes some of the zero eigenvalues negative, which must not become NaN."""
        real, fake, turn = features(100, 2), features(100, 2, seed=1), rotation(16, 0)[:2]
        assert (torch.linalg.eigvalsh(moments(real @ turn).cov) < 0).any()
        assert fd(real @ turn, fake @ turn) == pytest.approx(fd(real, fake), rel=1e-6)

    @pytest.mark.parametrize("counts", [(6, 50), (50, 6)])
    def test_refuses_no_more_samples_than_dimensions(self, counts: tuple[int, int]) -> None:
        real, fake = moments(features(counts[0], 6)), moments(features(counts[1], 6))
        side = "real" if counts[0] == 6 else "generated"
        with pytest.raises(UserError, match=f"more pictures than feature dimensions, not 6 dimensions and 6 {side}"):
            frechet_distance(real, fake)
        assert math.isfinite(fd(features(7, 6), features(7, 6, seed=1)))

    def test_refuses_moments_of_unequal_dimensions(self) -> None:
        with pytest.raises(UserError, match="real features have 3 dimensions and the generated ones 4"):
            fd(features(20, 3), features(20, 4))


def kernel_distance_by_loops(real: Tensor, fake: Tensor) -> float:
    """The unbiased estimate, pair by pair."""

    def kernel(x: Tensor, y: Tensor) -> float:
        return (sum(a * b for a, b in zip(x.tolist(), y.tolist(), strict=True)) / len(x) + 1) ** 3

    n, m = len(real), len(fake)
    within_real = sum(kernel(x, y) for x, y in itertools.permutations(real, 2)) / (n * (n - 1))
    within_fake = sum(kernel(x, y) for x, y in itertools.permutations(fake, 2)) / (m * (m - 1))
    return within_real + within_fake - 2 * sum(kernel(x, y) for x in real for y in fake) / (n * m)


class TestKernelDistance:
    def test_agrees_with_loops(self) -> None:
        real, fake = features(6, 4), features(6, 4, seed=1)
        found = kernel_distance(real, fake, seed=0, subsets=3)
        assert found.mean == pytest.approx(kernel_distance_by_loops(real, fake), rel=1e-13)
        assert found.std < 1e-14  # each subset is the whole set
        assert (found.subsets, found.subset_size) == (3, 6)

    def test_mean_and_spread_are_over_the_subsets(self) -> None:
        real, fake = features(7, 2), features(5, 2, seed=1)
        draws = [generator(9, f"kernel distance/{side}") for side in ("real", "fake")]
        values = []
        for _ in range(4):
            x, y = (
                rows[torch.randperm(len(rows), generator=draw)[:3]]
                for rows, draw in zip((real, fake), draws, strict=True)
            )
            values.append(kernel_distance_by_loops(x, y))
        found = kernel_distance(real, fake, seed=9, subsets=4, subset_size=3)
        assert found.mean == pytest.approx(sum(values) / 4, rel=1e-12)
        assert found.std == pytest.approx((sum((v - found.mean) ** 2 for v in values) / 4) ** 0.5, rel=1e-12)

    def test_the_reals_part_may_be_computed_before(self) -> None:
        real, fake = features(30, 4), features(20, 4, seed=1)
        within = kernels_within(real, "real", 5, 6, 8)
        assert kernel_distance(real, fake, 5, 6, 8, within_real=within) == kernel_distance(real, fake, 5, 6, 8)
        with pytest.raises(UserError, match="There are 6 sums for 7 subsets of reals"):
            kernel_distance(real, fake, 5, 7, 8, within_real=within)

    def test_is_unbiased(self) -> None:
        """For equal distributions it is 0 on average, unlike the estimate that counts a sample with itself."""
        halves = features(300 * 40, 3).view(300, 2, 20, 3)
        values = torch.tensor([kernel_distance(real, fake, 0, subsets=1).mean for real, fake in halves])
        assert abs(values.mean()) < 3 * values.std() / 300**0.5
        assert (values < 0).any()

    def test_repeats_by_seed(self) -> None:
        real, fake = features(50, 3), features(50, 3, seed=1)
        first, again, other = (kernel_distance(real, fake, seed, subsets=5, subset_size=10) for seed in (1, 1, 2))
        assert first == again
        assert first.mean != other.mean

    @settings(max_examples=15, deadline=None)
    @given(SEEDS)
    def test_does_not_depend_on_rotation_or_order(self, seed: int) -> None:
        real, fake, turn = features(30, 5, seed), features(30, 5, seed + 1), rotation(5, seed)
        value = pytest.approx(kernel_distance(real, fake, 0, subsets=1).mean, rel=1e-10, abs=1e-12)
        assert kernel_distance(real @ turn, fake @ turn, 0, subsets=1).mean == value
        assert kernel_distance(real.flip(0), fake, 0, subsets=1).mean == value

    def test_refuses_unequal_dimensions_and_single_samples(self) -> None:
        with pytest.raises(UserError, match="real features have 3 dimensions and the generated ones 4"):
            kernel_distance(features(20, 3), features(20, 4), seed=0)
        with pytest.raises(UserError, match="1 generated samples, and at least 2"):
            kernel_distance(features(20, 3), features(1, 3), seed=0)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-6)])
class TestAgainstTorchmetrics:
    """torchmetrics is given the features as if they were pictures, with an extractor that changes nothing."""

    real_count, fake_count, dims = 1500, 1200, 64

    def both(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """So far apart that the float32 kernels of torchmetrics leave six digits of the kernel distance."""
        return features(self.real_count, self.dims, 3, dtype), 3 * features(self.fake_count, self.dims, 4, dtype)

    def test_frechet_distance(self, dtype: torch.dtype, tolerance: float) -> None:
        real, fake = self.both(dtype)
        oracle = FrechetInceptionDistance(feature=Flat(self.dims), input_img_size=(1, 1, self.dims))
        oracle.update(real, real=True)
        oracle.update(fake, real=False)
        assert fd(real, fake) == pytest.approx(oracle.compute().item(), rel=tolerance)

    def test_kernel_distance(self, dtype: torch.dtype, tolerance: float, monkeypatch: pytest.MonkeyPatch) -> None:
        real, fake = self.both(dtype)
        found = kernel_distance(real, fake, seed=5, subsets=10, subset_size=300)
        with pytest.warns(UserWarning, match="save all extracted features"):
            oracle = KernelInceptionDistance(feature=Flat(self.dims), subsets=10, subset_size=300)
        oracle.update(real, real=True)
        oracle.update(fake, real=False)
        monkeypatch.setattr(torch, "randperm", seeded_randperm(torch.randperm, 5))
        mean, std = oracle.compute()
        assert found.mean == pytest.approx(mean.item(), rel=tolerance)
        assert found.std == pytest.approx(std.item(), rel=tolerance)


class Flat(nn.Module):
    """An extractor that gives back what it gets."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.num_features = dims

    def forward(self, rows: Tensor) -> Tensor:
        return rows.reshape(len(rows), -1)


def seeded_randperm(randperm: Callable[..., Tensor], seed: int) -> Callable[[int], Tensor]:
    """torchmetrics draws a subset of the reals, then one of the fakes, in turn."""
    draws = itertools.cycle([generator(seed, f"kernel distance/{side}") for side in ("real", "fake")])
    return lambda count: randperm(count, generator=next(draws))


@pytest.mark.parametrize(
    "measure",
    [
        lambda real, fake: fd(real, fake),
        lambda real, fake: kernel_distance(real, fake, seed=0),
    ],
    ids=["frechet", "kernel"],
)  # fmt: skip
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_features_that_are_not_finite(measure: Callable[[Tensor, Tensor], object], bad: float) -> None:
    broken = features(20, 3)
    broken[4, 1] = broken[5, 0] = broken[5, 2] = bad
    for pair in ((broken, features(20, 3)), (features(20, 3), broken)):
        with pytest.raises(UserError, match=r"2 of the 20 \w+ samples have features that are not finite; check"):
            measure(*pair)


@pytest.mark.parametrize("shape", [(5,), (5, 3, 2), (5, 0)])
def test_features_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="one row of numbers a sample"):
        moments(torch.zeros(shape))


def test_moments_of_too_few() -> None:
    with pytest.raises(UserError, match="at least 2"):
        moments(features(1, 3))
    sums = MomentSums(3)
    sums.add(features(1, 3))
    with pytest.raises(UserError, match="at least 2 samples, and there are 1"):
        sums.moments()


def test_sums_take_batches_of_their_own_dimensions_only() -> None:
    sums = MomentSums(3)
    for batch, message in (
        (features(5, 4), "earlier features have 3 .* new ones 4"),
        (features(0, 3), "0 new samples"),
    ):
        with pytest.raises(UserError, match=message):
            sums.add(batch)
