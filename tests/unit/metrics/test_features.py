"""metrics/features.py: one interface, whose numbers depend on the item and the hash alone."""

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.metrics import digit_classifier, features, random_convolution
from ganforge.metrics.catalog import EXTRACTORS
from ganforge.metrics.features import build_extractor, describe_shape

CPU = torch.device("cpu")


def items(count: int, *shape: int) -> Tensor:
    rng = torch.Generator().manual_seed(3)
    if shape == (2,):
        return torch.randn(count, 2, generator=rng)
    return torch.randint(256, (count, *shape), dtype=torch.uint8, generator=rng)


CASES = [("classifier", (1, 28, 28)), ("random", (1, 28, 28)), ("random", (3, 9, 14)), ("coordinates", (2,)),
         ("channel classifier", (3, 28, 28))]  # fmt: skip


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_what_an_extractor_returns(name: str, shape: tuple[int, ...]) -> None:
    extractor = build_extractor(name, shape, CPU)
    vectors, probabilities = extractor.extract(items(5, *shape))
    assert extractor.name == name and re.fullmatch("[0-9a-f]{16}", extractor.hash)
    assert vectors.shape == (5, extractor.dims) and vectors.dtype == torch.float32
    assert (probabilities is None) == ("classifier" not in name)
    assert not vectors.requires_grad
    vectors.mul_(2)  # not a tensor of inference mode, which could not be changed


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_an_items_features_depend_on_no_other_item(
    name: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "MAX_BATCH_SIZE", 4)
    extractor, given = build_extractor(name, shape, CPU), items(11, *shape)
    together = extractor.extract(given)
    for count in (1, 4, 6):
        for few, many in zip(extractor.extract(given[:count]), together, strict=True):
            assert few is many is None or torch.equal(few, many[:count])


def test_large_pictures_come_in_smaller_batches_of_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    network = random_convolution.RandomConvolution(3)
    forward = network.forward
    monkeypatch.setattr(network, "forward", lambda batch: sizes.append(len(batch)) or forward(batch))
    monkeypatch.setattr(random_convolution, "RandomConvolution", lambda channels: network)
    monkeypatch.setattr(features, "MAX_BATCH_VALUES", 3 * 16 * 40 * 50)
    build_extractor("random", (3, 40, 50), CPU).extract(items(7, 3, 40, 50))
    assert sizes == [3, 3, 3]


@pytest.mark.parametrize("name", ["classifier", "random"])
def test_the_global_generator_is_left_alone(name: str) -> None:
    before = torch.get_rng_state()
    build_extractor(name, (1, 28, 28), CPU).extract(items(2, 1, 28, 28))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "shape", "known"),
    [
        ("classifier", (1, 28, 28), "382d7b84d182ceb6"),
        ("channel classifier", (3, 28, 28), "00c13e81837a622b"),
        ("random", (1, 28, 28), "7871a061437c6b27"),
        ("random", (1, 64, 64), "7871a061437c6b27"),
        ("random", (3, 32, 32), "cb7c79a6ee14f16c"),
        ("coordinates", (2,), "f3a75a878c2a63d5"),
    ],
)
def test_hashes_are_those_on_record(name: str, shape: tuple[int, ...], known: str) -> None:
    """A change here means that new figures cannot be compared with old ones."""
    assert build_extractor(name, shape, CPU).hash == known


def test_the_hash_covers_weights_and_version(monkeypatch: pytest.MonkeyPatch) -> None:
    known = build_extractor("classifier", (1, 28, 28), CPU).hash
    changed = digit_classifier.load_classifier()
    changed.scale = changed.scale * 1.001
    monkeypatch.setattr(digit_classifier, "load_classifier", lambda: changed)
    other_scale = build_extractor("classifier", (1, 28, 28), CPU).hash
    monkeypatch.setattr(digit_classifier.DigitClassifier, "version", 2)
    assert len({known, other_scale, build_extractor("classifier", (1, 28, 28), CPU).hash}) == 3


def test_channels_are_classified_one_by_one() -> None:
    stacks = items(3, 3, 28, 28)
    vectors, probabilities = build_extractor("channel classifier", (3, 28, 28), CPU).extract(stacks)
    assert probabilities is not None
    digits = build_extractor("classifier", (1, 28, 28), CPU)
    for channel in range(3):
        expected, classes = digits.extract(stacks[:, channel : channel + 1])
        assert classes is not None
        assert torch.allclose(vectors.view(3, 3, -1)[:, channel], expected, atol=1e-5)
        assert torch.allclose(probabilities.view(3, 3, -1)[:, channel], classes, atol=1e-6)


def test_the_documented_extractors_are_those_of_the_catalog() -> None:
    text = (Path(__file__).parents[3] / "docs/metrics.md").read_text(encoding="utf-8")
    table = text.partition("## Features")[2].partition("MNIST is judged by")[0]
    assert re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE) == [*EXTRACTORS]


@pytest.mark.parametrize(
    ("name", "shape", "sentence"),
    [
        (
            "clasifier",
            (1, 28, 28),
            "no feature extractor 'clasifier'; choose from classifier, channel classif",
        ),
        (
            "classifier",
            (3, 32, 32),
            "needs 28 x 28 grey pictures; these are 32 x 32 pictures in colour: use random or inception.",
        ),
        (
            "coordinates",
            (1, 28, 28),
            "needs points in the plane; these are 28 x 28 grey pictures: use classifier or ran",
        ),
        ("random", (2,), "needs pictures; these are points in the plane: use coordinates."),
        ("inception", (4, 8, 9), "in colour; these are 8 x 9 pictures of 4 channels: use random."),
    ],
)
def test_an_extractor_that_cannot_be_had(name: str, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        build_extractor(name, shape, CPU)


def test_other_items_than_it_was_built_for() -> None:
    extractor = build_extractor("random", (1, 28, 28), CPU)
    with pytest.raises(UserError, match=r"of 28 x 28 grey pictures; these are 32 x 32 pictures in colour\."):
        extractor.extract(items(2, 3, 32, 32))
    for wrong in (items(2, 1, 28, 28).float(), items(0, 1, 28, 28)):
        with pytest.raises(ValueError, match=r"at least one of torch\.uint8"):
            extractor.extract(wrong)


def test_describe() -> None:
    assert describe_shape((7,)) == "items of shape (7,)"
