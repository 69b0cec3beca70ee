"""metrics/digit_classifier.py: the weights in the package do what their record says."""

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.data.mnist import load_mnist
from ganforge.metrics.digit_classifier import WEIGHTS, load_classifier
from ganforge.metrics.features import build_extractor

needs_mnist = pytest.mark.skipif(
    not (Path(os.environ.get("GANFORGE_DATA", "/nowhere")) / "mnist").is_dir(),
    reason="GANFORGE_DATA names no folder with mnist/ in it",
)


def outputs(split: str) -> tuple[Tensor, Tensor, Tensor]:
    """Features, probabilities and labels of real MNIST."""
    data = load_mnist(split)
    features, probabilities = build_extractor("classifier", data.shape, torch.device("cpu")).extract(data.items)
    assert probabilities is not None and data.labels is not None
    return features, probabilities, data.labels


@needs_mnist
def test_99_5_percent_of_the_test_pictures_are_classified_right() -> None:
    _, probabilities, labels = outputs("test")
    assert (probabilities.argmax(1) == labels).double().mean() >= 0.995


@needs_mnist
def test_features_have_unit_rms_over_the_training_pictures() -> None:
    features, _, _ = outputs("train")
    assert features.double().square().mean().sqrt().item() == pytest.approx(1, abs=1e-5)
    assert features.min() == 0  # after a ReLU


def test_the_file_is_small() -> None:
    assert WEIGHTS.stat().st_size < 500_000


def test_probabilities_and_shapes() -> None:
    features, probabilities = load_classifier()(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
    assert features.shape == (2, 128) and probabilities.shape == (2, 10)
    assert torch.allclose(probabilities.sum(1), torch.ones(2))
    assert features.dtype == probabilities.dtype == torch.float32


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    content = bytearray(WEIGHTS.read_bytes())
    content[-1] ^= 1
    damaged = tmp_path / "weights.safetensors"
    damaged.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        load_classifier(damaged)
    with pytest.raises(UserError, match="cannot be read"):
        load_classifier(tmp_path / "missing.safetensors")
