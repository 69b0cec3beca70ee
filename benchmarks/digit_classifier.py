"""Train the classifier whose features judge MNIST-like pictures, and measure it.

    python benchmarks/digit_classifier.py --held-out 5000   # trains without 5,000 training pictures, measures on those:
                                                            # settings are judged by this
    python benchmarks/digit_classifier.py                   # trains on all 60,000, measures on the test pictures, and
                                                            # writes the package's weights

AdamW with one cycle of the learning rate; label smoothing (Szegedy et al. 2016, arXiv:1512.00567, section 7); affine
and elastic distortions (Simard et al. 2003, "Best practices for convolutional neural networks applied to visual
document analysis"); batch normalisation, folded into the layers before it at the end; a moving average of the weights,
rounded to float16 for the file before anything is measured. Test pictures take no part but in the last line of the
result.
"""

import argparse
import copy
import itertools
import math
import os
import statistics
import time
from pathlib import Path

import torch
from reporting import write_results
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample, interpolate
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ganforge.base.seeding import generator
from ganforge.base.tensorfile import write_tensorfile
from ganforge.data.mnist import load_mnist
from ganforge.metrics.digit_classifier import KIND, WEIGHTS, DigitClassifier
from ganforge.metrics.features import Extractor, build_extractor

BATCH_SIZE = 250
LEARNING_RATE = 4e-3
WEIGHT_DECAY = 0.02
LABEL_SMOOTHING = 0.1
EMA_DECAY = 0.998
MAX_ROTATION = math.radians(12)
MAX_SCALING = 0.12
MAX_SHEAR = 0.15
MAX_SHIFT = 2 / 14  # two pixels, in units of half a picture
ELASTIC_STD = 0.04  # of the displacement of 5 x 5 knots, in the same unit


def distort(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Pictures, float [N, 1, 28, 28], each rotated, scaled, sheared, shifted and bent at random."""
    count = len(pictures)

    def draw(most: float) -> Tensor:
        return (2 * torch.rand(count, generator=rng) - 1) * most

    angle, shear = draw(MAX_ROTATION), draw(MAX_SHEAR)
    width, height = 1 + draw(MAX_SCALING), 1 + draw(MAX_SCALING)
    across = torch.stack([width * angle.cos(), shear - angle.sin(), draw(MAX_SHIFT)], 1)
    down = torch.stack([angle.sin(), height * angle.cos(), draw(MAX_SHIFT)], 1)
    grid = affine_grid(torch.stack([across, down], 1), list(pictures.shape), align_corners=False)
    knots = torch.randn(count, 2, 5, 5, generator=rng) * ELASTIC_STD
    bend = interpolate(knots, pictures.shape[2:], mode="bicubic", align_corners=True)
    return grid_sample(pictures, grid + bend.permute(0, 2, 3, 1), align_corners=False)


class Trainable(nn.Module):
    """The classifier with batch normalisation after every layer but the last."""

    def __init__(self) -> None:
        super().__init__()
        plain = DigitClassifier()
        layers: list[nn.Module] = []
        for layer in (*plain.convolutions, nn.Flatten(), plain.hidden, nn.ReLU(inplace=True), plain.logits):
            layers.append(layer)
            if isinstance(layer, nn.Conv2d):
                layers.append(nn.BatchNorm2d(layer.out_channels))
            elif layer is plain.hidden:
                layers.append(nn.BatchNorm1d(layer.out_features))
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.layers(pictures)

    def folded(self) -> DigitClassifier:
        """The same function without batch normalisation, its weights rounded to float16."""
        layers = list(copy.deepcopy(self.layers).eval())
        fused = [
            fuse_linear_bn_eval(layer, after) if isinstance(layer, nn.Linear) else fuse_conv_bn_eval(layer, after)
            for layer, after in itertools.pairwise(layers)
            if isinstance(after, nn.BatchNorm1d | nn.BatchNorm2d)
        ]
        classifier = DigitClassifier()
        convolutions = [layer for layer in classifier.convolutions if isinstance(layer, nn.Conv2d)]
        for target, source in zip(
            [*convolutions, classifier.hidden, classifier.logits], [*fused, layers[-1]], strict=True
        ):
            target.load_state_dict(source.state_dict())
        return classifier.half().float().eval()


def train(images: Tensor, labels: Tensor, epochs: int, seed: int) -> DigitClassifier:
    """The trained classifier. images: uint8 [N, 1, 28, 28]. labels: int64 [N]."""
    torch.manual_seed(seed)  # the layers' first weights
    network = Trainable().to(memory_format=torch.channels_last)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY), use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = len(images) // BATCH_SIZE
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, epochs * steps, pct_start=0.15)
    for epoch in range(epochs):
        start = time.perf_counter()
        rng = generator(seed, "digit classifier", epoch)
        loss_sum = torch.zeros(())
        for chosen in torch.randperm(len(images), generator=rng)[: steps * BATCH_SIZE].split(BATCH_SIZE):
            pictures = distort(images[chosen].float() / 255, rng)
            loss = cross_entropy(network(pictures), labels[chosen], label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
            loss_sum += loss.detach()
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1} of {epochs}: loss {loss_sum / steps:.4f}, {seconds:.1f} s", flush=True)
    return average.module.folded()


@torch.inference_mode()
def outputs(classifier: DigitClassifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """Features [N, 128] and class probabilities [N, 10]."""
    features, probabilities = zip(*(classifier(batch) for batch in images.split(250)), strict=True)
    return torch.cat(features), torch.cat(probabilities)


def errors(classifier: DigitClassifier, images: Tensor, labels: Tensor) -> int:
    """How many pictures' likeliest class is wrong."""
    return int((outputs(classifier, images)[1].argmax(1) != labels).sum())


def save(classifier: DigitClassifier, images: Tensor, facts: dict[str, float]) -> None:
    """Set the features' scale by the training pictures and write the package's weights."""
    classifier.scale = outputs(classifier, images)[0].double().square().mean().sqrt().float()
    tensors = {name: tensor if name == "scale" else tensor.half() for name, tensor in classifier.state_dict().items()}
    write_tensorfile(WEIGHTS, KIND, tensors, facts)


def pictures_a_second(extractor: Extractor, images: Tensor, threads: int) -> float:
    """Median of seven passes over the pictures, after one to warm up."""
    torch.set_num_threads(threads)
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        extractor.extract(images)
        seconds.append(time.perf_counter() - start)
    return len(images) / statistics.median(seconds[1:])


def speeds(images: Tensor) -> list[str]:
    """A table: both extractors for pictures like these, by threads."""
    most = os.cpu_count() or 1
    rows = [f"| extractor | hash | pictures a second, 1 thread | {most} threads |", "|---|---|---|---|"]
    for name in ("classifier", "random"):
        extractor = build_extractor(name, images.shape[1:], torch.device("cpu"))
        rates = [f"{pictures_a_second(extractor, images, threads):,.0f}" for threads in (1, most)]
        rows.append(f"| {name} | `{extractor.hash}` | {' | '.join(rates)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-out", type=int, default=0, help="training pictures to measure on instead of the test's")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    data, test = load_mnist("train"), load_mnist("test")
    order = torch.randperm(len(data), generator=generator(0, "held out"))
    images, labels = data.items[order], data.labels[order]
    start = time.perf_counter()
    classifier = train(images[given.held_out :], labels[given.held_out :], given.epochs, given.seed)
    seconds = time.perf_counter() - start
    trained = f"Trained on {len(images) - given.held_out:,} of MNIST's training pictures, {given.epochs} epochs, "
    trained += f"seed {given.seed}, in {seconds:.0f} s; threads: {torch.get_num_threads()}."
    results = Path(__file__).parent / "results"
    if given.held_out:
        wrong = errors(classifier, images[: given.held_out], labels[: given.held_out])
        lines = [trained, "", f"On the {given.held_out:,} held out: {score(wrong, given.held_out)}."]
        write_results(results / "digit_classifier_held_out.md", "The digit classifier on pictures held out", lines)
        return
    wrong, wrong_known = errors(classifier, test.items, test.labels), errors(classifier, images, labels)
    save(classifier, images, {"test_accuracy": 1 - wrong / len(test), "epochs": given.epochs, "seed": given.seed})
    size = f"{WEIGHTS.stat().st_size:,} bytes, {sum(p.numel() for p in classifier.parameters()):,} parameters"
    lines = [trained, "One seed, so there is no spread to report.", ""]
    lines += [f"The package's file: {size}, float16.", "", *speeds(test.items), ""]
    lines += [f"On the training pictures: {score(wrong_known, len(images))}."]
    lines += [f"On the {len(test):,} test pictures, looked at once: {score(wrong, len(test))}."]
    write_results(results / "digit_classifier.md", "The digit classifier", lines)


def score(wrong: int, count: int) -> str:
    """`99.60 % right (20 of 5,000 wrong)`."""
    return f"{100 * (1 - wrong / count):.2f} % right ({wrong:,} of {count:,} wrong)"


if __name__ == "__main__":
    main()
